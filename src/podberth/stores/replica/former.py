"""Texts that were in force before, kept while pods run that were told by them; in an open transaction."""

from __future__ import annotations

from podberth.cni.errors import InvalidConfig
from podberth.ipam.pool import Pool
from podberth.policy.texts import parsed
from podberth.stores.replica.shared import Former

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlite3 import Connection

    from podberth.ipam.moment import Moment
    from podberth.net.settings import Settings
    from podberth.stores.replica.shared import Approved, DocumentText

MOST = 8  # former texts of one document


def with_former(connection: Connection, before: Approved, after: DocumentText, now: Moment) -> tuple[Former, ...]:
    """Return the former texts of a document that was approved as `before`, and is to be as `after`.

    That of `before` is among them whatever leases are known: one of another node may still be on its way here. It goes
    with the next change, if no pod was told by it.
    """
    kept = [one for one in before.former if _is_as_old(connection, after, one.until)]
    if before.text.body and _tells(before.text) != _tells(after):
        kept.append(Former(body=before.text.body, until=max(_last(connection, after), now.true)))
    return tuple(kept[-MOST:])


def _last(connection: Connection, text: DocumentText) -> int:
    """Return since when (ns) the youngest lease runs that the document may be about; 0 without one."""
    column, value = _whose(text)
    (last,) = connection.execute(f"SELECT max(since) FROM leases WHERE {column} = ?", (value,)).fetchone()  # noqa: S608
    return int(last or 0)


def _is_as_old(connection: Connection, text: DocumentText, until: int) -> bool:
    column, value = _whose(text)
    query = f"SELECT 1 FROM leases WHERE {column} = ? AND since <= ? LIMIT 1"  # noqa: S608 - constants
    return connection.execute(query, (value, until)).fetchone() is not None


def _whose(text: DocumentText) -> tuple[str, str]:
    return ("pool", text.name) if text.kind == "Pool" else ("namespace", text.namespace)


def _tells(text: DocumentText) -> object:
    """Return what of a document pods are told when they start; None without one that can be read."""
    try:
        body = parsed(text.body, text.source, text.key).body if text.body else None
    except InvalidConfig:
        return None
    if body is None:
        return None
    if isinstance(body, Pool):
        return tuple((subnet.network, subnet.gateway) for subnet in body.subnets), _settings(body.settings)
    return tuple((one.ifname, one.network, one.pool, _settings(one.settings)) for one in body.attachments)


def _settings(of: Settings) -> tuple[object, ...]:
    return of.routes, of.dns, of.mtu, of.rates
