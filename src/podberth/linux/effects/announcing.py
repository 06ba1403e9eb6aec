"""Telling the neighbours that an address has moved here, so that they forget the MAC that had it before.

The kernel announces a link's addresses itself when its MAC is set, also to the one it has already (NETDEV_CHANGEADDR:
net/ipv4/devinet.c with arp_notify, net/ipv6/ndisc.c with ndisc_notify). That is done with at once; a packet socket of
our own would cost an RCU period when it is closed, which is more than all the rest of an ADD.
"""

from __future__ import annotations

import errno

from podberth.linux import probe
from podberth.linux.effects import bridges, sysctls
from podberth.linux.netlink import links
from podberth.linux.netlink.socket import NetlinkError
from podberth.net.ops import WriteSysctl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.linux.namespaces import Namespaces
    from podberth.net.ops import Announce

_NDISC_NOTIFY = "net/ipv6/conf/{}/ndisc_notify"


def announce(namespaces: Namespaces, op: Announce) -> None:
    """Have every address announced. OSError ENODEV if there is no such link."""
    versions = {address.version for address in op.addresses}
    if 6 in versions:  # rtnetlink has no word for it, as it has for arp_notify
        key = _NDISC_NOTIFY.format(op.ifname)
        sysctls.write(namespaces, WriteSysctl(netns=op.netns, key=key, value="1"), "1")
    found = namespaces.known(op.netns, op.ifname)
    bridges.await_port(namespaces, found)
    notify = [(links.SET, links.set_arp_notify(found.index))] if 4 in versions else []
    try:
        namespaces.socket(op.netns).do_all([*notify, (links.SET, links.set_mac(found.index, found.mac))])
    except NetlinkError as refused:
        if refused.errno != errno.EOPNOTSUPP:
            raise
        # An ipvlan's MAC is its parent's and can't be set: announce with frames of our own.
        namespaces.call(op.netns, lambda: probe.announce(op.ifname, op.addresses))
