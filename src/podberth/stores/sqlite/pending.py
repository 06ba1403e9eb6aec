"""What is declared and not in the ledger yet: documents that came by kubectl, past `apply`. The counterpart of `stray`.

Whoever reads it is off the ADD path: the controller brings it in force, the webhook counts it as if it were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.ipam.refusals import same
from podberth.policy.changes import Declared
from podberth.policy.reserves import declared_addresses
from podberth.policy.usable import around, unusable
from podberth.stores.sqlite import documents
from podberth.stores.sqlite.rows import reservation_at

if TYPE_CHECKING:
    from sqlite3 import Connection

    from podberth.ipam.pool import Pool
    from podberth.net.ops import Address
    from podberth.policy.podnetwork import AttachmentPolicy


def pending(connection: Connection) -> tuple[Declared, ...]:
    """Return what PodNetworks in force declare and no declared reservation stands for; somebody else may have it.

    What its pool can't give is not among it: nobody can bring that in force.
    """
    pools = documents.pools(connection)
    found: list[Declared] = []
    for podnetwork in documents.podnetworks(connection, None):
        for policy in podnetwork.attachments:
            for pod, address in declared_addresses(podnetwork, policy):
                pool = pool_of(pools, policy, address)
                if pool is None or unusable(pool, address):
                    continue
                declared = Declared(address=address, pool=pool.name, pod=pod, ifname=policy.ifname)
                if not _stands(connection, declared):
                    found.append(declared)
    return tuple(found)


def pool_of(pools: tuple[Pool, ...], policy: AttachmentPolicy, address: Address) -> Pool | None:
    """Return the pool that an attachment's address is of; None if there is none, or it is not clear."""
    found = [pool for pool in pools if pool.name == policy.pool] if policy.pool else around(pools, address)
    return found[0] if len(found) == 1 else None


def _stands(connection: Connection, declared: Declared) -> bool:
    kept = reservation_at(connection, declared.address)
    return (
        kept is not None
        and kept.origin == "declared"
        and same(kept.pod, declared.pod)
        and kept.ifname == declared.ifname
    )
