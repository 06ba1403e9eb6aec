"""What running pods of this node follow at once when a declaration changes, for `podberth apply` to do and to show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from podberth.cli.screen import Cell
from podberth.cni.errors import CniError
from podberth.desk import rows
from podberth.desk.form import json_form, names
from podberth.ipam.pool import Pool
from podberth.verbs.adjust import adjust, foresee
from podberth.verbs.outdated import outdated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from podberth.cli.screen import Screen
    from podberth.ipam.lease import Actor
    from podberth.net.record import Record
    from podberth.policy.documents import Document
    from podberth.verbs.adjust import Adjustment
    from podberth.verbs.node import Node, Plugin


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """One attachment: what changed, what waits for its next start, or why it could not be."""

    record: Record
    adjustment: Adjustment | None
    refusal: str = ""
    outdated: tuple[tuple[str, str, str], ...] = ()

    def form(self) -> dict[str, object]:
        """Return it for programs."""
        found = self.adjustment
        return {
            **names(self.record.attachment),
            "pod": str(self.record.pod) if self.record.pod is not None else None,
            "changes": _changes(found.changes) if found else [],
            "at_next_start": _changes(found.later) if found else [],
            "refusal": self.refusal or None,
        }

    def outdated_form(self) -> dict[str, object]:
        """Return what the pod keeps, for programs."""
        named = {**names(self.record.attachment), "pod": str(self.record.pod) if self.record.pod is not None else None}
        return {**named, "values": [json_form(rows.Outdated.of(each)) for each in self.outdated]}

    def draw(self, screen: Screen) -> None:
        """Write it for people."""
        who = str(self.record.pod or self.record.attachment)
        if self.refusal:
            screen.line(Cell("not adjusted", "red"), f"  {who}: {self.refusal}")
        elif self.adjustment is not None and self.adjustment.changes:
            screen.line(Cell("adjusted", "yellow"), f"  {who}: {self.adjustment}")
        if self.adjustment is not None and self.adjustment.later:
            names = ", ".join(name for name, _, _ in self.adjustment.later)
            screen.line(Cell("at its next start", "dim"), f"  {who}: {names}")
        for name, had, now in self.outdated:
            screen.line(Cell("keeps", "yellow"), f"  {who}: {name} {had}, until it restarts; then {now}")


class PoolsBefore:
    """The pools that an apply is about, as they are before it: of which pods does it change what they were told?"""

    def __init__(self, node: Node, documents: Iterable[Document]) -> None:
        named = [(document.body, node.policies.pool(document.name)) for document in documents]
        changes = {
            pool.name: _changed(pool, before) for pool, before in named if isinstance(pool, Pool) and before is not None
        }
        self._changed = {name: kinds for name, kinds in changes.items() if kinds}

    def pods(self, node: Node) -> dict[str, int]:
        """Return how many running pods, on all nodes, have addresses of each pool that tells something else now."""
        leases = {name: node.ledger.leases(pool=name) for name in self._changed}
        counts = {name: len({lease.attachment for lease in held}) for name, held in leases.items()}
        return {f"Pool {name}": count for name, count in counts.items() if count}

    def kinds(self, name: str) -> tuple[str, ...]:
        """Return of which kinds the values are that a pool, `Pool NAME`, tells otherwise now."""
        return self._changed[name.removeprefix("Pool ")]


def _changed(pool: Pool, before: Pool) -> tuple[str, ...]:
    """Return of which kinds the values are that a pool tells its pods otherwise than before."""

    def told(of: Pool) -> dict[str, object]:
        said = of.settings
        subnets = [(s.network, s.gateway) for s in of.subnets]
        return {"gateway": subnets, "MTU": said.mtu, "routes": said.routes, "DNS": said.dns, "rates": said.rates}

    was = told(before)
    return tuple(kind for kind, now in told(pool).items() if now != was[kind])


def follow(node: Node, plugin: Callable[[str], Plugin], actor: Actor) -> tuple[Followed, ...]:
    """Adjust every running attachment of this node to what is declared now; one that fails does not keep the others."""
    found: list[Followed] = []
    for record in node.attachments.all():
        older = outdated(node, record, plugin)
        wanted: Adjustment | None = None
        try:
            wanted = foresee(node, record, plugin)
            if wanted is not None and wanted.changes:
                adjust(node, wanted, actor)
        except CniError as refused:
            found.append(Followed(record=record, adjustment=wanted, refusal=refused.message, outdated=older))
        else:
            if wanted is not None or older:
                found.append(Followed(record=record, adjustment=wanted, outdated=older))
    return tuple(found)


def _changes(changes: tuple[tuple[str, object, object], ...]) -> list[dict[str, object]]:
    return [{"setting": name, "from": old, "to": new} for name, old, new in changes]
