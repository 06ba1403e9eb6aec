"""A store's backup, and its return.

A backup is one file with all that was committed when it was begun, whoever writes meanwhile (SQLite's backup API). It
is brought back by one transaction on the file in its place: whoever has that open goes on with it. Nobody can have
written between what is taken over from the state before, and that transaction.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

from podberth.cni.errors import InvalidConfig, StoreFailed, TryAgainLater
from podberth.cni.value import value
from podberth.process.whole import sync
from podberth.stores.clock import node_clock
from podberth.stores.sqlite.creation import migrate
from podberth.stores.sqlite.database import NODE, Database
from podberth.stores.sqlite.disk import translated
from podberth.stores.sqlite.progress import reached
from podberth.stores.sqlite.restoration import begin, taken_over
from podberth.stores.sqlite.succession import uri
from podberth.stores.sqlite.witness import NAME as WITNESS
from podberth.stores.sqlite.witness import Witness

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.ipam.epoch import Epoch
    from podberth.stores.sqlite.restoration import TakenOver

_ATTEMPTS = 20  # while others write in between
_PAUSE = 0.001  # seconds until it is tried again to write
_BESIDE = ("-wal", "-shm", "-journal")


@value
class Restored:
    """What became of a restore. `taken`: what the state before had of the node's pods; None if nothing could be read.

    `before`: the file that has that state; '' if there was none.
    """

    epoch: Epoch
    taken: TakenOver | None
    before: str


class _Changed(Exception):
    """Somebody has written since the state before was read."""


def backup(database: Database, to: str) -> int:
    """Write all that is committed into the file `to`, which is replaced as a whole; return the last event's number.

    InvalidConfig if there is something else under that name or a store in use, StoreFailed or DiskFull if it can't be
    written.
    """
    folder = os.path.dirname(os.path.abspath(to))
    if not os.path.isdir(folder):
        raise InvalidConfig(f"there is no directory {folder}", "make it, or name another file")
    if _is_in_use(to, database.path):
        raise InvalidConfig(f"{to} is a store in use, and no backup", "name another file, best on another disk")
    if os.path.lexists(to) and _application(to) != NODE.application_id:
        raise InvalidConfig(f"{to} is no backup of podberth's, and would be replaced", "name another file")
    new = f"{to}.podberth-new"
    try:
        with database.look() as connection:
            made = _copied(connection, new)
        os.rename(new, to)
        sync(folder)
    except (OSError, sqlite3.Error) as failure:
        raise translated(to, failure) from failure
    finally:
        _remove(new)
    return made


def restore(directory: str, source: str, who: str, why: str) -> Restored:
    """Put a backup in the store's place.

    Nothing is taken over from a file that is damaged or gone: then the node has to announce its pods. InvalidConfig,
    StoreFailed if `source` is no sound backup, TryAgainLater if others write all the time; nothing has changed then.
    """
    if _application(source) != NODE.application_id:
        raise InvalidConfig(f"{source} is no backup of podberth's", "`podberth store backup FILE` makes one")
    path = os.path.join(directory, NODE.file)
    if os.path.exists(path) and os.path.samefile(source, path):
        raise InvalidConfig(f"{source} is the store itself", "`podberth store backup FILE` makes a backup")
    new = f"{path}.restoring"
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        for _ in range(_ATTEMPTS):
            with closing(_store_of(source, new)) as made:
                try:
                    found = _replaced(directory, made, who, why) if _is_sound(path) else _renamed(path, made, who, why)
                except _Changed:
                    continue
            sync(directory)
            return found
    except (OSError, sqlite3.Error) as failure:
        raise translated(path, failure) from failure
    finally:
        _remove(new)
    raise TryAgainLater(f"{path} was written to at each of {_ATTEMPTS} attempts", "try again in a moment")


def restored(database: Database, who: str, why: str) -> Epoch:
    """Begin an epoch in a store that was put back by other means: the node has to announce its pods."""
    with database.write() as connection:
        return begin(connection, who, why, node_clock())


def _replaced(directory: str, made: sqlite3.Connection, who: str, why: str) -> Restored:
    """Have the store's file be what was made, with what its state before knows of the node's pods, in one step."""
    path = os.path.join(directory, NODE.file)
    with Database(directory).read():
        pass  # an older one is brought up to date
    with closing(_opened(path, "rw")) as present, closing(_opened(path, "rw")) as holder:
        holder.execute("BEGIN IMMEDIATE")  # others wait, up to the moment that they are let in or are too late
        (seen,) = present.execute("PRAGMA data_version").fetchone()

        def unchanged(_status: int, left: int, _all: int) -> None:
            # A page is on its way: nobody else writes from now on, and this writes itself once none is left.
            if left and present.execute("PRAGMA data_version").fetchone()[0] != seen:
                raise _Changed

        aside = _aside(path)
        _copied(present, aside)
        try:
            with closing(_opened(aside, _reading(aside))) as before:
                made.execute("BEGIN IMMEDIATE")
                taken = taken_over(made, before, who, why, node_clock())
                made.execute("COMMIT")
            so_far = reached(made)
            with closing(_opened(path, "rw")) as target:
                holder.execute("ROLLBACK")
                made.backup(target, pages=1, progress=unchanged, sleep=_PAUSE)
                sync(path + "-wal")
        except BaseException:
            _remove(aside)
            raise
    Witness(directory).reached(so_far, on_disk=True)  # an older copy may be put there before the next change
    return Restored(epoch=taken.epoch, taken=taken, before=aside)


def _renamed(path: str, made: sqlite3.Connection, who: str, why: str) -> Restored:
    """Put what was made where there is no store, or a damaged one, which is kept under another name."""
    made.execute("BEGIN IMMEDIATE")
    witness = Witness(os.path.dirname(path))
    epoch = begin(made, who, why, node_clock(), witness.read())
    made.execute("COMMIT")
    so_far = reached(made)
    new = f"{path}.restoring"
    made.close()
    sync(new)
    aside = _aside(path) if os.path.lexists(path) else ""
    if aside:
        os.link(path, aside)
        if os.path.lexists(path + "-wal"):
            os.rename(path + "-wal", aside + "-wal")  # what was committed last is only there
    for ending in _BESIDE:
        _remove(path + ending)
    os.rename(new, path)
    witness.reached(so_far, on_disk=True)
    return Restored(epoch=epoch, taken=None, before=aside)


def _store_of(source: str, new: str) -> sqlite3.Connection:
    """Return a store that is a copy of a backup, with the tables of today. StoreFailed if it is damaged or newer."""
    try:
        with closing(_opened(source, _reading(source))) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > NODE.version:
                raise StoreFailed(f"{source} is of a newer podberth (schema {version})", "upgrade this podberth")
            _copied(connection, new)
    except sqlite3.DatabaseError as failure:
        if failure.sqlite_errorname.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            raise _damaged(source, str(failure)) from failure
        raise
    made = sqlite3.connect(new, isolation_level=None)
    try:
        _require_sound(made, source)
        migrate(made, NODE)
    except BaseException:
        made.close()
        raise
    return made


def _require_sound(made: sqlite3.Connection, source: str) -> None:
    told = [str(row[0]) for row in made.execute("PRAGMA integrity_check(3)")]
    if told != ["ok"]:
        raise _damaged(source, "; ".join(told))


def _damaged(source: str, told: str) -> StoreFailed:
    return StoreFailed(f"{source} is damaged: {told}", "take another backup; nothing was changed")


def _copied(connection: sqlite3.Connection, to: str) -> int:
    """Copy a store into a new file that needs no other beside it, on disk; return the last event's number."""
    _remove(to)
    os.close(os.open(to, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    with closing(sqlite3.connect(to, isolation_level=None)) as made:
        connection.backup(made)
        (last,) = made.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()
    sync(to)
    return int(last)


def _is_sound(path: str) -> bool:
    """Say whether there is a store at the path that can be read."""
    if not os.path.exists(path) or _application(path) != NODE.application_id:
        return False
    try:
        with closing(_opened(path, "rw")) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        return False


def _is_in_use(path: str, own: str) -> bool:
    """Say whether a file is this store's own, or one that another state directory's processes change."""
    if not os.path.exists(path):
        return False
    folder, name = os.path.split(os.path.abspath(path))
    return os.path.samefile(path, own) or (name == NODE.file and os.path.lexists(os.path.join(folder, WITNESS)))


def _application(path: str) -> int:
    """Return the mark that says of which program a database is (sqlite.org/fileformat.html, offset 68); 0: of none."""
    with open(path, "rb") as file:
        header = file.read(100)
    return int.from_bytes(header[68:72], "big") if header.startswith(b"SQLite format 3\0") else 0


def _aside(path: str) -> str:
    """Return a name for the state before that no file has."""
    number = 1
    while os.path.lexists(f"{path}.before-{number}"):
        number += 1
    return f"{path}.before-{number}"


def _reading(path: str) -> str:
    """Return how to open a store to read: one that has no log is read as it is, also where nothing can be written."""
    log = path + "-wal"
    return "ro" if os.path.exists(log) and os.path.getsize(log) else "ro&immutable=1"


def _opened(path: str, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(uri(path, mode), uri=True, timeout=30.0, isolation_level=None)


def _remove(path: str) -> None:
    for each in (path, *(path + ending for ending in _BESIDE)):
        if os.path.lexists(each):
            os.unlink(each)
