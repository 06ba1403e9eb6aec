"""Reading a store where nothing can be written. Imported only then: a DEL has to find out what it has to do.

A file that was never made has nothing in it. One whose log is empty is read as it is. One with a log is copied to
memory and read there: without the log, what was recorded last would be missing.
"""

from __future__ import annotations

import _sqlite3 as sqlite3
import os
import shutil
import tempfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.stores.sqlite.database import Schema

_MEMORY = "/dev/shm"  # noqa: S108 - the folder made in it is root's alone


def aside(path: str, schema: Schema) -> sqlite3.Connection | None:
    """Return a connection to read by; None if the file can't be read either, or is of another version."""
    try:
        if not os.path.exists(path) or not os.path.getsize(path):
            return _empty(schema)
        log = path + "-wal"
        if os.path.exists(log) and os.path.getsize(log):
            return _checked(_copied(path), schema)
        return _checked(_opened(path, "ro&immutable=1"), schema)
    except (OSError, sqlite3.Error):
        return None


def _empty(schema: Schema) -> sqlite3.Connection:
    made = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    for statements in schema.migrations():
        for statement in statements:
            made.execute(statement)
    return made


def _copied(path: str) -> sqlite3.Connection:
    with tempfile.TemporaryDirectory(dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None) as folder:
        copy = os.path.join(folder, os.path.basename(path))
        shutil.copyfile(path, copy)
        shutil.copyfile(path + "-wal", copy + "-wal")
        source = _opened(copy, "rw")
        try:
            found = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            source.backup(found)
        finally:
            source.close()
    return found


def _opened(path: str, how: str) -> sqlite3.Connection:
    from podberth.stores.sqlite.succession import uri

    return sqlite3.connect(uri(path, how), uri=True, isolation_level=None, check_same_thread=False)


def _checked(found: sqlite3.Connection, schema: Schema) -> sqlite3.Connection | None:
    (application,) = found.execute("PRAGMA application_id").fetchone()
    (version,) = found.execute("PRAGMA user_version").fetchone()
    if (application, version) == (schema.application_id, schema.version):
        return found
    found.close()
    return None
