"""Links that are on their way out: cut off at once, deleted together.

Deleting a link takes an RCU period, whoever asks; a group of links takes one for all of them (net/core/rtnetlink.c,
rtnl_group_dellink). Being in the group GOING is how the kernel remembers that a link is only waiting for that. In the
pod it has lost its name, its addresses and its routes by then: for whoever looks, it is gone.
"""

from __future__ import annotations

from podberth.cni.value import replace
from podberth.linux.effects.addressing import GONE, route_of
from podberth.linux.netlink import addresses, links, routes
from podberth.linux.netlink.socket import NetlinkError
from podberth.net.ops import (
    AddAddress,
    AddRoute,
    CreateIpvlan,
    CreateMacvlan,
    CreateVeth,
    JoinBridge,
    LimitReceive,
    LimitTransmit,
    WriteSysctl,
    made,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from podberth.linux.ground import Ground
    from podberth.linux.namespaces import Namespaces
    from podberth.net.facts import NetnsId
    from podberth.net.step import Step


def cut_off(at: Ground, steps: Sequence[Step], netns: NetnsId | None) -> tuple[Step, ...] | None:
    """See to it that nothing sent over the steps' links gets anywhere; None where only undoing them does that.

    Return the steps that are left to undo. OSError or InvalidNetns where it can't be done this quick way.
    """
    if any(isinstance(step.op, WriteSysctl) and step.before_of("value") for step in steps):
        return None  # the namespace's own settings: whoever is attached to it next must find them as they were
    if all(isinstance(step.op, LimitTransmit | LimitReceive) and step.op.netns is None for step in steps):
        return tuple(steps)  # of the node's end: it goes in a moment itself, and they with it
    has_port = any(isinstance(step.op, JoinBridge) for step in steps)
    for step in steps:
        op = step.op
        if step.existed or not (
            isinstance(op, CreateMacvlan | CreateIpvlan) or (isinstance(op, CreateVeth) and has_port)
        ):
            continue
        if isinstance(op, CreateVeth):
            _close_port(at.namespaces, op)
        return _put_away(at, step, steps) if at.alive(step, netns) else tuple(steps)
    return None


def _close_port(namespaces: Namespaces, op: CreateVeth) -> None:
    """Have the bridge drop whatever comes from or is for its port. OSError if it is no bridge's port, or STP rules."""
    found = namespaces.link(None, op.name)
    if found is not None and found.ours:
        namespaces.socket(None).do(links.NEW, links.disable_port(found.index, links.GOING))


def _put_away(at: Ground, made_by: Step, steps: Sequence[Step]) -> tuple[Step, ...]:
    """Take name, addresses and routes from the pod's link; return the steps that are left, with the name it has now.

    OSError EBUSY where a link that is up keeps its name.
    """
    (netns, ifname), namespaces = made(made_by.op), at.namespaces
    found = at.own(made_by)
    if found is None or not found.ours:
        return tuple(steps)
    name = f"pg{found.index}"
    requests = [*_undoing(found.index, ifname, steps), (links.SET, links.put_away(found.index, name, links.GOING))]
    namespaces.socket(netns).do_all(requests, forgiven=GONE)
    namespaces.changed()
    # The next link of that name is another's: what is left to undo must not find it.
    return tuple(
        replace(step, op=replace(step.op, ifname=name))
        if (getattr(step.op, "netns", None), getattr(step.op, "ifname", None)) == (netns, ifname)
        else step
        for step in steps
        if not isinstance(step.op, AddAddress | AddRoute)
    )


def _undoing(index: int, ifname: str, steps: Sequence[Step]) -> Iterator[tuple[int, bytes]]:
    for step in reversed(steps):
        op = step.op
        if not isinstance(op, AddRoute | AddAddress) or op.netns is None or op.ifname != ifname:
            continue  # the node's own go with the pair
        if isinstance(op, AddRoute):
            yield routes.DEL, routes.add(index, route_of(op), op.source)
        else:
            yield addresses.DEL, addresses.delete(index, op.address)


def delete_pairs(namespaces: Namespaces, steps: Sequence[Step]) -> None:
    """Delete the veth pairs that the steps made, all in one RCU period; the pods' ends go with those on the node."""
    socket, going = namespaces.socket(None), False
    for step in steps:
        if isinstance(step.op, CreateVeth) and not step.existed:
            found = namespaces.link(None, step.op.name)
            if found is not None and found.ours and found.kind == "veth":
                if found.group != links.GOING:
                    socket.do(links.SET, links.set_group(found.index, links.GOING))
                going = True
    if going:
        delete_going(namespaces, None)


def delete_going(namespaces: Namespaces, netns: str | None) -> None:
    """Delete every link of a namespace that is only waiting for that."""
    try:
        namespaces.socket(netns).do(links.DEL, links.delete_group(links.GOING))
    except NetlinkError as refused:
        if refused.errno not in GONE:
            raise
    namespaces.changed()
