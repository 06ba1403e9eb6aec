"""Links that are on their way out: cut off at once, deleted together. What they are is the business of `devices`.

Deleting a link takes an RCU period, whoever asks; a group of links takes one for all of them (net/core/rtnetlink.c,
rtnl_group_dellink). Being in the group GOING is how the kernel remembers that a link is only waiting for that.
"""

from __future__ import annotations

import errno

from podberth.linux.netlink import addresses, links
from podberth.linux.netlink.socket import NetlinkError
from podberth.net.ops import AddAddress, CreateIpvlan, CreateMacvlan, CreateVeth, JoinBridge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.linux.namespaces import Namespaces
    from podberth.net.step import Step

_GONE = (errno.ENODEV, errno.EADDRNOTAVAIL)


def cut_off_port(namespaces: Namespaces, op: CreateVeth) -> None:
    """Have the bridge drop whatever comes from or is for its port. OSError if it is no bridge's port, or STP rules."""
    found = namespaces.link(None, op.name)
    if found is not None and found.ours:
        namespaces.socket(None).do(links.NEW, links.disable_port(found.index, links.GOING))


def take_addresses(namespaces: Namespaces, op: CreateMacvlan | CreateIpvlan, steps: Sequence[Step]) -> None:
    """Take its addresses from the link in the pod: neither macvlan nor ipvlan has a port that could be closed."""
    found = namespaces.link(op.netns, op.ifname)
    if found is None or not found.ours:
        return
    for step in steps:
        if isinstance(step.op, AddAddress) and step.op.ifname == op.ifname:
            try:
                namespaces.socket(op.netns).do(addresses.DEL, addresses.delete(found.index, step.op.address))
            except NetlinkError as refused:
                if refused.errno not in _GONE:
                    raise


def delete_pairs(namespaces: Namespaces, steps: Sequence[Step]) -> None:
    """Delete the veth pairs that the steps made, all in one RCU period; the pods' ends go with those on the node."""
    socket, going = namespaces.socket(None), False
    for step in steps:
        if isinstance(step.op, CreateVeth) and ("existed", "yes") not in step.before:
            found = namespaces.link(None, step.op.name)
            if found is not None and found.ours and found.kind == "veth":
                socket.do(links.SET, links.set_group(found.index, links.GOING))
                going = True
    if going:
        socket.do(links.DEL, links.delete_group(links.GOING))
    namespaces.changed()


def has_port(steps: Sequence[Step]) -> bool:
    """Say whether the steps' link on the node is a bridge's port."""
    return any(isinstance(step.op, JoinBridge) for step in steps)
