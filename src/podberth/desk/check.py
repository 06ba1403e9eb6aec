"""Whether every attachment of this node is as it was made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from podberth.catalogue import find_plugin
from podberth.cni.errors import CniError
from podberth.cni.pod import Attachment
from podberth.desk.form import LEFT_OUT, Answer, Key, Pod, row
from podberth.desk.rows import Drift, Outdated
from podberth.net import step
from podberth.net.record import by_attachment
from podberth.verbs.check import differences as compare
from podberth.verbs.gone import holder_is_gone, is_unknown
from podberth.verbs.outdated import outdated
from podberth.verbs.repair import lost, repair

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podberth.cni.pod import PodRef
    from podberth.ipam.lease import Actor, Lease
    from podberth.net.record import Record
    from podberth.verbs.node import Node

    Found = tuple[Attachment, PodRef | None, tuple[step.Drift, ...]]

DONE = "done"


@row
class Checked:
    """An attachment that was looked at. `repair` is null if it was not tried, 'done', or what kept it from that.

    `outdated`: what its pod was told, and would be told otherwise now.
    """

    network: str
    container_id: str
    ifname: str
    pod: Pod | None
    drifts: tuple[Drift, ...]
    outdated: tuple[Outdated, ...]
    repair: str | None

    @property
    def named(self) -> Attachment:
        """Its three names."""
        return Attachment(network=self.network, container_id=self.container_id, ifname=self.ifname)


@row
class Check(Answer):
    """Every attachment with its differences. Of those that are `unknown` nobody knows the namespace."""

    SCHEMA = "check/1"
    checked: int
    drifted: int
    repaired: int
    attachments: tuple[Checked, ...]
    unknown: Annotated[tuple[Key, ...], LEFT_OUT] = ()

    @property
    def wrong(self) -> bool:
        """Whether an attachment is not as it was made, and was not repaired."""
        return any(each.drifts and each.repair != DONE for each in self.attachments)


def check(node: Node, *, network: str | None = None, pod: PodRef | None = None, by: Actor | None = None) -> Check:
    """Return what is different, of a network or a pod if that is asked; repair it if somebody is named who has it done.

    A namespace or address that can't be looked at is a difference too.
    """
    named = (str(pod),) if pod is not None else None
    found = [of for of in differences(node, network) if named is None or str(of[1]) in named]
    older = {
        at: tuple(said for record in records for said in outdated(node, record, find_plugin))
        for at, records in by_attachment(node.attachments.all(network)).items()
    }
    wrong = [at for at, _, drifts in found if drifts]
    outcome = _outcome(node, network, wrong, by) if by is not None else {}
    return Check(
        checked=len(found),
        drifted=len(wrong),
        repaired=sum(said == DONE for said in outcome.values()),
        attachments=tuple(
            Checked(
                network=at.network,
                container_id=at.container_id,
                ifname=at.ifname,
                pod=of,
                drifts=tuple(map(Drift.of, drifts)),
                outdated=tuple(map(Outdated.of, older.get(at, ()))),
                repair=outcome.get(at),
            )
            for at, of, drifts in found
        ),
        unknown=_unknown(node, network, named),
    )


def differences(node: Node, network: str | None = None) -> Iterator[Found]:
    """Yield every attachment of this node, recorded or only leased, with what is different about it."""
    leases: dict[Attachment, list[Lease]] = {}
    for lease in node.ledger.leases(network=network):
        if lease.node == node.name:
            leases.setdefault(lease.attachment, []).append(lease)
    for attachment, records in by_attachment(node.attachments.all(network)).items():
        leased = leases.pop(attachment, ())
        yield attachment, records[0].pod, tuple(drift for one in records for drift in _of_record(node, one, leased))
    for attachment, held in leases.items():
        # An IPAM plugin's leases: another plugin made the interface, the namespace is all that can be looked at.
        if not is_unknown(held[0]):
            yield attachment, held[0].pod, (lost(held[0]),) if holder_is_gone(node, held[0]) else ()


def _outcome(node: Node, network: str | None, wrong: list[Attachment], by: Actor) -> dict[Attachment, str]:
    """Repair them; return of each what is left to do, 'done' if it was looked at again and is as made."""
    failures = {at: _repaired(node, at, by) for at in wrong}
    left = {at: "; ".join(map(str, found)) for at, _, found in differences(node, network)}
    return {at: failure or left.get(at, "") or DONE for at, failure in failures.items()}


def _repaired(node: Node, attachment: Attachment, by: Actor) -> str:
    """Repair one attachment; return what kept it from that, '' if nothing did."""
    try:
        repair(node, attachment, by)
    except CniError as refused:
        return refused.message
    return ""


def _unknown(node: Node, network: str | None, named: tuple[str, ...] | None) -> tuple[Attachment, ...]:
    """Return the imported attachments of which nothing can be looked at: not even their namespace is known."""
    leases = [lease for lease in node.ledger.leases(network=network) if lease.node == node.name and is_unknown(lease)]
    found = (lease.attachment for lease in leases if named is None or str(lease.pod) in named)
    return tuple(at for at in dict.fromkeys(found) if not node.attachments.of(at))


def _of_record(node: Node, record: Record, leases: Iterable[Lease]) -> Iterator[step.Drift]:
    try:
        yield from compare(node, record, {lease.address for lease in leases})
    except CniError as refused:
        yield step.Drift(what=str(record.attachment), field="host", wanted="an answer", found=refused.message)
