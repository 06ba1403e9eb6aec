"""VLANs of a bridge's ports, a part of the family `bridges`."""

from __future__ import annotations

from podberth.linux.netlink import links
from podberth.linux.netlink import port_vlans as nl
from podberth.net.ops.bridges import ranges
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.linux.namespaces import Namespaces
    from podberth.linux.netlink.links import LinkInfo


def give(
    namespaces: Namespaces, port: int, bridge: LinkInfo, vlan: int | None, trunk: tuple[str, ...] = (),
    *, keeps_default: bool,
) -> None:  # fmt: skip
    """Put a new port into its VLANs; without any it stays where the bridge has put it.

    That is the bridge's default VLAN: 1, or what the operator has chosen, or none. Who is tagged in the very VLAN of
    what is untagged is in it tagged alone; without one named, what is untagged is in VLAN 1 whatever else is said.
    """
    if vlan is None and not trunk:
        return
    socket, tagged = namespaces.socket(None), ranges(trunk)
    if bridge.default_vlan not in (0, vlan) and not keeps_default:
        socket.do(links.DEL, nl.of_port(port, [(bridge.default_vlan, bridge.default_vlan)], 0))
    if vlan is not None:
        socket.do(links.SET, nl.of_port(port, [(vlan, vlan)], nl.ACCESS))
    if tagged:
        socket.do(links.SET, nl.of_port(port, tagged, 0))
    if vlan is None:
        socket.do(links.SET, nl.of_port(port, [(1, 1)], nl.ACCESS))


def wanted(default: int, vlan: int | None, trunk: tuple[str, ...] = (), *, keeps_default: bool) -> dict[int, int]:
    """Return what `give` brings about: the port's VLANs with their flags."""
    members = {default: nl.UNTAGGED} if default and keeps_default else {}
    if vlan is not None:
        members[vlan] = nl.ACCESS
    members |= {each: 0 for first, last in ranges(trunk) for each in range(first, last + 1)}
    if vlan is None:
        members[1] = nl.ACCESS
    return members


def drifts(namespaces: Namespaces, port: LinkInfo, members: dict[int, int]) -> Iterator[Drift]:
    """Compare the port's VLANs with what they should be."""
    now = found(namespaces, port.index)
    if now != members:
        yield Drift(what=port.name, field="vlan", wanted=shown(members), found=shown(now))


def found(namespaces: Namespaces, index: int) -> dict[int, int]:
    """Return the VLANs of a port with their flags."""
    for body in namespaces.socket(None).dump(links.GET, nl.every()):
        port, members = nl.parse(body)
        if port == index:
            return members
    return {}


def shown(members: dict[int, int]) -> str:
    """Return VLANs for people: ranges of neighbours that are alike."""
    said: list[list[int]] = []
    for vlan in sorted(members):
        if said and vlan == said[-1][1] + 1 and members[vlan] == members[said[-1][0]]:
            said[-1][1] = vlan
        else:
            said.append([vlan, vlan])
    return ", ".join(_range(first, last, members[first]) for first, last in said) or "none"


def _range(first: int, last: int, flags: int) -> str:
    how = {nl.ACCESS: " untagged", nl.UNTAGGED: " untagged outwards", nl.PVID: " untagged inwards"}.get(flags, "")
    return f"{first}{how}" if first == last else f"{first}-{last}{how}"
