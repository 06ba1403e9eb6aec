"""Why an address is refused, in words that name both parties; and whether two pods are one by name. Pure."""

from __future__ import annotations

from podberth.cni.errors import AddressTaken, Refused, TryAgainLater
from podberth.ipam.lease import AddressLeased, SetExhausted
from podberth.ipam.owner import generation_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.cni.pod import PodRef
    from podberth.ipam.lease import Lease, Reservation
    from podberth.net.ops import Address


# What frees addresses of a full pool.
FREEING = (
    "free what is not needed: delete pods, `podberth release` reservations, and `podberth gc --gone` on a node takes "
    "back the leases of its pods that are gone, and those of nodes that died for good once they are fenced "
    "(`podberth fence NODE --why REASON`)"
)
SHOWN = 4  # holders of a Deployment's addresses that are named


def same(one: PodRef | None, other: PodRef | None) -> bool:
    """Say whether two pods are one by name."""
    return one is not None and other is not None and (one.namespace, one.name) == (other.namespace, other.name)


def reserved_for(kept: Reservation) -> AddressTaken:
    """Return the refusal of an address that belongs to another pod's name."""
    return AddressTaken(
        f"{kept.address} of pool {kept.pool} is reserved for {kept.pod} ({kept.ifname}, {kept.origin})",
        "name another address, or release that one first",
    )


def has_one(kept: Reservation, address: Address) -> AddressTaken:
    """Return the refusal of a second address of one family for a pod's interface in one pool."""
    return AddressTaken(
        f"{kept.pod} has {kept.address} of pool {kept.pool} reserved for {kept.ifname} already ({kept.origin}); its"
        f" interface has one IPv{address.version} address of a pool, and {address} would never be used",
        f"`podberth release {kept.address}` first; or name another --ifname",
    )


def full_of_sticky(pool: str, family: int, there: int, most: int, pod: PodRef) -> Refused:
    """Return the refusal of a sticky reservation that the pool has no room for by its own word."""
    return Refused(
        f"pool {pool} keeps {there} IPv{family} addresses for pods' names, and stickyReservations allows {most}: {pod}"
        " can't have one kept",
        "`podberth release` what `podberth get reservations` shows and nobody needs; set stickyRetention, so that they"
        " end by themselves; or raise stickyReservations",
    )


def leased_by(lease: Lease) -> AddressTaken:
    """Return the refusal of an address that another attachment has."""
    return AddressLeased(lease)


def unusable(pool: str, address: Address) -> AddressTaken:
    """Return the refusal of an address that the pool can't give to anybody."""
    return AddressTaken(
        f"{address} is not an address that pool {pool} gives out: outside its ranges, excluded, its gateway,"
        " or a network or broadcast address",
        f"`podberth pool show {pool}` lists what it gives out",
    )


def set_exhausted(
    owner: PodRef, pool: str, family: int, holders: Sequence[Lease], pod: PodRef | None, avoided: int = 0
) -> SetExhausted | TryAgainLater:
    """Refuse a pod whose Deployment has no address left: with code 11 while pods of another template have some.

    `avoided`: how many of them a host on the wire answers for.
    """
    if not holders and not avoided:
        return TryAgainLater(
            f"no IPv{family} address of pool {pool} is reserved for {owner}", "its PodNetwork was changed just now"
        )
    named = [f"{lease.address} by {lease.pod}" for lease in holders[:SHOWN]]
    named += [f"{len(holders) - SHOWN} more"] if len(holders) > SHOWN else []
    message = f"{owner} has no free IPv{family} address of pool {pool}: bound are {', '.join(named) or 'none'}"
    if avoided:
        message += f"; {avoided} in use on the wire"
    own = generation_of(pod) if pod is not None else None
    if any(lease.pod is not None and generation_of(lease.pod) != own for lease in holders):
        return leaving(message)
    return SetExhausted(
        message,
        "declare as many addresses as it can have pods at a time: its replicas and maxSurge more",
        tuple(holders),
    )


def leaving(message: str) -> TryAgainLater:
    """Return the refusal of a pod that may wait for older ones of its Deployment to go."""
    return TryAgainLater(
        message,
        "one is free when the DEL of an older pod has come, or `podberth gc --gone` on its node has taken it back;"
        " declare maxSurge more addresses, so that new pods need not wait (with maxUnavailable: 0 they would wait for"
        " ever)",
    )
