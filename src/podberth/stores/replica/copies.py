"""Copies of what bundles declared last and might: the cluster's store has one for each bundle, itself a bundle.

Whoever may write them (a controller) copies the texts of a bundle that passed. Where a bundle is edited into what can't
be read, or into what its namespace has no right to, the copy counts: on every node, one that joins then too. What a
bundle does not declare any more is gone, whatever a copy says. In an open transaction.
"""

from __future__ import annotations

from podberth.cni.value import value
from podberth.stores.replica.shared import DocumentText, Saying

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from sqlite3 import Connection
    from typing import TypeAlias

    from podberth.stores.replica.shared import Bundle, Key

    Row: TypeAlias = tuple[str, str, str, str, str]  # kind, namespace, name, bundle, source

_OF = "kind = ? AND namespace = ? AND name = ? AND bundle = ?"
# The copy is of this very bundle, not of one that had its name before.
_CURRENT = "EXISTS (SELECT 1 FROM bundles AS b WHERE b.name = c.bundle AND b.created = c.created)"


@value
class Copy:
    """What a copy of the bundle `of` is to say; it replaces the one of `name` and `revision`, '' and 0 for none.

    `created`: when the bundle was made. Without sayings there is to be no copy.
    """

    of: str
    created: str
    sayings: tuple[Saying, ...]
    name: str = ""
    revision: int = 0


def replace(connection: Connection, bundle: Bundle) -> list[tuple[Key, bool]]:
    """Have what a copy says be what the bundle, which is one, has now; return the keys that this may matter to.

    Beside each: whether it was in force before namespaces had limits.
    """
    keys = drop(connection, bundle.name)
    for saying in bundle.sayings:
        text = saying.text
        row = (bundle.copy_of, *text.key, text.source, bundle.name, int(saying.before), text.body, text.origin)
        connection.execute(
            "INSERT OR REPLACE INTO copies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, bundle.created)
        )
        keys.append((text.key, saying.before))
    return keys + restore(connection, bundle.copy_of)


def drop(connection: Connection, name: str) -> list[tuple[Key, bool]]:
    """Forget what the copy of that name says, if it is one; return the keys."""
    query = "SELECT kind, namespace, name, before FROM copies WHERE copy = ?"
    keys = [
        ((kind, namespace, own), bool(before)) for kind, namespace, own, before in connection.execute(query, (name,))
    ]
    connection.execute("DELETE FROM copies WHERE copy = ?", (name,))
    return keys


def restore(connection: Connection, bundle: str) -> list[tuple[Key, bool]]:
    """Have what a bundle says where it can't be read be what its copy says; return the keys, as `replace` does."""
    found = connection.execute("SELECT tenant FROM bundles WHERE name = ?", (bundle,)).fetchone()
    unread = {source for (source,) in connection.execute("SELECT source FROM unread WHERE bundle = ?", (bundle,))}
    if found is None or not unread:
        return []
    (tenant,) = found
    query = (
        "SELECT kind, namespace, name, bundle, source, before, body, origin, created FROM copies AS c"  # noqa: S608
        f" WHERE bundle = ? AND {_CURRENT}"
    )
    restored: list[tuple[Key, bool]] = []
    for *row, before, body, origin, created in connection.execute(query, (bundle,)).fetchall():
        source = row[-1]
        if not {source, source.partition(": ")[0]} & unread or _is_said(connection, row):
            continue
        connection.execute(
            "INSERT OR REPLACE INTO sayings (kind, namespace, name, bundle, source, tenant, before, body, origin,"
            " created, kept) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
            (*row, tenant, before, body, origin, created),
        )
        restored.append(((row[0], row[1], row[2]), not tenant or bool(before)))
    return restored


def last_good(connection: Connection, row: Row) -> Saying | None:
    """Return what the copy of a bundle has of a saying; None if it has nothing, or the same."""
    *key, bundle, source = row
    found = connection.execute(
        f"SELECT source, before, body, origin FROM copies AS c WHERE {_OF} AND {_CURRENT}"  # noqa: S608 - constants
        " AND NOT EXISTS (SELECT 1 FROM sayings AS s WHERE (s.kind, s.namespace, s.name, s.bundle, s.source, s.body)"
        " = (c.kind, c.namespace, c.name, c.bundle, ?, c.body)) ORDER BY source <> ?, source",
        (*key, bundle, source, source),
    ).fetchone()
    if found is None:
        return None
    said, before, body, origin = found
    kind, namespace, name = key
    text = DocumentText(kind=kind, namespace=namespace, name=name, body=body, source=said, origin=origin)
    return Saying(text=text, before=bool(before))


def of_pool(connection: Connection, name: str) -> DocumentText | None:
    """Return the last good text of a Pool that a bundle declares, by the copies; None if there is none."""
    query = (
        "SELECT kind, namespace, name, bundle, source FROM sayings WHERE kind = 'Pool' AND name = ? AND refusal = ''"
        " ORDER BY bundle, source"
    )
    for row in connection.execute(query, (name,)).fetchall():
        good = last_good(connection, row)
        if good is not None:
            return good.text
    return None


def wanted(connection: Connection) -> tuple[Copy, ...]:
    """Return what copies are to say and do not yet."""
    return tuple(_wanted(connection))


def _wanted(connection: Connection) -> Iterator[Copy]:
    query = "SELECT bundle, copy, b.revision FROM copies JOIN bundles AS b ON b.name = copy GROUP BY bundle"
    there = {bundle: (copy, int(revision)) for bundle, copy, revision in connection.execute(query).fetchall()}
    query = "SELECT name, created FROM bundles WHERE name IN (SELECT bundle FROM sayings) ORDER BY name"
    bundles = connection.execute(query).fetchall()
    for name, created in bundles:
        copy, revision = there.pop(name, ("", 0))
        sayings = tuple(_passing(connection, name))
        if (copy or sayings) and (not sayings or sayings != _said(connection, name, created)):
            yield Copy(of=name, created=created, sayings=sayings, name=copy, revision=revision)
    for name, (copy, revision) in there.items():
        yield Copy(of=name, created="", sayings=(), name=copy, revision=revision)


def _passing(connection: Connection, bundle: str) -> Iterator[Saying]:
    """Yield what a bundle says and may; where it may not, the last that it might."""
    query = (
        "SELECT kind, namespace, name, bundle, source, before, body, origin, refusal FROM sayings AS s WHERE bundle = ?"
        " ORDER BY source, kind, namespace, name"
    )
    for *row, before, body, origin, refusal in connection.execute(query, (bundle,)).fetchall():
        kind, namespace, name, _, source = row
        text = DocumentText(kind=kind, namespace=namespace, name=name, body=body, source=source, origin=origin)
        if refusal or (kind == "Pool" and not _is_in_force(connection, text)):
            good = last_good(connection, (kind, namespace, name, bundle, source))
            if good is not None:
                yield Saying(text=_from(good.text, source), before=good.before)
        else:
            yield Saying(text=text, before=bool(before))


def _said(connection: Connection, bundle: str, created: str) -> tuple[Saying, ...]:
    query = (
        "SELECT kind, namespace, name, source, before, body, origin FROM copies WHERE bundle = ? AND created = ?"
        " ORDER BY source, kind, namespace, name"
    )
    return tuple(
        Saying(
            text=DocumentText(kind=kind, namespace=namespace, name=name, body=body, source=source, origin=origin),
            before=bool(before),
        )
        for kind, namespace, name, source, before, body, origin in connection.execute(
            query, (bundle, created)
        ).fetchall()
    )


def _is_in_force(connection: Connection, text: DocumentText) -> bool:
    """Say whether a Pool is in force as this text of a bundle has it."""
    query = (
        "SELECT 1 FROM documents AS d WHERE kind = ? AND namespace = ? AND name = ? AND origin = ? AND NOT EXISTS"
        " (SELECT 1 FROM refused_pools AS r WHERE r.name = d.name AND r.source = ?)"
    )
    return connection.execute(query, (*text.key, text.origin, text.source)).fetchone() is not None


def _is_said(connection: Connection, row: list[str]) -> bool:
    """Say whether the bundle says something of that itself now."""
    query = f"SELECT 1 FROM sayings WHERE {_OF} AND source = ? AND NOT kept"  # noqa: S608 - a constant
    return connection.execute(query, row).fetchone() is not None


def _from(text: DocumentText, source: str) -> DocumentText:
    return DocumentText(
        kind=text.kind, namespace=text.namespace, name=text.name, body=text.body, source=source, origin=text.origin
    )
