"""Ports of bridges. A bridge that podberth made exists as long as it has a port; one lock keeps it so."""

from __future__ import annotations

import errno

from podberth.cni.errors import InvalidConfig, TryAgainLater
from podberth.linux.netlink import addresses, codec, links
from podberth.linux.netlink.socket import NetlinkError
from podberth.linux.patience import awaited
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.linux.ground import Ground
    from podberth.linux.namespaces import Namespaces
    from podberth.linux.netlink.links import LinkInfo
    from podberth.net.facts import NetnsId
    from podberth.net.ops import Interface, JoinBridge
    from podberth.net.step import Step

PORT_WAIT = 2.0  # seconds; nobody but an operator keeps the node's end of a pair from getting its carrier
PORT = "port"  # of what was before: whether there was a link of the port's name
_PAUSE = 0.002  # seconds


def before(at: Ground, op: JoinBridge) -> Iterator[tuple[str, str]]:
    """Yield whether the port is there: then it is another's. The bridge is made with its first port, under its lock."""
    if at.namespaces.seen(None, op.link) is not None:
        yield PORT, "there"


def do(at: Ground, op: JoinBridge) -> None:
    """Make the bridge unless it is there, and the link its port."""
    with at.locked(f"bridge:{op.bridge}"):
        _join(at.namespaces, op)
    at.namespaces.changed(op.bridge)  # it has taken its new port's MAC, if that is the lowest


def undo(at: Ground, op: JoinBridge, step: Step, netns: NetnsId | None) -> None:
    """Take the bridge away if podberth made it and it has no other port.

    A port that was there before was never joined by this step, nor is it going: what made it was refused.
    """
    del netns
    if step.before_of(PORT) is None and op.bridge not in at.left:
        leave(at, op)


def check(at: Ground, op: JoinBridge, step: Step) -> tuple[Drift, ...]:
    """Compare port, bridge and VLAN with the op."""
    del step
    return _check(at.namespaces, op)


def repair(at: Ground, op: JoinBridge, step: Step, netns: NetnsId) -> None:
    """Join it anew."""
    del step, netns
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
        body = namespaces.socket(None).get(links.GET, links.by_index(inner.below))
        up, running = links.carries(body) if body else (False, False)
        return running or not up

    awaited(lets_through, PORT_WAIT, _PAUSE)


def _join(namespaces: Namespaces, op: JoinBridge) -> None:
    """Make the bridge unless it is there, and the link its port; the caller holds the bridge's lock.

    Raises TryAgainLater if the port is to be in a VLAN and the bridge, made by somebody since the plan, keeps none
    apart: the kernel would take the VLAN and forward untagged to all.
    """
    socket = namespaces.socket(None)
    bridge = namespaces.link(None, op.bridge)
    if bridge is None:
        made = links.bridge(op.bridge, vlan_filtering=op.vlan_filtering)
        socket.do(links.NEW, made, codec.CREATE | codec.EXCL)
        bridge = namespaces.link(None, op.bridge)
    if bridge is None or bridge.kind != "bridge":
        raise InvalidConfig(f"bridge: {op.bridge} is no bridge", "name another, or take that link away")
    if op.vlan is not None and not bridge.vlan_filtering:
        raise TryAgainLater(
            f"bridge {op.bridge} does not filter VLANs, as it was to when this was planned",
            "somebody changed it just now: the next ADD is planned anew",
        )
    if op.gateways:
        _serve(namespaces, bridge, op)
    port = namespaces.known_index(None, op.link)
    socket.do(links.SET, links.set_master(port, bridge.index))
    if op.hairpin:
        socket.do(links.NEW, links.set_hairpin(port))
    if op.vlan is not None:
        # The bridge has put its new port into its default VLAN: 1, or what the operator has chosen, or none.
        if bridge.default_vlan not in (0, op.vlan):
            socket.do(links.DEL, links.port_vlan(port, bridge.default_vlan, access=False))
        socket.do(links.SET, links.port_vlan(port, op.vlan, access=True))


def _serve(namespaces: Namespaces, bridge: LinkInfo, op: JoinBridge) -> None:
    """Give a bridge of podberth's the gateways that it lacks; InvalidConfig if another's lacks one."""
    socket = namespaces.socket(None)
    if not bridge.ours:
        for missing in _missing(namespaces, bridge, op):
            raise InvalidConfig(
                f"isGateway: {op.bridge} has no {missing}, and podberth does not change a bridge that it has not made",
                f"`ip address add {missing} dev {op.bridge}`, or name another bridge",
            )
        return
    # It is to keep the MAC it has: pods remember their gateway's, and its ports, of which it has the lowest, change.
    fixed = False
    for gateway in op.gateways:
        try:
            socket.do(addresses.NEW, addresses.add(bridge.index, gateway), codec.CREATE | codec.EXCL)
        except NetlinkError as refused:
            if refused.errno != errno.EEXIST:
                raise
        else:
            if not fixed:
                socket.do(links.SET, links.set_mac(bridge.index, bridge.mac))
            fixed = True


def _missing(namespaces: Namespaces, bridge: LinkInfo, op: JoinBridge) -> list[Interface]:
    live = set()
    for version in {gateway.version for gateway in op.gateways}:
        bodies = namespaces.socket(None).dump(addresses.GET, addresses.of_link(bridge.index, version))
        live |= {address for index, address in map(addresses.parse, bodies) if index == bridge.index}
    return [gateway for gateway in op.gateways if gateway not in live]


def _leave(namespaces: Namespaces, op: JoinBridge, port: LinkInfo | None) -> None:
    """Take the bridge away if podberth made it and it has no other port; the caller holds the bridge's lock.

    The port itself is deleted next, by the undo of what made it: taking it out first would cost an RCU period more.
    """
    socket = namespaces.socket(None)
    bridge = namespaces.link(None, op.bridge)
    if bridge is None or not bridge.ours or bridge.kind != "bridge":
        return
    own = port.index if port is not None else 0
    if not namespaces.any_link(links.ports(bridge.index), lambda link: link.index != own and link.group != links.GOING):
        socket.do(links.DEL, links.delete(bridge.index))


def _check(namespaces: Namespaces, op: JoinBridge) -> tuple[Drift, ...]:
    port, bridge = namespaces.link(None, op.link), namespaces.link(None, op.bridge)
    if port is None:
        return ()  # the op that made the link says so
    found: list[Drift] = []
    if bridge is None or port.master != bridge.index:
        found.append(Drift(what=op.link, field="master", wanted=op.bridge, found=_master(namespaces, port)))
    if port.hairpin != op.hairpin and bridge is not None and port.master == bridge.index:
        found.append(Drift(what=op.link, field="hairpin", wanted=str(op.hairpin), found=str(port.hairpin)))
    if bridge is not None:
        lacks = _missing(namespaces, bridge, op)
        found += [Drift(what=op.bridge, field="address", wanted=str(gateway), found="gone") for gateway in lacks]
    if op.vlan is not None and bridge is not None and not bridge.vlan_filtering:
        found.append(Drift(what=op.bridge, field="vlan_filtering", wanted="1", found="0"))
    if op.vlan is not None and _vlans(namespaces, port.index) != {op.vlan: True}:
        vlans = ", ".join(map(str, _vlans(namespaces, port.index))) or "none"
        found.append(Drift(what=op.link, field="vlan", wanted=f"{op.vlan} untagged", found=vlans))
    return tuple(found)


def _vlans(namespaces: Namespaces, index: int) -> dict[int, bool]:
    for body in namespaces.socket(None).dump(links.GET, links.port_vlans()):
        port, members = links.parse_port_vlans(body)
        if port == index:
            return dict(members)
    return {}


def _master(namespaces: Namespaces, port: LinkInfo) -> str:
    if not port.master:
        return "none"
    every = (links.parse(body) for body in namespaces.socket(None).dump(links.GET, links.all_links()))
    return next((link.name for link in every if link.index == port.master), f"index {port.master}")
