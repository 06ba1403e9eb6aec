"""What is planned alike for every kind of device: the pod's end of it. Pure: values to ops."""

from __future__ import annotations

from podberth.cni.errors import InvalidConfig, UnsupportedField
from podberth.net import ops

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from podberth.cni.pod import Attachment
    from podberth.cni.result import Route
    from podberth.net.endpoint import Endpoint
    from podberth.net.ops import Address, Network, Op
    from podberth.net.settings import Settings


def link_name(prefix: str, attachment: Attachment | str) -> str:
    """Return the node-side name of an attachment's link, or one for a text: `prefix` and 12 characters.

    They depend on nothing else. Container IDs are the runtime's, not the pod's, so nobody can aim at a collision;
    should one happen, making the link fails and nothing else is touched.
    """
    number, digits = _number(attachment), ""
    while len(digits) < 12:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return prefix + digits


def own_mac(attachment: Attachment | str) -> str:
    """Return a locally administered MAC that depends on the attachment, or text, alone: of 2^40 that there may be."""
    return "02:" + (_number(attachment) % 2**40).to_bytes(5, "big").hex(":")


def _number(attachment: Attachment | str) -> int:
    """Return the text modulo the prime 2^61 - 1."""
    return int.from_bytes(str(attachment).encode(), "big") % (2**61 - 1)


def inside(endpoint: Endpoint, *, neighbours: bool = True, carrier_ms: int = 0, over: str = "") -> Iterator[Op]:
    """Plan what is done to the link inside the pod: sysctls, up, addresses, routes; then gateways may be asked for.

    `neighbours`: it speaks ARP or NDP. `carrier_ms`: how long it may take to get a carrier; 0: it has one at once.
    `over`: the node's link that it stands on, for messages.
    """
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
    if carrier_ms:
        yield ops.AwaitCarrier(netns=netns, ifname=ifname, milliseconds=carrier_ms)
    if endpoint.probing and neighbours:
        for address in endpoint.addresses:
            if address.version not in endpoint.probing.versions:
                continue
            yield ops.ProbeAddress(
                netns=netns,
                ifname=ifname,
                address=address.ip,
                probes=endpoint.probing.probes,
                interval_ms=endpoint.probing.interval_ms,
            )
    for address in endpoint.addresses:
        yield ops.AddAddress(netns=netns, ifname=ifname, address=address)
    yield from routed(endpoint, neighbours=neighbours)
    if neighbours:
        yield from _asked(endpoint, over)


def _asked(endpoint: Endpoint, over: str) -> Iterator[Op]:
    """Plan the question for each gateway, by an address whose gateway it is."""
    asking = endpoint.asking
    pairs = zip(endpoint.addresses, endpoint.gateways, strict=True) if asking is not None else ()
    for address, gateway in pairs:
        if gateway is not None and asking is not None:
            yield ops.AskGateway(
                netns=endpoint.netns,
                ifname=endpoint.attachment.ifname,
                over=over,
                source=address.ip,
                gateway=gateway,
                probes=asking.probes,
                interval_ms=asking.interval_ms,
            )


def routed(endpoint: Endpoint, *, neighbours: bool = True) -> Iterator[Op]:
    """Plan the routes inside the pod, a part of `inside`. `neighbours` as there. Those to the link come first."""
    networks = [address.network for address in endpoint.addresses]
    for route in sorted(endpoint.settings.routes or (), key=_is_by_gateway):
        yield ops.AddRoute(
            netns=endpoint.netns,
            ifname=endpoint.attachment.ifname,
            dst=route.dst,
            gw=route.gw if neighbours else None,
            mtu=route.mtu,
            advmss=route.advmss,
            priority=route.priority,
            table=route.table,
            scope=route.scope,
            on_link=endpoint.on_link and neighbours and not _reachable(route.gw, networks),
        )


def _is_by_gateway(route: Route) -> bool:
    return route.gw is not None


def _reachable(gateway: Address | None, networks: Sequence[Network]) -> bool:
    """Say whether a link with addresses of these networks reaches the gateway by them, or as each link does."""
    return (
        gateway is None
        or (gateway.version == 6 and gateway.is_link_local)
        or any(gateway in network for network in networks)
    )


def require_within(gateway: Address, network: Network) -> None:
    """Refuse to have a bridge be a gateway that is outside of its subnet. InvalidConfig."""
    if gateway not in network:
        raise InvalidConfig(
            f"isGateway: the pool's gateway {gateway} is not in {network}, and the node would know no way to the pods",
            "name a gateway in the subnet, or leave isGateway out",
        )


def refuse(settings: Settings, device: str, *more: str) -> None:
    """Refuse settings that only a virtual function has, and `more`, of a standard type. UnsupportedField names one."""
    for name in ("vlan", "spoofchk", "trust", "link_state", "anti_spoofing", *more):
        wanted = getattr(settings, name)
        if wanted is not None and not (name == "anti_spoofing" and not wanted):
            said = {"link_state": "linkState", "anti_spoofing": "antiSpoofing"}.get(name, name)
            raise UnsupportedField(
                f"{said}: a {device} interface has no such setting", "leave it out, or give the pod another kind"
            )


def own_or(endpoint: Endpoint) -> str | None:
    """Return the MAC that is declared; one of the attachment's own where it has to be known what the pod sends as."""
    settings = endpoint.settings
    return settings.mac or (own_mac(endpoint.attachment) if settings.anti_spoofing else None)


def pinned(
    endpoint: Endpoint, link: str, macs: tuple[str, ...], *, node: bool = False, any_link_local: bool = False
) -> Iterator[Op]:
    """Plan that what the link sends has these MACs and the endpoint's addresses as the sender's, if that is asked for.

    `node`: it is the node's end of a pair, and what the pod sends comes in there.
    """
    if endpoint.settings.anti_spoofing:
        yield ops.PinSender(
            netns=None if node else endpoint.netns,
            link=link,
            owner=link_name("ps", f"{endpoint.attachment} {link}"),
            addresses=tuple(address.ip for address in endpoint.addresses),
            own_macs=macs,
            any_link_local=any_link_local,
        )


def listed(endpoint: Endpoint, parent: str) -> Iterator[Op]:
    """Plan that the addresses may be sent from over the link that an ipvlan stands on."""
    if endpoint.addresses:
        yield ops.ListSenders(
            parent=parent,
            owner=link_name("ps", endpoint.attachment),
            addresses=endpoint.addresses,
            pinned=bool(endpoint.settings.anti_spoofing),
        )


def limits(endpoint: Endpoint, *, egress: bool = True) -> Iterator[Op]:
    """Plan limits inside the pod: its link has no end of its own on the node's side. `egress`: this way too."""
    rates, netns, ifname = endpoint.settings.rates, endpoint.netns, endpoint.attachment.ifname
    if egress and rates and rates.egress:
        yield ops.LimitTransmit(netns=netns, ifname=ifname, mbit=rates.egress)
    if rates and rates.ingress:
        ifb = link_name("pi", endpoint.attachment)
        yield ops.LimitReceive(netns=netns, ifname=ifname, ifb=ifb, mbit=rates.ingress)


def announcement(endpoint: Endpoint) -> Iterator[Op]:
    """Plan the word to the neighbours that the addresses are here now."""
    addresses = tuple(address.ip for address in endpoint.addresses)
    if addresses:
        yield ops.Announce(netns=endpoint.netns, ifname=endpoint.attachment.ifname, addresses=addresses)
