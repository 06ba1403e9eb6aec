"""From what was resolved to what is asked of ledger and kernel: addresses wanted, the endpoint around them. Pure."""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv6Interface

from podberth.cni.errors import Refused
from podberth.cni.result import EVERYTHING, Route
from podberth.cni.value import replace
from podberth.ipam.lease import Wanted
from podberth.ipam.pool import ConflictDetection
from podberth.net.endpoint import Endpoint, Probing, by_gateways

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.cni.pod import Attachment
    from podberth.ipam.pool import Pool, Subnet
    from podberth.net.ops import Address, Interface
    from podberth.policy.precedence import Resolved

MAC_FROM_ADDRESS = "fromAddress"


def wanted(resolved: Resolved) -> tuple[Wanted, ...]:
    """Return the claim's part: every named address, and of the other families one of those that the pod's Deployment
    has, or any of the pool. For a pod that refers to an IPAMClaim those are the claim's."""
    pool, named = resolved.pool, {address.version for address in resolved.addresses}
    if resolved.claim is not None:
        said: dict[int, Address] = {address.version: address for address in resolved.claim.ips}
        return tuple(
            Wanted(pool=pool.name, family=family, address=said.get(family), owner=resolved.claim.owner)
            for family in pool.families
        )
    exact = tuple(Wanted(pool=pool.name, family=a.version, address=a) for a in resolved.addresses)
    shares = {share.addresses[0].version: share.owner for share in resolved.shares}
    named.update(shares)
    exact += tuple(Wanted(pool=pool.name, family=family, owner=owner) for family, owner in shares.items())
    return exact + tuple(Wanted(pool=pool.name, family=f) for f in pool.families if f not in named)


def may_take_another(resolved: Resolved, address: Address) -> bool:
    """Say whether an address that a host answers for may be replaced by another of the pool."""
    detection = resolved.pool.conflict_detection
    named = resolved.addresses if resolved.claim is None else (*resolved.addresses, *resolved.claim.ips)
    return detection is not None and detection.on_conflict == "next" and address not in named


def endpoint(
    resolved: Resolved, attachment: Attachment, netns: str, addresses: Sequence[Address], *, probed: bool = False
) -> Endpoint:
    """Return the pod's end: its addresses with their subnets' prefixes, and the routes that follow from them.

    `probed`: the wire is asked for the addresses also where the pool does not have it so.
    """
    pool, check = resolved.pool, resolved.pool.gateway_check
    detection = pool.conflict_detection or (ConflictDetection() if probed else None)
    return Endpoint(
        attachment=attachment,
        netns=netns,
        addresses=tuple(_within(subnet_of(pool, a), a) for a in addresses),
        gateways=tuple(subnet_of(pool, a).gateway for a in addresses),
        settings=replace(
            resolved.settings, mac=mac_of(resolved.settings.mac, addresses), routes=routes(resolved, addresses)
        ),
        device=resolved.device,
        functions=resolved.vf,
        probing=Probing(probes=detection.probes, interval_ms=detection.interval_ms) if detection else None,
        asking=Probing(probes=check.probes, interval_ms=check.interval_ms) if check else None,
        on_link=any(subnet.on_link for subnet in pool.subnets),
    )


def provisional(resolved: Resolved, attachment: Attachment, netns: str) -> Endpoint:
    """Return the pod's end before its addresses are bound; a subnet's own address stands for each that nobody named."""
    named = {address.version for address in resolved.addresses}
    stand_ins = {s.network.version: s.network.network_address for s in resolved.pool.subnets}
    others = [address for version, address in stand_ins.items() if version not in named]
    return endpoint(resolved, attachment, netns, [*resolved.addresses, *others])


def routes(resolved: Resolved, addresses: Sequence[Address]) -> tuple[Route, ...]:
    """Return the routes somebody named, or else a default route by the gateway of each address's subnet.

    Of several interfaces of a pod the first has the default route.
    """
    if resolved.settings.routes is not None:
        first: dict[int, Address | None] = {a.version: subnet_of(resolved.pool, a).gateway for a in reversed(addresses)}
        return by_gateways(resolved.settings.routes, first)
    gateways = {a.version: subnet_of(resolved.pool, a).gateway for a in addresses}
    named = ((v, gw) for v, gw in gateways.items() if v not in resolved.without_default)
    return tuple(Route(dst=EVERYTHING[v], gw=gw) for v, gw in named if gw is not None)


def subnet_of(pool: Pool, address: Address) -> Subnet:
    """Return the pool's subnet around the address; Refused if the pool was redefined without it."""
    subnet = pool.subnet_of(address)
    if subnet is None:
        raise Refused(f"{address} is in no subnet of the pool {pool.name}", "name an address of the pool, or extend it")
    return subnet


def _within(subnet: Subnet, address: Address) -> Interface:
    made: Interface = (IPv4Interface if address.version == 4 else IPv6Interface)(
        (int(address), subnet.network.prefixlen)  # not as text, which would be taken apart and read again
    )
    return made


def mac_of(mac: str | None, addresses: Sequence[Address]) -> str | None:
    """Turn 'fromAddress' into 02:50 (locally administered) and the last four bytes of the first address."""
    if mac != MAC_FROM_ADDRESS:
        return mac
    return "02:50:" + addresses[0].packed[-4:].hex(":") if addresses else None
