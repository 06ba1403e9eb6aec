"""The target of a live migration: its leg is ready beforehand, and has the address once the guest runs there.

Until then the source has it by the ledger. One compare-and-swap moves it; then the target opens, and tells its
neighbours. Whoever is killed between two of these finds at its next look what is left to do.
"""

from __future__ import annotations

from podberth.cni import ipam_claim
from podberth.cni.errors import Refused
from podberth.cni.value import replace
from podberth.ipam.lease import Actor, Claim, Lease, Wanted
from podberth.ipam.owner import of_claim
from podberth.net.ops import Announce
from podberth.net.standby import held_back
from podberth.verbs.departed import cut_off
from podberth.verbs.recorded import lessee
from podberth.verbs.takeover import Taken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.pod import Attachment, PodRef
    from podberth.ipam.lease import Reservation
    from podberth.net.ops import Address
    from podberth.net.record import Record
    from podberth.policy.precedence import Resolved
    from podberth.verbs.add import Arrival
    from podberth.verbs.node import Node

WHO = "agent"


def prepared(node: Node, arrival: Arrival, resolved: Resolved) -> Taken | None:
    """Return what the claim has, for a leg that stands by; None if nobody else has it: then it can be bound."""
    kept = _kept(node, resolved.claim.owner if resolved.claim else None, arrival.attachment.ifname, resolved.pool.name)
    by_family: dict[int, Reservation] = {one.address.version: one for one in kept}
    mine = {one.address for one in kept}
    others = [one for one in node.ledger.leases(pool=resolved.pool.name) if one.address in mine]
    if all(one.attachment == arrival.attachment for one in others) or set(by_family) < set(resolved.pool.families):
        return None
    leases = tuple(
        Lease(
            address=by_family[family].address,
            pool=resolved.pool.name,
            attachment=arrival.attachment,
            pod=arrival.pod,
            netns=arrival.netns,
            node=node.name,
            since=node.clock(),
        )
        for family in resolved.pool.families
    )
    return Taken(leases=leases, standby=True)


def holders(node: Node, record: Record) -> tuple[Lease, ...]:
    """Return who has the addresses that the record's leg stands by for."""
    held = held_back(record.steps)
    return tuple(lease for lease in node.ledger.leases() if lease.address in held)


def open_up(node: Node, attachment: Attachment, why: str) -> tuple[Address, ...]:
    """Move the addresses to a leg that stands by, and let it speak; return them, () if it does not stand by.

    Refused if the claim has others by now, or none. Raises as `bind` does if somebody else was faster.
    """
    with node.host.locked(f"container:{attachment.container_id}"):
        record = lessee(node, attachment)
        if record is None or not record.done or not held_back(record.steps):
            return ()
        before = [lease for lease in holders(node, record) if lease.attachment != attachment]
        node.ledger.bind(_claim(node, record, before, why), Actor(who=WHO, why="live migration", node=node.name))
    for older in dict.fromkeys(lease.attachment for lease in before if lease.node == node.name):
        cut_off(node, older, WHO)  # on other nodes the agent there does so, as soon as it hears of the move
    return _let_speak(node, attachment)


def _let_speak(node: Node, attachment: Attachment) -> tuple[Address, ...]:
    """Open the leg and announce its addresses. The record is the last to say so: a kill before has all done again."""
    with node.host.locked(f"container:{attachment.container_id}"):
        record = lessee(node, attachment)
        if record is None or not record.done:
            return ()
        held = held_back(record.steps)
        left = tuple(step for step in record.steps if not getattr(step.op, "held_back", ()))
        for step in record.steps:
            if step not in left:
                node.host.undo(step, record.netns_id)
        addresses = tuple(sorted(held, key=lambda address: (address.version, int(address))))
        if addresses:
            said = Announce(netns=record.netns, ifname=attachment.ifname, addresses=addresses)
            node.host.do(node.host.prepare(said))
            node.attachments.revise(record.key, left)
        return addresses


def _claim(node: Node, record: Record, before: list[Lease], why: str) -> Claim:
    held = held_back(record.steps)
    owner = _owner(record)
    kept = {one.address: one for one in _kept(node, owner, record.attachment.ifname)} if owner is not None else {}
    if not held <= set(kept):
        raise Refused(
            f"{', '.join(map(str, held))}: the IPAMClaim of {record.pod} does not have it any more",
            "delete the pod: the migration's next target asks anew",
        )
    from_whom = ", ".join(f"container {one.attachment.container_id} on node {one.node}" for one in before) or "nobody"
    return Claim(
        attachment=record.attachment,
        pod=record.pod,
        netns=record.netns,
        wanted=tuple(
            Wanted(pool=kept[each].pool, family=each.version, address=each, owner=owner)
            for each in sorted(held, key=lambda address: (address.version, int(address)))
        ),
        takeover=tuple(dict.fromkeys(lease.attachment for lease in before)),
        moved=f"live migration: from {from_whom}: {why}",
    )


def _owner(record: Record) -> PodRef | None:
    claim, pod = ipam_claim.parse(record.fields), record.pod
    return of_claim(pod.namespace, claim.name, claim.uid) if pod is not None and claim is not None else None


def _kept(node: Node, owner: PodRef | None, ifname: str, pool: str | None = None) -> tuple[Reservation, ...]:
    if owner is None:
        return ()
    found = node.ledger.reservations(pool=pool, pod=replace(owner, uid=""))
    return tuple(one for one in found if one.ifname == ifname)
