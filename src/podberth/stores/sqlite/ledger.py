"""The ledger in SQLite (`ipam.ledger.Ledger`): each method is one transaction."""

from __future__ import annotations

from podberth.cni.errors import AddressTaken, InvalidConfig, PoolExhausted
from podberth.cni.value import replace
from podberth.ipam.lease import AddressHeld, Holding, Lease, Usage
from podberth.ipam.lifecycle import State
from podberth.stores.sqlite import changes, rows, space

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from sqlite3 import Connection

    from podberth.cni.pod import Attachment, PodRef
    from podberth.ipam.lease import Actor, Claim, Event, Reservation, Wanted
    from podberth.net.ops import Address
    from podberth.stores.sqlite.database import Database


class SqliteLedger:
    """The ledger of one database; `clock` returns nanoseconds since the epoch."""

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock

    def bind(self, claim: Claim, actor: Actor) -> tuple[Lease, ...]:
        """Bind what the claim wants, all or none; the same claim again returns the same leases and writes nothing."""
        with self._database.write() as connection:
            now = changes.moment(connection, self._clock())
            had = tuple(rows.leases(connection, _OF, *_key(claim.attachment)))
            if had and len(had) == len(claim.wanted) and all(_answers(had, wanted) for wanted in claim.wanted):
                return had
            for lease in had:
                changes.unbind(
                    connection, lease, replace(actor, why=f"{actor.why}: other addresses are wanted now"), now
                )
            return tuple(_bound(connection, claim, wanted, actor, now) for wanted in claim.wanted)

    def unbind(self, attachment: Attachment, actor: Actor) -> tuple[Lease, ...]:
        """End the attachment's leases; returns what was ended, empty if there were none."""
        if not self.of(attachment):
            return ()
        with self._database.write() as connection:
            now = changes.moment(connection, self._clock())
            ended = tuple(rows.leases(connection, _OF, *_key(attachment)))
            for lease in ended:
                changes.unbind(connection, lease, actor, now)
        return ended

    def reserve(self, pool: str, address: Address, pod: PodRef, ifname: str, actor: Actor) -> Reservation:
        """Reserve an address for a pod's name by hand; the same again returns the reservation. Raises AddressTaken."""
        with self._database.write() as connection:
            _known(connection, pool)
            now = changes.moment(connection, self._clock())
            return changes.reserve(connection, pool, address, pod, ifname, "manual", actor, now)

    def release(self, address: Address, actor: Actor) -> Reservation | None:
        """End a manual or sticky reservation; AddressTaken for a declared one: its PodNetwork has to change."""
        with self._database.write() as connection:
            kept = rows.reservation_at(connection, address)
            if kept is None:
                return None
            if kept.origin == "declared":
                raise AddressTaken(
                    f"{address} is declared for {kept.pod} ({kept.ifname}) by a PodNetwork",
                    "take it out of the PodNetwork and apply that, or delete the PodNetwork",
                )
            changes.release(connection, kept, actor, changes.moment(connection, self._clock()))
        return kept

    def conflicted(self, address: Address, mac: str, attachment: Attachment, actor: Actor) -> None:
        """Record that a host with `mac` answered for the address while `attachment` was to get it."""
        told = replace(actor, why=f"{actor.why}: {mac} answers for it")
        with self._database.write() as connection:
            now = changes.moment(connection, self._clock())
            changes.conflicted(connection, address, attachment, told, now)

    def leases(self, *, pool: str | None = None, network: str | None = None) -> tuple[Lease, ...]:
        """Return the live leases in order of address."""
        given = [(column, said) for column, said in (("pool", pool), ("network", network)) if said is not None]
        where = "WHERE " + " AND ".join(f"{column} = ?" for column, _ in given) if given else ""
        with self._database.read() as connection:
            return tuple(rows.leases(connection, where, *(said for _, said in given)))

    def of(self, attachment: Attachment) -> tuple[Lease, ...]:
        """Return the attachment's leases."""
        with self._database.read() as connection:
            return tuple(rows.leases(connection, _OF, *_key(attachment)))

    def reservations(self, *, pool: str | None = None, pod: PodRef | None = None) -> tuple[Reservation, ...]:
        """Return the reservations in order of address; `pod` matches by namespace and name."""
        given = [("pool", pool)] if pool is not None else []
        given += [("namespace", pod.namespace), ("pod", pod.name)] if pod is not None else []
        where = "WHERE " + " AND ".join(f"{column} = ?" for column, _ in given) if given else ""
        with self._database.read() as connection:
            return tuple(rows.reservations(connection, where, *(said for _, said in given)))

    def who(self, address: Address, at: int | None = None) -> Holding:
        """Return who has the address now, or had it at time `at` (ns since the epoch)."""
        moment = at if at is not None else 2**63 - 1
        with self._database.read() as connection:
            found = rows.events(connection, "WHERE address = ? AND time <= ?", address.packed, moment, newest=True)
            event = next(found, None)
        state = State(event.state) if event is not None else State.FREE
        reserved, bound = state in (State.RESERVED, State.HELD), state in (State.LEASED, State.HELD)
        return Holding(
            address=address,
            state=str(state),
            event=event,
            reserved_for=event.pod if event is not None and reserved else None,
            bound_to=event.attachment if event is not None and bound else None,
            pod=event.pod if event is not None and state is not State.FREE else None,
        )

    def history(self, *, pod: PodRef | None = None, address: Address | None = None) -> Iterator[Event]:
        """Yield the events of a pod's name, of an address, or all, oldest first."""
        where: tuple[object, ...] = ("",)
        if pod is not None:
            where = ("WHERE namespace = ? AND pod = ?", pod.namespace, pod.name)
        elif address is not None:
            where = ("WHERE address = ?", address.packed)
        with self._database.read() as connection:
            yield from rows.events(connection, str(where[0]), *where[1:])

    def usage(self, pool: str | None = None) -> tuple[Usage, ...]:
        """Return each pool's usage, a row per pool and family."""
        with self._database.read() as connection:
            names = connection.execute("SELECT name FROM pools WHERE ? IN (name, '') ORDER BY name", (pool or "",))
            found = [_usage(connection, name, family) for (name,) in names.fetchall() for family in (4, 6)]
        return tuple(usage for usage in found if usage.size)


_OF = "WHERE network = ? AND container_id = ? AND ifname = ?"


def _key(attachment: Attachment) -> tuple[str, str, str]:
    return attachment.network, attachment.container_id, attachment.ifname


def _answers(had: tuple[Lease, ...], wanted: Wanted) -> bool:
    return any(
        lease.pool == wanted.pool and lease.address.version == wanted.family and wanted.address in (None, lease.address)
        for lease in had
    )


def _known(connection: Connection, pool: str) -> None:
    if connection.execute("SELECT 1 FROM pools WHERE name = ?", (pool,)).fetchone() is None:
        raise InvalidConfig(f"pool: there is no pool {pool!r}", "create it with `podberth apply` (kind: Pool)")


def _bound(connection: Connection, claim: Claim, wanted: Wanted, actor: Actor, now: int) -> Lease:
    """Bind one wanted address: the one named, or reserved for the pod's name, or the pool's next."""
    _known(connection, wanted.pool)
    named = wanted.address or _reserved(connection, claim, wanted)
    if named is not None:
        held = _must_be_ours(connection, claim, wanted, named)
    else:
        named, held = _next(connection, claim, wanted, now), None
    lease = Lease(
        address=named,
        pool=wanted.pool,
        attachment=claim.attachment,
        pod=claim.pod,
        netns=claim.netns,
        node=actor.node,
        since=now,
    )
    if held is not None:
        changes.move(connection, lease, actor)
        return lease
    if claim.sticky and claim.pod is not None:
        changes.reserve(connection, wanted.pool, named, claim.pod, claim.attachment.ifname, "sticky", actor, now)
    changes.bind(connection, lease, actor)
    return lease


def _reserved(connection: Connection, claim: Claim, wanted: Wanted) -> Address | None:
    """Return the address of the pool that is reserved for the pod's name and interface."""
    if claim.pod is None:
        return None
    where = "WHERE namespace = ? AND pod = ? AND ifname = ? AND pool = ? AND family = ?"
    kept = rows.reservations(
        connection, where, claim.pod.namespace, claim.pod.name, claim.attachment.ifname, wanted.pool, wanted.family
    )
    return next((one.address for one in kept), None)


def _must_be_ours(connection: Connection, claim: Claim, wanted: Wanted, address: Address) -> Lease | None:
    """Return the lease to take over, None if nobody has the address; refuse what is somebody else's."""
    kept, lease = rows.reservation_at(connection, address), rows.lease_at(connection, address)
    if kept is not None and not (changes.same(kept.pod, claim.pod) and kept.ifname == claim.attachment.ifname):
        raise changes.reserved_for(kept)
    if lease is not None:
        if not changes.same(lease.pod, claim.pod) or lease.attachment.ifname != claim.attachment.ifname:
            raise changes.leased_by(lease)
        if lease.attachment not in claim.takeover:
            raise AddressHeld(lease)
    elif kept is None and not space.has(connection, "usable", wanted.pool, address):
        raise changes.unusable(wanted.pool, address)
    return lease


def _next(connection: Connection, claim: Claim, wanted: Wanted, now: int) -> Address:
    found = next(space.candidates(connection, wanted.pool, wanted.family, now, claim.avoid), None)
    if found is not None:
        return found
    usage = _usage(connection, wanted.pool, wanted.family)
    rested = space.next_rested(connection, wanted.pool, wanted.family)
    details = "extend its ranges, or release what is not needed"
    if rested is not None and rested > now:
        details = f"the next one rests for another {(rested - now) // 10**9 + 1} s; {details}"
    raise PoolExhausted(
        f"pool {usage.pool}: no free IPv{usage.family} address: {usage.leased} of {usage.size} leased,"
        f" {usage.reserved} reserved, {usage.resting} resting"
        + (f", {len(claim.avoid)} in use on the wire" if claim.avoid else ""),
        details,
    )


def _usage(connection: Connection, pool: str, family: int) -> Usage:
    def count(query: str) -> int:
        return int(connection.execute(query, (pool, family)).fetchone()[0])

    held = count(
        "SELECT count(*) FROM reservations JOIN leases USING (address) WHERE reservations.pool = ?"
        " AND reservations.family = ?"
    )
    return Usage(
        pool=pool,
        family=family,
        size=space.count(connection, "usable", pool, family),
        free=space.count(connection, "free", pool, family),
        leased=count("SELECT count(*) FROM leases WHERE pool = ? AND family = ?"),
        reserved=count("SELECT count(*) FROM reservations WHERE pool = ? AND family = ?") - held,
        resting=count("SELECT count(*) FROM resting WHERE pool = ? AND family = ?"),
    )
