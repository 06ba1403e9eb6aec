"""What makes a link a bond, and what the kernel says of one, as bytes and values (IFLA_BOND_*, linux/if_link.h).

No I/O.
"""

from __future__ import annotations

from podberth.cni.value import value
from podberth.linux.netlink import codec, links
from podberth.linux.netlink.codec import nested, text, u32

KIND = "bond"
_NAME, _MTU, _LINKINFO, _GROUP = 3, 4, 18, 27  # IFLA_*
_INFO_KIND, _INFO_DATA = 1, 2
_MODE, _MIIMON, _FAIL_OVER_MAC, _XMIT, _ALL_ACTIVE, _TLB_DYNAMIC = 1, 3, 13, 14, 17, 27  # IFLA_BOND_*
_HEADER = 16  # bytes of struct ifinfomsg
# The numbers of BOND_MODE_*, of BOND_XMIT_POLICY_* (linux/if_bonding.h) and of fail_over_mac.
MODES = ("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb")
XMIT_HASH_POLICIES = ("layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac")
FAIL_OVER_MACS = ("none", "active", "follow")


@value
class BondInfo:
    """What a bond is set to, in the words of ip-link(8); a number that has no word here is shown as it is."""

    mode: str
    miimon: int
    fail_over_mac: str
    xmit_hash_policy: str
    all_slaves_active: bool
    tlb_dynamic_lb: bool


def bond(name: str, mtu: int | None, said: dict[str, object]) -> bytes:
    """A bond that is down yet; `said`: options of BondInfo, the mode among them."""
    data = [_option(name, wanted) for name, wanted in said.items()]
    kind = nested(_LINKINFO, text(_INFO_KIND, KIND), nested(_INFO_DATA, *data))
    size = u32(_MTU, mtu) if mtu is not None else b""
    return bytes(_HEADER) + text(_NAME, name) + u32(_GROUP, links.GROUP) + size + kind


def parse(body: bytes) -> BondInfo | None:
    """Read a bond's options out of an RTM_NEWLINK; None of any other link."""
    info = codec.attributes(codec.attributes(body[_HEADER:]).get(_LINKINFO, b""))
    if codec.string(info.get(_INFO_KIND)) != KIND:
        return None
    data = codec.attributes(info.get(_INFO_DATA, b""))

    def word(kind: int, words: tuple[str, ...]) -> str:
        number = codec.number(data.get(kind))
        return words[number] if number < len(words) else str(number)

    return BondInfo(
        mode=word(_MODE, MODES),
        miimon=codec.number(data.get(_MIIMON)),
        fail_over_mac=word(_FAIL_OVER_MAC, FAIL_OVER_MACS),
        xmit_hash_policy=word(_XMIT, XMIT_HASH_POLICIES),
        all_slaves_active=codec.number(data.get(_ALL_ACTIVE)) == 1,
        tlb_dynamic_lb=codec.number(data.get(_TLB_DYNAMIC)) == 1,
    )


def _option(name: str, wanted: object) -> bytes:
    if name == "miimon":
        return u32(_MIIMON, int(str(wanted)))
    if isinstance(wanted, bool):
        return codec.attribute(
            {"all_slaves_active": _ALL_ACTIVE, "tlb_dynamic_lb": _TLB_DYNAMIC}[name], bytes((wanted,))
        )
    kind, words = {
        "mode": (_MODE, MODES),
        "fail_over_mac": (_FAIL_OVER_MAC, FAIL_OVER_MACS),
        "xmit_hash_policy": (_XMIT, XMIT_HASH_POLICIES),
    }[name]
    return codec.attribute(kind, bytes((words.index(str(wanted)),)))
