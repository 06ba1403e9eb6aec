"""Which addresses a PodNetwork reserves, and of which pools. Pure."""

from __future__ import annotations

from podberth.policy import usable
from podberth.policy.admission import declared_addresses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.ipam.pool import Pool
    from podberth.net.ops import Address
    from podberth.policy.podnetwork import AttachmentPolicy, PodNetwork


def reserved_by(body: PodNetwork, pools: Sequence[Pool]) -> dict[str, set[Address]]:
    """Return the addresses that the document reserves, by the name of the pool."""
    found: dict[str, set[Address]] = {}
    for policy in body.attachments:
        addresses = tuple(address for _, address in declared_addresses(body, policy))
        around = pools_of(policy, addresses, pools) if addresses else []
        if len(around) == 1:
            found.setdefault(around[0].name, set()).update(addresses)
    return found


def pools_of(policy: AttachmentPolicy, addresses: tuple[Address, ...], pools: Sequence[Pool]) -> list[Pool]:
    """Return the pool of an attachment's addresses; none, or several, if that is not clear."""
    if policy.pool is not None:
        return [pool for pool in pools if pool.name == policy.pool]
    return usable.around(pools, addresses[0])
