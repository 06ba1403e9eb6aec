"""A pool's addresses as extents, inclusive (first, last) pairs of integers: nothing is ever materialised. Pure."""

from __future__ import annotations

from bisect import bisect_left

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    from podberth.ipam.pool import Pool, Span, Subnet

    Extents: TypeAlias = tuple[tuple[int, int], ...]


def usable(pool: Pool, family: int) -> Extents:
    """Return every address of the family that the pool can give to anybody."""
    subnets = [subnet for subnet in pool.subnets if subnet.network.version == family]
    gateways = [int(subnet.gateway) for subnet in subnets if subnet.gateway is not None]
    return tuple(sorted(extent for subnet in subnets for extent in _usable(subnet, gateways)))


def offered(pool: Pool, family: int) -> Extents:
    """Return the usable addresses that are for any pod: not held for declarations, and not what pods are told of."""
    held = [pair for subnet in pool.subnets if subnet.network.version == family for pair in _pairs(subnet.hold)]
    held += [(int(address), int(address)) for address in pool.told if address.version == family]
    return subtract(usable(pool, family), held)


def subtract(extents: Iterable[tuple[int, int]], holes: Iterable[tuple[int, int]]) -> Extents:
    """Return `extents` without `holes`, in order; both may overlap and come in any order."""
    rest = sorted(extents)
    cuts = _merged(holes)  # or a short one would hide a long one before it
    kept: list[tuple[int, int]] = []
    at = 0
    for first, last in rest:
        while at and cuts[at - 1][1] >= first:
            at -= 1
        start = first
        while at < len(cuts) and cuts[at][0] <= last:
            if cuts[at][1] >= start:
                if cuts[at][0] > start:
                    kept.append((start, cuts[at][0] - 1))
                start = cuts[at][1] + 1
            at += 1
        if start <= last:
            kept.append((start, last))
    return tuple(kept)


def _merged(extents: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(extents):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def first_common(one: Extents, other: Extents) -> tuple[int, int] | None:
    """Return the first extent that is in both; None if no number is."""
    at = 0
    for first, last in one:
        while at < len(other) and other[at][1] < first:
            at += 1
        if at < len(other) and other[at][0] <= last:
            return max(first, other[at][0]), min(last, other[at][1])
    return None


def size(extents: Iterable[tuple[int, int]]) -> int:
    """Return how many addresses the extents have."""
    return sum(last - first + 1 for first, last in extents)


def covers(extents: Extents, number: int) -> bool:
    """Say whether `number` is in one of the extents, which are in order and apart as `subtract` returns them."""
    at = bisect_left(extents, (number + 1,)) - 1
    return at >= 0 and extents[at][1] >= number


def _usable(subnet: Subnet, gateways: Iterable[int]) -> Extents:
    """Return what can be given of a subnet; the gateways are the pool's: one may be in another's subnet."""
    network = subnet.network
    whole = (int(network.network_address), int(network.broadcast_address))
    special = [(gateway, gateway) for gateway in gateways]
    if network.prefixlen < network.max_prefixlen - 1:  # RFC 3021: a /31 has no network and broadcast address
        special.append((whole[0], whole[0]))  # IPv6: the subnet-router anycast address, RFC 4291 section 2.6.1
        if network.version == 4:
            special.append((whole[1], whole[1]))
    return subtract(_pairs(subnet.ranges) or [whole], [*special, *_pairs(subnet.barred)])


def _pairs(spans: Iterable[Span]) -> list[tuple[int, int]]:
    return [(int(span.first), int(span.last)) for span in spans]
