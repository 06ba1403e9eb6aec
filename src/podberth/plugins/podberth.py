"""The `podberth` type: a veth pair on a bridge, macvlan, ipvlan; virtual functions as `sriov` plans them. Pure."""

from __future__ import annotations

from ipaddress import ip_interface

from podberth.cni import parsers
from podberth.cni.errors import InvalidConfig, Unfit, UnsupportedField
from podberth.cni.keys import BOOLEAN, TEXT, Key
from podberth.cni.value import replace, value
from podberth.net import bonding, master, ops
from podberth.net.addresses import Addresses
from podberth.net.keys import IP_MASQ, VF
from podberth.net.masquerade import masquerading
from podberth.net.ops.parts import vlan_name
from podberth.net.plan import Made, Plan
from podberth.net.pod_side import announcement, inside, limits, link_name, listed, own_or, pinned, require_within
from podberth.net.seen import (
    FILTER_VLANS,
    VLAN_DEVICES,
    LinkNamed,
    lists_senders,
    require_sender_rules,
    sender_rules,
    senders_at,
)
from podberth.net.settings import VLAN_PROTOCOLS, Settings
from podberth.plugins import sriov

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cni.call import Call
    from podberth.cni.fields import Fields
    from podberth.net.endpoint import Endpoint
    from podberth.net.ops import Interface, Op
    from podberth.net.seen import Query, Seen
    from podberth.net.vf import Selector

TYPES: tuple[str, ...] = ("podberth",)
ADDRESSES = Addresses.LEDGER
SETTINGS = MAC = True
KINDS = ("bridge", "macvlan", "ipvlan", "sriov", "bond")
MODES = {"macvlan": ("bridge", "private", "vepa", "passthru"), "ipvlan": ("l2", "l3", "l3s")}
DEVICE = Key(name="device", kind=TEXT, read=parsers.choice(*KINDS), default="bridge", what="The kind of interface.")
BRIDGE = Key(
    name="bridge", kind=TEXT, read=parsers.ifname, default="podberth0", what="The bridge. It is made if it is missing."
)
PARENT = Key(
    name="parent", kind=TEXT, read=parsers.ifname, required=True, what="The link below a macvlan or ipvlan, or the PF."
)
HAIRPIN = Key(
    name="hairpin", kind=BOOLEAN, read=parsers.boolean, default=False,
    what="The bridge sends frames back out of the port that they came in by.",
)  # fmt: skip
IS_GATEWAY = Key(
    name="isGateway",
    kind=BOOLEAN,
    read=parsers.boolean,
    default=False,
    what="The bridge has the pool's gateway address.",
)
IS_DEFAULT = replace(IS_GATEWAY, name="isDefaultGateway", what="The same: the default route is by the gateway anyway.")
MODE = Key(
    name="mode", kind=TEXT,
    read=parsers.choice(*(mode for modes in (*MODES.values(), bonding.MODES) for mode in modes)),
    what="The mode of a macvlan or ipvlan, or of a bond.",
)  # fmt: skip
KEYS: tuple[Key, ...] = (
    DEVICE,
    BRIDGE,
    PARENT,
    MODE,
    HAIRPIN,
    IS_GATEWAY,
    IS_DEFAULT,
    IP_MASQ,
    VF,
    *bonding.OF_FUNCTIONS,
)
# Keys of Go's bridge plugin that keep pods apart, or change what a port lets through: ignored, nobody would miss them.
_OF_BRIDGE = {
    "hairpinMode": "say `hairpin`",
    "macspoofchk": "use type `bridge`, or device 'sriov' with `spoofchk`",
    "portIsolation": "use type `bridge`",
    "vlanTrunk": "use type `bridge`",
    "promiscMode": "leave it out: a bridge of podberth's needs no such mode",
}


@value
class Conf:
    """The keys of a network configuration that say how a pod's interface is made.

    `kind`: 'bridge', 'macvlan' or 'ipvlan'. `parent`: the bridge's name, or the link a macvlan or ipvlan stands on.
    `gateway`: the bridge has the pool's gateway address. `masquerade`: what leaves the subnet has the node's address.
    `foreign`: a key of another plugin's that an ADD is refused for; STATUS, and pods that run, are not.
    """

    kind: str
    parent: str
    mode: str = ""
    hairpin: bool = False
    gateway: bool = False
    masquerade: bool = False
    vf: Selector | None = None
    settings: Settings = Settings()
    foreign: str = ""
    members: int = 1

    @property
    def stands_on(self) -> tuple[str, ...]:
        """The link that a macvlan or ipvlan stands on; a bridge is made where there is none."""
        return () if self.kind == "bridge" else (self.parent,)


def configure(fields: Fields) -> Conf | sriov.Conf:
    """Read the plugin's own keys of a network configuration; InvalidConfig names the one at fault."""
    kind = DEVICE.of(fields)
    if kind in ("sriov", "bond"):
        return sriov.configure(fields)
    bonding.refuse(fields, kind)
    if fields.said("vf"):
        raise fields.fail("vf", f"has no meaning for device {kind!r}", "leave it out, or set device to 'sriov'")
    if kind == "bridge":
        for key in ("parent", "mode"):
            if fields.said(key):
                raise fields.fail(key, "has no meaning for device 'bridge'", "leave it out, or set device")
        return Conf(
            kind=kind,
            foreign=next((key for key in _OF_BRIDGE if fields.said(key)), ""),
            parent=BRIDGE.of(fields),
            hairpin=HAIRPIN.of(fields),
            # The default route is by the gateway already, unless `routes` are said: both keys come to the same.
            gateway=IS_GATEWAY.of(fields) | IS_DEFAULT.of(fields),
            masquerade=IP_MASQ.of(fields),
        )
    sriov.refuse_routing(fields, kind)
    for key in ("bridge", "hairpin"):
        if fields.said(key):
            raise fields.fail(key, f"has no meaning for device {kind!r}", "leave it out, or set device to 'bridge'")
    modes = MODES[kind]
    return Conf(
        kind=kind,
        parent=PARENT.of(fields),
        mode=fields.get("mode", parsers.choice(*modes), modes[0]),
    )


def asks(conf: Conf | sriov.Conf, call: Call, endpoint: Endpoint, seen: Seen) -> tuple[Query, ...]:
    """Return what the plan depends on: the link below, and with a VLAN whether this kernel can keep it apart there."""
    if not isinstance(conf, Conf):
        return sriov.asks(conf, call, endpoint, seen)
    below = LinkNamed(name=endpoint.device or conf.parent)
    first: tuple[Query, ...] = (below, *sender_rules(endpoint.settings))
    if conf.kind == "ipvlan":
        first += (senders_at(_stands_on(conf, endpoint, seen), endpoint.settings),)
    if endpoint.settings.vlan is None or below not in seen:
        return first
    link = seen.link(below.name)
    if conf.kind == "bridge":
        return first if link is not None else (*first, FILTER_VLANS)
    return first if link is None else (*first, VLAN_DEVICES)


def plan(conf: Conf | sriov.Conf, call: Call, endpoint: Endpoint, seen: Seen) -> Plan:
    """Return what has to be done for the endpoint. UnsupportedField names what the device cannot carry."""
    if not isinstance(conf, Conf):
        return sriov.plan(conf, call, endpoint, seen)
    if conf.foreign:
        raise UnsupportedField(
            f"{conf.foreign}: is a key of the plugin `bridge`, and a network of type 'podberth' does nothing with it",
            _OF_BRIDGE[conf.foreign],
        )
    _refuse_settings_of_vfs(conf, endpoint.settings)
    require_sender_rules(endpoint.settings, seen)
    if conf.kind == "bridge":
        return _bridge(conf, endpoint, seen)
    make = {"macvlan": _macvlan, "ipvlan": _ipvlan}[conf.kind]
    return Plan(ops=tuple(make(conf, endpoint, seen)), interfaces=(_pods(endpoint),))


def _pods(endpoint: Endpoint) -> Made:
    return Made(name=endpoint.attachment.ifname, netns=endpoint.netns, mtu=endpoint.settings.mtu)


def _refuse_settings_of_vfs(conf: Conf, settings: Settings) -> None:
    vlan, rates = settings.vlan, settings.rates
    said = (
        ("vlan.priority", vlan.priority if vlan is not None and vlan.priority else None),
        ("vlan.proto", vlan.proto if vlan is not None and vlan.proto != VLAN_PROTOCOLS[0] else None),
        ("rates.minEgress", (rates.min_egress or None) if rates is not None else None),
        ("spoofchk", settings.spoofchk),
        ("trust", settings.trust),
        ("linkState", settings.link_state),
    )
    for name, wanted in said:
        if wanted is not None:
            raise UnsupportedField(
                f"{name}: a {conf.kind} device has no such setting, {wanted} can't be set",
                "leave it out, or give the pod a virtual function: device 'sriov'",
            )


def _bridge(conf: Conf, endpoint: Endpoint, seen: Seen) -> Plan:
    settings = endpoint.settings
    wanted = endpoint.device or conf.parent
    vlan = settings.vlan.id if settings.vlan and settings.vlan.id else None
    there = seen.link(wanted)
    if there is not None and there.kind != "bridge":
        raise InvalidConfig(
            f"bridge: {wanted} is no bridge but a {there.kind or 'physical'} link", "name another, or none"
        )
    filtering = there.vlan_filtering if there is not None else vlan is not None and seen.can(FILTER_VLANS)
    bridge = wanted if vlan is None or filtering else _suffixed(wanted, vlan, "bridge")
    host = link_name("pb", endpoint.attachment)
    filtered = filtering and bridge == wanted
    join = ops.JoinBridge(
        link=host,
        bridge=bridge,
        vlan_filtering=filtered,
        vlan=vlan if filtered else None,
        hairpin=conf.hairpin,
        gateways=_gateways(endpoint, vlan if filtered else None) if conf.gateway else (),
    )
    return Plan(
        ops=tuple(_on_bridge(conf, endpoint, join)),
        interfaces=(Made(name=bridge), Made(name=host, mtu=settings.mtu), _pods(endpoint)),
    )


def _on_bridge(conf: Conf, endpoint: Endpoint, join: ops.JoinBridge) -> Iterator[Op]:
    settings, ifname, netns, host = endpoint.settings, endpoint.attachment.ifname, endpoint.netns, join.link
    for version in dict.fromkeys(gateway.version for gateway in join.gateways):
        yield ops.EnableForwarding(version=version)
    if conf.masquerade:
        yield from masquerading(endpoint)  # before the link, and gone after it: nothing leaves as it is
    mac = own_or(endpoint)
    yield ops.CreateVeth(name=host, netns=netns, ifname=ifname, mac=mac, mtu=settings.mtu)
    yield from pinned(endpoint, host, (mac or "",), node=True)  # before its frames get anywhere
    yield join
    yield ops.SetLinkUp(netns=None, ifname=host)
    yield from inside(endpoint, over=join.bridge)
    rates = settings.rates
    if rates and rates.ingress:
        yield ops.LimitTransmit(netns=None, ifname=host, mbit=rates.ingress)
    if rates and rates.egress:
        yield ops.LimitReceive(netns=None, ifname=host, ifb=link_name("pi", endpoint.attachment), mbit=rates.egress)
    yield from announcement(endpoint)


def _gateways(endpoint: Endpoint, vlan: int | None) -> tuple[Interface, ...]:
    """Return what the bridge is to have; refuse where there is no such address, or the bridge could not answer."""
    if vlan is not None:
        raise UnsupportedField(
            f"isGateway: a bridge that filters VLANs has its own address untagged: no pod in VLAN {vlan} can reach it",
            "leave the VLAN out, or give these pods a router that is in it",
        )
    found = []
    for address, gateway in zip(endpoint.addresses, endpoint.gateways, strict=True):
        if gateway is None:
            raise InvalidConfig(
                f"isGateway: the pool has no gateway for {address.network}", "say `gateway` beside the subnet"
            )
        require_within(gateway, address.network)
        found.append(ip_interface(f"{gateway}/{address.network.prefixlen}"))
    return tuple(found)


def _macvlan(conf: Conf, endpoint: Endpoint, seen: Seen) -> Iterator[Op]:
    settings = endpoint.settings
    (parent, vlan), mac = _below(conf, endpoint, seen), own_or(endpoint)
    if vlan is None:
        yield from _pinned_at(parent, mac, endpoint)
    yield ops.CreateMacvlan(
        parent=parent,
        mode=conf.mode,
        netns=endpoint.netns,
        ifname=endpoint.attachment.ifname,
        vlan=vlan,
        mac=mac,
        mtu=settings.mtu,
    )
    if vlan is not None:  # on the VLAN's device, before the tag is on: that may be there only now
        yield from _pinned_at(_stands_on(conf, endpoint, seen), mac, endpoint)
    yield from pinned(endpoint, endpoint.attachment.ifname, (mac or "",))
    yield from inside(endpoint, over=parent)
    yield from limits(endpoint)
    yield from announcement(endpoint)


def _pinned_at(parent: str, mac: str | None, endpoint: Endpoint) -> Iterator[Op]:
    """Plan that what a macvlan sends is checked at the link that it stands on, if that is asked for."""
    if endpoint.settings.anti_spoofing and mac is not None:
        yield ops.PinSenderAtParent(
            parent=parent,
            owner=link_name("ps", endpoint.attachment),
            mac=mac,
            addresses=tuple(address.ip for address in endpoint.addresses),
        )


def _ipvlan(conf: Conf, endpoint: Endpoint, seen: Seen) -> Iterator[Op]:
    settings = endpoint.settings
    if settings.mac is not None:
        raise UnsupportedField(
            f"mac: an ipvlan interface has its parent's MAC, {settings.mac} can't be set",
            "leave the MAC out, or use device 'macvlan'",
        )
    parent, vlan = _below(conf, endpoint, seen)
    yield ops.CreateIpvlan(
        parent=parent,
        mode=conf.mode,
        netns=endpoint.netns,
        ifname=endpoint.attachment.ifname,
        vlan=vlan,
        mtu=settings.mtu,
    )
    below = _stands_on(conf, endpoint, seen)
    if lists_senders(below, settings, seen):
        yield from listed(endpoint, below)  # before the link is up
    link = seen.link(endpoint.device or conf.parent)
    macs = (link.mac,) if link is not None else ()
    yield from pinned(endpoint, endpoint.attachment.ifname, macs, any_link_local=True)
    yield from inside(endpoint, neighbours=conf.mode == "l2", over=parent)
    yield from limits(endpoint)
    if conf.mode == "l2":
        yield from announcement(endpoint)


def _stands_on(conf: Conf, endpoint: Endpoint, seen: Seen) -> str:
    """Return the name of the link that a macvlan or ipvlan stands on: with a VLAN the device of that.

    It is the link's own, not another that it goes by (`altname`): nf_tables knows no other.
    """
    name, vlan = endpoint.device or conf.parent, endpoint.settings.vlan
    if vlan is not None and vlan.id:
        return vlan_name(name, vlan.id)
    link = seen.link(name) if LinkNamed(name=name) in seen else None
    return link.name if link is not None else name


def _below(conf: Conf, endpoint: Endpoint, seen: Seen) -> tuple[str, int | None]:
    """Return the name of the link below a macvlan or ipvlan, and the VLAN on it; refuse what this node can't do."""
    name, vlan = endpoint.device or conf.parent, endpoint.settings.vlan
    link = seen.link(name)
    if link is None:
        raise Unfit(
            f"parent: this node has no link {name} now", "bring it up, or correct parent: see `ip link` for the names"
        )
    master.require_carried(endpoint.settings.mtu, link)
    if vlan is None or not vlan.id:
        return link.name, None
    if not seen.can(VLAN_DEVICES):
        raise UnsupportedField(
            f"vlan.id: this node's kernel has no 802.1Q devices, VLAN {vlan.id} can't be made on {name}",
            "load the module 8021q, or use device 'bridge'",
        )
    _suffixed(name, vlan.id, "parent")
    return name, vlan.id


def _suffixed(name: str, vlan: int, key: str) -> str:
    full = vlan_name(name, vlan)
    if len(full.encode()) > parsers.IFNAMSIZ:
        raise InvalidConfig(
            f"{key}: {name} is too long: with VLAN {vlan} it becomes {full}, over {parsers.IFNAMSIZ} bytes",
            "name a shorter one",
        )
    return full
