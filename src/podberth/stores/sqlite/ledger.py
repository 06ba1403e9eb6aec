"""The ledger in SQLite (`ipam.ledger.Ledger`): each method is one transaction."""

from __future__ import annotations

from podberth.cni.errors import PoolExhausted
from podberth.cni.value import replace
from podberth.ipam.lifecycle import Edge, answered, holding
from podberth.ipam.owner import CLAIMS
from podberth.stores.sqlite import changes, claims, rows, space
from podberth.stores.sqlite.counts import usages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from sqlite3 import Connection

    from podberth.cni.pod import Attachment, PodRef
    from podberth.ipam.epoch import Announcement, Epoch, HeldAddress
    from podberth.ipam.lease import Actor, Claim, Correction, Event, Holding, Lease, Reservation, Usage
    from podberth.ipam.lifecycle import Kind
    from podberth.ipam.moment import Clock, Moment
    from podberth.ipam.versions import Feature
    from podberth.net.ops import Address
    from podberth.stores.sqlite.database import Database
    from podberth.stores.sqlite.retention import Retention

AT_ONCE = 256  # attachments whose leases end in one transaction
# Of a lease: no operation says that it is over.
_STANDS = (
    "NOT EXISTS (SELECT 1 FROM ending WHERE (network, container_id, ifname) = (leases.network, leases.container_id,"
    " leases.ifname) AND operation IN (SELECT operation FROM operations WHERE state = 1))"
)
# Of a reservation: it is a claim's that nobody has, and whose last holder was on that node.
_IDLE = (
    "WHERE substr(pod, 1, ?) = ?"  # noqa: S608 - constants
    f" AND NOT EXISTS (SELECT 1 FROM leases WHERE leases.address = reservations.address AND {_STANDS})"
    f" AND (SELECT node FROM events WHERE events.address = reservations.address AND {rows.CHANGES_HANDS}"
    " ORDER BY seq DESC LIMIT 1) = ?"
)
_OPERATION = "SELECT 1 FROM operations WHERE state = 1 LIMIT 1"
# One event in 256 has its writer look whether no agent keeps the archive; which one is as good as chance.
_SPREAD, _SELDOM = 2_654_435_761, range(1, 2**24)
PAGE = 1000  # events read at a time: no transaction stays open while a caller looks at them


class _Foreseen(Exception):
    """The leases that a bind would have had."""

    def __init__(self, leases: tuple[Lease, ...]) -> None:
        super().__init__()
        self.leases = leases


class SqliteLedger:
    """The ledger of one database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def bind(self, claim: Claim, actor: Actor, *, durable: bool = True) -> tuple[Lease, ...]:
        """Bind what the claim wants, all or none; the same claim again returns the same leases and writes nothing.

        What rested when the machine last ran rests on before that, in a transaction that no refusal takes back.
        """
        try:
            return self._bind(claim, actor, durable=durable)
        except PoolExhausted:
            if not settled(self._database, self._clock):
                raise
        return self._bind(claim, actor, durable=durable)

    def _bind(self, claim: Claim, actor: Actor, *, durable: bool) -> tuple[Lease, ...]:
        while True:
            with self._database.write(durable=durable, binding=True) as connection:
                now, look = self._clock(), self._database.progress.look
                if not look.rests_by_another(now.uptime.boot):
                    if look.operations:
                        _settle(connection, claim, now)
                    return claims.bind(connection, claim, actor, now, awaited=look.awaited)
                space.begin(connection, now.uptime)

    def foresee(self, claim: Claim, actor: Actor) -> tuple[Lease, ...]:
        """Return what `bind` would return now, or raise what it would: it is tried, and taken back."""
        settled(self._database, self._clock)
        try:
            with self._database.write(durable=False, events=False) as connection:
                now = self._clock()
                space.begin(connection, now.uptime)
                raise _Foreseen(claims.bind(connection, claim, actor, now, awaited=False))  # noqa: TRY301 - to roll back
        except _Foreseen as found:
            return found.leases  # the transaction is rolled back: nothing is written

    def unbind(self, attachment: Attachment, actor: Actor, *, durable: bool = True) -> tuple[Lease, ...]:
        """End the attachment's leases; returns what was ended, empty if there were none."""
        return self.unbind_all((attachment,), actor, durable=durable)

    def unbind_all(self, attachments: Sequence[Attachment], actor: Actor, *, durable: bool = True) -> tuple[Lease, ...]:
        """End the leases of all the attachments as one operation, in short steps if they are many; return them.

        Nothing is written where there are none. Whoever need not have it on disk writes more, and looks for nothing.
        """
        if durable and not any(map(self.of, attachments)):
            return ()
        if len(attachments) > AT_ONCE:
            from podberth.stores.sqlite import ending

            return ending.unbind_all(self._database, self._clock, attachments, actor, durable=durable)
        with self._database.write(durable=durable, binding=True) as connection:
            now, look = self._clock(), self._database.progress.look
            there = _standing(connection, attachments) if look.operations else attachments
            ended = tuple(
                lease for each in there for lease in claims.unbind(connection, each, actor, now, prune=look.told)
            )
        reached = self._database.progress.known
        if reached is not None and ended and reached.seq * _SPREAD % 2**32 in _SELDOM:
            self._archive_if_late()
        return ended

    def _archive_if_late(self) -> None:
        """Put older events into the archive where no agent does: no call waits for it but this one."""
        from podberth.stores.sqlite.archive import Archive

        Archive(self._database, self._clock).step_if_late()

    def archive(self) -> bool:
        """Put some older events into the archive, or delete what an operator lets go; say whether there were any."""
        from podberth.stores.sqlite.archive import Archive

        return Archive(self._database, self._clock).step() or self.retention.step()

    def compact(self) -> None:
        """Put all that is due into the archive, and give the disk back what the file does not need. Writers wait."""
        while self.archive():
            pass
        from podberth.stores.sqlite.probe import vacuum

        vacuum(self._database)

    @property
    def retention(self) -> Retention:
        """What operators have said of how long history is kept."""
        from podberth.stores.sqlite.retention import Retention

        return Retention(self._database, self._clock)

    def reserve(self, pool: str, address: Address, pod: PodRef, ifname: str, actor: Actor) -> Reservation:
        """Reserve an address for a pod's name by hand; the same again returns the reservation. Raises AddressTaken."""
        settled(self._database, self._clock)
        with self._database.write() as connection:
            claims.known(connection, pool)
            now = self._clock()
            return changes.reserve(connection, pool, address, pod, ifname, "manual", actor, now)

    def release(self, address: Address, actor: Actor, owner: PodRef | None = None) -> Reservation | None:
        """End a manual or sticky reservation; AddressTaken for a declared one: its PodNetwork has to change."""
        with self._database.write() as connection:
            return claims.release(connection, address, actor, self._clock(), owner)

    def conflicted(self, address: Address, mac: str, attachment: Attachment, actor: Actor) -> None:
        """Record that a host with `mac` answered for the address while `attachment` was to get it."""
        with self._database.write() as connection:
            now = self._clock()
            changes.conflicted(connection, address, attachment, answered(actor, mac), now)

    def noted(self, attachment: Attachment, kind: Kind, actor: Actor) -> None:
        """Record for each address of the attachment that it was Adjusted or Repaired."""
        with self._database.write() as connection:
            claims.noted(connection, attachment, kind, actor, self._clock())

    def leases(self, *, pool: str | None = None, network: str | None = None) -> tuple[Lease, ...]:
        """Return the live leases in order of address."""
        where, values = _where(pool=pool, network=network)
        where = f"{where} AND {_STANDS}" if where else f"WHERE {_STANDS}"
        with self._database.look() as connection:
            return tuple(rows.leases(connection, where, *values))

    def of(self, attachment: Attachment) -> tuple[Lease, ...]:
        """Return the attachment's leases."""
        with self._database.look() as connection:
            return tuple(
                lease for each in _standing(connection, (attachment,)) for lease in claims.of(connection, each)
            )

    def reservations(self, *, pool: str | None = None, pod: PodRef | None = None) -> tuple[Reservation, ...]:
        """Return the reservations in order of address; `pod` matches by namespace and name."""
        where, values = _where(pool=pool, **_named(pod))
        with self._database.look() as connection:
            return tuple(rows.reservations(connection, where, *values))

    def idle_claims(self, node: str) -> tuple[Reservation, ...]:
        """Return what is reserved for IPAMClaims and bound to nobody, and was bound on that node last; by address."""
        with self._database.look() as connection:
            return tuple(rows.reservations(connection, _IDLE, len(CLAIMS), CLAIMS, node))

    def allows(self, feature: Feature) -> bool:
        """Say whether the ledger may have it, by its minimum version."""
        from podberth.stores.sqlite.minimum import allows

        with self._database.look() as connection:
            return allows(connection, feature)

    def corrected(self, correction: Correction, actor: Actor) -> tuple[Address, ...]:
        """Record by how much a clock was wrong, for each address with such events; return them, but those that know."""
        from podberth.stores.sqlite import past

        with self._database.write() as connection:
            now = self._clock()
            found = tuple(past.misdated(connection, correction))
            for address in found:
                changes.corrected(connection, address, correction, actor, now)
        return found

    def who(self, address: Address, at: int | None = None) -> Holding:
        """Return who has the address now, or had it at time `at` (ns since the epoch); an Edge is an answer too."""
        settled(self._database, self._clock)
        now = self._clock().true
        if at is None:
            with self._database.look() as connection:
                return latest(address, rows.last_event(connection, address), now)
        from podberth.ipam.timeline import beyond
        from podberth.stores.sqlite import past

        if at > now:
            return beyond(address, Edge.NOT_YET)
        with self._database.read() as connection:
            return past.holding(connection, address, at, now)

    def history(self, *, pod: PodRef | None = None, address: Address | None = None) -> Iterator[Event]:
        """Yield the events of a pod's name, of an address, of both, or all, oldest first, up to those of right now."""
        from podberth.stores.sqlite import past

        settled(self._database, self._clock)
        after = 0
        while True:
            with self._database.read() as connection:
                page, after = past.page(connection, pod, address, after, PAGE)
            yield from page
            if not after:
                return

    def epoch(self) -> Epoch | None:
        """Return the last time that the ledger was put back to an earlier state; None if it never was."""
        with self._database.read() as connection:
            if connection.execute("SELECT 1 FROM epochs LIMIT 1").fetchone() is None:
                return None
            from podberth.stores.sqlite.epochs import last

            return last(connection)

    def announce(self, held: Sequence[HeldAddress], gone: Sequence[Lease], actor: Actor) -> Announcement:
        """Have the ledger say what this node's pods have, whatever it said when it came back; end what is `gone`."""
        from podberth.stores.sqlite import epochs

        with self._database.write() as connection:
            known = epochs.last(connection)
            since = known.seq if known is not None else 0
            made = epochs.announce(connection, held, gone, actor, self._clock(), since)
            epochs.heard(connection, actor.node)
        return made

    def usage(self, pool: str | None = None) -> tuple[Usage, ...]:
        """Return each pool's usage, a row per pool and family."""
        settled(self._database, self._clock)
        with self._database.read() as connection:
            return usages(connection, pool, self._clock())


def _settle(connection: Connection, claim: Claim, now: Moment) -> None:
    """End first what an operation is about that the claim may be answered with."""
    from podberth.stores.sqlite import ending

    ending.settle(connection, claim, now)


def _standing(connection: Connection, attachments: Sequence[Attachment]) -> Sequence[Attachment]:
    """Return the attachments without those whose leases are over already, by an operation that goes on."""
    if connection.execute(_OPERATION).fetchone() is None:
        return attachments
    from podberth.stores.sqlite import ending

    return tuple(each for each in attachments if not ending.is_over(connection, each))


def settled(database: Database, clock: Clock) -> bool:
    """End what an operation that holds has not ended yet; say whether there was one. A file that is only read stays."""
    if database.readonly:
        return False
    with database.look() as connection:
        if connection.execute(_OPERATION).fetchone() is None:
            return False
    from podberth.stores.sqlite import ending

    return ending.finish(database, clock)


def latest(address: Address, event: Event | None, now: int) -> Holding:
    """Return who has the address after its last event, whatever clock that was written by."""
    return replace(holding(address, event), since=min(event.true, now) if event is not None else None)


def _named(pod: PodRef | None) -> dict[str, object]:
    return {"namespace": pod.namespace, "pod": pod.name} if pod is not None else {}


def _where(**given: object) -> tuple[str, tuple[object, ...]]:
    """Return the condition that the columns given have those values; None is not a condition."""
    said = {column: wanted for column, wanted in given.items() if wanted is not None}
    return ("WHERE " if said else "") + " AND ".join(f"{column} = ?" for column in said), tuple(said.values())
