"""Stores as plain text, and back: SQLite files as SQL, the keys of etcd and the objects of Kubernetes as JSON."""

from __future__ import annotations

import base64
import contextlib
import json
import sqlite3
from typing import TYPE_CHECKING, Any

from podberth.stores.etcd.values import prefix_end

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.stores.etcd.client import Etcd
    from tests.servers.kube import KubeServer

PREFIX = "/podberth/"
KINDS = ("pools", "podnetworks", "addressreservations", "addressleases", "addresshistories")
_PRAGMAS = ("application_id", "user_version")
# Of an object's metadata, that which the API server writes.
_SERVERS = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")


def sql_of(database: Path) -> str:
    """Return a SQLite file as SQL that makes it anew, with the numbers in its header."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        header = [f"PRAGMA {name} = {connection.execute(f'PRAGMA {name}').fetchone()[0]};" for name in _PRAGMAS]
        return "\n".join([*header, *connection.iterdump()]) + "\n"


def database_of(sql: str, to: Path) -> None:
    """Make the SQLite file of that SQL, with a write-ahead log as podberth's have it; only root may read it."""
    to.touch(mode=0o600)
    with contextlib.closing(sqlite3.connect(to)) as connection:
        # Where nothing counts by itself any more, the table of the counters is there all the same.
        connection.executescript("CREATE TABLE one (i INTEGER PRIMARY KEY AUTOINCREMENT); DROP TABLE one;")
        connection.executescript(sql)
        connection.execute("PRAGMA journal_mode = wal")


def keys_of(etcd: Etcd, prefix: str = PREFIX) -> list[dict[str, str]]:
    """Return every key below the prefix; a value that is no text is in base64."""
    below = prefix.encode()
    answer = etcd.range(below, prefix_end(below))
    return [{"key": kv.key.decode(), **_value(kv.value)} for kv in answer.kvs]


def load_keys(etcd: Etcd, rows: list[dict[str, str]], prefix: str) -> None:
    """Write the keys below another prefix."""
    for row in rows:
        key = prefix + row["key"].removeprefix(PREFIX)
        value = base64.b64decode(row["base64"]) if "base64" in row else row["text"].encode()
        etcd.put(key.encode(), value)


def _value(value: bytes) -> dict[str, str]:
    try:
        return {"text": value.decode("ascii")}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def objects_of(server: KubeServer) -> list[dict[str, Any]]:
    """Return every object of podberth's kinds, without what the API server has added."""
    found = []
    for kind in KINDS:
        answer = json.loads(server.kubectl("get", f"{kind}.podberth.io", "--all-namespaces", "-o", "json"))
        for each in answer["items"]:
            each["metadata"] = {key: value for key, value in each["metadata"].items() if key not in _SERVERS}
            found.append(each)
    return found


def load_objects(server: KubeServer, objects: list[dict[str, Any]]) -> None:
    """Create the objects."""
    server.operator.create(*objects)
