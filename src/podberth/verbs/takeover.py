"""Binding a pod's addresses, and taking them over from its predecessor once that is dead: from nobody else, ever.

Which predecessor is dead: docs/decisions/006-taking-an-address-over.md for one on this node, 020 for one elsewhere.
"""

from __future__ import annotations

from podberth.cni.errors import AddressTaken, PoolExhausted
from podberth.cni.value import replace, value
from podberth.ipam.elsewhere import HELD, MOVED
from podberth.ipam.lease import Actor, AddressBoundElsewhere, AddressLeased, Claim, SetExhausted, Unannounced, Wanted
from podberth.ipam.lifecycle import Kind
from podberth.ipam.refusals import leaving, same
from podberth.verbs import gone
from podberth.verbs.delete import undo_steps
from podberth.verbs.recorded import lessee
from podberth.verbs.wish import wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.pod import Attachment, PodRef
    from podberth.ipam.lease import Lease
    from podberth.net.ops import Address
    from podberth.policy.precedence import Resolved
    from podberth.verbs.node import Node


LATE = (
    "its network namespace is gone, and no DEL came: `podberth gc --gone` on this node takes it back, or"
    " `podberth check --repair`"
)


@value
class Moved:
    """A lease as its holder of before had it, and why that holder was known to be dead."""

    lease: Lease
    why: str


@value
class Taken:
    """What was bound, in the order of what was wanted; and what of it had another holder before.

    `standby`: nothing was bound: another has all of it still (`verbs.standby`).
    """

    leases: tuple[Lease, ...]
    moved: tuple[Moved, ...] = ()
    standby: bool = False

    def elsewhere(self, node: Node) -> tuple[Moved, ...]:
        """Return what came from other nodes: there nobody has seen the old interface go."""
        return tuple(moved for moved in self.moved if moved.lease.node != node.name)


def bind(
    node: Node,
    attachment: Attachment,
    pod: PodRef | None,
    netns: str,
    resolved: Resolved,
    *,
    avoid: tuple[Address, ...] = (),
    durable: bool = True,
    locked: str = "",
) -> Taken:
    """Bind the addresses.

    Raises AddressBoundElsewhere, and tells the pod so, while its predecessor is not known to be dead.

    This alone is what an IPAM plugin does for another plugin that makes the interface: it has no lock. Whoever makes
    the interface itself has the container's, and names it as `locked`: what it has to end of it, nobody else can.
    """
    actor = Actor(who="plugin", why="ADD", node=node.name)
    claim = Claim(
        attachment=attachment, pod=pod, netns=netns, wanted=wanted(resolved), sticky=resolved.sticky, avoid=avoid
    )
    before: dict[Address, Moved] = {}
    announced, hastened = False, node.later is None
    while True:
        try:
            leases = node.ledger.bind(claim, actor, durable=durable)
        except (AddressTaken, PoolExhausted) as refused:
            if hastened:
                _make_room(node, refused)
            else:
                _hasten(node, locked)
            hastened = True
        except Unannounced:
            if announced:
                raise
            announced = True
            _announce(node)
        except AddressBoundElsewhere as held:
            if held.lease.attachment in claim.takeover:
                raise
            why = _dead(node, held.lease, pod, attachment.container_id)
            before.update(_of_holder(node, held.lease, why))
            claim = _taking_over(node, claim, held.lease, actor, why, locked)
        else:
            moved = (before[lease.address] for lease in leases if lease.address in before and _is_moved(node, lease))
            return Taken(leases=leases, moved=tuple(moved))


def _of_holder(node: Node, lease: Lease, why: str) -> dict[Address, Moved]:
    """Return all that the lease's dead holder has, by address."""
    return {each.address: Moved(lease=each, why=why) for each in node.ledger.of(lease.attachment)}


def _taking_over(node: Node, claim: Claim, lease: Lease, actor: Actor, why: str, locked: str) -> Claim:
    """Return the claim over what the lease's dead holder has; take down its interface, if that is on this node."""
    older = lease.attachment
    if lease.node == node.name:
        _take_down(node, older, locked)
    moved = f"{actor.why}: from container {older.container_id} on node {lease.node}: {why}"
    return replace(claim, takeover=(*claim.takeover, older), moved=moved)


def _make_room(node: Node, refused: AddressTaken | PoolExhausted) -> None:
    """Return once there may be an address: what was to end has ended. Raises the refusal, if nothing was."""
    if _cleared(node) or _rebooted(node):
        return
    held = refused.lease if isinstance(refused, AddressLeased) else None
    if held is not None and held.node == node.name and _gone_here(node, held, None):
        raise AddressTaken(refused.message, LATE) from None
    holders = refused.holders if isinstance(refused, SetExhausted) else ()
    if any(lease.node == node.name and _gone_here(node, lease, None) for lease in holders):
        raise leaving(refused.message) from None
    raise refused


def _rebooted(node: Node) -> bool:
    """Say whether leases could be ended of pods that a reboot has ended: an agent does that when it starts."""
    from podberth.verbs.rebooted import end_of_earlier_boots

    return bool(end_of_earlier_boots(node, "plugin"))


def _hasten(node: Node, locked: str) -> None:
    from podberth.verbs.finish import hasten

    hasten(node, locked)


def _announce(node: Node) -> None:
    from podberth.verbs.announce import announce

    announce(node)


def _cleared(node: Node) -> bool:
    """Say whether leases could be ended of pods that are gone, and of which no record speaks (`verbs.announce`)."""
    if node.ledger.epoch() is None:
        return False
    from podberth.verbs.announce import clear

    return clear(node)


def tell(node: Node, pod: PodRef | None, taken: Taken) -> None:
    """Tell the pod what has moved to it, once it has it."""
    if pod is None:
        return
    for moved in taken.moved:
        node.elsewhere.tell(
            pod,
            MOVED,
            f"{moved.lease.address} has moved to node {node.name} from container {moved.lease.attachment.container_id}"
            f" on node {moved.lease.node}: {moved.why}",
        )


def give_back(node: Node, attachment: Attachment, taken: Taken, why: str) -> None:
    """Have the ledger say that what came from other nodes is where it was: the attachment does not get it after all.

    Its next ADD has to find the holder dead, and the wire silent, again.
    """
    holders = {moved.lease.attachment: moved.lease for moved in taken.elsewhere(node)}
    for older, was in holders.items():
        back = [moved.lease for moved in taken.elsewhere(node) if moved.lease.attachment == older]
        claim = Claim(
            attachment=older,
            pod=was.pod,
            netns=was.netns,
            wanted=tuple(
                Wanted(pool=lease.pool, family=lease.address.version, address=lease.address)
                for lease in (*back, *node.ledger.of(older))
            ),
            takeover=(attachment,),
            moved=f"given back by node {node.name}: {why}",
        )
        node.ledger.bind(claim, Actor(who="plugin", why=claim.moved, node=was.node), durable=False)


def refuse(node: Node, pod: PodRef | None, lease: Lease, why: str, advice: str) -> AddressBoundElsewhere:
    """Return the error of an address that is waited for, and tell the pod."""
    if pod is not None and lease.pod is not None and not same(pod, lease.pod):
        why = f"{why}, and {pod} refers to the same IPAMClaim"
    held = AddressBoundElsewhere(lease, why, advice)
    if pod is not None:
        node.elsewhere.tell(pod, HELD, f"{held.message}; {held.details}")
    return held


def _dead(node: Node, lease: Lease, pod: PodRef | None, own: str) -> str:
    """Return how it is known that the lease's holder, the same pod by name, is dead.

    Raises AddressBoundElsewhere if it isn't. `own`: the container that is served: an interface of it is in nobody's
    older sandbox.
    """
    if lease.node != node.name:
        verdict = node.elsewhere.judge(lease, pod)
        if not verdict.dead:
            raise refuse(node, pod, lease, verdict.why, verdict.advice)
        return verdict.why
    why = _gone_here(node, lease, pod if lease.attachment.container_id != own else None)
    if not why and not node.ledger.of(lease.attachment):
        return "its DEL is answered"  # and has ended since the lease was looked at
    if not why and gone.is_unknown(lease) and lessee(node, lease.attachment) is None:
        raise refuse(
            node, pod, lease, "it was imported, and which network namespace it has is not known",
            "it moves once the old container's DEL has ended the lease; `podberth gc --keep-file` ends one without DEL",
        )  # fmt: skip
    if not why:
        raise refuse(node, pod, lease, "its network namespace is still there", "")
    return why


def _gone_here(node: Node, lease: Lease, pod: PodRef | None) -> str:
    """Return why a holder on this node can no longer use the address; '' if it can.

    Gone: its network namespace exists no more, or its DEL is answered. As good as gone: it is an older sandbox of this
    very pod (the same K8S_POD_UID), whose interface this node can take down itself.
    """
    record = lessee(node, lease.attachment)
    if record is not None and record.removing:
        return "its DEL is answered"
    if gone.is_gone(node, record) if record is not None else gone.holder_is_gone(node, lease):
        return "its network namespace is gone"
    if pod is not None and lease.pod is not None and pod.uid != "" and pod.uid == lease.pod.uid:
        return f"an older sandbox of the same pod (UID {pod.uid}), taken down"
    return ""


def _take_down(node: Node, older: Attachment, locked: str) -> None:
    """Undo an older sandbox's interface before its address moves on; its lease is moved by the bind that follows."""
    from podberth.verbs.finish import alone_with

    with alone_with(node, older.container_id, locked):
        for record in reversed(node.attachments.of(older)):
            undo_steps(node, record)
            node.attachments.close(record.key)


def _is_moved(node: Node, lease: Lease) -> bool:
    """Say whether the lease was moved. Its holder may have let go of it meanwhile: then it was bound."""
    event = node.ledger.who(lease.address).event
    return event is not None and event.kind == Kind.MOVED and event.attachment == lease.attachment
