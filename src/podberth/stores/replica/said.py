"""PodNetworks of the cluster's store as their namespaces' word, where the operator has set `podNetworks: tenants`.

Then each such object is a declaration like a ConfigMap's: a saying of the bundle '', which is nobody's name. Where the
operator has not set it, there are no such sayings, and the object stands for itself.
"""

from __future__ import annotations

from podberth.cni.errors import InvalidConfig
from podberth.policy.documents import raw_document
from podberth.policy.texts import parsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from sqlite3 import Connection

    from podberth.policy.documents import Document
    from podberth.stores.replica.shared import DocumentText, Key

OBJECT = ""  # the bundle of an object that is its namespace's word
_INSERT = (
    "INSERT OR REPLACE INTO sayings (kind, namespace, name, bundle, source, tenant, before, body, origin, created)"
    " VALUES (?1, ?2, ?3, '', ?4, ?2, ?5, ?6, ?7, ?8)"
)


def tenants(connection: Connection) -> bool:
    """Say whether PodNetworks of the cluster's store are their namespaces' word."""
    return connection.execute("SELECT 1 FROM bundles WHERE objects LIMIT 1").fetchone() is not None


def is_there(connection: Connection, key: Key) -> bool:
    """Say whether the cluster's store has the document itself."""
    query = "SELECT 1 FROM document_revisions WHERE there AND kind = ? AND namespace = ? AND name = ?"
    return connection.execute(query, key).fetchone() is not None


def stands(connection: Connection, key: Key) -> bool:
    """Say whether the document stands for itself, so that no bundle speaks for it, and nobody judges it."""
    return is_there(connection, key) and not (key[0] == "PodNetwork" and tenants(connection))


def remember(connection: Connection, text: DocumentText) -> list[str]:
    """Have an object be its namespace's word; or return what is wrong with it, and leave what it said before."""
    try:
        document = parsed(text.body, text.source, text.key)
    except InvalidConfig as wrong:
        return [f"{text.kind} {text.namespace}/{text.name}: {wrong}"]
    forget(connection, text.key)
    before = int(is_listed(connection, document))
    connection.execute(_INSERT, (*text.key, text.source, before, text.body, text.origin, text.created))
    return []


def forget(connection: Connection, key: Key) -> None:
    """Have an object say nothing any more."""
    connection.execute("DELETE FROM sayings WHERE bundle = '' AND kind = ? AND namespace = ? AND name = ?", key)


def become_tenants(connection: Connection, digests: Iterable[str]) -> list[Key]:
    """Have all objects be their namespaces' word; return their keys. `digests`: of what stays as it is."""
    connection.execute("DELETE FROM objects_before")
    connection.executemany("INSERT OR IGNORE INTO objects_before VALUES (?)", [(one,) for one in digests])
    rows = connection.execute(
        "SELECT kind, namespace, name, source, body, origin, created FROM sayings WHERE bundle = ''"
        " UNION ALL SELECT d.kind, d.namespace, d.name, d.source, d.body, d.origin, r.created FROM documents AS d"
        " JOIN document_revisions AS r ON (r.kind, r.namespace, r.name) = (d.kind, d.namespace, d.name)"
        " WHERE r.there AND d.kind = 'PodNetwork' AND NOT EXISTS (SELECT 1 FROM sayings AS s WHERE bundle = ''"
        " AND (s.kind, s.namespace, s.name) = (d.kind, d.namespace, d.name))"
    ).fetchall()
    for kind, namespace, name, source, body, origin, created in rows:
        before = int(is_listed(connection, parsed(body, source)))
        connection.execute(_INSERT, (kind, namespace, name, source, before, body, origin, created))
    return [row[:3] for row in rows]


def become_operators(connection: Connection) -> list[tuple[Key, str, str, str]]:
    """Have all objects stand for themselves; return them, each with its text, source and origin."""
    query = "SELECT kind, namespace, name, body, source, origin FROM sayings WHERE bundle = ''"
    rows = connection.execute(query).fetchall()
    connection.execute("DELETE FROM sayings WHERE bundle = ''")
    connection.execute("DELETE FROM objects_before")
    return [((kind, namespace, name), *rest) for kind, namespace, name, *rest in rows]


def is_listed(connection: Connection, document: Document) -> bool:
    """Say whether an object that says so was in force before such were their namespaces' word."""
    from podberth.policy.bundle import digest  # it reads YAML, which no ADD does

    if connection.execute("SELECT 1 FROM objects_before LIMIT 1").fetchone() is None:
        return False
    spec = raw_document(document)["spec"]  # in one form, however it was written
    one = digest(document.namespace, document.key, spec)
    return connection.execute("SELECT 1 FROM objects_before WHERE digest = ?", (one,)).fetchone() is not None
