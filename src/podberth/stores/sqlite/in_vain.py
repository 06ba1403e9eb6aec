"""An address that a pod's last ADD got in vain, and that rests: the pod's next ADD gets it again.

Else each attempt of one pod whose ADD goes on failing would send another address to rest, until the pool has none.
"""

from __future__ import annotations

from ipaddress import ip_address

from podberth.ipam.lifecycle import FAILED, Kind
from podberth.ipam.refusals import same
from podberth.stores.sqlite import rows, space

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlite3 import Connection

    from podberth.ipam.lease import Claim, Wanted
    from podberth.ipam.moment import Moment
    from podberth.net.ops import Address

# Few events of the pod are looked at: an ADD that failed wrote the last of them.
_IN_VAIN = (
    "SELECT address FROM (SELECT address, kind, pool, ifname, why FROM events WHERE namespace = ? AND pod = ?"
    " ORDER BY seq DESC LIMIT 16)"
    " WHERE kind = ? AND why = ? AND ifname = ? AND pool = ? AND length(address) = ? LIMIT 1"
)


def resting_for(connection: Connection, claim: Claim, wanted: Wanted, now: Moment) -> Address | None:
    """Return the address, if there is one: nobody has had it since, and the pool still gives it out."""
    pod = claim.pod
    if pod is None:
        return None
    of = (pod.namespace, pod.name, str(Kind.UNBOUND), FAILED, claim.attachment.ifname, wanted.pool)
    found = connection.execute(_IN_VAIN, (*of, space.WIDTH[wanted.family])).fetchone()
    if found is None:
        return None
    address = ip_address(found[0])
    if address in claim.avoid or space.rests_for(connection, address, now.uptime) <= 0:
        return None
    last = rows.last_event(connection, address)
    if last is None or last.actor.why != FAILED or not same(last.pod, pod):
        return None
    return address if space.has(connection, "usable", wanted.pool, address) else None
