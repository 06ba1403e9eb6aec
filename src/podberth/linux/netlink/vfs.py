"""A PF's word about its virtual functions, as bytes and values (linux/if_link.h, IFLA_VFINFO_LIST). No I/O.

The kernel collects the whole list from the driver each time it is asked: ask only where it is needed.
"""

from __future__ import annotations

from struct import Struct

from podberth.cni.value import value
from podberth.linux.netlink import codec
from podberth.linux.netlink.codec import attribute, nested, u32

SET = 19  # RTM_SETLINK

_INFO = Struct("=BxHiII")  # struct ifinfomsg
_EXT_MASK, _VFINFO_LIST = 29, 22
_VF_INFO = 1
(_MAC, _VLAN, _SPOOFCHK, _LINK_STATE, _RATE, _STATS, _TRUST, _VLAN_LIST) = (1, 2, 4, 5, 6, 8, 9, 12)
_VLAN_INFO = 1
_FILTER_VF, _SKIP_STATS = 0x1, 0x8  # RTEXT_FILTER_*
_PAIR, _TRIPLE = Struct("=II"), Struct("=III")
_TAG = Struct("=III2s2x")  # struct ifla_vf_vlan_info
_TAGGED = 14  # bytes of it that count
_MAC_AT = slice(4, 10)
_MAC_LENGTH = 32  # of the array in struct ifla_vf_mac, MAX_ADDR_LEN
_UNKNOWN = 0xFFFFFFFF  # what a driver without the setting leaves in it
_PROTOCOLS = {b"\x81\x00": "802.1q", b"\x88\xa8": "802.1ad"}
_STATES = {0: "auto", 1: "enable", 2: "disable"}
_COUNTERS = {0: "rx_packets", 1: "tx_packets", 2: "rx_bytes", 3: "tx_bytes", 4: "broadcast", 5: "multicast"}
_COUNTERS |= {7: "rx_dropped", 8: "tx_dropped"}


@value
class VfInfo:
    """A function's settings; rates in Mbit/s, 0 without a limit. None: the driver has no such setting."""

    index: int
    mac: str
    vlan: int = 0
    qos: int = 0
    proto: str = "802.1q"
    max_tx_rate: int | None = None
    min_tx_rate: int | None = None
    spoofchk: bool | None = None
    trust: bool | None = None
    link_state: str | None = None


def ask(pf: int) -> bytes:
    """ip -details link show, of the PF with that index: the settings of its VFs, without their counters."""
    return _INFO.pack(0, 0, pf, 0, 0) + u32(_EXT_MASK, _FILTER_VF | _SKIP_STATS)


def ask_counters(pf: int) -> bytes:
    """ip -statistics link show, with the counters of the VFs."""
    return _INFO.pack(0, 0, pf, 0, 0) + u32(_EXT_MASK, _FILTER_VF)


def parse(body: bytes) -> dict[int, VfInfo]:
    """Read the answer to `ask`: the functions' settings by index. ValueError if it is cut short."""
    return {found.index: found for found in map(_vf, _members(body))}


def parse_counters(body: bytes) -> dict[int, dict[str, int]]:
    """Read the answer to `ask_counters`: each function's counters by name."""
    found: dict[int, dict[str, int]] = {}
    for member in _members(body):
        counted = codec.attributes(member.get(_STATS, b""))
        index, _ = codec.header(_PAIR, member[_SPOOFCHK])
        found[index] = {name: codec.number(counted.get(kind)) for kind, name in _COUNTERS.items()}
    return found


def set_vlan(pf: int, vf: int, vlan: int, qos: int, proto: str) -> bytes:
    """ip link set PF vf N vlan VLAN qos QOS proto PROTO; VLAN 0 is untagged."""
    if proto == "802.1q":
        return _set(pf, attribute(_VLAN, _TRIPLE.pack(vf, vlan, qos)))
    (protocol,) = (wire for wire, name in _PROTOCOLS.items() if name == proto)
    return _set(pf, nested(_VLAN_LIST, attribute(_VLAN_INFO, _TAG.pack(vf, vlan, qos, protocol))))


def set_mac(pf: int, vf: int, mac: str) -> bytes:
    """ip link set PF vf N mac MAC; all zeroes leaves the choice to the function's own driver."""
    packed = bytes.fromhex(mac.replace(":", ""))
    return _set(pf, attribute(_MAC, vf.to_bytes(4, "little") + packed.ljust(_MAC_LENGTH, b"\0")))


def set_rate(pf: int, vf: int, least: int, most: int) -> bytes:
    """ip link set PF vf N min_tx_rate LEAST max_tx_rate MOST (Mbit/s); 0 is none."""
    return _set(pf, attribute(_RATE, _TRIPLE.pack(vf, least, most)))


def set_spoofchk(pf: int, vf: int, *, on: bool) -> bytes:
    """ip link set PF vf N spoofchk on."""
    return _set(pf, attribute(_SPOOFCHK, _PAIR.pack(vf, on)))


def set_trust(pf: int, vf: int, *, on: bool) -> bytes:
    """ip link set PF vf N trust on."""
    return _set(pf, attribute(_TRUST, _PAIR.pack(vf, on)))


def set_link_state(pf: int, vf: int, state: str) -> bytes:
    """ip link set PF vf N state STATE."""
    (code,) = (code for code, name in _STATES.items() if name == state)
    return _set(pf, attribute(_LINK_STATE, _PAIR.pack(vf, code)))


def _members(body: bytes) -> list[dict[int, bytes]]:
    codec.header(_INFO, body)
    listed = codec.attributes(body[_INFO.size :]).get(_VFINFO_LIST, b"")
    return [codec.attributes(content) for kind, content in codec.each_attribute(listed) if kind == _VF_INFO]


def _vf(found: dict[int, bytes]) -> VfInfo:
    mac = found[_MAC]
    if len(mac) < _MAC_AT.stop:
        raise ValueError(f"struct ifla_vf_mac of {len(mac)} bytes")
    index, vlan, qos = codec.header(_TRIPLE, found[_VLAN])
    tagged = codec.attributes(found.get(_VLAN_LIST, b"")).get(_VLAN_INFO)
    _, least, most = codec.header(_TRIPLE, found[_RATE]) if _RATE in found else (0, None, None)
    state = _pair(found, _LINK_STATE)
    return VfInfo(
        index=index,
        mac=mac[_MAC_AT].hex(":"),
        vlan=vlan,
        qos=qos,
        proto=_protocol(tagged) if tagged is not None else "802.1q",
        min_tx_rate=least,
        max_tx_rate=most,
        spoofchk=_switch(found, _SPOOFCHK),
        trust=_switch(found, _TRUST),
        link_state=_STATES.get(state) if state is not None else None,
    )


def _protocol(tagged: bytes) -> str:
    *_, wire = _TAG.unpack(tagged.ljust(_TAG.size, b"\0")) if len(tagged) >= _TAGGED else (b"",)
    if wire not in _PROTOCOLS and wire != b"\0\0":
        raise ValueError(f"VLAN protocol {wire.hex()} in {len(tagged)} bytes")
    return _PROTOCOLS.get(wire, "802.1q")


def _pair(found: dict[int, bytes], kind: int) -> int | None:
    if kind not in found:
        return None
    _, setting = codec.header(_PAIR, found[kind])
    return None if setting == _UNKNOWN else setting


def _switch(found: dict[int, bytes], kind: int) -> bool | None:
    setting = _pair(found, kind)
    return None if setting is None else bool(setting)


def _set(pf: int, setting: bytes) -> bytes:
    return _INFO.pack(0, 0, pf, 0, 0) + nested(_VFINFO_LIST, nested(_VF_INFO, setting))
