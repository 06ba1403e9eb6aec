"""How long history is kept: an operator's word, by default for ever. What is deleted by it leaves a word behind, too.

Batches of the archive are deleted whole, once all their events are older than the operator has said. Of each address
the last event of those by which it changed hands stays: it says who had the address when what is kept begins. A legal
hold keeps everything, and so does a clock for which nobody vouches: one of the year 2100 would take all for old. Nor is
an event old because a clock of 1970 wrote it: one behind it has to be, by a clock that was vouched for.
"""

from __future__ import annotations

from enum import StrEnum
from operator import attrgetter
from typing import TYPE_CHECKING

from podberth.cni.errors import InvalidConfig, Refused
from podberth.cni.value import value
from podberth.ipam.address_record import NOTES
from podberth.ipam.lease import Actor
from podberth.ipam.pool import FOREVER
from podberth.ipam.versions import Feature
from podberth.stores.sqlite import packing, past
from podberth.stores.sqlite.archive import cut_up, put
from podberth.stores.sqlite.minimum import require
from podberth.stores.sqlite.rows import event

if TYPE_CHECKING:
    from sqlite3 import Connection
    from typing import TypeAlias

    from podberth.ipam.moment import Clock, Moment
    from podberth.stores.sqlite.archive import Part
    from podberth.stores.sqlite.database import Database
    from podberth.stores.sqlite.packing import Row

    Batch: TypeAlias = tuple[int, int, int]  # the first number, the last, how many events

TOGETHER = 16  # batches that are deleted in one step
LEAST = 24 * 3600  # seconds: a shorter history is a mistake
SECOND = 10**9
_SAME = attrgetter("time", "what", "said")  # of a word that is in two files


class What(StrEnum):
    """Kinds of words. Kept: for how long from now on. Held, Lifted: a legal hold, by name. Deleted: what is gone."""

    KEPT = "Kept"
    HELD = "Held"
    LIFTED = "Lifted"
    DELETED = "Deleted"


@value
class Word:
    """One of them; `said` is a number of seconds, FOREVER or a hold's name. `first` to `last` are numbers of events."""

    time: int  # ns since the epoch, as the writer's clock says
    what: str
    said: str
    actor: Actor
    first: int = 0
    last: int = 0
    events: int = 0


@value
class Extent:
    """What holds now, and what there is. `keep`: seconds or FOREVER. Sizes are in bytes."""

    keep: int | str
    holds: tuple[Word, ...]
    begins: int | None  # the number of the first event that is not deleted
    events: int
    archived: int
    archive_size: int


class Retention:
    """The words of one database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def keep(self, seconds: int | str, actor: Actor) -> None:
        """Keep history for so many seconds from now on; FOREVER deletes nothing. InvalidConfig for less than a day."""
        if isinstance(seconds, int) and seconds < LEAST:
            raise InvalidConfig("keep: expected `forever`, or a day or more", "history that is gone can't be had again")
        with self._database.write() as connection:
            if _keep(connection) != seconds:
                _say(connection, What.KEPT, str(seconds), actor, self._clock())

    def hold(self, name: str, actor: Actor) -> None:
        """Have nothing be deleted until the hold of that name is lifted. Refused if there is one already."""
        with self._database.write() as connection:
            there = [hold for hold in _holds(connection) if hold.said == name]
            if there:
                by = f"{there[0].actor.who}: {there[0].actor.why}"
                raise Refused(
                    f"there is a legal hold {name!r} already, by {by}", "lift that first, or say another name"
                )
            _say(connection, What.HELD, name, actor, self._clock())

    def lift(self, name: str, actor: Actor) -> None:
        """End the hold of that name. Refused if there is none."""
        with self._database.write() as connection:
            names = [hold.said for hold in _holds(connection)]
            if name not in names:
                raise Refused(f"there is no legal hold {name!r}", f"there are: {', '.join(names) or 'none'}")
            _say(connection, What.LIFTED, name, actor, self._clock())

    def words(self) -> tuple[Word, ...]:
        """Return all that was ever said, oldest first."""
        with self._database.read() as connection:
            return _words(connection)

    def extent(self) -> Extent:
        """Return what holds now."""
        with self._database.read() as connection:
            return _extent(connection)

    def step(self) -> bool:
        """Delete some of what is older than history is kept; say whether there was any."""
        now = self._clock()
        with self._database.read() as connection:
            batches = _due(connection, now)
            if not batches:
                return False
            stays = _last_of_each(connection, batches)
        made = tuple(cut_up(stays))
        with self._database.write() as connection:
            if _due(connection, now) == batches:  # nobody was faster, and it is still to be done
                _delete(connection, batches, made, now)
        return True


def keep_words(connection: Connection, before: Connection) -> None:
    """Say in a restored ledger, in an open transaction, what operators have said since in the one before.

    What was deleted there is back, and may be deleted again.
    """
    there = {_SAME(word) for word in _words(connection)}
    columns = "time, clock, ahead, what, said, who, why, node"
    query = f"SELECT {columns} FROM history_words WHERE what <> ? ORDER BY word"  # noqa: S608 - a constant
    for row in before.execute(query, (str(What.DELETED),)).fetchall():
        time, _, _, what, said, *_ = row
        if (time, what, said) not in there:
            require(connection, Feature.RETENTION)
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO history_words ({columns}) VALUES ({marks})", row)  # noqa: S608


def _due(connection: Connection, now: Moment) -> tuple[Batch, ...]:
    """Return the oldest batches if they are older than history is kept, with what is left of those before, first."""
    seconds = _keep(connection)
    if isinstance(seconds, str) or _holds(connection) or not now.proven:  # what is gone can't be had again
        return ()
    until = now.true - seconds * SECOND
    old: list[Batch] = []
    for first, last, events, latest in connection.execute(
        "SELECT first, last, events, latest FROM batches WHERE NOT cut ORDER BY last"
    ):
        if latest > until:
            break
        old.append((first, last, events))
    proven = _certainly(connection, old, until)
    due = [batch for batch in old[:TOGETHER] if batch[1] <= proven]
    cut = "SELECT first, last, events FROM batches WHERE cut"
    return (*connection.execute(cut).fetchall(), *due) if due else ()


def _certainly(connection: Connection, old: list[Batch], until: int) -> int:
    """Return the number up to which events happened before `until` (ns), by one that is vouched for; 0 if none is.

    What an event says whose clock nobody vouched for is no proof of its age, but the order of the ledger is.
    """
    for _, batch, _ in reversed(old[-TOGETHER:]):
        events = map(event, past.of_batch(connection, batch))
        found = max((one.seq for one in events if one.proven and one.true <= until), default=0)
        if found:
            return found
    return 0


def _delete(connection: Connection, batches: tuple[Batch, ...], stays: tuple[Part, ...], now: Moment) -> None:
    first, last = batches[0][0], batches[-1][1]
    events = sum(batch[2] for batch in batches) - sum(part.events for part in stays)
    seconds = _keep(connection)
    actor = Actor(who="podberth", why=f"history is kept for {seconds} s", node=_node(connection))
    _say(connection, What.DELETED, str(seconds), actor, now, first, last, events)
    own = "(SELECT part FROM parts WHERE batch = ?)"
    for _, batch, _ in batches:
        connection.execute(f"DELETE FROM parts_with WHERE part IN {own}", (batch,))  # noqa: S608 - a constant
        connection.execute(f"DELETE FROM bodies WHERE part IN {own}", (batch,))  # noqa: S608 - a constant
        connection.execute("DELETE FROM parts WHERE batch = ?", (batch,))
        connection.execute("DELETE FROM batches WHERE last = ?", (batch,))
    put(connection, first, last, stays, cut=1)


def _last_of_each(connection: Connection, batches: tuple[Batch, ...]) -> list[Row]:
    """Return of each address the last event of these batches by which it changed hands, in order of address."""
    last: dict[bytes, Row] = {}
    for _, batch, _ in batches:
        for row in past.of_batch(connection, batch):
            known = last.get(row[packing.ADDRESS])
            if row[packing.KIND] not in NOTES and (known is None or known[packing.SEQ] < row[packing.SEQ]):
                last[row[packing.ADDRESS]] = row
    return [last[address] for address in sorted(last)]


def _say(
    connection: Connection, what: What, said: str, actor: Actor, now: Moment, first: int = 0, last: int = 0,
    events: int = 0,
) -> None:  # fmt: skip
    require(connection, Feature.RETENTION)
    connection.execute(
        "INSERT INTO history_words (time, clock, ahead, what, said, who, why, node, first, last, events)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (now.time, now.clock, now.ahead, str(what), said, actor.who, actor.why, actor.node, first, last, events),
    )


def _words(connection: Connection) -> tuple[Word, ...]:
    found = connection.execute(
        "SELECT time, what, said, who, why, node, first, last, events FROM history_words ORDER BY word"
    ).fetchall()
    return tuple(
        Word(
            time=time, what=what, said=said, actor=Actor(who=who, why=why, node=node), first=first, last=last,
            events=events,
        )
        for time, what, said, who, why, node, first, last, events in found
    )  # fmt: skip


def _keep(connection: Connection) -> int | str:
    said = [word.said for word in _words(connection) if word.what == What.KEPT]
    return int(said[-1]) if said and said[-1] != FOREVER else FOREVER


def _holds(connection: Connection) -> tuple[Word, ...]:
    held: dict[str, Word] = {}
    for word in _words(connection):
        if word.what == What.HELD:
            held[word.said] = word
        elif word.what == What.LIFTED:
            held.pop(word.said, None)
    return tuple(held.values())


def _node(connection: Connection) -> str:
    said = [word.actor.node for word in _words(connection) if word.what == What.KEPT]
    return said[-1] if said else ""


def _extent(connection: Connection) -> Extent:
    (begins,) = connection.execute(
        "SELECT coalesce((SELECT min(first) FROM batches WHERE NOT cut), (SELECT min(seq) FROM events))"
    ).fetchone()
    query = "SELECT coalesce(sum(events), 0), coalesce(max(last), 0) FROM batches"
    archived, newest = connection.execute(query).fetchone()
    (live,) = connection.execute("SELECT count(*) FROM events WHERE seq > ?", (newest,)).fetchone()
    (size,) = connection.execute("SELECT coalesce(sum(length(body)), 0) FROM bodies").fetchone()
    return Extent(
        keep=_keep(connection),
        holds=_holds(connection),
        begins=begins,
        events=archived + live,
        archived=archived,
        archive_size=size,
    )
