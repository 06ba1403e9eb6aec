"""Which addresses a PodNetwork reserves, and of which pools. Pure."""

from __future__ import annotations

from podberth.cni.pod import PodRef
from podberth.policy import usable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from podberth.ipam.pool import Pool
    from podberth.net.ops import Address
    from podberth.policy.podnetwork import AttachmentPolicy, PodNetwork


def declared_addresses(podnetwork: PodNetwork, policy: AttachmentPolicy) -> Iterator[tuple[PodRef, Address]]:
    """Yield every address the attachment declares and the pod, or the Deployment, it is for."""
    if podnetwork.pod is not None:
        for address in policy.addresses:
            yield PodRef(namespace=podnetwork.namespace, name=podnetwork.pod), address
    if podnetwork.owner is not None:
        for address in policy.shared:
            yield podnetwork.owner, address
    for ordinals in policy.ordinals:
        for number, address in enumerate(ordinals.addresses, ordinals.start):
            yield PodRef(namespace=podnetwork.namespace, name=f"{podnetwork.stateful_set}-{number}"), address


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
