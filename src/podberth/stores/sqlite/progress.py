"""How far a process has seen a database come, and whether the file has come as far: an older copy has not.

What the process has seen itself it knows. A process that has just begun asks the witness (`witness`).
"""

from __future__ import annotations

import _sqlite3 as sqlite3  # the package around it imports datetime, which nothing on the ADD path needs
from _thread import allocate_lock

from podberth.cni.value import value
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
_SELDOM = (
    "EXISTS (SELECT 1 FROM operations), EXISTS (SELECT 1 FROM awaited), EXISTS (SELECT 1 FROM told),"
    " (SELECT min(boot) FROM resting), (SELECT max(boot) FROM resting)"
)
# All that a writer has to know, in one statement; it has no row before the first event.
_ALL = f"(SELECT version FROM minimum), {_SELDOM}, {_REACHED}"  # noqa: S608
_LOOK = f"SELECT {_ALL}, {_COLUMNS} FROM events ORDER BY seq DESC LIMIT 1"  # noqa: S608
_EMPTY = f"SELECT {_ALL}"
_RESTS, _BEHIND = 4, 6  # columns before those of what rests, and before what is reached
# What binding and unbinding change of it.
_GROWN = (
    f"SELECT (SELECT min(boot) FROM resting), (SELECT max(boot) FROM resting), {_COLUMNS} FROM events"  # noqa: S608
    " ORDER BY seq DESC LIMIT 1"
)


@value
class Look:
    """What a writer has found out about a database by one look. `row`: all that was found of a ledger; () of others.

    What follows `reached` is what most ledgers have nothing of.
    """

    reached: Reached
    row: tuple[Any, ...] = ()

    @property
    def minimum(self) -> str | None:
        """Which podberth may write; None if any may."""
        return self.row[0] if self.row else None

    @property
    def usual(self) -> bool:
        """Whether the ledger has nothing of what most have nothing of, but for addresses that rest."""
        return self.row[:_RESTS] == _USUAL

    @property
    def operations(self) -> bool:
        """Whether there is an operation on many attachments."""
        return bool(self.row[1])

    @property
    def awaited(self) -> bool:
        """Whether a node has to announce its pods."""
        return bool(self.row[2])

    @property
    def told(self) -> bool:
        """Whether an address is held back since pods were told of it."""
        return bool(self.row[3])

    def rests_by_another(self, boot: str) -> bool:
        """Say whether an address rests by another run of this machine: the first or the last in order is another."""
        first, last = self.row[4:_BEHIND]
        return first is not None and (first != boot or last != boot)


_USUAL = (None, False, False, False)
_ANYTHING = Look(reached=Reached(birth=0, declared=0), row=(None, True, True, True, None, None))


class Progress:
    """What one process has seen of one database. With a `witness` it is a ledger that may have been put back.

    Without, `kept` says what is looked for.

    A look holds until somebody else commits: SQLite counts that (sqlite.org/pragma.html#pragma_data_version), and what
    this process has written is looked at before it is committed.
    """

    def __init__(self, kept: Kept, witness: Witness | None, *, staying: bool) -> None:
        self._kept = kept
        self._staying = staying  # it says how far it has come as often as it waits for the disk
        self._witness = witness
        self._asked = witness is None  # whether the witness was asked
        self._known: Reached | None = None
        self._made: tuple[int, Reached] | None = None  # the number of a commit, and how far it went
        self._look: Look | None = None
        self._version = self._changes = -1  # SQLite's counts, when the transaction under way began
        self._saying = allocate_lock()  # of threads that come from the disk at once
        self._flushed: tuple[tuple[int, Reached], bool] | None = None  # what the witness was told last

    @property
    def look(self) -> Look:
        """What was found as the transaction under way began; where nobody looks, that there may be anything."""
        return self._look if self._look is not None and self._look.row else _ANYTHING

    @property
    def minimum(self) -> str | None:
        """Which podberth may write, as the transaction under way has found it."""
        return self._look.minimum if self._look is not None else None

    def look_again(self) -> None:
        """Have the next writer look, whatever SQLite's count is."""
        self._look = None

    def now(self, connection: sqlite3.Connection, *, events: bool, binding: bool) -> Look | None:
        """Return what there is to know at the end of a transaction; without `events` that is as it began.

        `binding`: it has bound or unbound, and done nothing else. Until that is `committed` nothing is known: SQLite
        does not count this process's own commits.
        """
        before, self._look = self._look, None
        if self._witness is not None:
            if before is not None and (not events or connection.total_changes == self._changes):
                return before
            if binding and before is not None and before.usual:
                return _grown(connection, before)
            try:
                return _found(connection, before)
            except sqlite3.OperationalError:
                return None  # the tables are of an older podberth
        row = connection.execute(self._kept[0][1]).fetchone() if self._kept else None
        return Look(reached=Reached(birth=0, declared=0, event=row)) if row is not None else None

    def committed(self, at: Look | None, commit: int) -> None:
        """Remember how far it has come by this commit: the file may be written over where it stands."""
        self._look = at
        self._known = reached = at.reached if at is not None else None
        if reached is not None and self._witness is not None:
            self._asked = True
            if self._made is None or self._made[1] is not reached:
                self._made = commit, reached
            if not self._staying:
                self._witness.reached(reached, on_disk=False)

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
        if made is None or self._witness is None:
            return
        on_disk = made[0] <= commit
        with self._saying:
            if self._flushed is not None and (made[0], on_disk) <= (self._flushed[0][0], self._flushed[1]):
                return  # it was said, or that others have come further
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
                now = self._looked(connection).reached
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

    def _looked(self, connection: sqlite3.Connection) -> Look:
        """Return what there is to know of a ledger as a transaction begins. OperationalError as `reached`."""
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        self._changes = connection.total_changes
        if self._look is None or version != self._version:
            self._look = _found(connection, self._look)
            self._version = version
        return self._look

    def begin_anew(self) -> None:
        """Forget what was known: the file is another, and what that lacks is known."""
        self._known = self._made = self._flushed = None
        self.look_again()
        if self._witness is not None:
            self._witness.forget()

    def begun_anew(self, connection: sqlite3.Connection) -> None:
        """Have the witness say how far the other file has come: it may be put back once more before the next change."""
        if self._witness is not None:
            self._witness.reached(reached(connection), on_disk=False)


def _found(connection: sqlite3.Connection, before: Look | None) -> Look:
    """Look; return the very same as before if that is what is found. OperationalError as `reached`."""
    row = connection.execute(_LOOK).fetchone() or connection.execute(_EMPTY).fetchone()
    if before is not None and before.row == row:
        return before
    return Look(reached=_reached(row[_BEHIND:]), row=row)


def _grown(connection: sqlite3.Connection, before: Look) -> Look:
    """Look at what binding and unbinding change; what else they may end, as an operation, is not there."""
    found = connection.execute(_GROWN).fetchone()
    if found is None:
        return _found(connection, before)
    first, last, *event = found
    reached = (*before.row[_BEHIND : _BEHIND + 3], *event)
    return Look(reached=_reached(reached), row=(*before.row[:_RESTS], first, last, *reached))


def reached(connection: sqlite3.Connection) -> Reached:
    """Return how far a ledger has come. OperationalError if it is of an older podberth, or something else."""
    row = connection.execute(f"SELECT {_REACHED}, {_COLUMNS} FROM events ORDER BY seq DESC LIMIT 1").fetchone()  # noqa: S608
    return _reached(row or connection.execute(f"SELECT {_REACHED}").fetchone())


def _reached(row: tuple[Any, ...]) -> Reached:
    return Reached(birth=row[0], declared=row[1], epoch=row[2], event=row[3:])


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
