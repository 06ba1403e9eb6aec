"""Which addresses of a pool can be given to a pod at all, and why not. Pure; who holds them is the ledger's to say."""

from __future__ import annotations

from ipaddress import ip_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podberth.ipam.pool import Pool, Span, Subnet
    from podberth.net.ops import Address


def contains(pool: Pool, address: Address) -> bool:
    """Say whether the address lies in a range of the pool, excluded or not."""
    subnet = pool.subnet_of(address)
    return subnet is not None and (not subnet.ranges or _within(address, subnet.ranges))


def unusable(pool: Pool, address: Address) -> str:
    """Return why the pool can't give the address to anybody, as the end of a sentence; empty if it can."""
    subnet = pool.subnet_of(address)
    if subnet is None:
        return f"is outside the subnets of pool {pool.name}"
    routed = next((one for one in pool.subnets if one.gateway == address), None)
    if routed is not None:
        return f"is the gateway of {routed.network} in pool {pool.name}"
    special = _special(subnet, address)
    if special:
        return f"is {special} of {subnet.network} in pool {pool.name}"
    if not contains(pool, address):
        return f"is outside the ranges of pool {pool.name}"
    if _within(address, subnet.exclude):
        return f"is excluded in pool {pool.name}"
    if _within(address, subnet.automatic):
        return f"is set aside for pools of applications in pool {pool.name}"
    return ""


def around(pools: Iterable[Pool], address: Address) -> list[Pool]:
    """Return the pools that the address lies in: those that can use it, or else those that exclude it."""
    found = [pool for pool in pools if contains(pool, address)]
    return [pool for pool in found if not _excluded(pool, address)] or found


def overlap(one: Pool, other: Pool) -> str:
    """Return in words which addresses both pools could give out, or which gateway of one is another's pod's to get.

    Empty if there are none. What a pool excludes, or its ranges leave out, is another's to have.
    """
    from podberth.ipam import extents  # most ADDs ask for one address

    for family in (4, 6):
        shared = extents.first_common(extents.usable(one, family), extents.usable(other, family))
        if shared is not None:
            return f"both have {_address(shared[0], family)}-{_address(shared[1], family)}"
    for pool, peer in ((one, other), (other, one)):
        for gateway in filter(None, (subnet.gateway for subnet in peer.subnets)):
            if extents.covers(extents.offered(pool, gateway.version), int(gateway)):
                return f"{pool.name} would give out {gateway}, the gateway of {peer.name}"
    return ""


def _excluded(pool: Pool, address: Address) -> bool:
    subnet = pool.subnet_of(address)
    return subnet is not None and _within(address, subnet.barred)


def _address(number: int, family: int) -> Address:
    return ip_address(number.to_bytes(4 if family == 4 else 16, "big"))


def _within(address: Address, spans: Iterable[Span]) -> bool:
    return any(address in span for span in spans)


def _special(subnet: Subnet, address: Address) -> str:
    """A /31 has neither (RFC 3021); IPv6's all-zeros host is the subnet-router anycast (RFC 4291 section 2.6.1)."""
    if subnet.network.prefixlen >= subnet.network.max_prefixlen - 1:
        return ""
    if address == subnet.network.network_address:
        return "the network address"
    return "the broadcast address" if address.version == 4 and address == subnet.network.broadcast_address else ""
