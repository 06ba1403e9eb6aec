"""The rows of Pools: the newest text of each, what of it was approved, and what is refused; in an open transaction."""

from __future__ import annotations

import json
from ipaddress import ip_address

from podberth.stores.replica.shared import Approved, DocumentText

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from sqlite3 import Connection

_COLUMNS = "name, revision, body, source, origin, told, born, firm"


def keep_text(connection: Connection, text: DocumentText, revision: int) -> None:
    """Keep the newest text of a Pool's own document; none if it is gone."""
    connection.execute("DELETE FROM pool_texts WHERE name = ?", (text.name,))
    if text.body:
        row = (text.name, revision, text.body, text.source, text.origin)
        connection.execute("INSERT INTO pool_texts VALUES (?, ?, ?, ?, ?)", row)


def drop_texts(connection: Connection, names: Iterable[str]) -> None:
    """Drop the newest texts of these pools: their documents are gone."""
    connection.executemany("DELETE FROM pool_texts WHERE name = ?", ((name,) for name in names))


def texts(connection: Connection) -> dict[str, tuple[int, DocumentText]]:
    """Return the newest text of each Pool that is a document of its own, with its revision."""
    found = connection.execute("SELECT name, revision, body, source, origin FROM pool_texts").fetchall()
    return {name: (revision, as_text(name, *rest)) for name, revision, *rest in found}


def sayings(connection: Connection) -> tuple[DocumentText, ...]:
    """Return the Pools that bundles declare and may, the first of a name before the others."""
    query = (
        "SELECT name, body, source, origin FROM sayings WHERE kind = 'Pool' AND refusal = ''"
        " ORDER BY tenant <> '', NOT before, bundle, source"
    )
    return tuple(as_text(*row) for row in connection.execute(query).fetchall())


def keep_approved(connection: Connection, approved: Iterable[tuple[Approved, int]]) -> bool:
    """Take over what was approved; say whether anything is news."""
    news = False
    for one, revision in approved:
        known = _row(connection, one.text.name)
        if known is not None and known[1] >= revision:
            continue
        news = news or known is None or known[0] != one
        _write(connection, one, revision)
    return news


def forget_approved(connection: Connection, names: set[str], revision: int) -> bool:
    """Drop what was approved of pools that are not among these, and is no later than the revision; say if any was."""
    query = "SELECT name FROM approved WHERE revision <= ?"
    gone = [name for (name,) in connection.execute(query, (revision,)).fetchall() if name not in names]
    connection.executemany("DELETE FROM approved WHERE name = ?", ((name,) for name in gone))
    return bool(gone)


def known(connection: Connection, name: str) -> Approved | None:
    """Return what was approved of a pool; None if nothing is known of that."""
    row = _row(connection, name)
    return row[0] if row is not None else None


def all_known(connection: Connection) -> dict[str, Approved]:
    """Return what was approved, by the pool's name."""
    found = connection.execute(f"SELECT {_COLUMNS} FROM approved").fetchall()  # noqa: S608 - a constant
    return {one.text.name: one for one, _ in map(_read, found)}


def revision_of(connection: Connection, name: str) -> int:
    """Return at which revision the pool was approved; 0 if it never was."""
    row = _row(connection, name)
    return row[1] if row is not None else 0


def approve(connection: Connection, one: Approved) -> None:
    """Have a proposal approve this."""
    before = _row(connection, one.text.name)
    born = before[0].born if before is not None else ""
    made = Approved(text=one.text, told=one.told, born=born, firm=one.firm)
    if before is not None and before[0] == made:
        return
    _write(connection, made, before[1] if before is not None else 0)
    connection.execute("INSERT OR IGNORE INTO touched_pools VALUES (?)", (one.text.name,))


def due(connection: Connection, *, firm: bool) -> bool:
    """Say whether a newest text is not the approved one, or was approved by one who is not `firm`; no text is read."""
    query = (
        "SELECT 1 FROM pool_texts AS t LEFT JOIN approved AS a USING (name) WHERE a.body IS NOT t.body OR firm < ?"
        " UNION ALL SELECT 1 FROM approved AS a WHERE body <> ''"
        " AND NOT EXISTS (SELECT 1 FROM pool_texts AS t WHERE t.name = a.name)"
    )
    return connection.execute(query, (int(firm),)).fetchone() is not None


def proposed(connection: Connection) -> tuple[Approved, ...]:
    """Return what a proposal approves."""
    names = connection.execute("SELECT name FROM touched_pools ORDER BY name").fetchall()
    return tuple(one for (name,) in names if (one := known(connection, name)) is not None)


def refuse(connection: Connection, refused: Iterable[tuple[str, str, str]]) -> None:
    """Have exactly these be the pools whose newest text is not in force: name, where it is from, and why."""
    connection.execute("DELETE FROM refused_pools")
    connection.executemany("INSERT OR REPLACE INTO refused_pools VALUES (?, ?, ?)", refused)


def refused(connection: Connection) -> tuple[tuple[str, str, str], ...]:
    """Return what `refuse` was told, in order of name."""
    found = connection.execute("SELECT name, source, why FROM refused_pools ORDER BY name").fetchall()
    return tuple((str(name), str(source), str(why)) for name, source, why in found)


def in_force(connection: Connection, name: str) -> DocumentText | None:
    """Return the text that is in force."""
    query = "SELECT name, body, source, origin FROM documents WHERE kind = 'Pool' AND namespace = '' AND name = ?"
    row = connection.execute(query, (name,)).fetchone()
    return as_text(*row) if row is not None else None


def as_text(name: str, body: str = "", source: str = "", origin: str = "") -> DocumentText:
    """Return a Pool's text; without a body, that there is none."""
    return DocumentText(kind="Pool", namespace="", name=name, body=body, source=source, origin=origin)


def _row(connection: Connection, name: str) -> tuple[Approved, int] | None:
    query = f"SELECT {_COLUMNS} FROM approved WHERE name = ?"  # noqa: S608 - a constant
    row = connection.execute(query, (name,)).fetchone()
    return _read(row) if row is not None else None


def _write(connection: Connection, one: Approved, revision: int) -> None:
    told = json.dumps([[str(address), since] for address, since in one.told])
    text = one.text
    row = (text.name, revision, text.body, text.source, text.origin, told, one.born, int(one.firm))
    connection.execute("INSERT OR REPLACE INTO approved VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)


def _read(row: tuple[str, int, str, str, str, str, str, int]) -> tuple[Approved, int]:
    name, revision, body, source, origin, told, born, firm = row
    pairs = tuple((ip_address(address), int(since)) for address, since in json.loads(told))
    return Approved(text=as_text(name, body, source, origin), told=pairs, born=born, firm=bool(firm)), int(revision)
