"""Marks of operations in the replica (`staging`), inside an open transaction: which are there, and which count.

What a mark makes of an address counts here from the moment on that its operation's own object is known to be committed,
for all addresses and documents of the operation in one transaction. So nobody who asks the replica sees a part of it.
"""

from __future__ import annotations

import json
from ipaddress import ip_address

from podberth.cni.value import replace
from podberth.ipam.address_record import Mark, parse_record, record_form
from podberth.stores.replica.shared import DocumentText

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from sqlite3 import Connection

    from podberth.cni.pod import PodRef
    from podberth.ipam.address_record import AddressRecord
    from podberth.ipam.moment import Uptime
    from podberth.net.ops import Address
    from podberth.stores.replica.shared import Seen

OVER = "+"  # behind an operation's name in a document: it is committed
ENDED = 64  # operations that are over and are remembered, so that not each new one looks for what is left of others
SILENCE = 15 * 10**9  # ns without a new mark, after which an operation's command counts as killed

TABLES = """
-- What operations have marked. `heard_boot`, `heard`: this node's uptime (ns) when the mark came.
CREATE TABLE marks (
    address BLOB PRIMARY KEY, operation TEXT NOT NULL, primary_address BLOB NOT NULL, namespace TEXT NOT NULL,
    pod TEXT NOT NULL, body TEXT NOT NULL, heard_boot TEXT NOT NULL, heard INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX marks_of ON marks (operation);
CREATE INDEX marks_for ON marks (namespace, pod);
CREATE TABLE marked_documents (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, operation TEXT NOT NULL, revision INTEGER NOT NULL,
    body TEXT NOT NULL, source TEXT NOT NULL, origin TEXT NOT NULL, created TEXT NOT NULL,
    PRIMARY KEY (kind, namespace, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE committed (operation TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
-- Operations that are committed and of which documents are still on their way; and records that came after them.
CREATE TABLE words (
    operation TEXT PRIMARY KEY, documents INTEGER NOT NULL, heard_boot TEXT NOT NULL, heard INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE late_records (
    address BLOB PRIMARY KEY, operation TEXT NOT NULL, revision INTEGER NOT NULL, body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""


def admitted(connection: Connection, seen: Seen, now: Uptime, *, whole: bool) -> tuple[Seen, frozenset[str]]:
    """Return what of it may be taken over now, and the operations that count from now on.

    `whole`: it is all that has happened to addresses up to some time. Else it may be ahead of what is known here: what
    an operation has made of one address waits until all of that operation is known. Documents may be followed apart
    from addresses: a word that is ahead of the documents waits for them.
    """
    over: set[str] = set()
    records: list[tuple[AddressRecord, int]] = []
    for record, revision in seen.records:
        mark, made = record.mark, record.operation
        if mark is not None and mark.committed and mark.primary == record.address:
            if not (whole or is_committed(connection, mark.operation) or _all_there(connection, seen, mark)):
                continue
            if is_committed(connection, mark.operation) or not mark.documents:
                over.add(mark.operation)
            else:
                _keep_word(connection, mark.operation, mark.documents, now)
        elif mark is None and made and made not in over and not is_committed(connection, made):
            if not whole:
                continue
            if count := _documents_of(connection, made):  # the word itself may have been passed over
                _keep_word(connection, made, count, now)
                body = json.dumps(record_form(replace(record, mark=_carrying(record))), separators=(",", ":"))
                row = (record.address.packed, made, revision, body)
                connection.execute("INSERT OR REPLACE INTO late_records VALUES (?, ?, ?, ?)", row)
                continue
            over.add(made)
        records.append((record, revision))
    over.update(_complete(connection, seen, now))
    news = frozenset(one for one in over if not is_committed(connection, one))
    if news:
        _forget_ended(connection)
    connection.executemany("INSERT INTO committed VALUES (?)", ((one,) for one in news))
    documents = _sifted(connection, seen.documents, news)
    for one in news:
        connection.execute("DELETE FROM words WHERE operation = ?", (one,))
        query = "DELETE FROM late_records WHERE operation = ? RETURNING body, revision"
        late = connection.execute(query, (one,)).fetchall()
        records += [(_read(body).record, revision) for body, revision in late]
    return replace(seen, records=tuple(records), documents=documents), news


def _forget_ended(connection: Connection) -> None:
    """Forget that operations are committed of which nothing is here any more: no mark, document or record.

    Whoever asks has come upon one of these. A record of one that is forgotten, should it come late, is older than what
    is known of its address.
    """
    if connection.execute("SELECT count(*) FROM committed").fetchone()[0] < ENDED:
        return
    tables = ("marks", "marked_documents", "words", "late_records", "records")
    left = " UNION ALL ".join(f"SELECT operation FROM {table}" for table in tables)  # noqa: S608 - constants
    connection.execute(f"DELETE FROM committed WHERE operation NOT IN ({left})")  # noqa: S608 - constants


def _complete(connection: Connection, seen: Seen, now: Uptime) -> Iterator[str]:
    """Yield the operations that are committed and of which all documents are here, or should have been for long."""
    for name, count, boot, heard in connection.execute("SELECT * FROM words").fetchall():
        query = "SELECT kind, namespace, name FROM marked_documents WHERE operation = ?"
        known = set(connection.execute(query, (name,)).fetchall())
        known |= {text.key for text, _ in seen.documents if text.operation.removesuffix(OVER) == name}
        if len(known) >= count or boot != now.boot or now.ns - heard > SILENCE:
            yield name


def _keep_word(connection: Connection, operation: str, documents: int, now: Uptime) -> None:
    row = (operation, documents, now.boot, now.ns)
    connection.execute("INSERT OR IGNORE INTO words VALUES (?, ?, ?, ?)", row)


def _documents_of(connection: Connection, operation: str) -> int:
    """Return how many documents an operation brings whose marks are here."""
    found = connection.execute("SELECT body FROM marks WHERE operation = ? LIMIT 1", (operation,)).fetchone()
    return _read(found[0]).documents if found is not None else 0


def _carrying(record: AddressRecord) -> Mark:
    """Return a mark that has the record, whose last event a record's own form leaves out."""
    return Mark(operation=record.operation, primary=record.address, by="", record=record, addresses=0)


def _all_there(connection: Connection, seen: Seen, mark: Mark) -> bool:
    query = "SELECT address FROM marks WHERE operation = ?"
    known = {packed for (packed,) in connection.execute(query, (mark.operation,)).fetchall()}
    known |= {one.address.packed for one, _ in seen.records if one.mark and one.mark.operation == mark.operation}
    return len(known) >= mark.addresses


def _sifted(
    connection: Connection, documents: Iterable[tuple[DocumentText, int]], over: Iterable[str]
) -> tuple[tuple[DocumentText, int], ...]:
    """Return the documents that count, with those that do from now on; keep the others."""
    found = []
    for text, revision in documents:
        name = text.operation.removesuffix(OVER)
        waits = name and not is_committed(connection, name)
        if waits and (not text.operation.endswith(OVER) or _is_open(connection, name)):
            row = (*text.key, name, revision, text.body, text.source, text.origin, text.created)
            connection.execute("INSERT OR REPLACE INTO marked_documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            continue
        query = "DELETE FROM marked_documents WHERE kind = ? AND namespace = ? AND name = ?"
        connection.execute(query, text.key)
        found.append((replace(text, operation=""), revision))
    for name in over:
        query = "DELETE FROM marked_documents WHERE operation = ? RETURNING kind, namespace, name, revision, body,"
        for *key, revision, body, source, origin, created in connection.execute(
            f"{query} source, origin, created", (name,)
        ).fetchall():
            kind, namespace, called = key
            text = DocumentText(
                kind=kind, namespace=namespace, name=called, body=body, source=source, origin=origin, created=created
            )
            found.append((text, revision))
    return tuple(found)


def shown(connection: Connection, record: AddressRecord) -> AddressRecord:
    """Return what of a record counts: what it says, or what its mark makes of that."""
    mark = record.mark
    return mark.record if mark is not None and is_committed(connection, mark.operation) else record


def keep(connection: Connection, record: AddressRecord, now: Uptime) -> None:
    """Keep the mark that the record has, or none."""
    mark = record.mark
    if mark is None:
        connection.execute("DELETE FROM marks WHERE address = ?", (record.address.packed,))
        return
    kept = mark.record.reservation
    named = (kept.pod.namespace, kept.pod.name) if kept is not None else ("", "")
    row = (record.address.packed, mark.operation, mark.primary.packed, *named, _text(mark), now.boot, now.ns)
    connection.execute("INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)


def made_by(connection: Connection, operations: Iterable[str]) -> tuple[AddressRecord, ...]:
    """Return what the operations make of the addresses that they have marked."""
    query = "SELECT body FROM marks WHERE operation = ?"
    return tuple(_read(body).record for one in operations for (body,) in connection.execute(query, (one,)).fetchall())


def in_the_way(connection: Connection, addresses: Iterable[Address], pods: Iterable[PodRef]) -> tuple[Mark, ...]:
    """Return the marks at these addresses, and those that reserve an address for one of the pods."""
    if connection.execute("SELECT 1 FROM marks LIMIT 1").fetchone() is None:
        return ()
    found: dict[Address, Mark] = {}
    named = [(pod.namespace, pod.name) for pod in pods]
    for where, keys in (("address = ?", [(one.packed,) for one in addresses]), ("namespace = ? AND pod = ?", named)):
        for key in keys:
            query = f"SELECT body, operation FROM marks WHERE {where}"  # noqa: S608 - constants
            for body, operation in connection.execute(query, key).fetchall():
                mark = replace(_read(body), committed=is_committed(connection, operation))
                found[mark.record.address] = mark
    return tuple(found.values())


def promised(connection: Connection) -> frozenset[Address]:
    """Return the addresses that operations have marked which are not committed."""
    query = "SELECT address FROM marks WHERE operation NOT IN (SELECT operation FROM committed)"
    return frozenset(ip_address(packed) for (packed,) in connection.execute(query).fetchall())


def open_ones(connection: Connection) -> tuple[Mark, ...]:
    """Return one mark of each operation that has some, whether or not it is committed."""
    query = "SELECT min(body), operation FROM marks GROUP BY operation ORDER BY operation"
    found = connection.execute(query).fetchall()
    return tuple(replace(_read(body), committed=is_committed(connection, name)) for body, name in found)


def is_silent(connection: Connection, operation: str, now: Uptime) -> bool:
    """Say whether nothing was heard of the operation for so long that its command is gone."""
    query = "SELECT max(heard) FROM marks WHERE operation = ? AND heard_boot = ?"
    (heard,) = connection.execute(query, (operation, now.boot)).fetchone()
    return heard is None or now.ns - int(heard) > SILENCE


def is_committed(connection: Connection, operation: str) -> bool:
    """Say whether the operation is known here to be committed."""
    query = "SELECT 1 FROM committed WHERE operation = ?"
    return connection.execute(query, (operation,)).fetchone() is not None


def _is_open(connection: Connection, operation: str) -> bool:
    query = "SELECT 1 FROM marks WHERE operation = ? LIMIT 1"
    return connection.execute(query, (operation,)).fetchone() is not None


def _text(mark: Mark) -> str:
    form = record_form(replace(mark.record, mark=mark))
    return json.dumps(form, separators=(",", ":"))


def _read(body: str) -> Mark:
    mark = parse_record(json.loads(body)).mark
    assert mark is not None, "only marks are kept"
    return mark
