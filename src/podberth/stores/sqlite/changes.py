"""One address changes hands inside an open transaction: the row, the free space and the event, always together."""

from __future__ import annotations

from podberth.cni.pod import PodRef
from podberth.cni.value import replace
from podberth.ipam.lease import Lease, Reservation
from podberth.ipam.lifecycle import Kind, State, after
from podberth.ipam.owner import is_claim, is_shared, may_have
from podberth.ipam.refusals import leased_by, reserved_for, same, unusable
from podberth.stores.sqlite import space, told
from podberth.stores.sqlite.rows import corrects, last_event, lease_at, reservation_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlite3 import Connection

    from podberth.cni.pod import Attachment
    from podberth.ipam.lease import Actor, Correction
    from podberth.ipam.moment import Moment
    from podberth.net.ops import Address

NOBODY = PodRef(namespace="", name="")


def moment(connection: Connection, now: Moment) -> Moment:
    """Return the moment. What rested when the machine last ran rests on by this run of it."""
    if space.is_before(connection, now.uptime):
        space.begin(connection, now.uptime)
    return now


def reserve(
    connection: Connection,
    pool: str,
    address: Address,
    pod: PodRef,
    ifname: str,
    origin: str,
    actor: Actor,
    now: Moment,
) -> Reservation:
    """Reserve an address for a pod's name, a Deployment's, or a claim; the same again only updates where it comes from.

    AddressTaken names who has it.
    """
    if is_claim(pod):
        from podberth.ipam.versions import Feature
        from podberth.stores.sqlite.minimum import require

        require(connection, Feature.CLAIMS)
    if not space.has(connection, "usable", pool, address):
        raise unusable(pool, address)
    kept, lease = reservation_at(connection, address), lease_at(connection, address)
    if kept is not None:
        if not same(kept.pod, pod) or kept.ifname != ifname:
            raise reserved_for(kept)
        if origin != kept.origin and origin == "declared":
            connection.execute("UPDATE reservations SET origin = ? WHERE address = ?", (origin, address.packed))
        return kept
    if lease is not None and (not may_have(pod, lease.pod) or lease.attachment.ifname != ifname):
        raise leased_by(lease)
    if lease is None:
        told.must_be_untold(connection, pool, address)
    space.take(connection, pool, address)
    name = PodRef(namespace=pod.namespace, name=pod.name)  # the next pod of that name has another uid
    made = Reservation(address=address, pool=pool, pod=name, ifname=ifname, origin=origin, since=now.true)
    connection.execute(
        "INSERT INTO reservations (address, family, pool, namespace, pod, ifname, origin, since)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (address.packed, address.version, pool, pod.namespace, pod.name, ifname, origin, now.true),
    )
    state = State.LEASED if lease is not None else State.FREE
    attachment = lease.attachment if lease is not None else None
    _write(connection, now, Kind.RESERVED, state, address, pool, *_whose(made, lease, pod), ifname, attachment, actor)
    return made


def release(connection: Connection, kept: Reservation, actor: Actor, now: Moment) -> None:
    """End a reservation; the address is free unless its pod has it just now."""
    lease = lease_at(connection, kept.address)
    connection.execute("DELETE FROM reservations WHERE address = ?", (kept.address.packed,))
    if lease is None:
        space.give_back(connection, kept.pool, kept.address, now)
    state = State.HELD if lease is not None else State.RESERVED
    attachment = lease.attachment if lease is not None else None
    whose = _whose(kept, lease, kept.pod)
    _write(connection, now, Kind.RELEASED, state, kept.address, kept.pool, *whose, kept.ifname, attachment, actor)


def bind(connection: Connection, lease: Lease, actor: Actor, now: Moment) -> None:
    """Bind an address that no attachment has."""
    bind_kept(connection, lease, reservation_at(connection, lease.address), actor, now)


def bind_kept(connection: Connection, lease: Lease, kept: Reservation | None, actor: Actor, now: Moment) -> None:
    """Do the same for a caller who knows the address's reservation, or that there is none."""
    space.take(connection, lease.pool, lease.address)
    held, pod = lease.attachment, lease.pod or NOBODY
    connection.execute(
        "INSERT INTO leases (address, family, pool, network, container_id, ifname, namespace, pod, uid, netns, node,"
        " since) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            lease.address.packed, lease.address.version, lease.pool, held.network, held.container_id, held.ifname,
            pod.namespace, pod.name, pod.uid, lease.netns, lease.node, lease.since,
        ),
    )  # fmt: skip
    state, whose = State.RESERVED if kept is not None else State.FREE, _whose(kept, lease)
    _write(connection, now, Kind.BOUND, state, lease.address, lease.pool, *whose, held.ifname, held, actor)


def move(connection: Connection, lease: Lease, actor: Actor, now: Moment) -> None:
    """Give a bound address to another attachment of the same pod, or of the same claim."""
    held, pod = lease.attachment, lease.pod or NOBODY
    connection.execute(
        "UPDATE leases SET network = ?, container_id = ?, ifname = ?, namespace = ?, pod = ?, uid = ?, netns = ?,"
        " node = ?, since = ? WHERE address = ?",
        (
            held.network, held.container_id, held.ifname, pod.namespace, pod.name, pod.uid, lease.netns, lease.node,
            lease.since, lease.address.packed,
        ),
    )  # fmt: skip
    kept = reservation_at(connection, lease.address)
    state, whose = State.HELD if kept is not None else State.LEASED, _whose(kept, lease)
    _write(connection, now, Kind.MOVED, state, lease.address, lease.pool, *whose, held.ifname, held, actor)


def stay(connection: Connection, lease: Lease, netns: str, node: str) -> Lease:
    """Return the lease, with the place where its holder can be looked for if that has changed."""
    if (lease.netns, lease.node) == (netns, node):
        return lease
    connection.execute("UPDATE leases SET netns = ?, node = ? WHERE address = ?", (netns, node, lease.address.packed))
    return replace(lease, netns=netns, node=node)


def unbind(connection: Connection, lease: Lease, actor: Actor, now: Moment) -> None:
    """End a lease; the address stays its pod's if it is reserved, or else is free."""
    kept = reservation_at(connection, lease.address)
    connection.execute("DELETE FROM leases WHERE address = ?", (lease.address.packed,))
    if kept is None:
        space.give_back(connection, lease.pool, lease.address, now)
    state, whose = State.HELD if kept is not None else State.LEASED, _whose(kept, lease)
    held = lease.attachment
    _write(connection, now, Kind.UNBOUND, state, lease.address, lease.pool, *whose, held.ifname, held, actor)


def conflicted(connection: Connection, address: Address, attachment: Attachment, actor: Actor, now: Moment) -> None:
    """Note that a host answered for the address; `actor.why` says which."""
    kept, lease = reservation_at(connection, address), lease_at(connection, address)
    state = _state(kept, lease)
    pool = lease.pool if lease is not None else kept.pool if kept is not None else ""
    whose = _whose(kept, lease, kept.pod if kept is not None and lease is None else None)
    _write(connection, now, Kind.CONFLICTED, state, address, pool, *whose, attachment.ifname, attachment, actor)


def noted(connection: Connection, lease: Lease, kind: Kind, actor: Actor, now: Moment) -> None:
    """Note something about how the lease's holder is attached; who holds what stays."""
    kept = reservation_at(connection, lease.address)
    state, whose = State.HELD if kept is not None else State.LEASED, _whose(kept, lease)
    held = lease.attachment
    _write(connection, now, kind, state, lease.address, lease.pool, *whose, held.ifname, held, actor)


def corrected(connection: Connection, address: Address, correction: Correction, actor: Actor, now: Moment) -> None:
    """Note by how much a clock was wrong that earlier events of the address were written by.

    Refused if the ledger may not have that.
    """
    from podberth.ipam.versions import Feature
    from podberth.stores.sqlite.minimum import require

    require(connection, Feature.CORRECTIONS)
    kept, lease = reservation_at(connection, address), lease_at(connection, address)
    last = last_event(connection, address)
    pool = lease.pool if lease is not None else kept.pool if kept is not None else last.pool if last is not None else ""
    whose = _whose(kept, lease, kept.pod if kept is not None and lease is None else None)
    held = lease.attachment if lease is not None else None
    ifname = last.ifname if last is not None else "-"
    text = corrects(correction)
    _write(connection, now, Kind.CORRECTED, _state(kept, lease), address, pool, *whose, ifname, held, actor, text)


def _state(kept: Reservation | None, lease: Lease | None) -> State:
    return {
        (False, False): State.FREE,
        (True, False): State.RESERVED,
        (False, True): State.LEASED,
        (True, True): State.HELD,
    }[kept is not None, lease is not None]


def _whose(kept: Reservation | None, lease: Lease | None, pod: PodRef | None = None) -> tuple[PodRef | None, str]:
    """Return the pod that an event is about, and the name of the Deployment or claim it is reserved for, or ''.

    `pod`: of whom it is without a lease. A reservation of its own has a pod's name whether or not it has a lease.
    """
    shared = kept is not None and is_shared(kept.pod)
    about = lease.pod if lease is not None and (shared or pod is None) else pod
    return about, kept.pod.name if kept is not None and shared else ""


def _write(
    connection: Connection,
    now: Moment,
    kind: Kind,
    before: State,
    address: Address,
    pool: str,
    pod: PodRef | None,
    owner: str,
    ifname: str,
    attachment: Attachment | None,
    actor: Actor,
    correction: str = "",
) -> None:
    whose = pod or NOBODY
    network, container_id = (attachment.network, attachment.container_id) if attachment is not None else ("", "")
    connection.execute(
        "INSERT INTO events (time, kind, address, pool, state, namespace, pod, uid, ifname, network, container_id,"
        " who, why, node, owner, clock, ahead, corrects)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            now.time, str(kind), address.packed, pool, str(after(before, kind)), whose.namespace, whose.name, whose.uid,
            ifname, network, container_id, actor.who, actor.why, actor.node,
            owner, now.clock, now.ahead, correction,
        ),
    )  # fmt: skip
