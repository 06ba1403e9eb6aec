"""`podberth evict-rules`: the way back to the CNI project's plugins, under running pods."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from podberth.catalogue import plugin_of
from podberth.cli.failures import OK, REFUSED, Undecided
from podberth.cli.manual import NODE, Page
from podberth.cli.options import NETWORK, json_option
from podberth.cli.screen import Cell, Screen, columns
from podberth.cli.text import counted
from podberth.cni.errors import CniError
from podberth.desk.form import names
from podberth.net.ops import describe
from podberth.verbs.evict import evict, foreseen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from podberth.cli.session import Session
    from podberth.cni.pod import Attachment
    from podberth.verbs.evict import Evicted, Kept
    from podberth.verbs.node import Node


@click.command(
    "evict-rules",
    cls=Page,
    asks=NODE,
    short_help="Go back to the CNI project's plugins, with pods running.",
    exits={1: "refused or failed, or something stays podberth's; each is named"},
    examples=(
        ("evict-rules --dry-run", "What would become theirs, and what can't?"),
        ("evict-rules --yes", "Before their executables take the place of podberth's, and again after that."),
        ("evict-rules --network banknet --yes --json", "One network, for a program."),
    ),
)
@click.option("--network", type=NETWORK, help="Only this network.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@json_option
@click.pass_obj
def evict_rules(session: Session, network: str | None, *, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Make of what podberth has for running pods what containernetworking/plugins 1.9.1 would have.

    Their CHECK and DEL succeed from then on. Their rules are made first, then podberth's are taken away: connections go
    on, and new ones find the one or the other. Masquerading and port mappings become rules as their nftables backends
    write them. Limits of bandwidth get their names, and tuning its file of values to be restored. Links, addresses and
    routes are the same for both. The records are forgotten. Leases of the IPAM plugin `podberth` stay.

    Not handed over, and named with the reason: networks of the types podberth and sriov, firewall, which knows iptables
    and firewalld alone there, and limits on an interface that is no veth pair. What it made for those stays in force,
    and `podberth gc --gone` takes it back once their pods are gone.

    Their portmap looks for rules of iptables wherever that is usable. The networks whose configuration has to say
    `"backend": "nftables"` from now on are listed. Run this once more after the change, for pods that came meanwhile.
    It needs root, and may be repeated: also after it was interrupted.
    """
    node = session.node
    every = tuple(dict.fromkeys(record.attachment for record in node.attachments.all(network)))
    found = [foreseen(node, attachment, _is_theirs) for attachment in every]
    backends = _without_backend(node, network)
    if not dry_run and any(one.types for one in found):
        _ask(found, yes=yes, as_json=as_json)
    failures: list[tuple[Attachment, CniError]] = []
    if not dry_run:
        found, failures = _evict(node, every)
    done = _Handover(
        found=found, failures=failures, backends=tuple(backends), foreseen=dry_run, asked=not (dry_run or yes)
    )
    session.show(as_json, done.form(), done.draw)
    return REFUSED if failures or any(one.kept for one in found) else OK


@dataclass(frozen=True, slots=True, kw_only=True)
class _Handover:
    """What is handed over, or would be if it is `foreseen` only. Whoever was `asked` has seen the table already."""

    found: Sequence[Evicted]
    failures: Sequence[tuple[Attachment, CniError]]
    backends: Sequence[str]
    foreseen: bool
    asked: bool

    @property
    def kept(self) -> Iterator[tuple[Attachment, Kept]]:
        return ((one.attachment, kept) for one in self.found for kept in one.kept)

    def form(self) -> dict[str, object]:
        """Return the JSON form."""
        return {
            "dry_run": self.foreseen,
            "evicted": [
                {"attachment": names(one.attachment), "types": list(one.types), "made": [*map(describe, one.made)]}
                for one in self.found
                if one.types
            ],
            "kept": [{"attachment": names(at), "type": kept.type, "why": kept.why} for at, kept in self.kept],
            "failed": [{"attachment": names(at), "msg": error.message} for at, error in self.failures],
            "say_backend": list(self.backends),
        }

    def draw(self, screen: Screen) -> None:
        """Show it to a person."""
        if not self.asked:
            _table(screen, self.found)
        for attachment, kept in self.kept:
            screen.line(Cell("kept", "yellow"), f"  {attachment}, {kept.type or 'podberth'}: {kept.why}")
        for attachment, error in self.failures:
            screen.line(Cell("failed", "red"), f"  {attachment}: {error.message}")
        count = sum(bool(one.types) for one in self.found)
        verb = "would be handed over" if self.foreseen else "handed over"
        some = self.found or self.failures
        screen.line(f"{counted(count, 'attachment')} {verb}" if some else "nothing to hand over")
        for named in self.backends:
            screen.line(f'network {named}: portmap has to say "backend": "nftables" in its configuration')


def _is_theirs(plugin_type: str) -> bool:
    """Say whether the CNI project has a plugin of the type: those of podberth's that adopt what it has made."""
    return getattr(plugin_of(plugin_type), "adopted", None) is not None


def _evict(node: Node, every: Iterable[Attachment]) -> tuple[list[Evicted], list[tuple[Attachment, CniError]]]:
    """Hand over each; one that fails does not keep the others."""
    done: list[Evicted] = []
    failures: list[tuple[Attachment, CniError]] = []
    for attachment in every:
        try:
            done.append(evict(node, attachment, _is_theirs))
        except CniError as failure:
            failures.append((attachment, failure))
    return done, failures


def _without_backend(node: Node, network: str | None) -> tuple[str, ...]:
    """Return the networks whose portmap does not name its backend."""
    mapped = (record for record in node.attachments.all(network) if record.type == "portmap")
    named = {record.attachment.network for record in mapped if not record.fields.raw.get("backend")}
    return tuple(sorted(named))


def _ask(found: list[Evicted], *, yes: bool, as_json: bool) -> None:
    if yes:
        return
    count = counted(sum(bool(one.types) for one in found), "attachment")
    if as_json or not sys.stdin.isatty():
        raise Undecided(f"{count} would be handed over, and there is nobody to ask", "--yes or --dry-run")
    _table(Screen(), found)
    if not click.confirm(f"Hand over {count} to the CNI project's plugins?"):
        raise Undecided("nothing was handed over", "--dry-run shows what would be")


def _table(screen: Screen, found: Sequence[Evicted]) -> None:
    rows: list[list[str | Cell]] = [
        [one.attachment.network, one.attachment.ifname, ", ".join(one.types), one.attachment.container_id]
        for one in found
        if one.types
    ]
    if rows:
        screen.table(columns("Network", "Ifname", "Plugins", "Container", breaks=("Container",)), rows)
