"""The rows of documents that stand for themselves: the newest text of each, what of it was approved, what is refused.

All of it in an open transaction.
"""

from __future__ import annotations

import json
from ipaddress import ip_address

from podberth.cni.value import replace
from podberth.stores.replica.former import with_former
from podberth.stores.replica.shared import Approved, DocumentText, Former

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from sqlite3 import Connection

    from podberth.ipam.moment import Moment
    from podberth.stores.replica.shared import Key

_COLUMNS = "kind, namespace, name, revision, body, source, origin, told, born, firm, former"
_DEPARTED = 1000  # Pools that went out of force and are remembered, the latest
_BY_KEY = "kind = ? AND namespace = ? AND name = ?"


def pool_key(name: str) -> Key:
    """Return the key of a Pool."""
    return "Pool", "", name


def keep_text(connection: Connection, text: DocumentText, revision: int) -> None:
    """Keep the newest text of a document; none if it is gone."""
    drop_texts(connection, (text.key,))
    if text.body:
        row = (*text.key, revision, text.body, text.source, text.origin)
        connection.execute("INSERT INTO newest VALUES (?, ?, ?, ?, ?, ?, ?, 0)", row)
        _settle(connection, text.key)


def drop_texts(connection: Connection, keys: Iterable[Key]) -> None:
    """Drop the newest texts of these documents: they are gone."""
    connection.executemany(f"DELETE FROM newest WHERE {_BY_KEY}", keys)  # noqa: S608 - a constant


def texts(connection: Connection) -> dict[str, tuple[int, DocumentText]]:
    """Return the newest text of each Pool that is a document of its own, with its revision, by name."""
    query = "SELECT revision, kind, namespace, name, body, source, origin FROM newest WHERE kind = 'Pool'"
    return {row[3]: (row[0], _text(*row[1:])) for row in connection.execute(query).fetchall()}


def newest(connection: Connection, key: Key) -> DocumentText | None:
    """Return the newest text of a document; None if there is none."""
    query = f"SELECT kind, namespace, name, body, source, origin FROM newest WHERE {_BY_KEY}"  # noqa: S608 - a constant
    row = connection.execute(query, key).fetchone()
    return _text(*row) if row is not None else None


def obeyed(connection: Connection, text: DocumentText) -> DocumentText:
    """Return what nodes obey of a document with this newest text: what was approved for good, else this."""
    one = known(connection, text.key)
    return replace(one.text, created=text.created) if one is not None and one.firm and one.text.body else text


def unsettled(connection: Connection, kind: str) -> tuple[DocumentText, ...]:
    """Return the newest texts that were not approved for good, in order of namespace and name."""
    query = (
        "SELECT kind, namespace, name, body, source, origin FROM newest WHERE kind = ? AND NOT settled"
        " ORDER BY namespace, name"
    )
    return tuple(_text(*row) for row in connection.execute(query, (kind,)).fetchall())


def outlived(connection: Connection, kind: str) -> tuple[Key, ...]:
    """Return the documents that are gone, and of which something is approved still."""
    query = (
        "SELECT kind, namespace, name FROM approved AS a WHERE kind = ? AND body <> '' AND NOT EXISTS (SELECT 1 FROM"
        " newest AS n WHERE (n.kind, n.namespace, n.name) = (a.kind, a.namespace, a.name))"
    )
    return tuple(connection.execute(query, (kind,)).fetchall())


def sayings(connection: Connection) -> tuple[DocumentText, ...]:
    """Return the Pools that bundles declare and may, the first of a name before the others."""
    query = (
        "SELECT kind, namespace, name, body, source, origin FROM sayings WHERE kind = 'Pool' AND refusal = ''"
        " ORDER BY tenant <> '', NOT before, bundle, source"
    )
    return tuple(_text(*row) for row in connection.execute(query).fetchall())


def keep_approved(connection: Connection, approved: Iterable[tuple[Approved, int]]) -> set[Key]:
    """Take over what was approved; return of which documents that is news."""
    news: set[Key] = set()
    for one, revision in approved:
        before = _row(connection, one.text.key)
        if before is not None and before[1] >= revision:
            continue
        if before is None or before[0] != one:
            news.add(one.text.key)
        _write(connection, one, revision)
    return news


def forget_approved(connection: Connection, keys: set[Key], revision: int) -> tuple[Key, ...]:
    """Drop what was approved of documents that are not among these, and is no later than the revision; return them."""
    query = "SELECT kind, namespace, name FROM approved WHERE revision <= ?"
    gone = tuple(key for key in connection.execute(query, (revision,)).fetchall() if key not in keys)
    connection.executemany(f"DELETE FROM approved WHERE {_BY_KEY}", gone)  # noqa: S608 - a constant
    for key in gone:
        _settle(connection, key)
    return gone


def known(connection: Connection, key: Key) -> Approved | None:
    """Return what was approved of a document; None if nothing is known of that."""
    row = _row(connection, key)
    return row[0] if row is not None else None


def all_former(connection: Connection) -> dict[Key, tuple[Former, ...]]:
    """Return the former texts of all documents that have some."""
    found = connection.execute(f"SELECT {_COLUMNS} FROM approved WHERE former <> '[]'").fetchall()  # noqa: S608
    return {one.text.key: one.former for one, _ in map(_read, found)}


def all_known(connection: Connection) -> dict[str, Approved]:
    """Return what was approved of Pools, by name."""
    found = connection.execute(f"SELECT {_COLUMNS} FROM approved WHERE kind = 'Pool'").fetchall()  # noqa: S608
    return {one.text.name: one for one, _ in map(_read, found)}


def revision_of(connection: Connection, key: Key) -> int:
    """Return at which revision the document was approved; 0 if it never was."""
    row = _row(connection, key)
    return row[1] if row is not None else 0


def approve(connection: Connection, one: Approved, now: Moment) -> None:
    """Have a proposal approve this."""
    before = _row(connection, one.text.key)
    made = one
    if before is not None:
        former = with_former(connection, before[0], one.text, now)
        made = Approved(text=one.text, told=one.told, born=before[0].born, firm=one.firm, former=former)
    if before is not None and before[0] == made:
        return
    _write(connection, made, before[1] if before is not None else 0)
    connection.execute("INSERT OR IGNORE INTO touched_approved VALUES (?, ?, ?)", one.text.key)


def due(connection: Connection, kind: str) -> bool:
    """Say whether a newest text is not the one that was approved for good; no text is read."""
    unsettled = connection.execute("SELECT 1 FROM newest WHERE kind = ? AND NOT settled", (kind,)).fetchone()
    return unsettled is not None or bool(outlived(connection, kind))


def proposed(connection: Connection) -> tuple[Approved, ...]:
    """Return what a proposal approves."""
    keys = connection.execute("SELECT kind, namespace, name FROM touched_approved ORDER BY 1, 2, 3").fetchall()
    return tuple(one for key in keys if (one := known(connection, key)) is not None)


def refuse(connection: Connection, refused: Iterable[tuple[str, str, str]]) -> None:
    """Have exactly these be the pools whose newest text is not in force: name, where it is from, and why."""
    connection.execute("DELETE FROM refused_pools")
    connection.executemany("INSERT OR REPLACE INTO refused_pools VALUES (?, ?, ?)", refused)


def refused(connection: Connection) -> tuple[tuple[str, str, str], ...]:
    """Return what `refuse` was told, in order of name."""
    found = connection.execute("SELECT name, source, why FROM refused_pools ORDER BY name").fetchall()
    return tuple((str(name), str(source), str(why)) for name, source, why in found)


def in_force(connection: Connection, key: Key) -> DocumentText | None:
    """Return the text that is in force."""
    query = f"SELECT kind, namespace, name, body, source, origin FROM documents WHERE {_BY_KEY}"  # noqa: S608
    row = connection.execute(query, key).fetchone()
    return _text(*row) if row is not None else None


def depart(connection: Connection, name: str) -> None:
    """Remember a Pool that goes out of force: an address of it may be heard of only later."""
    connection.execute("DELETE FROM departed WHERE name = ?", (name,))
    connection.execute(
        "INSERT INTO departed (name, body, source, origin)"
        " SELECT name, body, source, origin FROM documents WHERE kind = 'Pool' AND name = ?",
        (name,),
    )
    connection.execute("DELETE FROM departed WHERE number <= (SELECT max(number) FROM departed) - ?", (_DEPARTED,))


def departed(connection: Connection, name: str) -> DocumentText:
    """Return a Pool as it went out of force; nothing if it is not remembered."""
    row = connection.execute("SELECT name, body, source, origin FROM departed WHERE name = ?", (name,)).fetchone()
    return _text("Pool", "", *row) if row is not None else nothing(pool_key(name))


def nothing(key: Key) -> DocumentText:
    """Return that there is no such document."""
    return _text(*key)


def _text(kind: str, namespace: str, name: str, body: str = "", source: str = "", origin: str = "") -> DocumentText:
    return DocumentText(kind=kind, namespace=namespace, name=name, body=body, source=source, origin=origin)


def _row(connection: Connection, key: Key) -> tuple[Approved, int] | None:
    query = f"SELECT {_COLUMNS} FROM approved WHERE {_BY_KEY}"  # noqa: S608 - constants
    row = connection.execute(query, key).fetchone()
    return _read(row) if row is not None else None


def _write(connection: Connection, one: Approved, revision: int) -> None:
    told = json.dumps([[str(address), since] for address, since in one.told])
    text = one.text
    former = json.dumps([[each.body, each.until] for each in one.former])
    row = (*text.key, revision, text.body, text.source, text.origin, told, one.born, int(one.firm), former)
    connection.execute("INSERT OR REPLACE INTO approved VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    _settle(connection, text.key)


def _settle(connection: Connection, key: Key) -> None:
    """Mark whether the newest text of a document is the one that was approved for good."""
    connection.execute(
        "UPDATE newest SET settled = EXISTS (SELECT 1 FROM approved AS a WHERE firm AND a.body = newest.body"
        " AND (a.kind, a.namespace, a.name) = (newest.kind, newest.namespace, newest.name))"
        " WHERE kind = ? AND namespace = ? AND name = ?",
        key,
    )


def _read(row: tuple[str, str, str, int, str, str, str, str, str, int, str]) -> tuple[Approved, int]:
    kind, namespace, name, revision, body, source, origin, told, born, firm, former = row
    pairs = tuple((ip_address(address), int(since)) for address, since in json.loads(told))
    earlier = tuple(Former(body=text, until=int(until)) for text, until in json.loads(former))
    text = _text(kind, namespace, name, body, source, origin)
    return Approved(text=text, told=pairs, born=born, firm=bool(firm), former=earlier), int(revision)
