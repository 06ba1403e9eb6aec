"""The table of documents: SQL over an open connection, one document a row, found by name, target, MAC, pool or origin.

A body is kept in the form `policy.documents` writes and reads. Transactions are the caller's.
"""

from __future__ import annotations

import json

from podberth.cni.errors import InvalidConfig, StoreFailed
from podberth.ipam.owner import deployment_of, is_deployment
from podberth.ipam.pool import Pool
from podberth.policy.changes import Followed
from podberth.policy.documents import Document, raw_document
from podberth.policy.podnetwork import PodNetwork
from podberth.policy.texts import parsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from sqlite3 import Connection
    from typing import TypeAlias

    from podberth.cni.pod import PodRef

    Text: TypeAlias = tuple[str, str, str, str, str]  # a document as it is kept: kind, namespace, name, body, source

_DAMAGED = "put the store back from a backup (`podberth store restore`); was it written by a newer podberth?"
# `source` is the file a document was read from, `origin` what applied it: the directory, for `prune`.
DDL = """
CREATE TABLE documents (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    pod TEXT, stateful_set TEXT,
    body TEXT NOT NULL, source TEXT NOT NULL, origin TEXT NOT NULL, generation INTEGER NOT NULL,
    PRIMARY KEY (kind, namespace, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX documents_pod ON documents (namespace, pod) WHERE pod IS NOT NULL;
CREATE INDEX documents_set ON documents (namespace, stateful_set) WHERE stateful_set IS NOT NULL;
CREATE INDEX documents_origin ON documents (origin);
CREATE TABLE document_names (
    what TEXT NOT NULL, named TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (what, named, namespace, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX document_names_of ON document_names (namespace, name);
CREATE TABLE followed (
    directory TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, failure TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""

_SELECT = "SELECT kind, namespace, name, body, source FROM documents "


def get(connection: Connection, kind: str, namespace: str, name: str) -> Document | None:
    """Return the document of that name."""
    found = _some(connection, "WHERE kind = ? AND namespace = ? AND name = ?", (kind, namespace, name))
    return found[0] if found else None


def for_pod(connection: Connection, pod: PodRef) -> tuple[PodNetwork, ...]:
    """Return what is declared for the pod's name, then for its StatefulSet's, then for its Deployment's.

    For a Deployment (`ipam.owner`): what is declared for it.
    """
    # One statement, for all indices: it needs no transaction around it.
    owner = pod if is_deployment(pod) else deployment_of(pod)
    where = "WHERE namespace = ?1 AND pod = ?2 OR namespace = ?1 AND stateful_set = ?3"
    values: tuple[str, ...] = (pod.namespace, pod.name, pod.name.rpartition("-")[0])
    if owner is not None:
        where, values = f"{where} OR namespace = ?1 AND deployment = ?4", (*values, _short(owner))
    found = _podnetworks(connection, where, values)
    own = tuple(document for document in found if document.pod == pod.name)
    replicas = tuple(document for document in found if document.stateful_set and document.ordinal(pod) is not None)
    return own + replicas + tuple(document for document in found if document.deployment)


def of_pod(connection: Connection, pod: PodRef) -> tuple[PodNetwork, ...]:
    """Return what is declared for the pod's own name."""
    return _podnetworks(connection, "WHERE namespace = ? AND pod = ?", (pod.namespace, pod.name))


def of_set(connection: Connection, namespace: str, name: str) -> tuple[PodNetwork, ...]:
    """Return what is declared for a StatefulSet's name."""
    return _podnetworks(connection, "WHERE namespace = ? AND stateful_set = ?", (namespace, name))


def of_deployment(connection: Connection, pod: PodRef) -> tuple[PodNetwork, ...]:
    """Return what is declared for the pod's Deployment, or for the one that `pod` stands for."""
    owner = pod if is_deployment(pod) else deployment_of(pod)
    if owner is None:
        return ()
    return _podnetworks(connection, "WHERE namespace = ? AND deployment = ?", (owner.namespace, _short(owner)))


def _short(deployment: PodRef) -> str:
    return deployment.name.partition("/")[2]


def for_target(connection: Connection, body: PodNetwork) -> tuple[PodNetwork, ...]:
    """Return the other PodNetworks for exactly the same pod, StatefulSet or Deployment."""
    targets = (("pod", body.pod), ("stateful_set", body.stateful_set), ("deployment", body.deployment))
    column, target = next((column, target) for column, target in targets if target is not None)
    where = f"WHERE namespace = ? AND {column} = ? AND name <> ?"
    return _podnetworks(connection, where, (body.namespace, target, body.name))


def naming(connection: Connection, what: str, named: str) -> tuple[PodNetwork, ...]:
    """Return the PodNetworks that name a 'mac' or a 'pool'."""
    where = (
        "WHERE kind = 'PodNetwork' AND (namespace, name) IN "
        "(SELECT namespace, name FROM document_names WHERE what = ? AND named = ?)"
    )
    return _podnetworks(connection, where, (what, named))


def pool(connection: Connection, name: str) -> Pool | None:
    """Return the pool of that name."""
    text = pool_text(connection, name)
    return parse_pool(text) if text is not None else None


def pool_text(connection: Connection, name: str) -> Text | None:
    """Return the pool of that name as it is kept."""
    found: Text | None = connection.execute(
        _SELECT + "WHERE kind = 'Pool' AND namespace = '' AND name = ?", (name,)
    ).fetchone()
    return found


def parse_pool(text: Text) -> Pool:
    """Return what `pool_text` found as a pool. StoreFailed if it is none."""
    body = _document(*text).body
    if not isinstance(body, Pool):
        raise StoreFailed(f"the store's pool {text[2]} is no pool", _DAMAGED)
    return body


def pools(connection: Connection) -> tuple[Pool, ...]:
    """Return every pool, in order of name."""
    found = _some(connection, "WHERE kind = 'Pool' ORDER BY name", ())
    return tuple(document.body for document in found if isinstance(document.body, Pool))


def podnetworks(connection: Connection, namespace: str | None) -> tuple[PodNetwork, ...]:
    """Return every PodNetwork, or a namespace's, in order of namespace and name."""
    if namespace is None:
        return _podnetworks(connection, "WHERE kind = 'PodNetwork' ORDER BY namespace, name", ())
    return _podnetworks(connection, "WHERE kind = 'PodNetwork' AND namespace = ? ORDER BY name", (namespace,))


def of_origin(connection: Connection, origin: str) -> tuple[Document, ...]:
    """Return the documents that `origin` applied last."""
    return _some(connection, "WHERE origin = ? ORDER BY kind, namespace, name", (origin,))


def put(connection: Connection, document: Document, origin: str) -> None:
    """Write the document if it differs; its generation grows by one if its body does."""
    body = document.body
    target: tuple[str | None, str | None, str | None] = (None, None, None)
    if isinstance(body, PodNetwork):
        target = body.pod, body.stateful_set, body.deployment
    text = json.dumps(raw_document(document), separators=(",", ":"))
    written = connection.execute(
        "INSERT INTO documents (kind, namespace, name, pod, stateful_set, deployment, body, source, origin, generation)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET "
        "generation = generation + (body <> excluded.body), pod = excluded.pod, stateful_set = excluded.stateful_set, "
        "deployment = excluded.deployment, body = excluded.body, source = excluded.source, origin = excluded.origin "
        "WHERE (body, source, origin) IS NOT (excluded.body, excluded.source, excluded.origin)",
        (*document.key, *target, text, document.source, origin),
    )
    if isinstance(body, PodNetwork) and written.rowcount:
        _forget_names(connection, document.namespace, document.name)
        connection.executemany(
            "INSERT OR IGNORE INTO document_names VALUES (?, ?, ?, ?)",
            [(what, named, document.namespace, document.name) for what, named in _names(body)],
        )


def remove(connection: Connection, key: tuple[str, str, str]) -> None:
    """Delete the rows of the document with that kind, namespace and name, if there is one."""
    connection.execute("DELETE FROM documents WHERE kind = ? AND namespace = ? AND name = ?", key)
    if key[0] == "PodNetwork":
        _forget_names(connection, *key[1:])


def _forget_names(connection: Connection, namespace: str, name: str) -> None:
    connection.execute("DELETE FROM document_names WHERE namespace = ? AND name = ?", (namespace, name))


def _names(body: PodNetwork) -> Iterable[tuple[str, str]]:
    for policy in body.attachments:
        for pool in policy.preferred:
            yield "pool", pool
        if policy.own is not None:
            yield "own", ""
            yield "pool", policy.own.parent
        if policy.settings.mac is not None:
            yield "mac", policy.settings.mac


def _podnetworks(connection: Connection, where: str, values: tuple[object, ...]) -> tuple[PodNetwork, ...]:
    return tuple(d.body for d in _some(connection, where, values) if isinstance(d.body, PodNetwork))


def _some(connection: Connection, where: str, values: tuple[object, ...]) -> tuple[Document, ...]:
    # Read to its end before any of it can be refused: a statement that is left half-way keeps its state of the store.
    return tuple(_document(*row) for row in connection.execute(_SELECT + where, values).fetchall())


def _document(kind: str, namespace: str, name: str, body: str, source: str) -> Document:
    try:
        return parsed(body, source)
    except InvalidConfig as wrong:
        raise StoreFailed(f"the store's {kind} {namespace}/{name} can't be read: {wrong}", _DAMAGED) from None


def followed(connection: Connection, directory: str) -> Followed | None:
    """Return what was last seen of the directory."""
    row = connection.execute("SELECT fingerprint, failure FROM followed WHERE directory = ?", (directory,)).fetchone()
    return Followed(fingerprint=row[0], failure=row[1]) if row is not None else None


def directories(connection: Connection) -> tuple[str, ...]:
    """Return every directory that something was seen of."""
    return tuple(directory for (directory,) in connection.execute("SELECT directory FROM followed ORDER BY directory"))


def follow(connection: Connection, directory: str, seen: Followed) -> None:
    """Record what was seen of the directory."""
    connection.execute("INSERT OR REPLACE INTO followed VALUES (?, ?, ?)", (directory, seen.fingerprint, seen.failure))
