"""The numbers of the events that a node proposes: the next ones after all that it knows of."""

from __future__ import annotations

from ipaddress import ip_address

from podberth.cni.errors import StoreFailed
from podberth.cni.value import replace
from podberth.ipam.number import COUNT
from podberth.stores.sqlite import rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlite3 import Connection

    from podberth.ipam.lease import Event


def numbered(connection: Connection) -> list[Event]:
    """Return the events that a proposal adds, with their numbers. StoreFailed if none is left."""
    seq = int(connection.execute("SELECT coalesce(max(seq), 0) FROM records").fetchone()[0])
    found = [replace(event, seq=seq + nth) for nth, event in enumerate(rows.proposed(connection), 1)]
    if found and found[-1].seq > COUNT[1]:
        (packed,) = connection.execute("SELECT address FROM records WHERE seq = ?", (seq,)).fetchone()
        raise StoreFailed(
            f"the cluster's store: the record of {ip_address(packed)} has the number {seq}, and no event can have a"
            " later one",
            "was it written by hand? Its sequence is to be the number of its last event",
        )
    return found
