"""Which declaration of a document is in force, inside an open transaction.

A document of the cluster's store stands for itself, but a PodNetwork that is its namespace's word (`said`). Bundles
(ConfigMaps) declare documents too: the operator's before a namespace's, and of equals the first by name. What a
namespace may not declare (`policy.permit`) is not in force; that is judged anew whenever a pool changes, or what the
operator declares for the namespace's pods. So the same state of the cluster's store puts the same in force on every
node.
"""

from __future__ import annotations

from podberth.cni.errors import InvalidConfig
from podberth.cni.value import replace
from podberth.policy.podnetwork import PodNetwork
from podberth.policy.texts import parsed
from podberth.stores.replica import approved as rows
from podberth.stores.replica import copies
from podberth.stores.replica.court import Court
from podberth.stores.replica.pools import settle_pools
from podberth.stores.replica.said import (
    become_operators,
    become_tenants,
    forget,
    remember,
    stands,
    tenants,
)
from podberth.stores.sqlite import documents as table
from podberth.stores.sqlite.declared import stray

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from sqlite3 import Connection

    from podberth.ipam.moment import Moment
    from podberth.policy.changes import Declared
    from podberth.policy.documents import Document
    from podberth.stores.replica.shared import Bundle, DocumentText, Key

_BY_KEY = "kind = ? AND namespace = ? AND name = ?"


def apply_documents(
    connection: Connection,
    documents: Iterable[tuple[DocumentText, int]],
    now: Moment,
    approved: Collection[Key] = (),
) -> list[str]:
    """Put documents that stand for themselves in force, or out of it; return what is wrong with those that can't be.

    `approved`: of which documents something else was approved.
    """
    complaints: list[str] = []
    gone: list[Key] = []
    operators: set[Key] = set()
    for text, revision in documents:
        query = f"SELECT revision, created FROM document_revisions WHERE {_BY_KEY}"  # noqa: S608 - a constant
        known = connection.execute(query, text.key).fetchone()
        # Whoever writes a document does not know when it was made; the store's own news of it says so.
        if known is not None and known >= (revision, text.created):
            continue
        there = int(bool(text.body))
        row = (*text.key, revision, there, text.created)
        connection.execute("INSERT OR REPLACE INTO document_revisions VALUES (?, ?, ?, ?, ?, ?)", row)
        operators.add(text.key)
        rows.keep_text(connection, text, revision)
        if there and text.kind != "Pool":
            complaints += _take(connection, rows.obeyed(connection, text))
        elif text.kind == "PodNetwork" and tenants(connection):
            forget(connection, text.key)
        if not _itself(connection, text.key):
            gone.append(text.key)
    others = [key for key in approved if key not in operators and key[0] == "PodNetwork"]
    complaints += _obeyed(connection, others)
    gone += [key for key in others if not _itself(connection, key)]
    pools = any(kind == "Pool" for kind, _, _ in approved)
    return complaints + settle(connection, gone, operators.union(others), now, pools=pools)


def obey(connection: Connection, keys: Collection[Key], now: Moment) -> list[str]:
    """Have of each of these documents be in force what is approved now, or the newest text where nothing is."""
    return apply_documents(connection, (), now, keys)


def apply_bundles(connection: Connection, bundles: Iterable[Bundle], now: Moment) -> list[str]:
    """Take over what bundles declare now; return what is wrong with it."""
    complaints: list[str] = []
    keys: dict[Key, bool] = {}
    for bundle in sorted(bundles, key=lambda one: not one.copy_of):
        query = "SELECT revision, beyond, uid FROM bundles WHERE name = ?"
        *known, uid = connection.execute(query, (bundle.name,)).fetchone() or (None, None, None)
        if known[0] is not None and (known[0] > bundle.revision or known == [bundle.revision, int(bundle.beyond)]):
            continue
        was = tenants(connection)
        row = (bundle.name, bundle.revision, bundle.tenant, int(bundle.beyond), int(bundle.objects is not None))
        more = (bundle.silent, bundle.created, bundle.uid, bundle.copy_of)
        copied = copies.drop(connection, bundle.name)
        connection.execute("INSERT OR REPLACE INTO bundles VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, *more))
        keys.update(dict.fromkeys(_objects(connection, bundle.objects, was=was), True))
        complaints += [f"ConfigMap {bundle.name}: {bundle.silent}"] if bundle.silent else []
        for key, operators in (*copied, *_replaced(connection, bundle, another=uid not in (None, bundle.uid))):
            keys[key] = operators or keys.get(key, False)
        complaints += [why for _, why in bundle.unread]
    return complaints + settle(connection, list(keys), {key for key, operators in keys.items() if operators}, now)


def forget_bundles(connection: Connection, names: set[str], revision: int, now: Moment) -> None:
    """Drop the bundles that are not among these, and no later than the revision."""
    gone = connection.execute("SELECT name FROM bundles WHERE revision <= ?", (revision,)).fetchall()
    for (name,) in gone:
        if name not in names:
            was = tenants(connection)
            keys = copies.drop(connection, name) + _drop(connection, name, keep=())
            for rows in ("unread WHERE bundle", "bundles WHERE name"):
                connection.execute(f"DELETE FROM {rows} = ?", (name,))  # noqa: S608 - constants
            keys += [(key, True) for key in _objects(connection, None, was=was)]
            settle(connection, [key for key, _ in keys], {key for key, operators in keys if operators}, now)


def settle(
    connection: Connection, keys: Sequence[Key], operators: Collection[Key], now: Moment, *, pools: bool = False
) -> list[str]:
    """Decide anew which declaration of these keys is in force, and of every one that a namespace's right depends on.

    `pools`: also which Pools are. `operators`: keys of which the operator says something else now, or of which what was
    in force before has changed.
    """
    complaints: list[str] = []
    for key in keys:
        # First what nobody judges: whatever a namespace declares is judged by that.
        if key[0] == "Pool":
            complaints += _judged(connection, key, Court(connection))[1]
        else:
            _put_operators(connection, key)
    if pools or any(key[0] == "Pool" for key in keys):
        complaints += settle_pools(connection, now)
    court = Court(connection)
    others = dict.fromkeys(key for key in keys if key[0] != "Pool")
    # Where a namespace may reserve so many addresses only, each of its words is one for the next.
    counted = [key for key in others if _declares_any(connection, key[1]) and court.limited(key[1])]
    others |= dict.fromkeys(_tenants(connection, (*keys, *operators), (*operators, *counted)))
    for key in others:
        complaints += _settle(connection, key, court)
    return complaints


def recount(connection: Connection, namespaces: Iterable[str], now: Moment) -> list[str]:
    """Decide anew what of these namespaces' words is in force: something else of theirs is reserved now, or no more."""
    court = Court(connection)
    counted = [one for one in namespaces if _declares_any(connection, one) and court.limited(one)]
    return settle(connection, (), [("PodNetwork", one, "") for one in counted], now) if counted else []


def make_way(connection: Connection, documents: Iterable[Document]) -> None:
    """Take what namespaces declare out of force as far as the operator's documents, which are to come, go before it.

    It is asked inside a step that is only tried, or proposed: no document of the cluster's store goes with it.
    """
    from podberth.policy.interfaces import Interfaces

    bodies = [document.body for document in documents if isinstance(document.body, PodNetwork)]
    interfaces = Interfaces(bodies)
    names = {("PodNetwork", body.namespace, body.name) for body in bodies}
    for key in _tenants(connection, (), names):
        document = table.get(connection, *key)
        if document is None or stands(connection, key) or _word(connection, key) is not None:
            continue
        if key in names or any(interfaces.declared(document)):
            table.remove(connection, key)
            connection.execute(f"DELETE FROM touched_documents WHERE {_BY_KEY}", key)  # noqa: S608 - a constant


def ended(connection: Connection) -> tuple[Declared, ...]:
    """Return the declared reservations that may end: nobody declares them, whether or not that is in force."""
    return tuple(declared for declared in stray(connection) if not withheld(connection, declared))


def withheld(connection: Connection, declared: Declared) -> bool:
    """Say whether a reservation that no document in force declares has to stay.

    It does while there is something that can't be read and may declare it, or while a namespace still declares it that
    has no right to: unknown is not gone, and a right that is withdrawn frees no address.
    """
    namespace = declared.pod.namespace
    unread = (
        "SELECT 1 FROM unread JOIN bundles ON bundles.name = unread.bundle WHERE tenant IN ('', ?)"
        " UNION ALL SELECT 1 FROM document_revisions AS r WHERE there AND kind = 'PodNetwork' AND namespace = ?"
        " AND NOT EXISTS (SELECT 1 FROM documents AS d"
        " WHERE (d.kind, d.namespace, d.name) = (r.kind, r.namespace, r.name))"
        " AND NOT EXISTS (SELECT 1 FROM sayings AS s WHERE bundle = ''"
        " AND (s.kind, s.namespace, s.name) = (r.kind, r.namespace, r.name))"
    )
    if connection.execute(unread, (namespace, namespace)).fetchone() is not None:
        return True
    refused = "SELECT body, source FROM sayings WHERE namespace = ? AND refusal <> ''"
    return any(_declares(parsed(*row), declared) for row in connection.execute(refused, (namespace,)).fetchall())


def _replaced(connection: Connection, bundle: Bundle, *, another: bool) -> Iterable[tuple[Key, bool]]:
    """Have the bundle's rows be what it says now; yield the keys that it speaks of, or did, as `_drop` does.

    `another`: the one before had the name alone in common with it, and what that declared is gone.
    """
    yield from _drop(connection, bundle.name, keep=[] if another else [source for source, _ in bundle.unread])
    connection.execute("DELETE FROM unread WHERE bundle = ?", (bundle.name,))
    if bundle.copy_of:
        yield from copies.replace(connection, bundle)
        return
    connection.executemany("INSERT INTO unread VALUES (?, ?, ?)", [(bundle.name, *row) for row in bundle.unread])
    for saying in bundle.sayings:
        text = saying.text
        connection.execute(
            "INSERT OR REPLACE INTO sayings (kind, namespace, name, bundle, source, tenant, before, body, origin,"
            " created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *text.key, bundle.name, text.source, bundle.tenant, int(saying.before), text.body, text.origin,
                bundle.created,
            ),
        )  # fmt: skip
        yield text.key, not bundle.tenant or saying.before
    yield from copies.restore(connection, bundle.name)


def _drop(connection: Connection, bundle: str, keep: Sequence[str]) -> list[tuple[Key, bool]]:
    """Delete what a bundle declares, but by the sources in `keep`, which may name the whole; return the keys.

    Beside each: whether that was the operator's word, or in force before.
    """
    query = "SELECT kind, namespace, name, source, bundle, tenant = '' OR before FROM sayings WHERE bundle = ?"
    gone = [
        row
        for row in connection.execute(query, (bundle,)).fetchall()
        if not {row[3], row[3].partition(": ")[0]} & set(keep)
    ]
    delete = f"DELETE FROM sayings WHERE {_BY_KEY} AND source = ? AND bundle = ?"  # noqa: S608 - a constant
    connection.executemany(delete, [row[:5] for row in gone])
    connection.execute("UPDATE sayings SET kept = 1 WHERE bundle = ?", (bundle,))
    return [(row[:3], bool(row[5])) for row in gone]


def _tenants(connection: Connection, keys: Iterable[Key], operators: Iterable[Key]) -> list[Key]:
    """Return the keys that namespaces declare: all if a pool is among `keys`, or those of the operators' namespaces."""
    query = "SELECT DISTINCT kind, namespace, name FROM sayings WHERE NOT before AND "
    if any(kind == "Pool" for kind, _, _ in keys):
        return connection.execute(query + "tenant <> ''").fetchall()
    return [
        key
        for namespace in sorted({namespace for kind, namespace, _ in operators if kind == "PodNetwork"})
        for key in connection.execute(query + "tenant = ?1 AND namespace = ?1", (namespace,)).fetchall()
    ]


def _word(connection: Connection, key: Key) -> tuple[str, str, str] | None:
    """Return the first declaration of a key that nobody judges: the operator's, or what was in force before."""
    query = (
        f"SELECT body, source, origin FROM sayings WHERE {_BY_KEY} AND (tenant = '' OR before)"  # noqa: S608
        " ORDER BY tenant <> '', bundle, source LIMIT 1"
    )
    row: tuple[str, str, str] | None = connection.execute(query, key).fetchone()
    return row


def _put_operators(connection: Connection, key: Key) -> None:
    word = None if stands(connection, key) else _word(connection, key)
    if word is not None:
        _put_in_force(connection, key, *word)


def _settle(connection: Connection, key: Key, court: Court) -> list[str]:
    """Put the first declaration of a key in force that may be; none while the document stands for itself."""
    best, complaints = _judged(connection, key, court)
    if stands(connection, key) or key[0] == "Pool":
        return complaints
    if best is None:
        table.remove(connection, key)
        return complaints
    return complaints + _put_in_force(connection, key, *best)


def _judged(connection: Connection, key: Key, court: Court) -> tuple[tuple[str, str, str] | None, list[str]]:
    """Return the first declaration of a key that may be in force, and which may no more."""
    complaints: list[str] = []
    best: tuple[str, str, str] | None = None
    found = connection.execute(
        f"SELECT bundle, source, tenant, before, body, origin, refusal FROM sayings WHERE {_BY_KEY}"  # noqa: S608
        " ORDER BY tenant <> '', NOT before, bundle, source",
        key,
    ).fetchall()
    for bundle, source, tenant, before, body, origin, refusal in found:
        free = before or not tenant
        refused = None if free else court.refusal(parsed(body, source), tenant, (*key, bundle, source))
        now = refused.message if refused is not None else ""
        if now != refusal:
            update = f"UPDATE sayings SET refusal = ? WHERE {_BY_KEY} AND bundle = ? AND source = ?"  # noqa: S608
            connection.execute(update, (now, *key, bundle, source))
            complaints += [f"{source}: {now}"] if now else []
        if not now and best is None:
            best = body, source, origin
        elif best is None and (good := court.last_good(tenant, (*key, bundle, source))) is not None:
            best = good.body, source, good.origin
    return best, complaints


def _itself(connection: Connection, key: Key) -> bool:
    """Say whether the document is there and is no Pool, which others may exclude, nor its namespace's word."""
    return key[0] != "Pool" and stands(connection, key)


def _obeyed(connection: Connection, keys: Iterable[Key]) -> list[str]:
    texts = [text for key in keys if (text := rows.newest(connection, key)) is not None]
    return [wrong for text in texts for wrong in _take(connection, rows.obeyed(connection, _made(connection, text)))]


def _made(connection: Connection, text: DocumentText) -> DocumentText:
    """Return the text with when its document was made."""
    query = f"SELECT created FROM document_revisions WHERE {_BY_KEY}"  # noqa: S608 - a constant
    row = connection.execute(query, text.key).fetchone()
    return replace(text, created=row[0]) if row is not None else text


def _take(connection: Connection, text: DocumentText) -> list[str]:
    """Put a PodNetwork of the cluster's store in force, or have it be its namespace's word."""
    if text.kind == "PodNetwork" and tenants(connection):
        return remember(connection, text)
    return _put_in_force(connection, text.key, text.body, text.source, text.origin)


def _put_in_force(connection: Connection, key: Key, body: str, source: str, origin: str) -> list[str]:
    """Put a document in force; or return what is wrong with it, and leave what was in force."""
    connection.execute("SAVEPOINT document")
    try:
        document = parsed(body, source, key)
        table.put(connection, document, origin)
    except (InvalidConfig, ValueError, OverflowError) as wrong:
        connection.execute("ROLLBACK TO document")
        return [f"{key[0]} {'/'.join(filter(None, key[1:]))}: {wrong}"]
    finally:
        connection.execute("RELEASE document")
    return []


def _objects(connection: Connection, digests: frozenset[str] | None, *, was: bool) -> list[Key]:
    """Have objects be whose word the operator says now; return those of which that is news.

    `was`: whether they were their namespaces' word. `digests`: of objects that stay, if a bundle says that they are.
    """
    if digests is not None:
        return become_tenants(connection, digests)
    if not was or tenants(connection):
        return []
    back = become_operators(connection)
    for key, body, source, origin in back:
        _put_in_force(connection, key, body, source, origin)
    return [key for key, *_ in back]


def _declares_any(connection: Connection, namespace: str) -> bool:
    """Say whether the namespace declares anything by its own word."""
    return connection.execute("SELECT 1 FROM sayings WHERE tenant = ? LIMIT 1", (namespace,)).fetchone() is not None


def _declares(document: Document, declared: Declared) -> bool:
    body = document.body
    return isinstance(body, PodNetwork) and any(
        policy.ifname == declared.ifname and declared.address in body.addresses_of(policy, declared.pod)
        for policy in body.attachments
    )
