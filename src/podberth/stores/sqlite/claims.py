"""Which address a claim gets, in an open transaction: the one named, kept for the pod's name, or the pool's next."""

from __future__ import annotations

from podberth.cni.errors import AddressTaken, InvalidConfig, PoolExhausted, TryAgainLater
from podberth.cni.value import replace, value
from podberth.ipam.lease import AddressBoundElsewhere, Lease
from podberth.ipam.owner import is_claim, is_shared
from podberth.ipam.refusals import FREEING, full_of_sticky, leased_by, reserved_for, same, unusable
from podberth.stores.sqlite import changes, documents, rows, space, told
from podberth.stores.sqlite.counts import usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Set as AbstractSet
    from sqlite3 import Connection

    from podberth.cni.pod import Attachment, PodRef
    from podberth.ipam.lease import Actor, Claim, Reservation, Wanted
    from podberth.ipam.lifecycle import Kind
    from podberth.ipam.moment import Moment
    from podberth.net.ops import Address

_OF_ATTACHMENT = "WHERE network = ? AND container_id = ? AND ifname = ?"
_OF_POD = "WHERE namespace = ? AND pod = ? AND ifname = ? AND pool = ? AND family = ?"


def _lowest(_pool: str, _family: int) -> int:
    return 0


@value
class Rivals:
    """What a claim has to know of others that are made at the same time, where a transaction does not keep them apart.

    `taken`: addresses on their way to others. `start`: from which number on to look in a pool, for a family.
    """

    taken: AbstractSet[Address] = frozenset()
    start: Callable[[str, int], int] = _lowest


ALONE = Rivals()


def bind(
    connection: Connection, claim: Claim, actor: Actor, now: Moment, rivals: Rivals = ALONE, *, awaited: bool = True
) -> tuple[Lease, ...]:
    """Bind what the claim wants, in its order. What the attachment has already stays; what it no longer wants ends.

    `awaited`: False if it is known that the ledger awaits no node.
    """
    if awaited and connection.execute("SELECT 1 FROM awaited LIMIT 1").fetchone() is not None:
        from podberth.stores.sqlite.epochs import require_announced

        require_announced(connection, actor.node)
    had = list(of(connection, claim.attachment))
    kept = _kept(connection, had, claim, actor.node)
    for lease in had:
        why = replace(actor, why=f"{actor.why}: other addresses are wanted now")
        changes.unbind(connection, lease, why, now)
    return tuple(
        kept.get(i) or _bind_one(connection, claim, wanted, actor, now, rivals) for i, wanted in enumerate(claim.wanted)
    )


def of(connection: Connection, attachment: Attachment) -> tuple[Lease, ...]:
    """Return the attachment's leases."""
    key = attachment.network, attachment.container_id, attachment.ifname
    return tuple(rows.leases(connection, _OF_ATTACHMENT, *key))


def unbind(
    connection: Connection, attachment: Attachment, actor: Actor, now: Moment, *, prune: bool = True
) -> tuple[Lease, ...]:
    """End the attachment's leases; return what was ended. `prune`: False if no address is known to be held back."""
    ended = of(connection, attachment)
    for lease in ended:
        changes.unbind(connection, lease, actor, now)
    if prune:
        for pool in {lease.pool for lease in ended}:
            told.prune(connection, pool)
    return ended


def release(
    connection: Connection, address: Address, actor: Actor, now: Moment, owner: PodRef | None = None
) -> Reservation | None:
    """End a reservation that no PodNetwork declares, of that `owner` if there is one; AddressTaken if one does."""
    kept = rows.reservation_at(connection, address)
    if kept is None or (owner is not None and not same(kept.pod, owner)):
        return None
    if kept.origin == "declared":
        raise AddressTaken(
            f"{address} is declared for {kept.pod} ({kept.ifname}) by a PodNetwork",
            "take it out of the PodNetwork and apply that, or delete the PodNetwork",
        )
    changes.release(connection, kept, actor, now)
    return kept


def noted(connection: Connection, attachment: Attachment, kind: Kind, actor: Actor, now: Moment) -> None:
    """Note for each address of the attachment that it was Adjusted or Repaired."""
    for lease in of(connection, attachment):
        changes.noted(connection, lease, kind, actor, now)


def known(connection: Connection, pool: str) -> tuple[str, int, int, int]:
    """Return how the pool chooses, and whether there is what is rare, in this order.

    Addresses of it rest; pods were told of addresses to hold back; nodes are awaited. InvalidConfig if there is no such
    pool.
    """
    query = (
        "SELECT allocation, EXISTS (SELECT 1 FROM resting WHERE resting.pool = pools.name),"
        " EXISTS (SELECT 1 FROM told), EXISTS (SELECT 1 FROM awaited)"
        " FROM pools WHERE name = ?"
    )
    found: tuple[str, int, int, int] | None = connection.execute(query, (pool,)).fetchone()
    if found is None:
        raise InvalidConfig(f"pool: there is no pool {pool!r}", "create it with `podberth apply` (kind: Pool)")
    return found


def _kept(connection: Connection, had: list[Lease], claim: Claim, node: str) -> dict[int, Lease]:
    """Take out of `had` what answers the claim, by the index of what is wanted; named addresses choose first."""
    kept: dict[int, Lease] = {}
    for i in sorted(range(len(claim.wanted)), key=lambda i: claim.wanted[i].address is None):
        found = next((lease for lease in had if _answers(connection, lease, claim.wanted[i], claim)), None)
        if found is not None:
            had.remove(found)
            kept[i] = changes.stay(connection, found, claim.netns, node)
    return kept


def _answers(connection: Connection, lease: Lease, wanted: Wanted, claim: Claim) -> bool:
    if lease.pool != wanted.pool or not (lease.pod == claim.pod or same(lease.pod, claim.pod)):
        return False
    if _is_shared_otherwise(connection, lease, wanted):
        return False
    if wanted.owner is not None:
        from podberth.stores.sqlite.shared import belongs

        if not belongs(connection, lease, wanted.owner):
            return False
    elif wanted.address is not None:
        return lease.address == wanted.address
    return lease.address.version == wanted.family and lease.address not in claim.avoid


def _bind_one(connection: Connection, claim: Claim, wanted: Wanted, actor: Actor, now: Moment, rivals: Rivals) -> Lease:
    allocation, some_rest, some_told, some_awaited = known(connection, wanted.pool)
    of_claim = wanted.owner if wanted.owner is not None and is_claim(wanted.owner) else None
    address = _meant(connection, claim, wanted, now, rivals, some_rest=bool(some_rest and not some_told))
    older: Lease | None = None
    kept: Reservation | None = None
    if address is not None:
        older, kept = _must_be_ours(connection, claim, wanted, address, now)
    else:
        address = _next(connection, claim, wanted, (allocation, some_rest, some_told), now, rivals)
    if some_awaited:
        _must_be_known(connection, wanted, address, actor.node)
    lease = Lease(
        address=address,
        pool=wanted.pool,
        attachment=claim.attachment,
        pod=claim.pod,
        netns=claim.netns,
        node=actor.node,
        since=now.true,
    )
    stays = claim.pod if claim.sticky and wanted.address is None and wanted.owner is None else of_claim
    if stays is not None:
        _must_have_room_to_stick(connection, wanted, address, stays)
        ifname = claim.attachment.ifname
        kept = changes.reserve(connection, wanted.pool, address, stays, ifname, "sticky", actor, now)
    if older is None:
        changes.bind_kept(connection, lease, kept, actor, now)
    else:
        changes.move(connection, lease, replace(actor, why=claim.moved or actor.why), now)
    return lease


def _meant(
    connection: Connection, claim: Claim, wanted: Wanted, now: Moment, rivals: Rivals, *, some_rest: bool
) -> Address | None:
    """Return the address that it has to be; None for any of the pool. `some_rest`: the pod's own may be resting."""
    if wanted.owner is None:
        own = wanted.address or _reserved(connection, claim, wanted) or _left_behind(connection, claim, wanted)
        if own is None and some_rest:
            from podberth.stores.sqlite.in_vain import resting_for

            return resting_for(connection, claim, wanted, now)
        return own
    if is_claim(wanted.owner):
        from podberth.stores.sqlite.claimed import chosen

        return chosen(connection, claim, wanted)
    from podberth.stores.sqlite.shared import choose

    return choose(connection, claim, wanted, tuple(_older(connection, claim, wanted)), rivals.taken)


def _must_have_room_to_stick(connection: Connection, wanted: Wanted, address: Address, pod: PodRef) -> None:
    """Refuse one more sticky reservation than the pool, or the pod's namespace, may have.

    What is there stays, and what the pod has is none.
    """
    if rows.reservation_at(connection, address) is not None:
        return
    _must_be_within_quota(connection, wanted.pool, pod)
    (most,) = connection.execute("SELECT sticky FROM pools WHERE name = ?", (wanted.pool,)).fetchone()
    if most is None:
        return
    query = "SELECT count(*) FROM reservations WHERE pool = ? AND family = ? AND origin = 'sticky'"
    (there,) = connection.execute(query, (wanted.pool, address.version)).fetchone()
    if there >= most:
        raise full_of_sticky(wanted.pool, address.version, there, most, pod)


def _must_be_within_quota(connection: Connection, name: str, pod: PodRef) -> None:
    """Count once more, in the step that reserves: others may have got the room that was there at the door."""
    from podberth.policy.permit import beyond, limit

    pool = documents.pool(connection, name)
    if pool is None or limit(pool, pod.namespace) is None:
        return
    query = "SELECT count(*) FROM reservations WHERE pool = ? AND namespace = ?"
    (taken,) = connection.execute(query, (name, pod.namespace)).fetchone()
    refusal = beyond(pool, pod.namespace, taken, 1)
    if refusal is not None:
        raise refusal


def _must_be_known(connection: Connection, wanted: Wanted, address: Address, node: str) -> None:
    """Refuse what may be a pod's of a node that has not announced its pods since the ledger was put back."""
    from podberth.stores.sqlite.epochs import require_heard

    kept = rows.reservation_at(connection, address) or rows.lease_at(connection, address)
    require_heard(connection, wanted, address, node, kept=kept is not None)


def _reserved(connection: Connection, claim: Claim, wanted: Wanted) -> Address | None:
    """Return the address of the pool that is reserved for the pod's name and interface, and not bound to it yet."""
    if claim.pod is None:
        return None
    key = claim.pod.namespace, claim.pod.name, claim.attachment.ifname, wanted.pool, wanted.family
    kept = (one.address for one in rows.reservations(connection, _OF_POD, *key))
    return _first([a for a in kept if not _is_bound_here(connection, claim, a)], claim)


def _left_behind(connection: Connection, claim: Claim, wanted: Wanted) -> Address | None:
    """Return the address of an older attachment of the same pod, if the claim may take over from that."""
    if not claim.takeover:
        return None
    return _first(
        [lease.address for lease in _older(connection, claim, wanted) if lease.attachment in claim.takeover], claim
    )


def _first(addresses: Sequence[Address], claim: Claim) -> Address | None:
    return next((address for address in addresses if address not in claim.avoid), None)


def _older(connection: Connection, claim: Claim, wanted: Wanted) -> Sequence[Lease]:
    """Return what other attachments of the same pod's name and interface have of the pool."""
    if claim.pod is None:
        return ()
    key = claim.pod.namespace, claim.pod.name, claim.attachment.ifname, wanted.pool, wanted.family
    return [
        lease
        for lease in tuple(rows.leases(connection, _OF_POD, *key))
        if lease.attachment != claim.attachment and not _is_shared_otherwise(connection, lease, wanted)
    ]


def _is_shared_otherwise(connection: Connection, lease: Lease, wanted: Wanted) -> bool:
    """Say whether the address is one that pods of several names have, and the claim is not in that one's name."""
    kept = rows.reservation_at(connection, lease.address)
    return kept is not None and is_shared(kept.pod) and kept.pod != wanted.owner


def _is_bound_here(connection: Connection, claim: Claim, address: Address) -> bool:
    lease = rows.lease_at(connection, address)
    return lease is not None and lease.attachment == claim.attachment


def _must_be_ours(
    connection: Connection, claim: Claim, wanted: Wanted, address: Address, now: Moment
) -> tuple[Lease | None, Reservation | None]:
    """Return the lease to take over and the reservation, of those that there are; refuse what is somebody else's."""
    kept, lease = rows.reservation_at(connection, address), rows.lease_at(connection, address)
    whose = wanted.owner or claim.pod
    if kept is not None and not (same(kept.pod, whose) and kept.ifname == claim.attachment.ifname):
        raise reserved_for(kept)
    if lease is not None and lease.attachment == claim.attachment:
        raise InvalidConfig(f"ips: {address} is asked for twice", "name each address once")
    holds = lease is not None and (same(lease.pod, claim.pod) or (kept is not None and is_claim(kept.pod)))
    if lease is not None and not (holds and lease.attachment.ifname == claim.attachment.ifname):
        raise leased_by(lease)
    if not space.has(connection, "usable", wanted.pool, address):
        raise unusable(wanted.pool, address)
    if lease is not None and lease.attachment not in claim.takeover:
        raise AddressBoundElsewhere(lease)
    if kept is None and lease is None:
        told.must_be_untold(connection, wanted.pool, address)
        _must_have_rested(connection, claim, wanted.pool, address, now)
    return lease, kept


def _must_have_rested(connection: Connection, claim: Claim, pool: str, address: Address, now: Moment) -> None:
    """Refuse an address in quarantine, except to the pod that had it last: others may still have cached it."""
    left = space.rests_for(connection, address, now.uptime)
    if left <= 0:
        return
    last = rows.last_event(connection, address)
    before = last.pod if last is not None else None
    if not same(before, claim.pod):
        raise TryAgainLater(
            f"{address} of pool {pool} rests for another {_seconds(left)} s since"
            f" {before or 'a container'} released it",
            "name another address, or reserve this one for the pod: that ends its rest",
        )


def _next(
    connection: Connection, claim: Claim, wanted: Wanted, terms: tuple[str, int, int], now: Moment, rivals: Rivals
) -> Address:
    """Return the pool's next address; `terms` are what `known` says of the pool."""
    pool, family, (allocation, some_rest, some_told) = wanted.pool, wanted.family, terms
    back = told.held_back(connection) if some_told else frozenset()
    avoid = rivals.taken | back | frozenset(claim.avoid) if rivals.taken or back else claim.avoid
    start = rivals.start(pool, family)
    if some_rest and allocation != space.LONGEST_AGO:
        space.recover(connection, pool, family, now.uptime)
    found = next(space.candidates(connection, pool, family, now.uptime if some_rest else None, avoid, start), None)
    if found is not None:
        return found
    for older in _older(connection, claim, wanted):
        # The last one left is the pod's own; what the caller may take over was not of use for this one.
        if older.address not in claim.avoid and older.attachment not in claim.takeover:
            raise AddressBoundElsewhere(older)
    raise _exhausted(connection, claim, wanted, now)


def _exhausted(connection: Connection, claim: Claim, wanted: Wanted, now: Moment) -> PoolExhausted:
    used = usage(connection, wanted.pool, wanted.family, now)
    held = used.size - used.free - used.leased - used.reserved - used.resting
    message = (
        f"pool {used.pool}: no free IPv{used.family} address: {used.leased} of {used.size} leased,"
        f" {used.reserved} reserved, {used.resting} resting"
    )
    if held:
        message += f", {held} held for declarations"
    back = [one for one in told.held_back(connection) if space.has(connection, "free", used.pool, one)]
    if back:
        message += f", {len(back)} held back since running pods were told that they are gateways or DNS servers"
    if claim.avoid:
        message += f", {len(claim.avoid)} in use on the wire"
    details = f"extend its ranges, or {FREEING}"
    left = space.next_rested(connection, wanted.pool, wanted.family, now.uptime)
    if left is not None and left > 0:
        details = f"the next one is free in {_seconds(left)} s; {details}"
    return PoolExhausted(message, details)


def _seconds(nanoseconds: int) -> int:
    return -(-nanoseconds // 10**9)
