"""Ports of bridges. A bridge that podberth made exists as long as it has a port; one lock keeps it so."""

from __future__ import annotations

from podberth.cni.errors import InvalidConfig, TryAgainLater
from podberth.linux.effects import gateways, port_vlans, sysctls, vlan_gateways
from podberth.linux.netlink import codec, links
from podberth.linux.patience import awaited
from podberth.net.ops import ServeGateways, WriteSysctl
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.linux.ground import Ground
    from podberth.linux.namespaces import Namespaces
    from podberth.linux.netlink.links import LinkInfo
    from podberth.net.facts import NetnsId
    from podberth.net.ops import JoinBridge
    from podberth.net.ops.bridges import Op
    from podberth.net.step import Step

PORT_WAIT = 2.0  # seconds; nobody but an operator keeps the node's end of a pair from getting its carrier
PORT = "port"  # of what was before: whether there was a link of the port's name
_PROMISCUOUS = "promiscuous"  # of what was before: whether a bridge that was there was not
_PAUSE = 0.002  # seconds


def before(at: Ground, op: Op) -> Iterator[tuple[str, str]]:
    """Yield whether the port is there: then it is another's. The bridge is made with its first port, under its lock."""
    if isinstance(op, ServeGateways):
        yield from gateways.before(at, op)
        return
    bridge = at.namespaces.link(None, op.bridge) if op.promiscuous else None
    if bridge is not None and not bridge.sticky & links.PROMISC:
        yield _PROMISCUOUS, "no"
    if at.namespaces.seen(None, op.link) is not None:
        yield PORT, "there"


def do(at: Ground, op: Op) -> None:
    """Make the bridge unless it is there, and the link its port; or give it addresses."""
    if isinstance(op, ServeGateways):
        gateways.do(at, op)
        return
    with at.locked(f"bridge:{op.bridge}"):
        _join(at.namespaces, op)
    at.namespaces.changed(op.bridge)  # it has taken its new port's MAC, if that is the lowest


def undo(at: Ground, op: Op, step: Step, netns: NetnsId | None) -> None:
    """Take the bridge away if podberth made it and it has no other port.

    A port that was there before was never joined by this step, nor is it going: what made it was refused.
    """
    del netns
    if isinstance(op, ServeGateways):
        gateways.undo(at, op, step)
        return
    if step.before_of(PORT) is None and op.bridge not in at.left:
        leave(at, op)
    if step.before_of(_PROMISCUOUS):
        _calm(at, op)


def check(at: Ground, op: Op, step: Step) -> tuple[Drift, ...]:
    """Compare port, bridge, VLAN and addresses with the op."""
    del step
    if isinstance(op, ServeGateways):
        return gateways.check(at, op)
    return _check(at.namespaces, op)


def repair(at: Ground, op: Op, step: Step, netns: NetnsId) -> None:
    """Join it anew; give it the addresses that it lacks."""
    del step, netns
    if isinstance(op, ServeGateways):
        gateways.do(at, op)
        return
    with at.locked(f"bridge:{op.bridge}"):
        _leave(at.namespaces, op, at.namespaces.link(None, op.link))
    do(at, op)


def leave(at: Ground, op: JoinBridge) -> None:
    """Take the bridge away if podberth made it and it has no other port, under its lock; its port is going.

    Of ports that go at the same time each would take the others for ports that stay, and nobody would take the bridge
    away. So a port says that it is going while the lock is held.
    """
    with at.locked(f"bridge:{op.bridge}"):
        port = at.namespaces.link(None, op.link)
        if port is not None and port.ours and port.group != links.GOING:
            at.namespaces.socket(None).do(links.SET, links.set_group(port.index, links.GOING))
        _leave(at.namespaces, op, port)


def await_port(namespaces: Namespaces, inner: LinkInfo) -> None:
    """Wait until the other end of the pod's link lets its frames into the bridge; a link without one needs no wait.

    A bridge throws away the frames of a port whose carrier has not taken effect (net/bridge/br_if.c,
    br_port_carrier_check). It does so a moment after both ends are up, or when the link is asked for
    (net/core/link_watch.c, linkwatch_sync_dev, Linux 6.9); on a busy node the moment is long.
    """
    if inner.kind != "veth":
        return

    def lets_through() -> bool:
        outer = namespaces.look_at(None, inner.below)
        return outer is None or outer.running or not outer.up

    awaited(lets_through, PORT_WAIT, _PAUSE)


def _join(namespaces: Namespaces, op: JoinBridge) -> None:
    """Make the bridge unless it is there, and the link its port; the caller holds the bridge's lock.

    Raises TryAgainLater if the port is to be in a VLAN and the bridge, made by somebody since the plan, keeps none
    apart: the kernel would take the VLAN and forward untagged to all.
    """
    socket = namespaces.socket(None)
    bridge = namespaces.link(None, op.bridge)
    if bridge is None:
        made = links.bridge(op.bridge, vlan_filtering=op.vlan_filtering, mtu=op.bridge_mtu)
        socket.do(links.NEW, made, codec.CREATE | codec.EXCL)
        bridge = namespaces.link(None, op.bridge)
    if bridge is None or bridge.kind != "bridge":
        raise InvalidConfig(f"bridge: {op.bridge} is no bridge", "name another, or take that link away")
    if (op.vlan is not None or op.trunk) and not bridge.vlan_filtering:
        raise TryAgainLater(
            f"bridge {op.bridge} does not filter VLANs, as it was to when this was planned",
            "somebody changed it just now: the next ADD is planned anew",
        )
    if op.tended:
        _tend(namespaces, bridge, op)
    if op.gateways:
        gateways.serve(namespaces, bridge, op)
    socket.do(links.SET, links.set_master_named(op.link, bridge.index))
    if op.hairpin or op.isolated:
        port = namespaces.known_index(None, op.link)
        socket.do(links.NEW, links.set_port(port, hairpin=op.hairpin, isolated=op.isolated))
    if op.vlan is not None or op.trunk:
        port = namespaces.known_index(None, op.link)
        port_vlans.give(namespaces, port, bridge, op.vlan, op.trunk, keeps_default=op.keeps_default)


def _tend(namespaces: Namespaces, bridge: LinkInfo, op: JoinBridge) -> None:
    """Set the bridge up, and see to it that no router advertisement gives it a route; promiscuous if it is to be."""
    socket = namespaces.socket(None)
    if not bridge.up:
        socket.do(links.NEW, links.set_up(bridge.index))
    key = f"net/ipv6/conf/{op.bridge}/accept_ra"
    sysctls.write(namespaces, WriteSysctl(netns=None, key=key, value="0", optional=True), "0")
    if op.promiscuous and not bridge.sticky & links.PROMISC:
        socket.do(links.NEW, links.set_promiscuous(bridge.index, on=True))


def _leave(namespaces: Namespaces, op: JoinBridge, port: LinkInfo | None) -> None:
    """Take the bridge away if podberth made it and it has no other port; the caller holds the bridge's lock.

    Gateways of its VLANs go with it, and with the last port of one that somebody else has made. The port itself is
    deleted next, by the undo of what made it: taking it out first would cost an RCU period more.
    """
    bridge = namespaces.link(None, op.bridge)
    if bridge is None or bridge.kind != "bridge" or not gateways.is_last(namespaces, bridge.index, port):
        return
    vlan_gateways.take_away(namespaces, bridge.index)
    if bridge.ours:
        namespaces.socket(None).do(links.DEL, links.delete(bridge.index))


def _calm(at: Ground, op: JoinBridge) -> None:
    """Take the promiscuous mode from a bridge that somebody else has made, if its last port is going."""
    with at.locked(f"bridge:{op.bridge}"):
        bridge, port = at.namespaces.link(None, op.bridge), at.namespaces.link(None, op.link)
        if bridge is not None and not bridge.ours and gateways.is_last(at.namespaces, bridge.index, port):
            at.namespaces.socket(None).do(links.NEW, links.set_promiscuous(bridge.index, on=False))


def _check(namespaces: Namespaces, op: JoinBridge) -> tuple[Drift, ...]:
    port, bridge = namespaces.link(None, op.link), namespaces.link(None, op.bridge)
    if port is None:
        return ()  # the op that made the link says so
    found: list[Drift] = []
    if bridge is None or port.master != bridge.index:
        found.append(Drift(what=op.link, field="master", wanted=op.bridge, found=_master(namespaces, port)))
    if port.hairpin != op.hairpin and bridge is not None and port.master == bridge.index:
        found.append(Drift(what=op.link, field="hairpin", wanted=str(op.hairpin), found=str(port.hairpin)))
    if op.isolated and not port.isolated:
        found.append(Drift(what=op.link, field="isolated", wanted="on", found="off"))
    if bridge is not None and op.promiscuous and not bridge.sticky & links.PROMISC:
        found.append(Drift(what=op.bridge, field="promisc", wanted="on", found="off"))
    if bridge is not None:
        lacks = gateways.missing(namespaces, bridge, op.gateways)
        found += [Drift(what=op.bridge, field="address", wanted=str(gateway), found="gone") for gateway in lacks]
    if bridge is not None and (op.vlan is not None or op.trunk):
        found += _check_vlans(namespaces, op, port, bridge)
    return tuple(found)


def _check_vlans(namespaces: Namespaces, op: JoinBridge, port: LinkInfo, bridge: LinkInfo) -> Iterator[Drift]:
    if not bridge.vlan_filtering:
        yield Drift(what=op.bridge, field="vlan_filtering", wanted="1", found="0")
        if op.keeps_default:
            return  # which VLAN that is, such a bridge does not say
    members = port_vlans.wanted(bridge.default_vlan, op.vlan, op.trunk, keeps_default=op.keeps_default)
    yield from port_vlans.drifts(namespaces, port, members)


def _master(namespaces: Namespaces, port: LinkInfo) -> str:
    if not port.master:
        return "none"
    every = (links.parse(body) for body in namespaces.socket(None).dump(links.GET, links.all_links()))
    return next((link.name for link in every if link.index == port.master), f"index {port.master}")
