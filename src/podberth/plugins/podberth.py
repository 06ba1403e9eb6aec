"""The `podberth` type on ordinary Linux interfaces: a veth pair on a bridge, macvlan, ipvlan. Pure: values to plans."""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.errors import InvalidConfig, UnsupportedField
from podberth.cni.value import value
from podberth.net import ops

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cni.fields import Fields
    from podberth.cni.pod import Attachment
    from podberth.net.endpoint import Endpoint
    from podberth.net.facts import Facts
    from podberth.net.ops import Op

TYPE = "podberth"
MODES = {"macvlan": ("bridge", "private", "vepa", "passthru"), "ipvlan": ("l2", "l3", "l3s")}
IFNAMSIZ = 15  # bytes of an interface name without the final NUL (linux/if.h)


@value
class Conf:
    """The keys of a network configuration that say how a pod's interface is made.

    `kind`: 'bridge', 'macvlan' or 'ipvlan'. `parent`: the bridge's name, or the link a macvlan or ipvlan stands on.
    """

    kind: str
    parent: str
    mode: str = ""
    hairpin: bool = False


def configure(fields: Fields) -> Conf:
    """Read the plugin's own keys of a network configuration; InvalidConfig names the one at fault."""
    kind = fields.get("device", parsers.choice("bridge", "macvlan", "ipvlan"), "bridge")
    if kind == "bridge":
        for key in ("parent", "mode"):
            if fields.raw.get(key) is not None:
                raise fields.fail(key, "has no meaning for device 'bridge'", "leave it out, or set device")
        bridge = fields.get("bridge", parsers.ifname, "podberth0")
        return Conf(kind=kind, parent=bridge, hairpin=fields.get("hairpin", parsers.boolean, False))
    for key in ("bridge", "hairpin"):
        if fields.raw.get(key) is not None:
            raise fields.fail(key, f"has no meaning for device {kind!r}", "leave it out, or set device to 'bridge'")
    modes = MODES[kind]
    return Conf(
        kind=kind,
        parent=fields.required("parent", parsers.ifname),
        mode=fields.get("mode", parsers.choice(*modes), modes[0]),
    )


def plan(conf: Conf, endpoint: Endpoint, facts: Facts) -> tuple[Op, ...]:
    """Return what has to be done for the endpoint, in order. UnsupportedField names what the device cannot carry."""
    vlan = endpoint.settings.vlan
    if vlan is not None and vlan.priority:
        raise UnsupportedField(
            f"vlan.priority: a {conf.kind} device can't set 802.1p priority {vlan.priority}",
            "leave the priority out, or give the pod an SR-IOV device",
        )
    make = {"bridge": _bridge, "macvlan": _macvlan, "ipvlan": _ipvlan}[conf.kind]
    return tuple(make(conf, endpoint, facts))


def link_name(prefix: str, attachment: Attachment) -> str:
    """Return the node-side name of an attachment's link: `prefix` and 12 characters that depend on nothing else.

    The number is the attachment's text modulo the prime 2^61 - 1. Container IDs are the runtime's, not the pod's, so
    nobody can aim at a collision; should one happen, making the link fails and nothing else is touched.
    """
    number = int.from_bytes(str(attachment).encode(), "big") % (2**61 - 1)
    digits = ""
    while len(digits) < 12:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return prefix + digits


def _bridge(conf: Conf, endpoint: Endpoint, facts: Facts) -> Iterator[Op]:
    settings, ifname, netns = endpoint.settings, endpoint.attachment.ifname, endpoint.netns
    wanted = endpoint.device or conf.parent
    vlan = settings.vlan.id if settings.vlan and settings.vlan.id else None
    if facts.parent is not None and facts.parent.kind != "bridge":
        raise InvalidConfig(f"bridge: {wanted} is no bridge but a {facts.parent.kind or 'physical'} link")
    filtering = facts.parent.vlan_filtering if facts.parent else facts.bridge_vlan_filtering
    bridge = wanted if vlan is None or filtering else _suffixed(wanted, vlan, "bridge")
    host = link_name("pb", endpoint.attachment)
    yield ops.CreateVeth(name=host, netns=netns, ifname=ifname, mac=settings.mac, mtu=settings.mtu)
    filtered = filtering and bridge == wanted
    yield ops.JoinBridge(
        link=host, bridge=bridge, vlan_filtering=filtered, vlan=vlan if filtered else None, hairpin=conf.hairpin
    )
    yield ops.SetLinkUp(netns=None, ifname=host)
    yield from _pod_side(endpoint)
    rates = settings.rates
    if rates and rates.ingress:
        yield ops.LimitTransmit(netns=None, ifname=host, mbit=rates.ingress)
    if rates and rates.egress:
        yield ops.LimitReceive(netns=None, ifname=host, ifb=link_name("pi", endpoint.attachment), mbit=rates.egress)
    yield from _announcement(endpoint)


def _macvlan(conf: Conf, endpoint: Endpoint, facts: Facts) -> Iterator[Op]:
    settings = endpoint.settings
    parent, vlan = _below(conf, endpoint, facts)
    yield ops.CreateMacvlan(
        parent=parent,
        mode=conf.mode,
        netns=endpoint.netns,
        ifname=endpoint.attachment.ifname,
        vlan=vlan,
        mac=settings.mac,
        mtu=settings.mtu,
    )
    yield from _pod_side(endpoint)
    yield from _limits_in_pod(endpoint)
    yield from _announcement(endpoint)


def _ipvlan(conf: Conf, endpoint: Endpoint, facts: Facts) -> Iterator[Op]:
    settings = endpoint.settings
    if settings.mac is not None:
        raise UnsupportedField(
            f"mac: an ipvlan interface has its parent's MAC, {settings.mac} can't be set",
            "leave the MAC out, or use device 'macvlan'",
        )
    parent, vlan = _below(conf, endpoint, facts)
    yield ops.CreateIpvlan(
        parent=parent,
        mode=conf.mode,
        netns=endpoint.netns,
        ifname=endpoint.attachment.ifname,
        vlan=vlan,
        mtu=settings.mtu,
    )
    yield from _pod_side(endpoint, neighbours=conf.mode == "l2")
    yield from _limits_in_pod(endpoint)
    if conf.mode == "l2":
        yield from _announcement(endpoint)


def _below(conf: Conf, endpoint: Endpoint, facts: Facts) -> tuple[str, int | None]:
    """Return the link below a macvlan or ipvlan, and the VLAN on it; refuse what this node can't do."""
    name, vlan = endpoint.device or conf.parent, endpoint.settings.vlan
    if facts.parent is None:
        raise InvalidConfig(f"parent: this node has no link {name}", "see `ip link` for the names there are")
    if vlan is None or not vlan.id:
        return name, None
    if not facts.vlan_devices:
        raise UnsupportedField(
            f"vlan.id: this node's kernel has no 802.1Q devices, VLAN {vlan.id} can't be made on {name}",
            "load the module 8021q, or use device 'bridge'",
        )
    _suffixed(name, vlan.id, "parent")
    return name, vlan.id


def _suffixed(name: str, vlan: int, key: str) -> str:
    full = f"{name}.{vlan}"
    if len(full.encode()) > IFNAMSIZ:
        raise InvalidConfig(f"{key}: {name} is too long: with VLAN {vlan} it becomes {full}, over {IFNAMSIZ} bytes")
    return full


def _pod_side(endpoint: Endpoint, *, neighbours: bool = True) -> Iterator[Op]:
    netns, ifname, settings = endpoint.netns, endpoint.attachment.ifname, endpoint.settings
    if any(address.version == 6 for address in endpoint.addresses):
        # A node that disables IPv6 by default would refuse the address; a router on the wire would add one of its own.
        for key, content in (("disable_ipv6", "0"), ("accept_ra", "0"), ("autoconf", "0")):
            yield ops.WriteSysctl(netns=netns, key=f"net/ipv6/conf/{ifname}/{key}", value=content)
    for key, content in settings.sysctls or ():
        yield ops.WriteSysctl(
            netns=netns, key=(key if "/" in key else key.replace(".", "/")).replace("IFNAME", ifname), value=content
        )
    yield ops.SetLinkUp(netns=netns, ifname=ifname)
    if endpoint.probing and neighbours:
        for address in endpoint.addresses:
            yield ops.ProbeAddress(
                netns=netns,
                ifname=ifname,
                address=address.ip,
                probes=endpoint.probing.probes,
                interval_ms=endpoint.probing.interval_ms,
            )
    for address in endpoint.addresses:
        yield ops.AddAddress(netns=netns, ifname=ifname, address=address)
    for route in settings.routes or ():
        yield ops.AddRoute(
            netns=netns,
            ifname=ifname,
            dst=route.dst,
            gw=route.gw if neighbours else None,
            mtu=route.mtu,
            advmss=route.advmss,
            priority=route.priority,
            table=route.table,
            scope=route.scope,
        )


def _limits_in_pod(endpoint: Endpoint) -> Iterator[Op]:
    """Plan limits inside the pod: its link has no end of its own on the node's side."""
    rates, netns, ifname = endpoint.settings.rates, endpoint.netns, endpoint.attachment.ifname
    if rates and rates.egress:
        yield ops.LimitTransmit(netns=netns, ifname=ifname, mbit=rates.egress)
    if rates and rates.ingress:
        ifb = link_name("pi", endpoint.attachment)
        yield ops.LimitReceive(netns=netns, ifname=ifname, ifb=ifb, mbit=rates.ingress)


def _announcement(endpoint: Endpoint) -> Iterator[Op]:
    addresses = tuple(address.ip for address in endpoint.addresses)
    if addresses:
        yield ops.Announce(netns=endpoint.netns, ifname=endpoint.attachment.ifname, addresses=addresses)
