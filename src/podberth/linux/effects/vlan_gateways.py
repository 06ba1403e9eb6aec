"""The node's own link in a VLAN of a bridge, which has the gateways there, a part of the family `bridges`.

It is one end of a pair whose other end is a port of the bridge. Both are told from pods' pairs by their group.
"""

from __future__ import annotations

from podberth.cni.errors import InvalidConfig
from podberth.linux.effects import port_vlans, sysctls
from podberth.linux.netlink import codec, links
from podberth.linux.netlink import port_vlans as nl
from podberth.net.ops import WriteSysctl
from podberth.net.ops.bridges import gateway_link
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.linux.namespaces import Namespaces
    from podberth.linux.netlink.links import LinkInfo
    from podberth.net.ops import ServeGateways


def made(namespaces: Namespaces, op: ServeGateways, bridge: LinkInfo) -> LinkInfo:
    """Return the VLAN's link, which is made if it is missing, and put right if it is podberth's; the lock is held.

    InvalidConfig if there is one of that name that does not lead into the VLAN.
    """
    name, socket = gateway_link(op), namespaces.socket(None)
    link = namespaces.link(None, name)
    if link is None:
        socket.do(links.NEW, links.gateway(name, op.vlan_port, bridge.mtu), codec.CREATE | codec.EXCL)
        link = namespaces.link(None, name)
    if link is None or (link.group != links.GATEWAY and not _leads_there(namespaces, op, link, bridge)):
        raise InvalidConfig(
            f"isGateway: there is a link {name} already, which does not lead into VLAN {op.vlan} of {op.bridge}",
            "take it away, or name another bridge",
        )
    if link.group == links.GATEWAY:
        _connect(namespaces, op, link, bridge)
    if not link.up:
        key = f"net/ipv6/conf/{name}/accept_ra"
        sysctls.write(namespaces, WriteSysctl(netns=None, key=key, value="0", optional=True), "0")
        socket.do(links.NEW, links.set_up(link.index))
    return link


def check(namespaces: Namespaces, op: ServeGateways, link: LinkInfo) -> Iterator[Drift]:
    """Compare the VLAN's link, and its port of the bridge, with what they should be."""
    if not link.up:
        yield Drift(what=link.name, field="state", wanted="up", found="down")
    bridge, port = namespaces.link(None, op.bridge), _port(namespaces, link)
    if bridge is None or link.group != links.GATEWAY:
        return
    if port is None or port.master != bridge.index:
        yield Drift(what=op.vlan_port, field="master", wanted=op.bridge, found="another, or none")
        return
    if not port.up:
        yield Drift(what=port.name, field="state", wanted="up", found="down")
    members = port_vlans.found(namespaces, port.index)
    if not _is_inside(members, op):
        wanted = f"{op.vlan} untagged"
        yield Drift(what=port.name, field="vlan", wanted=wanted, found=port_vlans.shown(members))


def take_away(namespaces: Namespaces, bridge: int) -> None:
    """Take away the links of a bridge's VLANs that podberth has made; the bridge's lock is held."""
    socket = namespaces.socket(None)
    for port in map(links.parse, socket.dump(links.GET, links.ports(bridge))):
        if port.group == links.GATEWAY:
            socket.do(links.DEL, links.delete(port.index))


def _connect(namespaces: Namespaces, op: ServeGateways, link: LinkInfo, bridge: LinkInfo) -> None:
    """Make the other end a port of the bridge, in the VLAN, unless it is."""
    port, socket = _port(namespaces, link), namespaces.socket(None)
    if port is None:
        return
    if port.master != bridge.index or not _is_inside(port_vlans.found(namespaces, port.index), op):
        socket.do(links.SET, links.set_master(port.index, bridge.index))  # what it was in, it is in no more
        port_vlans.give(namespaces, port.index, bridge, op.vlan, keeps_default=op.keeps_default)
    if not port.up:
        socket.do(links.NEW, links.set_up(port.index))


def _is_inside(members: dict[int, int], op: ServeGateways) -> bool:
    """Say whether a port in those VLANs has the op's as its own; beside that the first pod's word counts."""
    return op.vlan is not None and members.get(op.vlan) == nl.ACCESS


def _leads_there(namespaces: Namespaces, op: ServeGateways, link: LinkInfo, bridge: LinkInfo) -> bool:
    """Say whether a link that somebody else has made leads into the VLAN: a pair, or an 802.1Q device on the bridge."""
    if link.kind == "vlan":
        return (link.below, link.tag) == (bridge.index, op.vlan)
    port = _port(namespaces, link)
    return port is not None and port.master == bridge.index and op.vlan in port_vlans.found(namespaces, port.index)


def _port(namespaces: Namespaces, link: LinkInfo) -> LinkInfo | None:
    """Return the other end of a pair whose ends are both the node's."""
    body = namespaces.socket(None).get(links.GET, links.by_index(link.below)) if link.kind == "veth" else None
    port = links.parse(body) if body is not None else None
    return port if port is not None and (port.kind, port.below) == ("veth", link.index) else None
