"""Which of a Deployment's addresses a claim gets, in an open transaction. Imported only for a pod that shares some."""

from __future__ import annotations

from ipaddress import ip_address

from podberth.cni.errors import Refused
from podberth.ipam.owner import may_have
from podberth.ipam.refusals import same, set_exhausted
from podberth.stores.sqlite import rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container
    from sqlite3 import Connection

    from podberth.cni.pod import PodRef
    from podberth.ipam.lease import Claim, Lease, Wanted
    from podberth.net.ops import Address

_OF_OWNER = (
    " FROM reservations AS kept WHERE kept.namespace = ? AND kept.pod = ? AND kept.ifname = ? AND kept.pool = ?"
    " AND kept.family = ?"
)
# The one that this very pod had last goes before the lowest.
_FREE = (
    f"SELECT kept.address{_OF_OWNER} AND NOT EXISTS (SELECT 1 FROM leases WHERE leases.address = kept.address)"  # noqa: S608
    " ORDER BY coalesce((SELECT pod = ? FROM events WHERE events.address = kept.address"
    f" AND {rows.CHANGES_HANDS} ORDER BY seq DESC LIMIT 1), 0) DESC,"
    " kept.address"
)


def choose(
    connection: Connection, claim: Claim, wanted: Wanted, older: tuple[Lease, ...], taken: Container[Address]
) -> Address:
    """Return the address that the pod has already by an `older` attachment, had last, or the lowest that nobody has.

    `taken`: those on their way to others. Raises SetExhausted, or TryAgainLater while pods of another template go.
    """
    owner, pod = wanted.owner, claim.pod
    assert owner is not None
    if pod is None or not may_have(owner, pod):
        raise Refused(
            f"{pod or 'a container'} is none of {owner}, and has no share of its addresses",
            "declare the pod by a PodNetwork of its own",
        )
    own = [each for each in older if belongs(connection, each, owner) and each.address not in claim.avoid]
    if own:
        return min(own, key=lambda each: each.attachment not in claim.takeover).address
    key = owner.namespace, owner.name, claim.attachment.ifname, wanted.pool, wanted.family
    for (packed,) in connection.execute(_FREE, (*key, pod.name)):
        address = ip_address(packed)
        if address not in claim.avoid and address not in taken:
            return address
    where = f"WHERE address IN (SELECT kept.address{_OF_OWNER})"
    holders = tuple(rows.leases(connection, where, *key))
    raise set_exhausted(owner, wanted.pool, wanted.family, holders, pod, len(claim.avoid))


def belongs(connection: Connection, lease: Lease, owner: PodRef) -> bool:
    """Say whether the lease is of an address that is reserved for the owner."""
    kept = rows.reservation_at(connection, lease.address)
    return kept is not None and same(kept.pod, owner) and kept.ifname == lease.attachment.ifname
