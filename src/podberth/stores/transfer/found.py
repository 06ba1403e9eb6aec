"""Addresses that another IPAM plugin has given out, and everything that keeps them from being leases here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cni.errors import AddressTaken
from podberth.cni.value import value
from podberth.ipam.lease import Claim, Keeping, Wanted
from podberth.ipam.refusals import leased_by, reserved_for, same
from podberth.policy.permit import IMPORT, OPERATOR, Reserving, permit
from podberth.policy.usable import around, unusable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from podberth.cni.pod import Attachment, PodRef
    from podberth.ipam.lease import Lease, Reservation
    from podberth.ipam.ledger import Ledger
    from podberth.ipam.pool import Pool
    from podberth.net.ops import Address


@value
class Found:
    """One address, and who has it; `where` says in which file or object that is written."""

    address: Address
    attachment: Attachment
    pod: PodRef | None
    where: str


@value
class Placed:
    """An address found, and the pool it is to be leased from."""

    found: Found
    pool: str


class Obstacles(AddressTaken):
    """What is found does not fit; `conflicts` has all of it. Nothing was imported, or what else is `done`."""

    def __init__(self, conflicts: Sequence[str], done: str = "nothing was imported") -> None:
        super().__init__(conflicts[0], done)
        self.conflicts = tuple(conflicts)


def placed(
    found: Iterable[Found],
    pools: Sequence[Pool],
    pool: str,
    ledger: Ledger,
    read: Sequence[str],
    *,
    who: str = "",
    override: str = "",
) -> list[Placed]:
    """Return where each address goes: to `pool`, or to the one that has it. Obstacles say all that is in the way.

    `read`: what was wrong already when it was read. `who` asks; `override`: why that may be given away which a pool's
    rules keep for others.
    """
    leases = {lease.address: lease for lease in ledger.leases()}
    kept = {reservation.address: reservation for reservation in ledger.reservations()}
    seen: dict[Address, Found] = {}
    complaints = list(read)
    made: list[Placed] = []
    for one in found:
        other = seen.setdefault(one.address, one)
        if other is not one:
            complaints.append(f"{one.address} is {_whose(other)} and {_whose(one)}")
            continue
        at = next(iter([p for p in pools if p.name == pool] if pool else around(pools, one.address)), None)
        if at is None:
            complaints.append(f"{one.address} ({_whose(one)}) is in no pool")
            continue
        holder, owner = leases.get(one.address), kept.get(one.address)
        complaints += _obstacles(one, at, holder, owner)
        if holder is None and owner is None and one.pod is not None:
            change = Reserving(pool=at, namespace=one.pod.namespace, address=one.address, override=override)
            refusal = permit(who, OPERATOR, IMPORT, change)
            if refusal is not None:
                complaints.append(f"{one.address} ({_whose(one)}): {refusal.message}; {refusal.details}")
        made.append(Placed(found=one, pool=at.name))
    if complaints:
        raise Obstacles(complaints)
    return made


def _obstacles(one: Found, pool: Pool, holder: Lease | None, owner: Reservation | None) -> Iterator[str]:
    """Yield what keeps the pool from leasing the address to whom it was found with."""
    if wrong := unusable(pool, one.address):
        yield f"{one.address} ({_whose(one)}) {wrong}"
    if holder is not None and holder.attachment != one.attachment:
        yield f"{leased_by(holder).message}, but {_whose(one)}"
    if owner is not None and not (same(owner.pod, one.pod) and owner.ifname == one.attachment.ifname):
        yield f"{reserved_for(owner).message}, but {_whose(one)}"


def claims(places: Iterable[Placed]) -> Iterator[Claim]:
    """Yield the claim of each attachment, for all of its addresses. They are to be bound as they are named."""
    of: dict[Attachment, list[Placed]] = {}
    for place in places:
        of.setdefault(place.found.attachment, []).append(place)
    for attachment, own in of.items():
        yield Claim(
            attachment=attachment,
            pod=own[0].found.pod,
            netns="",
            wanted=tuple(
                Wanted(pool=place.pool, family=place.found.address.version, address=place.found.address)
                for place in own
            ),
        )


def keepings(places: Iterable[Placed]) -> Iterator[Keeping]:
    """Yield the reservation of each address for its pod's name; of a container without one there is none."""
    for place in places:
        pod = place.found.pod
        if pod is not None:
            ifname = place.found.attachment.ifname
            yield Keeping(address=place.found.address, pool=place.pool, pod=pod, ifname=ifname)


def _whose(found: Found) -> str:
    return f"{found.pod or 'container ' + found.attachment.container_id}'s by {found.where}"
