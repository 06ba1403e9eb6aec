"""Epochs in an open transaction: who is awaited since the ledger was put back, and what a node announces then.

Only a ledger that was put back has any of it: a claim asks for one row, and comes here if there is one.
"""

from __future__ import annotations

from podberth.cni.value import replace
from podberth.ipam.epoch import FOUND, OWN, Announcement, Epoch
from podberth.ipam.lease import Lease, Unannounced, Unheard
from podberth.ipam.owner import may_have
from podberth.stores.sqlite import changes, rows, space

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from sqlite3 import Connection

    from podberth.ipam.epoch import HeldAddress
    from podberth.ipam.lease import Actor, Wanted
    from podberth.ipam.moment import Moment
    from podberth.net.ops import Address


def awaited(connection: Connection) -> tuple[str, ...]:
    """Return the nodes that have not announced their pods, in order of name."""
    return tuple(str(node) for (node,) in connection.execute("SELECT node FROM awaited ORDER BY node"))


def last(connection: Connection) -> Epoch | None:
    """Return the last epoch; None if the ledger was never put back."""
    row = connection.execute(
        "SELECT number, seq, time, who, why, node FROM epochs ORDER BY number DESC LIMIT 1"
    ).fetchone()
    if row is None:
        return None
    number, seq, time, who, why, node = row
    return Epoch(number=number, seq=seq, time=time, who=who, why=why, node=node, awaited=awaited(connection))


def revision(connection: Connection) -> int:
    """Return the revision of the epoch in a cluster's store; 0 if there is none."""
    return int(connection.execute("SELECT coalesce(max(revision), 0) FROM epochs").fetchone()[0])


def write(connection: Connection, epoch: Epoch, *, at: int = 0, whole: bool = False) -> None:
    """Write the epoch, and who is awaited; `at` is its revision in a cluster's store, `whole` as the table says."""
    connection.execute(
        "INSERT OR REPLACE INTO epochs (number, seq, time, who, why, node, revision, whole)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (epoch.number, epoch.seq, epoch.time, epoch.who, epoch.why, epoch.node, at, int(whole)),
    )
    connection.execute("DELETE FROM awaited")
    connection.executemany("INSERT INTO awaited VALUES (?)", [(node,) for node in epoch.awaited])


def heard(connection: Connection, node: str) -> None:
    """Have the node be awaited no more."""
    connection.execute("DELETE FROM awaited WHERE node IN (?, ?)", (OWN, node))


def require_announced(connection: Connection, node: str) -> None:
    """Raise Unannounced if this node is awaited itself."""
    if {OWN, node} & set(awaited(connection)):
        raise Unannounced


def require_heard(connection: Connection, wanted: Wanted, address: Address, node: str, *, kept: bool) -> None:
    """Raise Unheard if the address may be one of a pod's on a node that has not announced its pods.

    `kept`: it is reserved for the pod's name, or the pod has it. What nobody ever had, or is anybody's, may be
    anywhere; what was a node's by the restored record is waited for as long as that node is silent.
    """
    silent = awaited(connection)
    event = rows.last_event(connection, address)
    before = event.actor.node if event is not None else ""
    if not kept or not before or event is None or event.attachment is None:
        what = str(address) if kept else f"a free IPv{address.version} address of pool {wanted.pool}"
        raise Unheard(what, silent)
    if before != node and before in silent:
        raise Unheard(str(address), (before,))


def announce(
    connection: Connection, held: Iterable[HeldAddress], gone: Iterable[Lease], actor: Actor, now: Moment, since: int
) -> Announcement:
    """Have the ledger say what a node's pods have, and end what they have no more. It beats the restored record.

    `since`: the last event that the ledger had when it came back. What others have got after that is theirs.
    """
    bound: list[Address] = []
    ended: list[Address] = []
    contested: list[Address] = []
    homeless: list[Address] = []
    for lease in gone:
        changes.unbind(connection, lease, replace(actor, why=f"{actor.why}: its holder is not there any more"), now)
        ended.append(lease.address)
    for each in held:
        pool = each.pool or _pool_of(connection, each.address)
        if not pool:
            homeless += [each.address] if not each.found else []
        elif _is_so(connection, each):
            continue
        elif not _is_restored(connection, each.address, since):
            contested += [each.address] if not each.found else []
        else:
            _bind(connection, replace(each, pool=pool), actor, now)
            bound.append(each.address)
    return Announcement(bound=tuple(bound), ended=tuple(ended), contested=tuple(contested), homeless=tuple(homeless))


def _pool_of(connection: Connection, address: Address) -> str:
    for found in (rows.lease_at(connection, address), rows.reservation_at(connection, address)):
        if found is not None:
            return found.pool
    return space.pool_around(connection, address)


def _is_so(connection: Connection, held: HeldAddress) -> bool:
    """Say whether the ledger has it so already; of a holder that was found, whether it knows more."""
    lease = rows.lease_at(connection, held.address)
    if lease is None:
        return False
    return lease.attachment == held.attachment or (held.found and lease.netns == held.netns)


def _is_restored(connection: Connection, address: Address, since: int) -> bool:
    """Say whether nobody has got the address since the ledger came back."""
    lease = rows.lease_at(connection, address)
    if lease is None or lease.attachment.network == FOUND:
        return True
    event = rows.last_event(connection, address)
    return event is None or event.seq <= since


def _bind(connection: Connection, held: HeldAddress, actor: Actor, now: Moment) -> None:
    """Bind the address to its holder, whoever has it by the restored record, or has it reserved."""
    lease, kept = rows.lease_at(connection, held.address), rows.reservation_at(connection, held.address)
    if lease is not None:
        changes.unbind(connection, lease, replace(actor, why=f"{actor.why}: {held.attachment} has it"), now)
    if kept is not None and not (may_have(kept.pod, held.pod) and kept.ifname == held.attachment.ifname):
        changes.release(connection, kept, replace(actor, why=f"{actor.why}: {held.attachment} has it"), now)
    have_pool(connection, held.pool)
    changes.bind(
        connection,
        Lease(
            address=held.address, pool=held.pool, attachment=held.attachment, pod=held.pod, netns=held.netns,
            node=actor.node, since=now.true,
        ),
        actor,
        now,
    )  # fmt: skip


def have_pool(connection: Connection, pool: str) -> None:
    """Have the pool be known by name: one that is declared no more gives nothing out, and its leases are known."""
    connection.execute("INSERT OR IGNORE INTO pools (name, allocation, quarantine) VALUES (?, 'lowest', 0)", (pool,))
