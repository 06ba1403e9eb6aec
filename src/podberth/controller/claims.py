"""IPAMClaims that were deleted, of those that the ledger keeps addresses for. The API server is asked anew each time.

A claim is there before anything is kept for it. So one that is not listed after the ledger was read is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.ipam.owner import claim_of, is_claim
from podberth.kube.errors import NotFound
from podberth.kube.resources import IPAM_CLAIMS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from podberth.ipam.lease import Lease, Reservation
    from podberth.kube.client import Client


def idle(reservations: Iterable[Reservation], leases: Iterable[Lease]) -> tuple[Reservation, ...]:
    """Return what is kept for claims and no pod has: what a pod has can't become free. Pure."""
    bound = {lease.address for lease in leases}
    return tuple(kept for kept in reservations if is_claim(kept.pod) and kept.address not in bound)


def gone(kept: Iterable[Reservation], there: frozenset[tuple[str, str, str]]) -> tuple[Reservation, ...]:
    """Return what is kept for claims that are not `there`, by namespace, name and UID. Pure."""
    return tuple(one for one in kept if (one.pod.namespace, *claim_of(one.pod)) not in there)


def listed(client: Client, namespaces: Iterable[str]) -> frozenset[tuple[str, str, str]] | None:
    """Return the claims of the namespaces; None if the server does not have the custom resource: nothing is known."""
    try:
        found = [one for namespace in sorted(set(namespaces)) for one in client.list(IPAM_CLAIMS, namespace).items]
    except NotFound:
        return None
    return frozenset((each["namespace"], each["name"], each["uid"]) for each in (one["metadata"] for one in found))
