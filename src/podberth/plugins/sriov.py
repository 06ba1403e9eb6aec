"""The `sriov` type: a virtual function of an SR-IOV card, configured by its PF and moved into the pod. Pure.

Its keys are those of podberth and, as they are, those of the plugin of that name that many networks were written for
(github.com/k8snetworkplumbingwg/sriov-cni, docs/configuration-reference.md).
"""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.errors import InvalidConfig, UnsupportedField
from podberth.cni.keys import NUMBER, TEXT, Key
from podberth.cni.value import replace, value
from podberth.net import bonding, ops, sriov_cni
from podberth.net.addresses import Addresses
from podberth.net.keys import VF
from podberth.net.plan import Made, Plan
from podberth.net.pod_side import announcement, inside, limits, pinned
from podberth.net.seen import require_sender_rules, sender_rules
from podberth.net.settings import LINK_STATES, VLAN_PROTOCOLS, Rates, Settings, Vlan
from podberth.net.settings_document import MAX_RATE
from podberth.net.step import Step
from podberth.net.vf import FunctionWanted, Selector
from podberth.net.vf_document import parse_selector

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cni.call import Call
    from podberth.cni.fields import Fields
    from podberth.net.endpoint import Endpoint
    from podberth.net.ops import Op
    from podberth.net.seen import Query, Seen
    from podberth.net.vf import Vf

TYPES: tuple[str, ...] = ("sriov",)
ADDRESSES = Addresses.IPAM
SETTINGS = MAC = True


def _protocol(raw: object) -> str:
    return parsers.choice(*VLAN_PROTOCOLS)(raw.lower() if isinstance(raw, str) else raw)


_RATE = parsers.integer(0, MAX_RATE)
DEVICE = Key(
    name="device", kind=TEXT, read=parsers.choice("sriov", "bond"), default="sriov",
    what="`bond`: a bond of several functions.",
)  # fmt: skip
PARENT = Key(name="parent", kind=TEXT, read=parsers.ifname, default="", what="The PF whose functions will do.")
DEVICE_ID = Key(
    name="deviceID", kind=TEXT, read=parsers.pci_addresses,
    what="The PCI address of the function; those of a bond's, with commas between.",
)  # fmt: skip
LINK_STATE = Key(
    name="link_state", kind=TEXT, read=parsers.choice(*LINK_STATES), what="`linkState`, as sriov-cni has it."
)
VLAN_QOS = Key(name="vlanQoS", kind=NUMBER, read=parsers.integer(0, 7), default=0, what="The VLAN's priority, 0..7.")
VLAN_PROTO = Key(
    name="vlanProto", kind=TEXT, read=_protocol, default=VLAN_PROTOCOLS[0],
    what="The VLAN's protocol: 802.1q or 802.1ad.",
)  # fmt: skip
MAX_TX = Key(name="max_tx_rate", kind=NUMBER, read=_RATE, what="Mbit/s that the pod may send. 0 is no limit.")
MIN_TX = Key(name="min_tx_rate", kind=NUMBER, read=_RATE, what="Mbit/s that the pod is guaranteed.")
MODE = replace(bonding.MODE, required=False, default=bonding.ACTIVE_BACKUP)
KEYS: tuple[Key, ...] = (
    *(DEVICE, VF, PARENT, DEVICE_ID, LINK_STATE, VLAN_QOS, VLAN_PROTO, MAX_TX, MIN_TX, MODE),
    *bonding.OF_FUNCTIONS,
)
CARRIER_MS = 1000  # a driver brings the carrier up after the link; what is sent before is lost
_NONE = Vlan(id=0)


@value
class Conf:
    """`parent`: the PF whose functions will do, '' for any. `settings`: those said in the keys of sriov-cni alone.

    `master`: whether sriov-cni's old key names a PF. `bonding`: of a bond of `members` functions; None for a function
    alone.
    """

    vf: Selector
    parent: str = ""
    settings: Settings = Settings()
    master: bool = False
    bonding: ops.CreateBond | None = None
    members: int = 1

    @property
    def stands_on(self) -> tuple[str, ...]:
        """The PFs that are named, without '#' and the functions' indices."""
        return tuple(pf.partition("#")[0] for pf in self.vf.pfs) or ((self.parent,) if self.parent else ())


def configure(fields: Fields) -> Conf:
    """Read the plugin's own keys of a network configuration; InvalidConfig names the one at fault."""
    bonded = DEVICE.of(fields) == "bond"
    for key in ("bridge", "hairpin", *(() if bonded else ("mode",))):
        if fields.said(key):
            raise fields.fail(key, "has no meaning for a virtual function", "leave it out")
    refuse_routing(fields, TYPES[0])
    if not bonded:
        bonding.refuse(fields, DEVICE.default)
    if fields.said("link_state") and fields.said("linkState"):
        raise fields.fail("link_state", "is said by `linkState` too", "leave one of them out")
    return Conf(
        vf=parse_selector(fields) or Selector(),
        parent=PARENT.of(fields),
        master=fields.said("master"),
        bonding=bonding.parse_of_functions(fields) if bonded else None,
        members=bonding.MEMBERS.of(fields) if bonded else 1,
        settings=Settings(
            vlan=_vlan(fields),
            rates=_rates(fields),
            link_state=LINK_STATE.of(fields),
        ),
    )


def refuse_routing(fields: Fields, device: str) -> None:
    """Refuse what Go's bridge plugin has for nodes that are their pods' router; UnsupportedField names the key."""
    for key in ("ipMasq", "isGateway", "isDefaultGateway"):
        if fields.get(key, parsers.boolean, False):
            raise UnsupportedField(
                f"{key}: what a pod with device {device!r} sends goes out by the link below, never through the node",
                "leave it out, or set device to 'bridge'",
            )


def asks(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> tuple[Query, ...]:
    """Return which function it wants: all that the plan depends on. InvalidConfig for a `master` in place of one."""
    del seen
    given = _given(conf, call)
    if given and len(given) != conf.members:
        raise InvalidConfig(
            f"deviceID: names {len(given)} of the {conf.members} functions that the bond has: {', '.join(given)}",
            "have all of them named, as `podberth-networks` does; or none: `vf` says which functions will do",
        )
    if conf.master and not given:
        raise InvalidConfig("master: names no function: without deviceID any would do", "say `parent`, which is the PF")
    return (_wanted(conf, call, endpoint), *sender_rules(endpoint.settings))


def plan(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> Plan:
    """Return what has to be done for the endpoint. UnsupportedField names what the function can't carry."""
    vfs, ifname, netns = seen.functions(_wanted(conf, call, endpoint)), endpoint.attachment.ifname, endpoint.netns
    _refuse_senders(conf, call, endpoint.settings, vfs)
    require_sender_rules(endpoint.settings, seen)
    if conf.bonding is not None:
        return _bond(conf.bonding, endpoint, vfs)
    (vf,) = vfs
    made = Made(name=ifname, netns=netns, reads_mtu=True, pci_id=vf.address)
    if vf.userspace:
        made = Made(name=ifname, netns=netns, mac=endpoint.settings.mac or "", pci_id=vf.address, there=False)
    return Plan(ops=tuple(_ops(endpoint, vf)), interfaces=(made,))


def adopted(call: Call) -> tuple[Step, ...]:
    """Return what sriov-cni has made for the call, if it did: a file of its own has it."""
    path = sriov_cni.path_of(call.container_id, call.ifname)
    return (Step(op=ops.AdoptFunction(netns=call.netns, ifname=call.ifname, path=path)),)


def _wanted(conf: Conf, call: Call, endpoint: Endpoint) -> FunctionWanted:
    selector, pf = endpoint.functions or conf.vf, endpoint.device or conf.parent
    return FunctionWanted.of_pf(selector, pf, _given(conf, call), conf.members)


def _given(conf: Conf, call: Call) -> tuple[str, ...]:
    """Return the functions that came with the call. InvalidConfig for several that are for no bond."""
    if conf.bonding is not None:
        return call.device_ids
    return () if call.device_id is None else (call.device_id,)


def _bond(said: ops.CreateBond, endpoint: Endpoint, vfs: tuple[Vf, ...]) -> Plan:
    """Plan a bond of functions: each is configured by its PF as one alone would be, and the bond has the addresses."""
    ifname, netns, settings = endpoint.attachment.ifname, endpoint.netns, endpoint.settings
    for vf in vfs:
        if vf.userspace:
            raise UnsupportedField(
                f"device: {vf} is driven by {vf.driver} and has no interface that could be bonded",
                "say which functions have one: `vf: {driver: ...}`",
            )
    declared = bonding.macs_of(said, settings.mac, vfs)
    each = tuple((vf, _known(settings, vf, mac)) for vf, mac in zip(vfs, declared, strict=True))
    macs = tuple(dict.fromkeys(mac for _, mac in each if mac is not None))
    names = tuple(bonding.member(ifname, n) for n in range(len(vfs)))
    planned = (
        *(_configure(settings, vf, mac) for vf, mac in each),
        bonding.made(said, netns, ifname, settings.mtu),
        *(
            ops.MoveVf(device=vf.address, link=vf.link, netns=netns, ifname=name, mac=mac, mtu=settings.mtu)
            for (vf, mac), name in zip(each, names, strict=True)
        ),
        *(op for name in names for op in pinned(endpoint, name, macs)),
        *bonding.joined(netns, ifname, names),
        *_in_pod(endpoint, ", ".join(dict.fromkeys(vf.pf for vf in vfs))),
    )
    members = (Made(name=name, netns=netns, pci_id=vf.address) for vf, name in zip(vfs, names, strict=True))
    return Plan(ops=planned, interfaces=(Made(name=ifname, netns=netns, reads_mtu=True), *members), addressed=0)


def _ops(endpoint: Endpoint, vf: Vf) -> Iterator[Op]:
    settings, netns, ifname = endpoint.settings, endpoint.netns, endpoint.attachment.ifname
    mac = _known(settings, vf, settings.mac)
    yield _configure(settings, vf, mac)
    if vf.userspace:
        return
    yield ops.MoveVf(device=vf.address, link=vf.link, netns=netns, ifname=ifname, mac=mac, mtu=settings.mtu)
    yield from pinned(endpoint, ifname, (mac,) if mac else ())
    yield from _in_pod(endpoint, vf.pf)


def _known(settings: Settings, vf: Vf, mac: str | None) -> str | None:
    """Return the MAC that the PF is told; where senders are checked the function's own, so that it stays that."""
    return mac or (vf.mac or None if settings.anti_spoofing else None)


def _refuse_senders(conf: Conf, call: Call, settings: Settings, vfs: tuple[Vf, ...]) -> None:
    """Refuse what contradicts that senders are checked, or what can't be checked."""
    if not settings.anti_spoofing:
        return
    by_dhcp = call.conf.ipam is not None and call.conf.ipam.raw.get("type") == "dhcp"
    lacp = conf.bonding is not None and conf.bonding.mode == "802.3ad"
    said = (
        ("spoofchk", settings.spoofchk is False, "'off' lets any MAC through"),
        ("trust", settings.trust is True, "'on' lets the pod change its MAC"),
        ("ipam.type", by_dhcp, "'dhcp' asks without an address, and may give another one later"),
        ("mode", lacp, "'802.3ad' sends what is neither ARP nor IP"),
        ("antiSpoofing", any(vf.userspace for vf in vfs), "a process drives the function, and no rule is in its way"),
    )
    for name, contradicts, why in said:
        if contradicts:
            raise UnsupportedField(f"{name}: {why}, and antiSpoofing is declared", "leave one of the two out")


def _configure(settings: Settings, vf: Vf, mac: str | None) -> Op:
    vlan, rates = settings.vlan or _NONE, settings.rates or Rates()
    _refuse(settings, rates, vf)
    return ops.ConfigureVf(
        device=vf.address,
        pf=vf.pf,
        index=vf.index,
        vlan=vlan.id,
        qos=vlan.priority,
        proto=vlan.proto,
        mac=mac,
        max_tx_rate=rates.egress,
        min_tx_rate=rates.min_egress,
        spoofchk=True if settings.anti_spoofing else settings.spoofchk,
        trust=settings.trust,
        link_state=settings.link_state,
        userspace=vf.userspace,
    )


def _in_pod(endpoint: Endpoint, over: str) -> Iterator[Op]:
    netns, ifname = endpoint.netns, endpoint.attachment.ifname
    for key in (
        f"ipv4/conf/{ifname}/arp_notify",
        f"ipv6/conf/{ifname}/ndisc_notify",
        f"ipv6/conf/{ifname}/optimistic_dad",
    ):
        yield ops.WriteSysctl(netns=netns, key=f"net/{key}", value="1", optional=True)
    yield from inside(endpoint, carrier_ms=CARRIER_MS, over=over)
    yield from limits(endpoint, egress=False)
    yield from announcement(endpoint)


def _refuse(settings: Settings, rates: Rates, vf: Vf) -> None:
    if rates.egress and rates.min_egress and rates.min_egress > rates.egress:
        raise InvalidConfig(
            f"rates.minEgress (min_tx_rate): {rates.min_egress} Mbit/s are more than rates.egress (max_tx_rate),"
            f" {rates.egress} Mbit/s",
            "lower the first, or raise the second",
        )
    if not vf.userspace:
        return
    for name, wanted in (("rates.ingress", rates.ingress), ("sysctls", settings.sysctls or None)):
        if wanted is not None:
            raise UnsupportedField(
                f"{name}: {vf} is driven by {vf.driver} and has no interface that could be told {wanted}",
                "leave it out for pods with such a function",
            )


def _vlan(fields: Fields) -> Vlan | None:
    """Read `vlan` as a number, with vlanQoS and vlanProto beside it; an object has a priority and proto of its own."""
    beside = [key for key in ("vlanQoS", "vlanProto") if fields.said(key)]
    if not beside:
        return None
    if not isinstance(fields.raw.get("vlan"), int):
        raise fields.fail(beside[0], "needs `vlan` beside it, as a number of 1..4094")
    found = Vlan(
        id=fields.required("vlan", parsers.integer(0, 4094)),
        priority=VLAN_QOS.of(fields),
        proto=VLAN_PROTO.of(fields),
    )
    if not found.id and (found.priority or found.proto != VLAN_PROTOCOLS[0]):
        at_fault = "vlanQoS" if found.priority else "vlanProto"
        raise fields.fail(at_fault, "says nothing about untagged frames", "name a `vlan` of 1..4094, or leave it out")
    return found


def _rates(fields: Fields) -> Rates | None:
    """Read max_tx_rate and min_tx_rate (Mbit/s; 0 is no limit, and takes away one that is there)."""
    said = [key for key in ("max_tx_rate", "min_tx_rate") if fields.raw.get(key) is not None]
    if not said:
        return None
    if fields.raw.get("rates") is not None:
        raise fields.fail(said[0], "is said by `rates` too", "leave one of them out")
    most, least = MAX_TX.of(fields), MIN_TX.of(fields)
    if most and least and least > most:
        raise fields.fail("min_tx_rate", f"{least} Mbit/s are more than max_tx_rate, {most} Mbit/s")
    return Rates(egress=most, min_egress=least)
