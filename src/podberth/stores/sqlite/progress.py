"""How far a process has seen a database come, and whether the file has come as far: an older copy has not.

What the process has seen itself it knows. A process that has just begun asks the witness (`witness`).
"""

from __future__ import annotations

import _sqlite3 as sqlite3  # the package around it imports datetime, which nothing on the ADD path needs

from podberth.stores.sqlite.witness import Reached

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podberth.stores.sqlite.succession import Kept
    from podberth.stores.sqlite.witness import Witness

_COLUMNS = "seq, kind, time, address, container_id"
_EVENT = f"SELECT {_COLUMNS} FROM events"  # noqa: S608 - a constant
_NUMBERED = f"{_EVENT} WHERE seq = ?"
_BIRTH = "SELECT time FROM migrations ORDER BY version LIMIT 1"
_EPOCH = "SELECT coalesce(max(number), 0) FROM epochs"
_REACHED = f"({_BIRTH}), (SELECT revision FROM declared), ({_EPOCH})"  # noqa: S608
# All that a writer looks at when its turn has come, in one statement; it has no row before the first event.
_OPENING = f"SELECT (SELECT version FROM minimum), {_REACHED}, {_COLUMNS} FROM events ORDER BY seq DESC LIMIT 1"  # noqa: S608
_EMPTY = f"SELECT (SELECT version FROM minimum), {_REACHED}"  # noqa: S608


class Progress:
    """What one process has seen of one database. With a `witness` it is a ledger that may have been put back.

    Without, `kept` says what is looked for.
    """

    def __init__(self, kept: Kept, witness: Witness | None, *, staying: bool) -> None:
        self._kept = kept
        self._staying = staying  # it says how far it has come as often as it waits for the disk
        self._witness = witness
        self._asked = witness is None  # whether the witness was asked
        self._known: Reached | None = None
        self._made: tuple[int, Reached] | None = None  # the number of a commit, and how far it went
        self._opening: tuple[tuple[object, ...], Reached] | None = None  # the row that was found last, and what it says
        self.minimum: str | None = None  # which podberth may write, as the transaction under way has found it
        self._flushed: tuple[tuple[int, Reached], bool] | None = None  # what the witness was told last

    def now(self, connection: sqlite3.Connection, *, events: bool) -> Reached | None:
        """Return how far the database has come, at the end of a transaction; without `events` that is as it began."""
        if self._witness is not None:
            if not events and self._opening is not None:
                return self._opening[1]
            try:
                return self._look(connection)
            except sqlite3.OperationalError:
                return None  # the tables are of an older podberth
        row = connection.execute(self._kept[0][1]).fetchone() if self._kept else None
        return Reached(birth=0, declared=0, event=row) if row is not None else None

    def committed(self, at: Reached | None, commit: int) -> None:
        """Remember how far it has come by this commit: the file may be written over where it stands."""
        self._known = at
        if at is not None and self._witness is not None:
            self._asked = True
            if self._made is None or self._made[1] != at:
                self._made = commit, at
            if not self._staying:
                self._witness.reached(at, on_disk=False)

    @property
    def known(self) -> Reached | None:
        """How far it had come, by what this process knows."""
        return self._known

    @property
    def made(self) -> tuple[int, Reached] | None:
        """How far this process has come, and the first commit that went so far."""
        return self._made

    def flushed(self, made: tuple[int, Reached] | None, commit: int) -> None:
        """Say how far it had come, and whether that is on the disk: all up to a commit is."""
        on_disk = made is not None and made[0] <= commit
        if made is None or self._witness is None or (made, on_disk) == self._flushed:
            return  # others may have come further since it was said
        self._flushed = made, on_disk
        self._witness.reached(made[1], on_disk=on_disk)

    def missing(self, connection: sqlite3.Connection) -> str:
        """Return what the file lacks of what is known to have been in it; '' if nothing."""
        known = self._known
        if not self._asked and self._witness is not None:
            self._asked = True
            known = self._known = self._witness.read()
        if self._witness is not None:
            try:
                now = self._look(connection)
            except sqlite3.OperationalError as older:
                if known is None:
                    raise
                return str(older)
            return "" if known is None or now is known else lacks(connection, known, now)
        if known is not None:
            what, _, same = self._kept[0]
            there = connection.execute(same, known.event).fetchone() is not None
            return "" if there else f"{what} {' '.join(map(str, known.event[:2]))} is not in it any more"
        return ""

    def _look(self, connection: sqlite3.Connection) -> Reached:
        """Look at all that a writer has to know of a ledger. OperationalError as `reached`."""
        row = connection.execute(_OPENING).fetchone() or connection.execute(_EMPTY).fetchone()
        if self._opening is None or self._opening[0] != row:
            self._opening = row, _reached(row)
        self.minimum = row[0]
        return self._opening[1]

    def begin_anew(self) -> None:
        """Forget what was known: the file is another, and what that lacks is known."""
        self._known = self._made = self._flushed = self._opening = None
        if self._witness is not None:
            self._witness.forget()


def reached(connection: sqlite3.Connection) -> Reached:
    """Return how far a ledger has come. OperationalError if it is of an older podberth, or something else."""
    return _reached(connection.execute(_OPENING).fetchone() or connection.execute(_EMPTY).fetchone())


def _reached(row: tuple[Any, ...]) -> Reached:
    _, birth, declared, epoch, *event = row
    return Reached(birth=birth, declared=declared, epoch=epoch, event=tuple(event))


def birth_of(connection: sqlite3.Connection) -> int:
    """Return when a store was made (ns): its copies have the same."""
    return int(connection.execute(_BIRTH).fetchone()[0])


def lacks(connection: sqlite3.Connection, known: Reached, now: Reached) -> str:
    """Return what a ledger lacks of what is known; '' if nothing. Older events may have gone to an archive."""
    if now == known or now.epoch > known.epoch:
        return ""  # whoever put it back has seen to it
    if now.birth != known.birth:
        return "it is another store"
    if known.seq:
        there = connection.execute(_NUMBERED, (known.seq,)).fetchone()
        if there != known.event and (there is not None or now.seq < known.seq):
            return f"event {known.seq} {known.event[1]} is not in it"
    return f"declaration {known.declared} is not in it" if now.declared < known.declared else ""
