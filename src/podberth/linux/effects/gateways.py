"""Gateway addresses on bridges, or on links of their VLANs, a part of the family `bridges`."""

from __future__ import annotations

import errno
from ipaddress import ip_interface

from podberth.cni.errors import InvalidConfig, KernelRefused
from podberth.linux.effects import vlan_gateways
from podberth.linux.netlink import addresses, codec, links
from podberth.linux.netlink.socket import NetlinkError
from podberth.net.ops.bridges import gateway_link
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podberth.linux.ground import Ground
    from podberth.linux.namespaces import Namespaces
    from podberth.linux.netlink.links import LinkInfo
    from podberth.net.ops import Interface, JoinBridge, ServeGateways
    from podberth.net.step import Step

_NEW = codec.CREATE | codec.EXCL
_ADDED, _REPLACED = "lacked", "replaced"  # of what was before: addresses, with a space between them


def before(at: Ground, op: ServeGateways) -> Iterator[tuple[str, str]]:
    """Yield which gateways a link that is there lacks, and which addresses are in their way."""
    link = at.namespaces.link(None, gateway_link(op))
    if link is None:
        return
    lacks = missing(at.namespaces, link, op.gateways)
    if not lacks:
        return  # nothing is in the way of what is there
    yield _ADDED, " ".join(map(str, lacks))
    if others := _in_the_way(at.namespaces, link, op):
        yield _REPLACED, " ".join(map(str, others))


def do(at: Ground, op: ServeGateways) -> None:
    """Give the bridge, or the link of its VLAN, the gateways that it lacks.

    InvalidConfig if an address is in their way, unless it is to go; or if another link has the name of the VLAN's.
    """
    with at.locked(f"bridge:{op.bridge}"):
        link, socket = _holder(at.namespaces, op), at.namespaces.socket(None)
        lacks = missing(at.namespaces, link, op.gateways)
        if not lacks:
            return
        others = _in_the_way(at.namespaces, link, op)
        if others and not op.force:
            raise InvalidConfig(
                f"isGateway: {_kind(op)} {link.name} has {others[0]}, and cannot have {lacks[0]} beside it",
                "name another bridge, or say `forceAddress`, which replaces it",
            )
        for other in others:
            socket.do(addresses.DEL, addresses.delete(link.index, other))
        _add(at.namespaces, link, lacks)
    at.namespaces.changed()


def undo(at: Ground, op: ServeGateways, step: Step) -> None:
    """Put the addresses right of a link that somebody else has made, if the bridge's last port is going.

    Those of podberth's own go with it; as long as there are ports, they need them.
    """
    added, replaced = (_read(step.before_of(what)) for what in (_ADDED, _REPLACED))
    if not added and op.vlan is None:
        return
    with at.locked(f"bridge:{op.bridge}"):
        namespaces, socket = at.namespaces, at.namespaces.socket(None)
        bridge, port, link = (namespaces.link(None, name) for name in (op.bridge, op.port, gateway_link(op)))
        if link is None or (bridge is not None and not is_last(namespaces, bridge.index, port)):
            return
        if link.group == links.GATEWAY:
            socket.do(links.DEL, links.delete(link.index))
        if link.ours:
            return
        live = _live(namespaces, link, added)
        for address in added:
            if address in live:
                socket.do(addresses.DEL, addresses.delete(link.index, address))
        for address in replaced if op.force else ():
            if address not in live:
                socket.do(addresses.NEW, addresses.add(link.index, address), _NEW)


def check(at: Ground, op: ServeGateways) -> tuple[Drift, ...]:
    """Look for the gateways on the bridge, or on the link of its VLAN, and whether that leads into the VLAN."""
    link = at.namespaces.link(None, gateway_link(op))
    if link is None:
        gone = Drift(what=gateway_link(op), field="link", wanted="there", found="gone")
        return (gone,) if op.vlan is not None else ()  # JoinBridge says that the bridge is gone
    lacks = missing(at.namespaces, link, op.gateways)
    found = [Drift(what=link.name, field="address", wanted=str(gateway), found="gone") for gateway in lacks]
    return (*found, *(vlan_gateways.check(at.namespaces, op, link) if op.vlan is not None else ()))


def serve(namespaces: Namespaces, bridge: LinkInfo, op: JoinBridge) -> None:
    """Give a bridge of podberth's the gateways that it lacks; InvalidConfig if another's lacks one."""
    if bridge.ours:
        _add(namespaces, bridge, op.gateways)
        return
    for lacked in missing(namespaces, bridge, op.gateways):
        raise InvalidConfig(
            f"isGateway: {op.bridge} has no {lacked}, and podberth does not change a bridge that it has not made",
            f"`ip address add {lacked} dev {op.bridge}`, or name another bridge",
        )


def missing(namespaces: Namespaces, bridge: LinkInfo, gateways: tuple[Interface, ...]) -> list[Interface]:
    """Return which of the gateways the bridge has not."""
    live = _live(namespaces, bridge, gateways)
    return [gateway for gateway in gateways if gateway not in live]


def is_last(namespaces: Namespaces, bridge: int, port: LinkInfo | None) -> bool:
    """Say whether the bridge with that index has no port but this one, and such as are going; its lock is held.

    A port of podberth's that leads to a VLAN's gateway is there for the others.
    """
    own, rest = port.index if port is not None else 0, (links.GOING, links.GATEWAY)
    return not namespaces.any_link(links.ports(bridge), lambda link: link.index != own and link.group not in rest)


def _add(namespaces: Namespaces, bridge: LinkInfo, gateways: Iterable[Interface]) -> None:
    # It is to keep the MAC it has: pods remember their gateway's, and its ports, of which it has the lowest, change.
    socket, fixed = namespaces.socket(None), False
    for gateway in gateways:
        try:
            socket.do(addresses.NEW, addresses.add(bridge.index, gateway), _NEW)
        except NetlinkError as refused:
            if refused.errno != errno.EEXIST:
                raise
        else:
            if not fixed:
                socket.do(links.SET, links.set_mac(bridge.index, bridge.mac))
            fixed = True


def _holder(namespaces: Namespaces, op: ServeGateways) -> LinkInfo:
    """Return the link that has the gateways; that of a VLAN is made if it is missing."""
    bridge = namespaces.link(None, op.bridge)
    if bridge is None:
        raise KernelRefused(f"there is no bridge {op.bridge}", "somebody took it away meanwhile")
    return bridge if op.vlan is None else vlan_gateways.made(namespaces, op, bridge)


def _kind(op: ServeGateways) -> str:
    return "bridge" if op.vlan is None else "link"


def _in_the_way(namespaces: Namespaces, bridge: LinkInfo, op: ServeGateways) -> list[Interface]:
    """Return the bridge's addresses that it can't have beside a gateway that it lacks."""
    lacks = missing(namespaces, bridge, op.gateways)
    return [
        other
        for other in sorted(_live(namespaces, bridge, lacks), key=str)
        if other not in op.gateways
        and any(other.version == gateway.version and _collide(other, gateway) for gateway in lacks)
    ]


def _collide(other: Interface, gateway: Interface) -> bool:
    return gateway.version == 4 or gateway.ip in other.network or other.ip in gateway.network


def _live(namespaces: Namespaces, bridge: LinkInfo, like: Iterable[Interface]) -> set[Interface]:
    """Return the bridge's addresses of the families of those."""
    live = set()
    for version in {gateway.version for gateway in like}:
        bodies = namespaces.socket(None).dump(addresses.GET, addresses.of_link(bridge.index, version))
        live |= {address for index, address in map(addresses.parse, bodies) if index == bridge.index}
    return live


def _read(said: str | None) -> tuple[Interface, ...]:
    return tuple(map(ip_interface, (said or "").split()))
