"""Bonds as configurations say them: modes, how members are looked after, whose MAC the bond has. Pure.

The words are the kernel's (Documentation/networking/bonding.rst, ip-link(8)); the keys are those of the plugin that
many networks with bonds were written for (github.com/k8snetworkplumbingwg/bond-cni, README.md).
"""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.errors import UnsupportedField
from podberth.cni.fields import shown
from podberth.cni.keys import ANY, NUMBER, TEXT, Key
from podberth.cni.value import replace
from podberth.net import ops
from podberth.net.pod_side import link_name, own_mac

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from podberth.cni.fields import Fields
    from podberth.net.ops import CreateBond, Op
    from podberth.net.vf import Vf

ACTIVE_BACKUP = "active-backup"
MODES = ("balance-rr", ACTIVE_BACKUP, "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb")
FAIL_OVER_MACS = ("none", "active", "follow")
XMIT_HASH_POLICIES = ("layer2", "layer2+3", "layer3+4", "encap2+3", "encap3+4", "vlan+srcmac")
MOST_MEMBERS = 8
_MOST_MS = 60_000
_BALANCED = ("balance-tlb", "balance-alb")
_HASHED = ("balance-xor", "802.3ad", "balance-tlb")


def _milliseconds(raw: object) -> int:
    """Return a number of milliseconds; that plugin has it as text."""
    if isinstance(raw, str) and raw.isascii() and raw.isdecimal() and len(raw) <= len(str(_MOST_MS)):
        raw = int(raw)
    try:
        return parsers.integer(1, _MOST_MS)(raw)
    except ValueError:
        raise ValueError(
            f"expected milliseconds 1..{_MOST_MS}, got {shown(raw)}; without them no carrier is looked at"
        ) from None


def _fail_over_mac(raw: object) -> str:
    """Return a word of FAIL_OVER_MACS; that plugin has its number."""
    if isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw < len(FAIL_OVER_MACS):
        return FAIL_OVER_MACS[raw]
    return parsers.choice(*FAIL_OVER_MACS)(raw)


def _switch(raw: object) -> bool:
    """Return a switch; that plugin has it as 0 or 1."""
    if isinstance(raw, int) and not isinstance(raw, bool) and raw in (0, 1):
        return bool(raw)
    raise ValueError(f"expected 0 or 1, got {shown(raw)}")


MODE = Key(
    name="mode", kind=TEXT, read=parsers.choice(*MODES), required=True, what="The mode of the kernel's bonding driver."
)
MEMBERS = Key(
    name="members", kind=NUMBER, read=parsers.integer(2, MOST_MEMBERS), default=2,
    what="How many virtual functions a bond has.",
)  # fmt: skip
MIIMON = Key(
    name="miimon", kind=ANY, read=_milliseconds, default=100,
    what="Every how many milliseconds the members' carriers are looked at.",
)  # fmt: skip
FAIL_OVER_MAC = Key(
    name="failOverMac", kind=ANY, read=_fail_over_mac,
    what="`none` (0): members have one MAC. `active` (1): the bond has its active member's. `follow` (2).",
)  # fmt: skip
XMIT_HASH_POLICY = Key(
    name="xmitHashPolicy", kind=TEXT, read=parsers.choice(*XMIT_HASH_POLICIES),
    what="Which fields of a packet choose the member that sends it.",
)  # fmt: skip
ALL_SLAVES_ACTIVE = Key(
    name="allSlavesActive", kind=NUMBER, read=_switch, what="1: what members receive that are not active counts too."
)
TLB_DYNAMIC_LB = Key(
    name="tlbDynamicLb", kind=NUMBER, read=_switch, what="0: flows stay where they are in balance-tlb and balance-alb."
)
OF_FUNCTIONS = (MEMBERS, MIIMON, FAIL_OVER_MAC, XMIT_HASH_POLICY)  # of a bond of virtual functions
KEYS: tuple[Key, ...] = (MODE, MIIMON, FAIL_OVER_MAC, XMIT_HASH_POLICY, ALL_SLAVES_ACTIVE, TLB_DYNAMIC_LB)


def one_mac(bond: CreateBond) -> bool:
    """Say whether all members have one MAC: so it is in each mode but active-backup, whatever is said there."""
    return bond.mode != ACTIVE_BACKUP or bond.fail_over_mac in ("", FAIL_OVER_MACS[0])


def parse(fields: Fields, mode: str) -> CreateBond:
    """Return the op that makes the bond, but for where. InvalidConfig names the key that is wrong, or has no meaning in
    the mode.
    """
    for key, modes in ((TLB_DYNAMIC_LB, _BALANCED), (XMIT_HASH_POLICY, _HASHED)):
        if fields.said(key.name) and mode not in modes:
            raise fields.fail(
                key.name, f"has no meaning in mode {mode!r}", f"leave it out: it is of {', '.join(modes)}"
            )
    found = ops.CreateBond(
        netns="",
        ifname="",
        mode=mode,
        miimon=MIIMON.of(fields),
        fail_over_mac=FAIL_OVER_MAC.of(fields) or "",
        xmit_hash_policy=XMIT_HASH_POLICY.of(fields) or "",
        all_slaves_active=ALL_SLAVES_ACTIVE.of(fields),
        tlb_dynamic_lb=TLB_DYNAMIC_LB.of(fields),
    )
    if mode != ACTIVE_BACKUP and found.fail_over_mac not in ("", FAIL_OVER_MACS[0]):
        raise fields.fail(
            FAIL_OVER_MAC.name, f"has no meaning in mode {mode!r}", f"leave it out, or use {ACTIVE_BACKUP}"
        )
    return found


def parse_of_functions(fields: Fields) -> CreateBond:
    """Do as `parse` for a bond of virtual functions, which is an active-backup one if nobody says otherwise.

    It has the MAC of its active member then: no other way do functions of the passive port's card reach it.
    """
    mode: str = fields.get(MODE.name, MODE.read, ACTIVE_BACKUP)
    found = parse(fields, mode)
    if found.fail_over_mac == "follow":
        raise fields.fail(
            FAIL_OVER_MAC.name, "'follow' has members exchange their MACs, and a virtual function's is its PF's word",
            "use 'active'",
        )  # fmt: skip
    default = "active" if mode == ACTIVE_BACKUP else ""
    return replace(found, fail_over_mac=found.fail_over_mac or default)


def refuse(fields: Fields, device: str) -> None:
    """Refuse what is said of a bond where there is none; the document's error names the key."""
    for key in OF_FUNCTIONS:
        if fields.said(key.name):
            raise fields.fail(
                key.name, f"has no meaning for device {device!r}", "leave it out, or set device to 'bond'"
            )


def macs_of(bond: CreateBond, mac: str | None, vfs: Sequence[Vf]) -> tuple[str | None, ...]:
    """Return which MAC each function has to have; None leaves it its own. UnsupportedField where that can't be.

    Where members have one MAC it is the one that is declared, or else the first function's. Otherwise the first has
    what is declared, and the next ones have MACs that follow from it.
    """
    if not one_mac(bond):
        return tuple(mac if mac is None or n == 0 else own_mac(f"{mac} {n}") for n in range(len(vfs)))
    if len({vf.pf_address for vf in vfs}) < len(vfs):
        raise UnsupportedField(
            f"failOverMac: members have one MAC in mode {bond.mode!r} as said, and {vfs[0]} would share it with"
            " another function of its PF, which sends to one of the two alone",
            "use mode 'active-backup' with failOverMac 'active', or name functions of different PFs",
        )
    return (mac or vfs[0].mac or None,) * len(vfs)


def member(ifname: str, n: int) -> str:
    """Return the name of a member in the pod, by the bond's; as short a one as the kernel wants."""
    name = f"{ifname}-{n}"
    return name if len(name.encode()) <= parsers.IFNAMSIZ else link_name(f"b{n}", ifname)


def made(bond: CreateBond, netns: str, ifname: str, mtu: int | None) -> Op:
    """Return the op that makes the bond there."""
    word = bond.fail_over_mac if bond.mode == ACTIVE_BACKUP else ""  # the kernel takes none in other modes
    return replace(bond, netns=netns, ifname=ifname, mtu=mtu, fail_over_mac=word)


def joined(netns: str, bond: str, links: Iterable[str]) -> Iterator[Op]:
    """Yield the ops by which links of the pod join it."""
    for link in links:
        yield ops.JoinBond(netns=netns, link=link, bond=bond)
