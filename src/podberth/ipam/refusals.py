"""Why an address is refused, in words that name both parties; and whether two pods are one by name. Pure."""

from __future__ import annotations

from podberth.cni.errors import AddressTaken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.pod import PodRef
    from podberth.ipam.lease import Lease, Reservation
    from podberth.net.ops import Address


def same(one: PodRef | None, other: PodRef | None) -> bool:
    """Say whether two pods are one by name."""
    return one is not None and other is not None and (one.namespace, one.name) == (other.namespace, other.name)


def reserved_for(kept: Reservation) -> AddressTaken:
    """Return the refusal of an address that belongs to another pod's name."""
    return AddressTaken(
        f"{kept.address} of pool {kept.pool} is reserved for {kept.pod} ({kept.ifname}, {kept.origin})",
        "name another address, or release that one first",
    )


def leased_by(lease: Lease) -> AddressTaken:
    """Return the refusal of an address that another attachment has."""
    return AddressTaken(
        f"{lease.address} of pool {lease.pool} is leased by {lease.pod or 'container ' + lease.attachment.container_id}"
        f" ({lease.attachment.ifname}, node {lease.node})",
        "name another address, or delete that pod first",
    )


def unusable(pool: str, address: Address) -> AddressTaken:
    """Return the refusal of an address that the pool can't give to anybody."""
    return AddressTaken(
        f"{address} is not an address that pool {pool} gives out: outside its ranges, excluded, its gateway,"
        " or a network or broadcast address",
        f"`podberth pool show {pool}` lists what it gives out",
    )
