"""A ledger's minimum version (`ipam.versions`) in a database, inside an open transaction.

In a replica it follows the cluster's store, and what is not allowed is refused. A node's own store needs no such care:
its schema keeps older podberths out. There the minimum version says what `store downgrade` can't take back, and it is
raised together with the first record that needs it.
"""

from __future__ import annotations

from podberth.ipam import versions
from podberth.ipam.versions import NEEDS, Minimum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlite3 import Connection

    from podberth.ipam.versions import Feature

_OWN = 0x70646274  # the mark of a node's own store (database.NODE)


def minimum(connection: Connection) -> Minimum:
    """Return the minimum version, as far as it is known here."""
    found = connection.execute("SELECT version, revision FROM minimum").fetchone()
    return Minimum(version=found[0], revision=found[1]) if found is not None else Minimum()


def keep(connection: Connection, new: Minimum) -> None:
    """Write it down, unless what is known is later."""
    if new.revision >= minimum(connection).revision:
        connection.execute("DELETE FROM minimum")
        if new != Minimum():
            connection.execute("INSERT INTO minimum VALUES (?, ?)", (new.version, new.revision))


def allows(connection: Connection, feature: Feature) -> bool:
    """Say whether the ledger may have it."""
    return _own(connection) or versions.allows(minimum(connection).version, feature)


def require(connection: Connection, feature: Feature) -> None:
    """Refuse it if the ledger may not have it. In a node's own store, have the ledger be one that may."""
    known = minimum(connection).version
    if not versions.allows(known, feature) and _own(connection):
        keep(connection, Minimum(version=NEEDS[feature]))
        return
    versions.require(known, feature)


def _own(connection: Connection) -> bool:
    return bool(connection.execute("PRAGMA application_id").fetchone()[0] == _OWN)
