"""Copies of what bundles declared last and might: the cluster's store has one for each bundle, itself a bundle.

Whoever may write them (a controller) copies the texts of a bundle that passed. Where a bundle is edited into what can't
be read, or into what its namespace has no right to, the copy counts: on every node, one that joins then too. What a
bundle does not declare any more is gone, whatever a copy says. In an open transaction.
"""

from __future__ import annotations

import json

from podberth.cni.value import value
from podberth.stores.replica.shared import DocumentText, Saying

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from sqlite3 import Connection
    from typing import TypeAlias

    from podberth.policy.budget import Amount
    from podberth.stores.replica.shared import Bundle, Key

    Row: TypeAlias = tuple[str, str, str, str, str]  # kind, namespace, name, bundle, source

_OF = "kind = ? AND namespace = ? AND name = ? AND bundle = ?"
# The copy is of this very bundle, not of one that had its name before.
_CURRENT = "EXISTS (SELECT 1 FROM bundles AS b WHERE b.name = c.bundle AND b.uid = c.uid AND b.copy_of = '')"
_THERE = "SELECT copy_of, name, revision FROM bundles WHERE copy_of <> ''"


@value
class Copy:
    """What the copy of the bundle `of` is to say; it replaces the one of that revision, 0 for none.

    `uid`: which bundle of that name it is. Without sayings there is to be no copy.
    """

    of: str
    uid: str
    sayings: tuple[Saying, ...]
    revision: int = 0


def replace(connection: Connection, bundle: Bundle) -> list[tuple[Key, bool]]:
    """Have what the copy of a bundle says be what this one, which is it, has now; return the keys that this matters to.

    Beside each: whether it was in force before namespaces had limits.
    """
    keys = _forget(connection, bundle.copy_of)
    for saying in bundle.sayings:
        text = saying.text
        row = (bundle.copy_of, *text.key, text.source, int(saying.before), text.body, text.origin, bundle.uid)
        connection.execute("INSERT OR REPLACE INTO copies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        keys.append((text.key, saying.before))
    return keys + restore(connection, bundle.copy_of)


def drop(connection: Connection, name: str) -> list[tuple[Key, bool]]:
    """Forget what the bundle of that name says as a copy, if it is one; return the keys, as `replace` does."""
    found = connection.execute("SELECT copy_of FROM bundles WHERE name = ? AND copy_of <> ''", (name,)).fetchone()
    return _forget(connection, found[0]) if found is not None else []


def _forget(connection: Connection, bundle: str) -> list[tuple[Key, bool]]:
    query = "SELECT kind, namespace, name, before FROM copies WHERE bundle = ?"
    keys = [
        ((kind, namespace, name), bool(before))
        for kind, namespace, name, before in connection.execute(query, (bundle,)).fetchall()
    ]
    connection.execute("DELETE FROM copies WHERE bundle = ?", (bundle,))
    return keys


def restore(connection: Connection, bundle: str) -> list[tuple[Key, bool]]:
    """Have what a bundle says where it can't be read be what its copy says; return the keys, as `replace` does."""
    query = "SELECT tenant, created FROM bundles WHERE name = ? AND copy_of = ''"
    found = connection.execute(query, (bundle,)).fetchone()
    unread = {source for (source,) in connection.execute("SELECT source FROM unread WHERE bundle = ?", (bundle,))}
    if found is None or not unread:
        return []
    tenant, created = found
    query = (
        "SELECT kind, namespace, name, bundle, source, before, body, origin FROM copies AS c"  # noqa: S608
        f" WHERE bundle = ? AND {_CURRENT}"
    )
    restored: list[tuple[Key, bool]] = []
    for *row, before, body, origin in connection.execute(query, (bundle,)).fetchall():
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
    """Return what the copy of a bundle has of a saying, whatever that says now; None if it has nothing."""
    *key, bundle, source = row
    found = connection.execute(
        f"SELECT source, before, body, origin FROM copies AS c WHERE {_OF} AND {_CURRENT}"  # noqa: S608 - constants
        " ORDER BY source <> ?, source LIMIT 1",
        (*key, bundle, source),
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
    found = (last_good(connection, row) for row in connection.execute(query, (name,)).fetchall())
    return next((good.text for good in found if good is not None), None)


def wanted(connection: Connection) -> tuple[Copy, ...]:
    """Return what copies are to say and do not yet.

    All of a namespace's together stay within the budget of what its ConfigMaps declare: what is in force by its copy
    alone counts in no other. A copy that has no room stays as it is.
    """
    there = {bundle: (name, revision) for bundle, name, revision in connection.execute(_THERE).fetchall()}
    query = (
        "SELECT name, uid, tenant FROM bundles WHERE copy_of = '' AND name IN (SELECT bundle FROM sayings)"
        " ORDER BY created, name"
    )
    found: list[Copy] = []
    amounts: dict[str, dict[str, Amount]] = {}
    for name, uid, tenant in connection.execute(query).fetchall():
        copy, revision = there.pop(name, ("", 0))
        sayings = tuple(_passing(connection, name))
        if sayings == _said(connection, name, uid) and (sayings or not copy):
            continue
        if tenant and tenant not in amounts:
            amounts[tenant] = _amounts(connection, tenant)
        if not tenant or _fits(amounts[tenant], name, sayings):
            found.append(Copy(of=name, uid=uid, sayings=sayings, revision=revision))
    return (*found, *(Copy(of=name, uid="", sayings=(), revision=revision) for name, (_, revision) in there.items()))


def _passing(connection: Connection, bundle: str) -> Iterator[Saying]:
    """Yield what a bundle says and may; where it may not, the last that it might, as its copy has it."""
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


def _fits(amounts: dict[str, Amount], bundle: str, sayings: Iterable[Saying]) -> bool:
    """Say whether there is room for a copy beside the others of its namespace, of these amounts; if so, it is there."""
    from podberth.policy.budget import Amount

    own = _amount(one.text.body for one in sayings)
    total = own
    for name, amount in amounts.items():
        total += amount if name != bundle else Amount()
    if own.documents and total.excess:
        return False
    amounts[bundle] = own
    return True


def _amounts(connection: Connection, tenant: str) -> dict[str, Amount]:
    """Return what the copies of a namespace's bundles come to, each of them."""
    query = "SELECT bundle, body FROM copies WHERE bundle IN (SELECT name FROM bundles WHERE tenant = ?)"
    bodies: dict[str, list[str]] = {}
    for bundle, body in connection.execute(query, (tenant,)).fetchall():
        bodies.setdefault(bundle, []).append(body)
    return {bundle: _amount(found) for bundle, found in bodies.items()}


def _amount(bodies: Iterable[str]) -> Amount:
    from podberth.policy.budget import Scale

    raws = [json.loads(body) for body in bodies]
    return Scale().amount(raws)


def _said(connection: Connection, bundle: str, uid: str) -> tuple[Saying, ...]:
    query = (
        "SELECT kind, namespace, name, source, before, body, origin FROM copies WHERE bundle = ? AND uid = ?"
        " ORDER BY source, kind, namespace, name"
    )
    return tuple(
        Saying(
            text=DocumentText(kind=kind, namespace=namespace, name=name, body=body, source=source, origin=origin),
            before=bool(before),
        )
        for kind, namespace, name, source, before, body, origin in connection.execute(query, (bundle, uid)).fetchall()
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
