"""Pools of applications, cut out of what a parent pool sets aside for them (`Subnet.automatic`). Pure.

Such a pool is its parent with other ranges: it has the parent's gateways, settings and rules. What it has of the
parent's space is nobody else's, as the check of pools that overlap says.
"""

from __future__ import annotations

from ipaddress import ip_address

from podberth.cni.value import replace
from podberth.ipam import extents
from podberth.ipam.affinity import Affinity
from podberth.ipam.pool import Pool, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from podberth.ipam.extents import Extents
    from podberth.ipam.pool import MadeFor, Subnet
    from podberth.net.ops import Address


class TooFew(ValueError):
    """The parent has not as many addresses left as are wanted; the text says how many."""


def carve(
    parent: Pool, name: str, made_for: MadeFor, wanted: int, others: Iterable[Pool], before: Pool | None,
    held: Collection[Address],
) -> Pool:  # fmt: skip
    """Return the pool of `wanted` addresses of each family that the parent sets aside. TooFew if there are not as many.

    What it had `before` it keeps, the lowest first, as far as that is wanted or somebody has it (`held`), and is in the
    parent's subnets: another parent may have been chosen, or that may have others. `others` are all pools there are.
    ValueError if the parent sets nothing aside, or has no subnet with an address that somebody has.
    """
    families = [v for v in parent.families if any(s.automatic for s in parent.subnets if s.network.version == v)]
    if not families:
        raise ValueError(f"pool {parent.name} sets no addresses aside for pools of applications (`automatic`)")
    _require_kept(parent, families, name, before, held)
    rivals = [pool for pool in others if pool.name != name]
    ranges = {family: _ranges(parent, family, wanted, rivals, before, held) for family in families}
    subnets = (_within(subnet, ranges.get(subnet.network.version, ())) for subnet in parent.subnets)
    affinity = replace(parent.affinity or Affinity(), namespaces=(made_for.namespace,))
    return replace(
        parent,
        name=name,
        subnets=tuple(subnet for subnet in subnets if subnet.ranges),
        affinity=affinity,
        made_for=made_for,
        source="",
    )


def _ranges(
    parent: Pool, family: int, wanted: int, rivals: Iterable[Pool], before: Pool | None, held: Collection[Address]
) -> Extents:
    aside = _aside(parent, family)
    had = _kept(parent, family, before)
    needed = sorted({int(a) for a in held if a.version == family and extents.covers(had, int(a))})
    taken = [pair for pool in rivals for pair in extents.usable(pool, family)]
    taken += [(int(address), int(address)) for pool in rivals for address in pool.told if address.version == family]
    mine = [(number, number) for number in needed]
    # First those that somebody has, then others that it had, then the parent's lowest.
    for source in (extents.subtract(had, mine), extents.subtract(aside, [*taken, *had])):
        mine += _lowest(source, wanted - extents.size(mine))
    if extents.size(mine) < wanted:
        raise TooFew(
            f"pool {parent.name} has {extents.size(mine)} IPv{family} addresses left for it, and {wanted} are wanted"
        )
    return _joined(mine)


def _kept(parent: Pool, family: int, before: Pool | None) -> Extents:
    """Return what it had before that is in the parent's subnets."""
    had = extents.usable(before, family) if before is not None else ()
    networks = [subnet.network for subnet in parent.subnets if subnet.network.version == family]
    whole = [(int(network.network_address), int(network.broadcast_address)) for network in networks]
    return extents.subtract(had, extents.subtract(had, whole))


def _require_kept(
    parent: Pool, families: Collection[int], name: str, before: Pool | None, held: Collection[Address]
) -> None:
    for address in sorted(held, key=int):
        family, number = address.version, int(address)
        had = extents.usable(before, family) if before is not None else ()
        kept = _kept(parent, family, before) if family in families else ()
        if extents.covers(had, number) and not extents.covers(kept, number):
            raise ValueError(
                f"pool {parent.name} has no addresses for it with {address}, which pool {name} has, and which is"
                " leased, reserved or resting"
            )


def _aside(parent: Pool, family: int) -> Extents:
    """Return what the parent sets aside and could be given: no gateway, no network or broadcast address."""
    bare = tuple(
        replace(subnet, ranges=subnet.automatic, automatic=()) for subnet in parent.subnets if subnet.automatic
    )
    kept = extents.usable(replace(parent, subnets=bare), family)
    return extents.subtract(kept, [(int(a), int(a)) for a in parent.told if a.version == family])


def _lowest(found: Extents, count: int) -> list[tuple[int, int]]:
    chosen: list[tuple[int, int]] = []
    for first, last in found:
        if count <= 0:
            break
        chosen.append((first, min(last, first + count - 1)))
        count -= chosen[-1][1] - first + 1
    return chosen


def _joined(pairs: Iterable[tuple[int, int]]) -> Extents:
    joined: list[tuple[int, int]] = []
    for first, last in sorted(pairs):
        if joined and joined[-1][1] == first - 1:
            joined[-1] = joined[-1][0], last
        else:
            joined.append((first, last))
    return tuple(joined)


def _within(subnet: Subnet, pairs: Extents) -> Subnet:
    """Return the subnet with those ranges alone that lie in it."""
    whole = int(subnet.network.network_address), int(subnet.network.broadcast_address)
    width = 4 if subnet.network.version == 4 else 16

    def address(number: int) -> Address:
        return ip_address(number.to_bytes(width, "big"))

    inside = [(max(first, whole[0]), min(last, whole[1])) for first, last in pairs]
    ranges = tuple(Span(first=address(first), last=address(last)) for first, last in inside if first <= last)
    return replace(subnet, ranges=ranges, exclude=(), hold=(), automatic=())
