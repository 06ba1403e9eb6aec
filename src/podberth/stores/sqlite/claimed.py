"""Which address an IPAMClaim has, in an open transaction. Imported only for a pod that refers to one."""

from __future__ import annotations

from podberth.cni.errors import Refused
from podberth.ipam.owner import may_have
from podberth.ipam.versions import Feature
from podberth.stores.sqlite import rows
from podberth.stores.sqlite.minimum import require

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlite3 import Connection

    from podberth.ipam.lease import Claim, Wanted
    from podberth.net.ops import Address

_OF_CLAIM = "WHERE namespace = ? AND pod = ? AND ifname = ? AND pool = ? AND family = ?"


def chosen(connection: Connection, claim: Claim, wanted: Wanted) -> Address | None:
    """Return the address that is reserved for the claim, or else the one that is named; None for any.

    Refused for a pod of another namespace, and where the ledger may not have claims.
    """
    owner = wanted.owner
    assert owner is not None
    if claim.pod is None or not may_have(owner, claim.pod):
        raise Refused(
            f"{claim.pod or 'a container'} may not have the address of {owner}",
            "a pod refers to claims of its own namespace",
        )
    require(connection, Feature.CLAIMS)
    key = owner.namespace, owner.name, claim.attachment.ifname, wanted.pool, wanted.family
    kept = next(iter(tuple(rows.reservations(connection, _OF_CLAIM, *key))), None)
    return kept.address if kept is not None else wanted.address
