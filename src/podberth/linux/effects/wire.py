"""What is asked and told on the wire: who has an address, and that one has moved here. Nothing of it stays.

Neighbours are told so that they forget the MAC that had the address before.

The kernel announces a link's addresses itself when its MAC is set, also to the one it has already (NETDEV_CHANGEADDR:
net/ipv4/devinet.c with arp_notify, net/ipv6/ndisc.c with ndisc_notify). That is done with at once; a packet socket of
our own would cost an RCU period when it is closed, which is more than all the rest of an ADD.
"""

from __future__ import annotations

import errno
import time

from podberth.linux import probe
from podberth.linux.effects import bridges, sysctls
from podberth.linux.netlink import links
from podberth.linux.netlink.socket import NetlinkError
from podberth.net.apply import AddressAnswered, GatewaySilent
from podberth.net.ops import Announce, AskGateway, ProbeAddress, WriteSysctl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.linux.ground import Ground
    from podberth.linux.namespaces import Namespaces
    from podberth.net.facts import NetnsId
    from podberth.net.ops import AwaitCarrier
    from podberth.net.ops.wire import Op
    from podberth.net.step import Drift, Step


_PAUSE = 0.01  # seconds
_NDISC_NOTIFY = "net/ipv6/conf/{}/ndisc_notify"


def before(at: Ground, op: Op) -> Iterator[tuple[str, str]]:
    """Yield nothing: nothing is replaced."""
    del at, op
    yield from ()


def do(at: Ground, op: Op) -> None:
    """Ask, tell, or wait until either can be heard.

    AddressAnswered if a host answers for a probed address, GatewaySilent if none does for a gateway.
    """
    if isinstance(op, ProbeAddress):
        _probe(at.namespaces, op)
    elif isinstance(op, AskGateway):
        _ask(at.namespaces, op)
    elif isinstance(op, Announce):
        _announce(at.namespaces, op)
    else:
        _await_carrier(at.namespaces, op)


def undo(at: Ground, op: Op, step: Step, netns: NetnsId | None) -> None:
    """Do nothing: nothing of it stays."""
    del at, op, step, netns


def check(at: Ground, op: Op, step: Step) -> tuple[Drift, ...]:
    """Return no difference: nothing of it stays."""
    del at, op, step
    return ()


def repair(at: Ground, op: Op, step: Step, netns: NetnsId) -> None:
    """Ask or tell again; a gateway is asked for by an ADD alone."""
    del step, netns
    if not isinstance(op, AskGateway):
        do(at, op)


def _probe(namespaces: Namespaces, op: ProbeAddress) -> None:
    bridges.await_port(namespaces, namespaces.known(op.netns, op.ifname))
    mac = namespaces.call(op.netns, lambda: probe.probe(op.ifname, op.address, op.probes, op.interval_ms))
    if mac is not None:
        raise AddressAnswered(op.address, mac)


def _ask(namespaces: Namespaces, op: AskGateway) -> None:
    bridges.await_port(namespaces, namespaces.known(op.netns, op.ifname))
    try:
        mac = namespaces.call(op.netns, lambda: probe.ask(op.ifname, op.source, op.gateway, op.probes, op.interval_ms))
    except OSError as down:
        if down.errno != errno.ENETDOWN:
            raise
        raise GatewaySilent(op, f": {down.strerror}") from down
    if mac is None:
        raise GatewaySilent(op)


def _await_carrier(namespaces: Namespaces, op: AwaitCarrier) -> None:
    """Wait until the interface has a carrier, or the op's time has passed."""
    end = time.monotonic() + op.milliseconds / 1000
    while time.monotonic() < end:
        link = namespaces.link(op.netns, op.ifname)
        if link is None or link.running:
            return
        time.sleep(_PAUSE)


def _announce(namespaces: Namespaces, op: Announce) -> None:
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
