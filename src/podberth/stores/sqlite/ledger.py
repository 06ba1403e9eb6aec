"""The ledger in SQLite (`ipam.ledger.Ledger`): each method is one transaction."""

from __future__ import annotations

from podberth.cni.value import replace
from podberth.ipam.lifecycle import Edge, answered, holding
from podberth.stores.sqlite import changes, claims, rows, space
from podberth.stores.sqlite.counts import usages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from sqlite3 import Connection

    from podberth.cni.pod import Attachment, PodRef
    from podberth.ipam.lease import Actor, Claim, Correction, Event, Holding, Lease, Reservation, Usage
    from podberth.ipam.lifecycle import Kind
    from podberth.ipam.moment import Clock
    from podberth.ipam.versions import Feature
    from podberth.net.ops import Address
    from podberth.stores.sqlite.database import Database

PAGE = 1000  # events read at a time: no transaction stays open while a caller looks at them
_ALL = 2**62  # events of one address
FIRST = 100  # events among which the beginning of the ledger is looked for: the very first may have any time


class SqliteLedger:
    """The ledger of one database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def bind(self, claim: Claim, actor: Actor, *, durable: bool = True) -> tuple[Lease, ...]:
        """Bind what the claim wants, all or none; the same claim again returns the same leases and writes nothing.

        What rested when the machine last ran rests on before that, in a transaction that no refusal takes back.
        """
        while True:
            with self._database.write(durable=durable) as connection:
                now = self._clock()
                if not space.is_before(connection, now.uptime):
                    return claims.bind(connection, claim, actor, now)
                space.begin(connection, now.uptime)

    def unbind(self, attachment: Attachment, actor: Actor, *, durable: bool = True) -> tuple[Lease, ...]:
        """End the attachment's leases; returns what was ended, empty if there were none."""
        return self.unbind_all((attachment,), actor, durable=durable)

    def unbind_all(self, attachments: Sequence[Attachment], actor: Actor, *, durable: bool = True) -> tuple[Lease, ...]:
        """End the leases of all the attachments in one step; returns what was ended."""
        if not any(map(self.of, attachments)):
            return ()
        with self._database.write(durable=durable) as connection:
            now = self._clock()
            return tuple(lease for each in attachments for lease in claims.unbind(connection, each, actor, now))

    def reserve(self, pool: str, address: Address, pod: PodRef, ifname: str, actor: Actor) -> Reservation:
        """Reserve an address for a pod's name by hand; the same again returns the reservation. Raises AddressTaken."""
        with self._database.write() as connection:
            claims.known(connection, pool)
            now = self._clock()
            return changes.reserve(connection, pool, address, pod, ifname, "manual", actor, now)

    def release(self, address: Address, actor: Actor) -> Reservation | None:
        """End a manual or sticky reservation; AddressTaken for a declared one: its PodNetwork has to change."""
        with self._database.write() as connection:
            return claims.release(connection, address, actor, self._clock())

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
        with self._database.look() as connection:
            return tuple(rows.leases(connection, where, *values))

    def of(self, attachment: Attachment) -> tuple[Lease, ...]:
        """Return the attachment's leases."""
        with self._database.look() as connection:
            return claims.of(connection, attachment)

    def reservations(self, *, pool: str | None = None, pod: PodRef | None = None) -> tuple[Reservation, ...]:
        """Return the reservations in order of address; `pod` matches by namespace and name."""
        where, values = _where(pool=pool, **_named(pod))
        with self._database.look() as connection:
            return tuple(rows.reservations(connection, where, *values))

    def allows(self, feature: Feature) -> bool:
        """Say whether the ledger may have it, by its minimum version."""
        from podberth.stores.sqlite.minimum import allows

        with self._database.look() as connection:
            return allows(connection, feature)

    def corrected(self, correction: Correction, actor: Actor) -> tuple[Address, ...]:
        """Record by how much a clock was wrong, for each address with such events; return them, but those that know."""
        with self._database.write() as connection:
            now = self._clock()
            found = tuple(rows.misdated(connection, correction))
            for address in found:
                changes.corrected(connection, address, correction, actor, now)
        return found

    def who(self, address: Address, at: int | None = None) -> Holding:
        """Return who has the address now, or had it at time `at` (ns since the epoch); an Edge is an answer too."""
        now = self._clock().true
        if at is None:
            with self._database.look() as connection:
                return latest(address, rows.last_event(connection, address), now)
        from podberth.ipam.timeline import beginning, beyond, holding_at

        if at > now:
            return beyond(address, Edge.NOT_YET)
        with self._database.read() as connection:
            events = tuple(rows.page(connection, "WHERE address = ?", (address.packed,), 0, _ALL))
            held = holding_at(address, events, at, now)
            if held.event is not None:
                return held
            begins = beginning(_oldest(connection), now)
        return held if begins is not None and begins <= at else beyond(address, Edge.UNKNOWN, begins)

    def history(self, *, pod: PodRef | None = None, address: Address | None = None) -> Iterator[Event]:
        """Yield the events of a pod's name, of an address, of both, or all, oldest first, up to those of right now."""
        given, values = _where(**_named(pod), address=address.packed if address is not None else None)
        page: tuple[Event, ...] = ()
        while True:
            after = page[-1].seq if page else 0
            with self._database.read() as connection:
                page = tuple(rows.page(connection, given, values, after, PAGE))
            yield from page
            if len(page) < PAGE:
                return

    def usage(self, pool: str | None = None) -> tuple[Usage, ...]:
        """Return each pool's usage, a row per pool and family."""
        with self._database.read() as connection:
            return usages(connection, pool, self._clock())


def latest(address: Address, event: Event | None, now: int) -> Holding:
    """Return who has the address after its last event, whatever clock that was written by."""
    return replace(holding(address, event), since=min(event.time - event.ahead, now) if event is not None else None)


def _oldest(connection: Connection) -> Iterator[Event]:
    """Yield what says when the ledger begins: its first events, and every correction."""
    yield from rows.page(connection, "", (), 0, FIRST)
    yield from rows.page(connection, "WHERE corrects <> ''", (), 0, _ALL)


def _named(pod: PodRef | None) -> dict[str, object]:
    return {"namespace": pod.namespace, "pod": pod.name} if pod is not None else {}


def _where(**given: object) -> tuple[str, tuple[object, ...]]:
    """Return the condition that the columns given have those values; None is not a condition."""
    said = {column: wanted for column, wanted in given.items() if wanted is not None}
    return ("WHERE " if said else "") + " AND ".join(f"{column} = ?" for column in said), tuple(said.values())
