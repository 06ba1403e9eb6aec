"""The `ptp` type: a veth pair whose end on the node is the pod's gateway, with a host route to the pod. Pure.

Its keys and results are those of the plugin of that name (github.com/containernetworking/plugins, plugins/main/ptp).
"""

from __future__ import annotations

from ipaddress import ip_interface, ip_network

from podberth.cni.errors import InvalidConfig
from podberth.cni.value import replace, value
from podberth.net import adopted as theirs
from podberth.net import ops
from podberth.net.addresses import Addresses
from podberth.net.keys import IP_MASQ, IP_MASQ_BACKEND, MTU
from podberth.net.masquerade import masquerading
from podberth.net.plan import Made, Plan
from podberth.net.pod_side import announcement, inside, link_name, own_or, pinned, routed
from podberth.net.seen import require_sender_rules, sender_rules
from podberth.net.settings import Settings, Standalone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cni.call import Call
    from podberth.cni.fields import Fields
    from podberth.cni.keys import Key
    from podberth.net.endpoint import Endpoint
    from podberth.net.ops import Address, Network, Op
    from podberth.net.seen import Query, Seen
    from podberth.net.step import Step

TYPES: tuple[str, ...] = ("ptp",)
ADDRESSES = Addresses.IPAM
SETTINGS = MAC = False
_HOST, _LINK = 254, 253  # RT_SCOPE_*, linux/rtnetlink.h
KEYS: tuple[Key, ...] = (IP_MASQ, IP_MASQ_BACKEND, MTU)


@value
class Conf(Standalone):
    """`masquerade`: what leaves the subnet has the node's address. The MTU is in `settings`."""

    masquerade: bool = False
    settings: Settings = Settings()


def configure(fields: Fields) -> Conf:
    """Return the configuration. InvalidConfig names the key at fault; without an IPAM plugin there is no gateway."""
    ipam = fields.child("ipam")
    if ipam is None or not ipam.said("type"):
        raise InvalidConfig("ipam.type: required: the node's end has the gateway's address", "name an IPAM plugin")
    IP_MASQ_BACKEND.of(fields)
    return Conf(masquerade=IP_MASQ.of(fields), settings=Settings(mtu=MTU.of(fields)))


def asks(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> tuple[Query, ...]:
    """Return nothing: a pair of links depends on nothing, but for rules about what comes in by it."""
    del conf, call, seen
    return sender_rules(endpoint.settings)


def plan(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> Plan:
    """Return what has to be done for the endpoint. InvalidConfig if an address has no gateway."""
    del call
    require_sender_rules(endpoint.settings, seen)
    host, size = link_name("pb", endpoint.attachment), endpoint.settings.mtu
    return Plan(
        ops=tuple(_ops(conf, endpoint, host)),
        interfaces=(Made(name=host, mtu=size), Made(name=endpoint.attachment.ifname, netns=endpoint.netns, mtu=size)),
    )


def adopted(call: Call) -> tuple[Step, ...]:
    """Return what the CNI project's plugin has made for the call's attachment, if it did."""
    nodes = theirs.nodes_links(call)
    return (*theirs.masqueraded(call), *theirs.link(call, "veth", host=nodes[0].name if nodes else ""))


def _ops(conf: Conf, endpoint: Endpoint, host: str) -> Iterator[Op]:
    gateways = _gateways(endpoint)
    for version in dict.fromkeys(address.version for address in endpoint.addresses):
        yield ops.EnableForwarding(version=version)
    if conf.masquerade:
        yield from masquerading(endpoint)  # before the link, and gone after it: nothing leaves as it is
    ifname, mac = endpoint.attachment.ifname, own_or(endpoint) if endpoint.settings.anti_spoofing else None
    yield ops.CreateVeth(name=host, netns=endpoint.netns, ifname=ifname, mac=mac, mtu=endpoint.settings.mtu)
    yield from pinned(endpoint, host, (mac or "",), node=True)
    # A pod that sends router advertisements would give the node a route.
    yield ops.WriteSysctl(netns=None, key=f"net/ipv6/conf/{host}/accept_ra", value="0", optional=True)
    yield ops.SetLinkUp(netns=None, ifname=host)
    for gateway in dict.fromkeys(gateways):
        yield ops.AddAddress(netns=None, ifname=host, address=ip_interface(gateway))
    for address in dict.fromkeys(each.ip for each in endpoint.addresses):
        yield ops.AddRoute(netns=None, ifname=host, dst=ip_network(address), scope=_HOST)
    yield from _pods_end(endpoint, gateways)
    yield from announcement(endpoint)


def _pods_end(endpoint: Endpoint, gateways: tuple[Address, ...]) -> Iterator[Op]:
    """Plan the pod's end: every neighbour, also one in its subnet, is behind the gateway, which alone is on the link.

    The addresses come without a route to their subnets. So there is never a moment in which one leads to the link.
    """
    for op in inside(replace(endpoint, settings=replace(endpoint.settings, routes=()))):
        yield replace(op, connected=False) if isinstance(op, ops.AddAddress) else op
    netns, ifname = endpoint.netns, endpoint.attachment.ifname
    done: set[Network] = set()
    for address, gateway in zip(endpoint.addresses, gateways, strict=True):
        link = ip_network(gateway)
        if link not in done:
            yield ops.AddRoute(netns=netns, ifname=ifname, dst=link, scope=_LINK, source=address.ip)
        if address.network not in done and address.network.prefixlen < address.max_prefixlen:
            yield ops.AddRoute(netns=netns, ifname=ifname, dst=address.network, gw=gateway, source=address.ip)
        done.update((link, address.network))
    yield from routed(endpoint)


def _gateways(endpoint: Endpoint) -> tuple[Address, ...]:
    found = []
    for address, gateway in zip(endpoint.addresses, endpoint.gateways, strict=True):
        if gateway is None:
            raise InvalidConfig(
                f"ipam: no gateway for {address}, and the node's end has to have that of each address",
                "say `gateway` in the IPAM plugin's configuration",
            )
        if gateway == address.ip:
            raise InvalidConfig(f"ipam: {address} is its own gateway", "say another address as `gateway`")
        found.append(gateway)
    return tuple(found)
