"""Requests about the VLANs that a bridge's port is in, and what the kernel says of them (linux/if_bridge.h). No I/O."""

from __future__ import annotations

from struct import Struct

from podberth.linux.netlink import codec
from podberth.linux.netlink.codec import nested, u32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PVID, UNTAGGED = 0x2, 0x4  # BRIDGE_VLAN_INFO_*: what comes untagged is in it; it is sent untagged
ACCESS = PVID | UNTAGGED
_BEGIN, _END = 0x8, 0x10  # BRIDGE_VLAN_INFO_RANGE_*
_INFO = Struct("=BxHiII")  # struct ifinfomsg: family, type, index, flags, change
_AF_BRIDGE = 7
_AF_SPEC, _EXT_MASK = 26, 29
_VLAN_INFO = 2  # IFLA_BRIDGE_VLAN_INFO
_FILTER = 0x4  # RTEXT_FILTER_BRVLAN_COMPRESSED: neighbours that are alike are one range


def of_port(index: int, vlans: Iterable[tuple[int, int]], flags: int) -> bytes:
    """bridge vlan add (RTM_SETLINK) or del (RTM_DELLINK): ranges, each from a first VLAN to a last one."""
    infos = (info for first, last in vlans for info in _range(first, last, flags))
    return _INFO.pack(_AF_BRIDGE, 0, index, 0, 0) + nested(_AF_SPEC, *infos)


def every() -> bytes:
    """bridge -compressvlans vlan show (a dump)."""
    return _INFO.pack(_AF_BRIDGE, 0, 0, 0, 0) + u32(_EXT_MASK, _FILTER)


def parse(body: bytes) -> tuple[int, dict[int, int]]:
    """Read one port of `every`: its index, and of each VLAN that it is in those flags that are in ACCESS."""
    _, _, index, _, _ = codec.header(_INFO, body)
    spec = codec.attributes(body[_INFO.size :]).get(_AF_SPEC, b"")
    members: dict[int, int] = {}
    first = 0
    for kind, content in codec.each_attribute(spec):
        if kind != _VLAN_INFO:
            continue
        flags, vlan = codec.number(content[:2]), codec.number(content[2:4])
        if flags & _BEGIN:
            first = vlan
            continue
        members |= dict.fromkeys(range(first if flags & _END else vlan, vlan + 1), flags & ACCESS)
    return index, members


def _range(first: int, last: int, flags: int) -> Iterator[bytes]:
    ends = [(first, flags)] if first == last else [(first, flags | _BEGIN), (last, flags | _END)]
    for vlan, said in ends:
        yield codec.attribute(_VLAN_INFO, said.to_bytes(2, "little") + vlan.to_bytes(2, "little"))
