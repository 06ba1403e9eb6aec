"""Which addresses of a pool can be given to a pod at all, and why not. Pure; who holds them is the ledger's to say."""

from __future__ import annotations

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
    special = _special(subnet, address)
    if special:
        return f"is {special} of {subnet.network} in pool {pool.name}"
    if not contains(pool, address):
        return f"is outside the ranges of pool {pool.name}"
    if _within(address, subnet.exclude):
        return f"is excluded in pool {pool.name}"
    return ""


def overlap(one: Pool, other: Pool) -> str:
    """Return the first overlap of two pools' ranges in words, empty if there is none."""
    for subnet in one.subnets:
        for peer in other.subnets:
            if subnet.network.version != peer.network.version:
                continue
            for first, last in _ranges(subnet):
                for start, end in _ranges(peer):
                    if int(first) <= int(end) and int(start) <= int(last):
                        return f"{max(first, start, key=int)}-{min(last, end, key=int)}"
    return ""


def _ranges(subnet: Subnet) -> tuple[tuple[Address, Address], ...]:
    if subnet.ranges:
        return tuple((span.first, span.last) for span in subnet.ranges)
    return ((subnet.network.network_address, subnet.network.broadcast_address),)


def _within(address: Address, spans: Iterable[Span]) -> bool:
    return any(address in span for span in spans)


def _special(subnet: Subnet, address: Address) -> str:
    """A /31 has neither (RFC 3021); IPv6's all-zeros host is the subnet-router anycast (RFC 4291 section 2.6.1)."""
    if address == subnet.gateway:
        return "the gateway"
    if subnet.network.prefixlen >= subnet.network.max_prefixlen - 1:
        return ""
    if address == subnet.network.network_address:
        return "the network address"
    return "the broadcast address" if address.version == 4 and address == subnet.network.broadcast_address else ""
