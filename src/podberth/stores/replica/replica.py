"""The replica: its file, what it has seen of the cluster, and proposals made on it."""

from __future__ import annotations

import os
from ipaddress import ip_address

from podberth.cni.errors import DiskFull, StoreFailed
from podberth.cni.value import replace
from podberth.ipam.address_record import AddressRecord, changes_hands
from podberth.ipam.lifecycle import Kind
from podberth.process.loop import report
from podberth.stores.clock import node_clock
from podberth.stores.replica import marks
from podberth.stores.replica.applying import apply_operations, apply_record, forget_others, take_words
from podberth.stores.replica.approved import forget_approved, keep_approved, pool_key, proposed, revision_of
from podberth.stores.replica.numbering import numbered
from podberth.stores.replica.pools import settle_left, take_left
from podberth.stores.replica.position import furthest
from podberth.stores.replica.returned import known, newest
from podberth.stores.replica.schema import SCHEMA
from podberth.stores.replica.shared import AddressWrite, ApprovedWrite, DocumentText, DocumentWrite, Proposal, Seen
from podberth.stores.replica.standing import apply_bundles, apply_documents, obey, recount
from podberth.stores.sqlite import changes, epochs, minimum, rows, space
from podberth.stores.sqlite.counts import counted
from podberth.stores.sqlite.database import NODE, Database
from podberth.stores.sqlite.failing import CannotWrite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from sqlite3 import Connection
    from typing import TypeVar

    from podberth.cni.pod import PodRef
    from podberth.ipam.address_record import Mark
    from podberth.ipam.epoch import Epoch
    from podberth.ipam.lease import Event
    from podberth.ipam.moment import Clock, Uptime
    from podberth.net.ops import Address
    from podberth.stores.replica.returned import Known
    from podberth.stores.replica.shared import Key
    from podberth.stores.sqlite.transaction import Transaction

    T = TypeVar("T")

_VERSION = f"{SCHEMA.version}.{NODE.version}"
_CACHE = 500  # KiB of the file that are kept in memory: a claim looks at a few pages of it
_LOG_PAGES = 1000  # of the write-ahead log before it is written back: nothing here has to be on disk


class Replica:
    """A replica in a directory. Threads share it, and processes: their transactions follow one another."""

    def __init__(self, directory: str, *, told: Callable[[str], None] = lambda _: None) -> None:
        self.database = Database(directory, schema=SCHEMA, staying=True)
        self.clock: Clock = node_clock
        self._told = told
        self._opened = False
        self._filled = False

    @property
    def position(self) -> str:
        """Everything that happened in the cluster's store up to it is here; '' while nothing is."""
        with self._reading() as connection:
            return _position(connection)

    def begin(self) -> None:
        """See to it that what rested when the machine last ran rests on. No refusal may take that back."""
        with self._transaction() as connection:
            changes.moment(connection, self.clock())

    @property
    def filled(self) -> bool:
        """Whether the cluster's whole state has been here once: before that, what is not here may well be there."""
        if not self._filled:
            self._filled = bool(self.position)
        return self._filled

    @property
    def heard(self) -> int:
        """Up to when everything is here, in ns since the epoch; 0 if that was never written down."""
        with self._reading() as connection:
            known = connection.execute("SELECT name FROM sqlite_master WHERE name = 'heard'").fetchone()
            found = connection.execute("SELECT max(at) FROM heard").fetchone() if known else (0,)
        return int(found[0] or 0)

    def hear(self, at: int) -> None:
        """Write down that everything up to the time `at` is here."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM heard")
            connection.execute("INSERT INTO heard VALUES (?)", (at,))

    def probe(self) -> None:
        """Write as news of the cluster would be. StoreFailed if that can't be done."""
        with self._transaction():
            pass
        self.database.probe()

    def known(self) -> Known:
        """Return what tells the store that this is a replica of from one that was put back, and from others."""
        with self._transaction() as connection:
            return known(connection)

    def confirm(self, identity: str) -> None:
        """Begin anew if this was a replica of another store than the one that calls itself `identity`."""
        with self._transaction() as connection:
            (before,) = connection.execute("SELECT identity FROM position").fetchone()
            if not before:
                connection.execute("UPDATE position SET identity = ?", (identity,))
        if before not in ("", identity):
            self.begin_anew(identity)

    def begin_anew(self, identity: str) -> None:
        """Forget everything: this is a replica of the store of that identity, and knows nothing of it."""
        with self.database.lock:
            self._remove()
        self.confirm(identity)

    def is_later(self, epoch: tuple[Epoch, int]) -> bool:
        """Say whether the epoch is later than the last one that is known here."""
        with self._reading() as connection:
            last = epochs.last(connection)
        return last is None or last.number < epoch[0].number

    def begin_epoch(self, epoch: tuple[Epoch, int] | None) -> None:
        """Have the epoch, with its revision in the store, be the last one, if it is."""
        if epoch is not None:
            with self._transaction() as connection:
                if epochs.revision(connection) < epoch[1]:
                    epochs.write(connection, epoch[0], at=epoch[1])

    def take(self, seen: Seen, *, own: bool = False) -> tuple[AddressRecord, ...]:
        """Bring what was seen into the replica; return the records that were news.

        `own`: it is what this process has just written, or read as a whole. Else, if it says of no position, it may be
        ahead of what is known here of operations, and that part of it is left alone.
        """
        with self._transaction() as connection:
            now = self.clock()
            seen, over = marks.admitted(connection, seen, now.uptime, whole=own or bool(seen.position))
            # Pools first: what an address may do is theirs to say.
            documents = sorted(seen.documents, key=lambda one: one[0].kind != "Pool")
            approved = keep_approved(connection, seen.approved)
            if seen.minimum is not None:
                minimum.keep(connection, seen.minimum)
            complaints = [*seen.complaints, *apply_documents(connection, documents, now, approved)]
            complaints += apply_bundles(connection, seen.bundles, now)
            take_words(connection, (record for record, _ in seen.records), now)
            news = tuple(record for record, revision in seen.records if apply_record(connection, record, revision, now))
            news += apply_operations(connection, over, now)
            complaints += recount(connection, _counted(news), now)
            left = take_left(connection, seen.left, now)
            complaints += settle_left(connection, now) if news or left else []
            connection.execute("DELETE FROM touched_documents")
            if seen.epoch is not None and epochs.revision(connection) < seen.epoch[1]:
                epochs.write(connection, seen.epoch[0], at=seen.epoch[1])
            if seen.position:
                position = furthest(_position(connection), seen.position)
                connection.execute("UPDATE position SET position = ?", (position,))
        for complaint in complaints:
            report(self._told, complaint)
        return news

    def load(self, parts: Iterable[Seen]) -> Iterator[tuple[AddressRecord, ...]]:
        """Bring the whole state in, the last part of which says up to where; yield what of each part was news.

        What is not in it is forgotten, unless it is later than that: others take what they see meanwhile.
        """
        records: set[bytes] = set()
        documents: set[Key] = set()
        bundles: set[str] = set()
        approved: set[Key] = set()
        before = self.position
        late: list[Seen] = []
        for part in parts:
            if before:
                records.update(record.address.packed for record, _ in part.records)
                documents.update(text.key for text, _ in part.documents)
                bundles.update(bundle.name for bundle in part.bundles)
                approved.update(one.text.key for one, _ in part.approved)
                part = _later(part, late)  # noqa: PLW2901
            if before and part.complete:
                with self._transaction() as connection:
                    obey(connection, forget_approved(connection, approved, part.complete), self.clock())
                    forget_others(connection, records, documents, bundles, part.complete, self.clock())
            yield self.take(part, own=True)

    def operations(self) -> tuple[Mark, ...]:
        """Return a mark of each operation that has some."""
        with self._reading() as connection:
            return marks.open_ones(connection)

    def is_silent(self, operation: str) -> bool:
        """Say whether nothing was heard of the operation for so long that its command is gone."""
        with self._reading() as connection:
            return marks.is_silent(connection, operation, self.clock().uptime)

    def propose(
        self,
        decide: Callable[[Connection], T],
        *,
        pods: Sequence[PodRef] = (),
        declares: bool = False,
    ) -> tuple[T, Proposal]:
        """Return what `decide` answers, and the step it would be; the replica is left as it was.

        The numbers that the ledger gives the events are in the proposal.
        """
        with self._transaction() as connection:
            connection.execute("SAVEPOINT proposal")
            answer = decide(connection)
            proposal = _collected(connection, tuple(pods), declares, self.clock().uptime)
            connection.execute("ROLLBACK TO proposal")
        return answer, proposal

    def _transaction(self) -> Transaction:
        with self.database.lock:
            if not self._opened:
                self._open()
        return self.database.write(durable=False)

    def _reading(self) -> Transaction:
        with self.database.lock:
            if not self._opened:
                try:
                    self._open()
                except (CannotWrite, DiskFull):
                    pass  # what is there can be read all the same
        return self.database.read()

    def _open(self) -> None:
        """Open the file; begin anew if it is damaged, of another version, or was never complete."""
        try:
            complete = self._begin()
        except CannotWrite:
            raise
        except StoreFailed:
            complete = False
        if not complete:
            self._remove()
            self._begin()
        self.database.connection().execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
        self.database.connection().execute(f"PRAGMA cache_size = -{_CACHE}")
        self._opened = True

    def _begin(self) -> bool:
        with self.database.write(durable=False) as connection:
            found = connection.execute("SELECT version, position FROM position").fetchone()
            if found is None:
                connection.execute("INSERT INTO position (version) VALUES (?)", (_VERSION,))
            elif found[0] == _VERSION:
                changes.moment(connection, self.clock())
            # A replica of a release before has no such table, and is as good as any.
            connection.execute("CREATE TABLE IF NOT EXISTS heard (at INTEGER NOT NULL) STRICT")
        return found is None or (found[0] == _VERSION and found[1] != "")

    def _remove(self) -> None:
        self._opened = self._filled = False
        self.database.close()
        for ending in ("", "-wal", "-shm"):
            if os.path.lexists(self.database.path + ending):
                os.unlink(self.database.path + ending)


def _counted(records: Iterable[AddressRecord]) -> set[str]:
    """Return the namespaces for whose pods something is reserved that no document declares, or is no more."""
    found: set[str] = set()
    for record in records:
        kept, last = record.reservation, record.last
        if kept is not None and kept.origin != "declared":
            found.add(kept.pod.namespace)
        elif kept is None and last is not None and last.kind == Kind.RELEASED and last.pod is not None:
            found.add(last.pod.namespace)
    return found


def _collected(connection: Connection, pods: tuple[PodRef, ...], declares: bool, now: Uptime) -> Proposal:
    events = numbered(connection)
    addresses = dict.fromkeys(event.address for event in events)
    for (packed,) in connection.execute("SELECT address FROM touched").fetchall():
        addresses.setdefault(ip_address(packed))
    writes = tuple(_write(connection, address, events, now) for address in addresses)
    documents = tuple(_documents(connection))
    approved = proposed(connection)
    # What each of these replaces is how it was before.
    connection.execute("ROLLBACK TO proposal")
    before = {write.record.address: rows.reservation_at(connection, write.record.address) for write in writes}
    pools = {write.record.pool for write in writes}
    anew = (write.record.reservation for write in writes if before[write.record.address] is None)
    for_pods = pods or tuple(kept.pod for kept in anew if kept is not None)
    return Proposal(
        addresses=tuple(replace(write, reserved_before=before[write.record.address]) for write in writes),
        documents=documents,
        pods=pods,
        pools=tuple((name, _revision_of(connection, pool_key(name))) for name in sorted(pools)),
        declares=declares,
        position=_position(connection),
        approved=tuple(
            ApprovedWrite(
                approved=one,
                revision=revision_of(connection, one.text.key),
                text_revision=_revision_of(connection, one.text.key),
            )
            for one in approved
        ),
        relied=tuple((name, revision_of(connection, pool_key(name))) for name in sorted(pools)),
        epoch=epochs.revision(connection),
        newest=newest(connection),
        minimum=minimum.minimum(connection).revision,
        marks=marks.in_the_way(connection, before, for_pods),
        counted=counted(connection, writes),
    )


def _later(part: Seen, late: list[Seen]) -> Seen:
    """Return a part of a whole state without what operations have made: that is in the last part, all together.

    The replica answers meanwhile: who asks must not see one half of an operation.
    """

    def is_made(one: AddressRecord | DocumentText) -> bool:
        return bool(one.operation) or (isinstance(one, AddressRecord) and one.mark is not None)

    records = tuple(one for one in part.records if is_made(one[0]))
    documents = tuple(one for one in part.documents if is_made(one[0]))
    rest = replace(
        part,
        records=tuple(one for one in part.records if not is_made(one[0])),
        documents=tuple(one for one in part.documents if not is_made(one[0])),
    )
    late.append(Seen(records=records, documents=documents))
    if not part.complete:
        return rest
    return replace(
        rest,
        records=(*rest.records, *(one for each in late for one in each.records)),
        documents=(*rest.documents, *(one for each in late for one in each.documents)),
    )


def _position(connection: Connection) -> str:
    found = connection.execute("SELECT position FROM position").fetchone()
    return str(found[0]) if found is not None else ""


def _write(connection: Connection, address: Address, events: list[Event], now: Uptime) -> AddressWrite:
    own = tuple(event for event in events if event.address == address)
    known = connection.execute(
        "SELECT revision, seq, time, operation FROM records WHERE address = ?", (address.packed,)
    ).fetchone()
    revision, seq, time, operation = known or (0, 0, 0, "")
    lease, kept = rows.lease_at(connection, address), rows.reservation_at(connection, address)
    holder = lease or kept
    pool = holder.pool if holder is not None else own[-1].pool or space.pool_around(connection, address)
    last = next((event for event in reversed(own) if changes_hands(event)), None)
    until, rest = space.rest_of(connection, address)
    record = AddressRecord(
        address=address,
        pool=pool,
        seq=own[-1].seq if own else seq,
        time=own[-1].time if own else time,
        reservation=kept,
        lease=lease,
        rest_until=until,
        last=last or rows.last_event(connection, address),
        rest=rest,
        written=now,
        operation=operation,
    )
    return AddressWrite(record=record, revision=revision, events=own, reserved_before=None)


def _documents(connection: Connection) -> Iterable[DocumentWrite]:
    for key in connection.execute("SELECT kind, namespace, name FROM touched_documents").fetchall():
        body, source, origin = connection.execute(
            "SELECT body, source, origin FROM documents WHERE kind = ? AND namespace = ? AND name = ?", key
        ).fetchone() or ("", "", "")
        kind, namespace, name = key
        text = DocumentText(kind=kind, namespace=namespace, name=name, body=body, source=source, origin=origin)
        yield DocumentWrite(text=text, revision=_revision_of(connection, key))


def _revision_of(connection: Connection, key: tuple[str, str, str]) -> int:
    found = connection.execute(
        "SELECT revision FROM document_revisions WHERE kind = ? AND namespace = ? AND name = ?", key
    ).fetchone()
    return int(found[0]) if found is not None else 0
