"""The ledger in SQLite (`ipam.ledger.Ledger`): each method is one transaction."""

from __future__ import annotations

from podberth.ipam.lifecycle import answered, holding
from podberth.stores.sqlite import changes, claims, rows
from podberth.stores.sqlite.counts import usages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from podberth.cni.pod import Attachment, PodRef
    from podberth.ipam.lease import Actor, Claim, Event, Holding, Lease, Reservation, Usage
    from podberth.ipam.lifecycle import Kind
    from podberth.net.ops import Address
    from podberth.stores.sqlite.database import Database

PAGE = 1000  # events read at a time: no transaction stays open while a caller looks at them
_EVER = 2**63 - 1  # the greatest integer of SQLite, as a time in the year 2262


class SqliteLedger:
    """The ledger of one database; `clock` returns nanoseconds since the epoch."""

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock

    def bind(self, claim: Claim, actor: Actor, *, durable: bool = True) -> tuple[Lease, ...]:
        """Bind what the claim wants, all or none; the same claim again returns the same leases and writes nothing."""
        with self._database.write(durable=durable) as connection:
            return claims.bind(connection, claim, actor, changes.moment(connection, self._clock()))

    def unbind(self, attachment: Attachment, actor: Actor, *, durable: bool = True) -> tuple[Lease, ...]:
        """End the attachment's leases; returns what was ended, empty if there were none."""
        return self.unbind_all((attachment,), actor, durable=durable)

    def unbind_all(self, attachments: Sequence[Attachment], actor: Actor, *, durable: bool = True) -> tuple[Lease, ...]:
        """End the leases of all the attachments in one step; returns what was ended."""
        if not any(map(self.of, attachments)):
            return ()
        with self._database.write(durable=durable) as connection:
            now = changes.moment(connection, self._clock())
            return tuple(lease for each in attachments for lease in claims.unbind(connection, each, actor, now))

    def reserve(self, pool: str, address: Address, pod: PodRef, ifname: str, actor: Actor) -> Reservation:
        """Reserve an address for a pod's name by hand; the same again returns the reservation. Raises AddressTaken."""
        with self._database.write() as connection:
            claims.known(connection, pool)
            now = changes.moment(connection, self._clock())
            return changes.reserve(connection, pool, address, pod, ifname, "manual", actor, now)

    def release(self, address: Address, actor: Actor) -> Reservation | None:
        """End a manual or sticky reservation; AddressTaken for a declared one: its PodNetwork has to change."""
        with self._database.write() as connection:
            return claims.release(connection, address, actor, changes.moment(connection, self._clock()))

    def conflicted(self, address: Address, mac: str, attachment: Attachment, actor: Actor) -> None:
        """Record that a host with `mac` answered for the address while `attachment` was to get it."""
        with self._database.write() as connection:
            now = changes.moment(connection, self._clock())
            changes.conflicted(connection, address, attachment, answered(actor, mac), now)

    def noted(self, attachment: Attachment, kind: Kind, actor: Actor) -> None:
        """Record for each address of the attachment that it was Adjusted or Repaired."""
        with self._database.write() as connection:
            claims.noted(connection, attachment, kind, actor, changes.moment(connection, self._clock()))

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

    def who(self, address: Address, at: int | None = None) -> Holding:
        """Return who has the address now, or had it at time `at` (ns since the epoch)."""
        moment = _EVER if at is None else max(-_EVER, min(at, _EVER))
        with self._database.look() as connection:
            event = rows.last_event(connection, address, moment)
        return holding(address, event)

    def history(self, *, pod: PodRef | None = None, address: Address | None = None) -> Iterator[Event]:
        """Yield the events of a pod's name, of an address, of both, or all, oldest first, up to those of right now."""
        given, values = _where(**_named(pod), address=address.packed if address is not None else None)
        page: tuple[Event, ...] = ()
        while True:
            after = (page[-1].time, page[-1].seq) if page else (-1, 0)
            with self._database.read() as connection:
                page = tuple(rows.page(connection, given, values, after, PAGE))
            yield from page
            if len(page) < PAGE:
                return

    def usage(self, pool: str | None = None) -> tuple[Usage, ...]:
        """Return each pool's usage, a row per pool and family."""
        with self._database.read() as connection:
            return usages(connection, pool, changes.moment(connection, self._clock()))


def _named(pod: PodRef | None) -> dict[str, object]:
    return {"namespace": pod.namespace, "pod": pod.name} if pod is not None else {}


def _where(**given: object) -> tuple[str, tuple[object, ...]]:
    """Return the condition that the columns given have those values; None is not a condition."""
    said = {column: wanted for column, wanted in given.items() if wanted is not None}
    return ("WHERE " if said else "") + " AND ".join(f"{column} = ?" for column in said), tuple(said.values())
