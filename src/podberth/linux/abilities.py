"""What this kernel can do with links, found out by trying: in a namespace that dies with its thread."""

from __future__ import annotations

import ctypes
import os

from podberth.linux.netlink import codec, links
from podberth.linux.netlink.socket import NetlinkError, Rtnl
from podberth.net.seen import FILTER_VLANS, RULES_OF_LINKS, RULES_OF_PARENTS, VLAN_DEVICES
from podberth.process.errand import call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_NEWNET = 0x40000000  # CLONE_NEWNET
_NEW = codec.CREATE | codec.EXCL


def tried(ability: str) -> bool:
    """Say whether the kernel is able to: one of `net.seen`'s. ValueError for another."""
    attempt = {
        FILTER_VLANS.ability: _filters,
        VLAN_DEVICES.ability: _tags,
        RULES_OF_LINKS.ability: _rules,
        RULES_OF_PARENTS.ability: _parents,
    }.get(ability)
    if attempt is None:
        raise ValueError(f"ability: nobody knows how to try out {ability}")
    return _tried(attempt)


def _filters(socket: Rtnl) -> bool:
    # A kernel without CONFIG_BRIDGE_VLAN_FILTERING takes the setting and forgets it.
    socket.do(links.NEW, links.bridge("b", vlan_filtering=True), _NEW)
    made = socket.get(links.GET, links.by_name("b"))
    return made is not None and links.parse(made).vlan_filtering


def _tags(socket: Rtnl) -> bool:
    # The module 8021q.
    socket.do(links.NEW, links.bridge("b", vlan_filtering=False), _NEW)
    below = socket.get(links.GET, links.by_name("b"))
    if below is None:
        return False
    socket.do(links.NEW, links.vlan("b.1", links.parse(below).index, 1), _NEW)
    return True


def _rules(socket: Rtnl) -> bool:
    # CONFIG_NETFILTER_INGRESS, and CONFIG_NETFILTER_EGRESS, which is there since Linux 5.16; each for what is in rules.
    from ipaddress import ip_address

    from podberth.linux import sender_rules
    from podberth.linux.netlink.nfnl import Nfnl
    from podberth.net.ops import PinSender

    socket.do(links.NEW, links.bridge("b", vlan_filtering=False), _NEW)
    own = tuple(map(ip_address, ("192.0.2.1", "2001:db8::1")))
    rules, table = Nfnl(), sender_rules.TABLE
    try:
        for netns in (None, "here"):
            op = PinSender(netns=netns, link="b", owner=f"o{netns}", addresses=own, own_macs=("02:00:00:00:00:01",))
            chains = map(table.add_chain, sender_rules.chains(op))
            rules.batch([*table.frame(), *chains, *map(table.add, sender_rules.rules(op))])
    finally:
        rules.close()
    return True


def _parents(socket: Rtnl) -> bool:
    # CONFIG_NF_TABLES_ARP, CONFIG_NFT_FIB_NETDEV, CONFIG_CGROUP_NET_CLASSID.
    from podberth.linux import parent_rules
    from podberth.linux.netlink.nfnl import Nfnl

    socket.do(links.NEW, links.bridge("b", vlan_filtering=False), _NEW)
    rules = Nfnl()
    try:
        rules.batch([*parent_rules.anew("b", bytes(parent_rules.TOKEN), {})])
    finally:
        rules.close()
    return True


def _tried(attempt: Callable[[Rtnl], bool]) -> bool:
    """Run the attempt in a network namespace of its own; what the kernel refuses it can't do."""

    def inside() -> bool:
        _leave()
        socket = Rtnl()
        try:
            return attempt(socket)
        finally:
            socket.close()

    try:
        return call(inside)
    except (NetlinkError, OSError):
        return False


def _leave() -> None:
    """Take the calling thread into a new network namespace (unshare(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
