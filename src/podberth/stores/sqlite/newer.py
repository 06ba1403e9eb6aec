"""A file that a newer podberth has made or changed: which one, and the way on. Imported only then."""

from __future__ import annotations

import _sqlite3 as sqlite3

from podberth.cni.errors import StoreFailed
from podberth.ipam.versions import HERE


def newer(path: str, connection: sqlite3.Connection, version: int, known: int) -> StoreFailed:
    """Return the error: the podberth that wrote the file, and the two ways on."""
    try:
        found = connection.execute("SELECT podberth FROM migrations ORDER BY version DESC LIMIT 1").fetchone()
    except sqlite3.Error:
        found = None
    writer = str(found[0]) if found is not None else "a later release"
    return StoreFailed(
        f"{path} was written by podberth {writer} (schema {version}), and this is {HERE}, which knows up to {known}",
        f"install podberth {writer} again; or go back with that one: `podberth store downgrade --to {HERE}`",
    )
