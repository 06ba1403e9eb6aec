"""What is done with a store's file as a whole, and seldom: whether it can be written, and giving space back."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

from podberth.cni.errors import StoreFailed
from podberth.stores.sqlite.disk import translated
from podberth.stores.sqlite.succession import identity

if TYPE_CHECKING:
    from podberth.stores.sqlite.database import Database


def probe(database: Database, version: int, *, opened: bool) -> None:
    """Write to the disk, and look into each table; nothing is changed. `version`: the file's.

    Not `opened`: what is not there can be made by the first who writes, and that is tried by looking. StoreFailed.
    """
    path = database.path
    if not opened and identity(path) is None:
        from podberth.stores.sqlite.creation import require_creatable

        require_creatable(path)
        return
    with database.write() as connection:
        if not os.access(path, os.W_OK):
            raise StoreFailed(
                f"{path} can't be written", "the state directory has to be writable: is it mounted read-only?"
            )
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            connection.execute(f'SELECT 1 FROM "{table}" LIMIT 1').fetchone()  # noqa: S608 - names of our own
        connection.execute(f"PRAGMA user_version = {version}")  # the page is written though the number is the same


def vacuum(database: Database) -> None:
    """Give the disk back what the file does not need (sqlite.org/lang_vacuum.html). Writers wait meanwhile."""
    with database.lock:
        try:
            database.connection().execute("VACUUM")
            database.connection().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as failure:
            raise translated(database.path, failure) from failure
