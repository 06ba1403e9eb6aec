"""The `bridge` type: a veth pair whose end on the node is a port of a bridge. Pure.

Its keys and results are those of the plugin of that name (github.com/containernetworking/plugins, plugins/main/bridge).
"""

from __future__ import annotations

from ipaddress import ip_interface

from podberth.cni import parsers
from podberth.cni.errors import InvalidConfig, UnsupportedField
from podberth.cni.keys import BOOLEAN, LIST, NUMBER, TEXT, Key
from podberth.cni.keys import read as read_keys
from podberth.cni.result import EVERYTHING, Route
from podberth.cni.value import replace, value
from podberth.net import adopted as theirs
from podberth.net import ops
from podberth.net.addresses import Addresses
from podberth.net.endpoint import Probing, by_gateways, first_gateways
from podberth.net.keys import IP_MASQ, IP_MASQ_BACKEND, MTU
from podberth.net.masquerade import masquerading
from podberth.net.ops.bridges import gateway_link
from podberth.net.plan import Made, Plan
from podberth.net.pod_side import announcement, inside, link_name, own_mac, require_within
from podberth.net.seen import FILTER_VLANS, LinkNamed
from podberth.net.settings import Settings, Standalone, Vlan
from podberth.net.step import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cni.call import Call
    from podberth.cni.fields import Fields
    from podberth.net.endpoint import Endpoint
    from podberth.net.ops import Address, Interface, Op
    from podberth.net.seen import Query, Seen

TYPES: tuple[str, ...] = ("bridge",)
ADDRESSES = Addresses.IPAM
SETTINGS = False
MAC = True
CARRIER_MS = 2500  # as long as the CNI project's plugin waits for its port


_SWITCHES = (
    ("isGateway", "The bridge has the gateway's address; the first of the subnet, if the IPAM plugin names none."),
    ("isDefaultGateway", "The same, and the pod's default route is by it."),
    ("forceAddress", "An address of the bridge that is in the gateway's way is replaced."),
    ("hairpinMode", "The bridge sends frames back out of the port that they came in by."),
    ("promiscMode", "The bridge itself takes every frame."),
    ("enabledad", "It is made sure that nobody else on the bridge has the pod's IPv6 addresses."),
    ("disableContainerInterface", "The pod's link stays down. There is no IPAM plugin then."),
    ("portIsolation", "The port exchanges nothing with other ports that are isolated."),
    ("preserveDefaultVlan", "Beside `vlan` and `vlanTrunk` the port stays in the VLAN that the bridge puts it into."),
    ("macspoofchk", "What the pod sends with another MAC than its own is dropped."),
)
KEYS: tuple[Key, ...] = (
    Key(name="bridge", kind=TEXT, read=parsers.ifname, default="cni0", what="The bridge. It is made if it is missing."),
    *(Key(name=name, kind=BOOLEAN, read=parsers.boolean, default=False, what=what) for name, what in _SWITCHES),
    IP_MASQ,
    IP_MASQ_BACKEND,
    MTU,
    Key(name="vlan", kind=NUMBER, read=parsers.integer(0, 4094), default=0, what="The port's VLAN. 0 is none."),
    Key(
        name="vlanTrunk", kind=LIST, read=parsers.members,
        what="VLANs that are tagged on the port: `id`, or `minID` to `maxID`. Untagged is `vlan`, or else 1.",
    ),
)  # fmt: skip
_TAG = parsers.integer(1, 4094)
_LONGEST = 127  # bytes of a chain's name (linux/netfilter/nf_tables.h, NFT_CHAIN_MAXNAMELEN)


@value
class Conf(Standalone):
    """`addressed`: there is an IPAM plugin. MTU, VLAN and a MAC of `args.cni` are in `settings`.

    `trunk`: as `ops.JoinBridge` has it. `filters`: a bridge that is made keeps VLANs apart.
    """

    parent: str
    addressed: bool
    settings: Settings = Settings()
    gateway: bool = False
    default: bool = False
    force: bool = False
    masquerade: bool = False
    hairpin: bool = False
    promiscuous: bool = False
    isolated: bool = False
    probe: bool = False
    down: bool = False
    trunk: tuple[str, ...] = ()
    filters: bool = False
    keeps_default: bool = False
    pinned: bool = False


def configure(fields: Fields) -> Conf:
    """Return the configuration. InvalidConfig names the key at fault."""
    said, trunk = read_keys(fields, KEYS), _trunk(fields)
    ipam = fields.child("ipam")
    addressed = ipam is not None and ipam.said("type")
    if addressed and said["disableContainerInterface"]:
        raise fields.fail("disableContainerInterface", "has no meaning beside `ipam`", "leave one of them out")
    if said["hairpinMode"] and said["promiscMode"]:
        raise fields.fail("promiscMode", "has no meaning beside hairpinMode", "leave one of them out")
    gateway = addressed and (said["isGateway"] or said["isDefaultGateway"])
    own = f"{said['bridge']}.{said['vlan']}"
    if gateway and said["vlan"] and len(own.encode()) > parsers.IFNAMSIZ:
        complaint = f"the gateway's link would be called {own}, and {parsers.IFNAMSIZ} bytes is all it may have"
        raise fields.fail("isGateway", complaint, "give the bridge a shorter name")
    return Conf(
        parent=said["bridge"],
        addressed=addressed,
        settings=Settings(
            mac=_mac(fields), mtu=said["mtu"], vlan=Vlan(id=said["vlan"]) if said["vlan"] else None
        ),
        gateway=gateway,
        default=addressed and said["isDefaultGateway"],
        force=said["forceAddress"],
        masquerade=addressed and said["ipMasq"],
        hairpin=said["hairpinMode"],
        promiscuous=said["promiscMode"],
        isolated=said["portIsolation"],
        probe=said["enabledad"],
        down=said["disableContainerInterface"],
        trunk=trunk,
        filters=bool(said["vlan"]) or fields.raw.get("vlanTrunk") is not None,
        keeps_default=said["preserveDefaultVlan"],
        pinned=said["macspoofchk"],
    )  # fmt: skip


def asks(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> tuple[Query, ...]:
    """Return what the plan depends on: the bridge, and if it has to be made, whether it can keep VLANs apart."""
    del call
    bridge, filters = LinkNamed(name=conf.parent), conf.filters or endpoint.settings.vlan is not None
    if not filters or bridge not in seen or seen.link(bridge.name) is not None:
        return (bridge,)
    return bridge, FILTER_VLANS


def plan(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> Plan:
    """Return what has to be done for the endpoint, and the gateways and routes that follow from the configuration."""
    vlan = (endpoint.settings.vlan.id or None) if endpoint.settings.vlan is not None else None
    _require(conf, vlan, seen)
    end = _routed(conf, endpoint)
    made = seen.link(conf.parent) is None
    host, size = link_name("pb", endpoint.attachment), endpoint.settings.mtu
    join = ops.JoinBridge(
        link=host,
        bridge=conf.parent,
        vlan_filtering=bool(vlan or conf.trunk) or (conf.filters and made and seen.can(FILTER_VLANS)),
        vlan=vlan,
        trunk=conf.trunk,
        keeps_default=conf.keeps_default and bool(vlan or conf.trunk),
        hairpin=conf.hairpin,
        bridge_mtu=size,
        promiscuous=conf.promiscuous,
        isolated=conf.isolated,
        tended=True,
    )
    pods = Made(name=endpoint.attachment.ifname, netns=endpoint.netns, mtu=size)
    serve = _serve(conf, end, join)
    gateway = (Made(name=gateway_link(serve)),) if serve is not None and serve.vlan is not None else ()
    return Plan(
        ops=tuple(_ops(conf, end, join, serve, _wished_mac(call, endpoint))),
        interfaces=(Made(name=conf.parent), Made(name=host, mtu=size), pods, *gateway),
        addressed=2,
        end=end,
    )


def adopted(call: Call) -> tuple[Step, ...]:
    """Return what the CNI project's plugin has made for the call's attachment, if it did."""
    nodes, owner = theirs.nodes_links(call), f"{call.container_id}-{call.ifname}"
    bridge, host = (nodes[0].name, nodes[1].name) if len(nodes) > 1 else ("", "")
    return (
        *theirs.masqueraded(call),
        Step(op=ops.AdoptSpoofCheck(owner=owner)),
        *theirs.link(call, "veth", host=host, bridge=bridge),
    )


def _serve(conf: Conf, end: Endpoint, join: ops.JoinBridge) -> ops.ServeGateways | None:
    """Plan the gateways, of the bridge or of its VLAN. None if there are none."""
    if conf.gateway and end.on_link:  # the ledger has given the gateways, which may be anywhere
        for address, gateway in zip(end.addresses, end.gateways, strict=True):
            if gateway is not None:
                require_within(gateway, address.network)
    gateways = _served(end) if conf.gateway else ()
    if not gateways:
        return None
    return ops.ServeGateways(
        port=join.link,
        bridge=join.bridge,
        gateways=gateways,
        force=conf.force,
        vlan=join.vlan,
        vlan_port=link_name("pb", f"{join.bridge}.{join.vlan}") if join.vlan is not None else "",
        keeps_default=join.keeps_default,
    )


def _ops(
    conf: Conf, end: Endpoint, join: ops.JoinBridge, serve: ops.ServeGateways | None, mac: str | None
) -> Iterator[Op]:
    netns, ifname, host = end.netns, end.attachment.ifname, join.link
    for version in dict.fromkeys(gateway.version for gateway in serve.gateways) if serve is not None else ():
        yield ops.EnableForwarding(version=version)
    if conf.masquerade:
        yield from masquerading(end)  # before the link, and gone after it: nothing leaves as it is
    if conf.pinned:
        mac = mac or own_mac(end.attachment)
        yield _pin(end, host, mac)  # before the link too, and gone after it
    yield ops.CreateVeth(name=host, netns=netns, ifname=ifname, mac=mac, mtu=end.settings.mtu)
    yield join
    if serve is not None:
        yield serve
    yield ops.SetLinkUp(netns=None, ifname=host)
    if conf.down:
        return
    probing = Probing(probes=1, interval_ms=1000, versions=(6,)) if conf.probe else None  # RFC 4862 section 5.1
    yield from inside(replace(end, probing=probing))
    if end.addresses:
        yield from announcement(end)
    else:
        yield ops.AwaitCarrier(netns=None, ifname=host, milliseconds=CARRIER_MS)


def _pin(end: Endpoint, port: str, mac: str) -> ops.PinMac:
    owner = f"{end.attachment.container_id}-{end.attachment.ifname}"
    if end.attachment.ifname.endswith("-mac"):
        raise InvalidConfig(
            f"macspoofchk: the chain of an interface {end.attachment.ifname!r} would be that of another one's MAC",
            "have the runtime name the interface without `-mac` at the end",
        )
    if len(f"cni-br-iface-{owner}-mac".encode()) > _LONGEST:
        raise InvalidConfig(
            f"macspoofchk: the chain of {owner} would have a longer name than {_LONGEST} bytes",
            "leave it out, or have the runtime give shorter container IDs",
        )
    return ops.PinMac(port=port, mac=mac, owner=owner)


def _trunk(fields: Fields) -> tuple[str, ...]:
    """Return the VLANs of `vlanTrunk`, neighbours as one range. The document's error names the member at fault."""
    chosen: set[int] = set()
    for member in fields.children("vlanTrunk"):
        if any(member.raw.get(end) is not None for end in ("minID", "maxID")):
            low, high = (member.required(end, _TAG) for end in ("minID", "maxID"))
            if high < low:
                raise member.fail("maxID", f"expected at least {low}, as minID is, got {high}")
            chosen.update(range(low, high + 1))
        if member.raw.get("id") is not None:
            chosen.add(member.required("id", _TAG))
    starts = (tag for tag in sorted(chosen) if tag - 1 not in chosen)
    ends = (tag for tag in sorted(chosen) if tag + 1 not in chosen)
    return tuple(str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True))


def _require(conf: Conf, vlan: int | None, seen: Seen) -> None:
    """Refuse a link of the bridge's name that is none, and a bridge that can't keep the VLANs apart."""
    there = seen.link(conf.parent)
    if there is not None and there.kind != "bridge":
        raise InvalidConfig(
            f"bridge: {conf.parent} is no bridge but a {there.kind or 'physical'} link", "name another, or none"
        )
    if vlan is None and not conf.trunk:
        return
    key, what = ("vlan", f"VLAN {vlan}") if vlan is not None else ("vlanTrunk", f"VLAN {conf.trunk[0]}")
    if there is not None and not there.vlan_filtering:
        raise InvalidConfig(
            f"{key}: bridge {conf.parent} does not filter VLANs: {what} would reach every port of it",
            f"`ip link set {conf.parent} type bridge vlan_filtering 1`, or name another bridge",
        )
    if there is None and not seen.can(FILTER_VLANS):
        raise UnsupportedField(
            f"{key}: this node's kernel has no bridges that filter VLANs, {what} can't be kept apart",
            "leave it out, or use another kernel",
        )


def _routed(conf: Conf, endpoint: Endpoint) -> Endpoint:
    """Return the endpoint with the gateways and default routes that `isGateway` and `isDefaultGateway` mean."""
    gateways = tuple(
        _first(address) if gateway is None and conf.gateway else gateway
        for address, gateway in zip(endpoint.addresses, endpoint.gateways, strict=True)
    )
    ways = first_gateways(gateways)
    told = endpoint.told if endpoint.told is not None else endpoint.settings.routes or ()
    more = tuple(
        Route(dst=EVERYTHING[version], gw=ways[version])
        for version in dict.fromkeys(address.version for address in endpoint.addresses)
        if conf.default and EVERYTHING[version] not in [route.dst for route in told if route.gw is not None]
    )
    routes = by_gateways(endpoint.settings.routes or (), ways)
    # A default route that the IPAM plugin leaves without a gateway is the same one.
    routes = tuple(dict.fromkeys((*routes, *more)))
    return replace(endpoint, gateways=gateways, settings=replace(endpoint.settings, routes=routes), told=(*told, *more))


def _served(end: Endpoint) -> tuple[Interface, ...]:
    pairs = zip(end.addresses, end.gateways, strict=True)
    return tuple(dict.fromkeys(ip_interface(f"{gateway}/{address.network.prefixlen}") for address, gateway in pairs))


def _first(address: Interface) -> Address:
    return address.network.network_address + 1


def _mac(fields: Fields) -> str | None:
    args = fields.child("args")
    cni = args.child("cni") if args is not None else None
    return cni.optional("mac", parsers.mac) if cni is not None else None


def _wished_mac(call: Call, endpoint: Endpoint) -> str | None:
    """Return the pod's MAC: that of runtimeConfig, of args.cni, of CNI_ARGS, in this order."""
    found = endpoint.settings.mac
    if found is not None and found == call.pod_args.mac and call.conf.runtime_config.mac is None:
        return _mac(call.conf.fields) or found
    return found
