"""A cluster's store that was put back to an earlier state: how a replica tells, and the epoch that it begins then.

The replica has what the store had. Whatever it knows of the store the store must know too: an address's record grows,
and so does the store's own count of changes.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from podberth.cni.value import value
from podberth.ipam.epoch import WHO, Epoch, begun
from podberth.process.loop import report
from podberth.stores.sqlite import epochs, rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from sqlite3 import Connection

    from podberth.ipam.address_record import AddressRecord
    from podberth.ipam.lease import Event
    from podberth.net.ops import Address
    from podberth.stores.replica.replica import Replica
    from podberth.stores.replica.shared import Cluster, Key


@value
class Known:
    """What a replica knows that tells a store of now from one of before.

    `newest`, `oldest`: addresses with the last and the first event of those that are the last of theirs. `document`:
    the one changed last, with its revision. `nodes`: those that have leases. `epoch`: the number of the last one.
    """

    identity: str
    position: str
    newest: Event | None
    oldest: Event | None
    document: tuple[Key, int] | None
    nodes: frozenset[str]
    epoch: int

    @property
    def filled(self) -> bool:
        """Whether the replica has had the store's whole state once."""
        return bool(self.position)


def known(connection: Connection) -> Known:
    """Return what a replica knows, in an open transaction."""
    identity, position = connection.execute("SELECT identity, position FROM position").fetchone() or ("", "")
    document = connection.execute(
        "SELECT kind, namespace, name, revision FROM document_revisions WHERE there ORDER BY revision DESC LIMIT 1"
    ).fetchone()
    nodes = connection.execute("SELECT DISTINCT node FROM leases WHERE node <> ''").fetchall()
    last = epochs.last(connection)
    return Known(
        identity=identity,
        position=position,
        newest=_event(connection, "DESC"),
        oldest=_event(connection, "ASC"),
        document=((document[0], document[1], document[2]), document[3]) if document is not None else None,
        nodes=frozenset(node for (node,) in nodes),
        epoch=last.number if last is not None else 0,
    )


class Return:
    """Whether one store was put back, which `told` is told of. `in_doubt`: it is compared when it is asked next."""

    def __init__(self, replica: Replica, cluster: Cluster, node: str) -> None:
        self.told: Callable[[str], None] = lambda _: None
        self.in_doubt = True
        self._replica = replica
        self._cluster = cluster
        self._node = node

    def look(self) -> tuple[AddressRecord, ...] | None:
        """Compare the store with the replica, if there is doubt. None if it was not put back.

        Else an epoch has begun, and the replica is one of the store as it is now; return what it has.
        """
        if not self.in_doubt:
            return None
        identity, before = self._cluster.identity(), self._replica.known()
        why = ""
        if before.identity in ("", identity):
            why = missing(self._cluster, before) if before.filled else ""
        elif is_the_same(self._cluster, before):
            why = f"it was {before.identity}, and is {identity}"
        news = self._begun(identity, before, why) if why else None
        self._replica.confirm(identity)
        self.in_doubt = False
        return news

    def say(self, who: str, why: str) -> None:
        """Begin an epoch by an operator's word, with the replica as it is."""
        begin(self._replica, self._cluster, self._replica.known(), why, self._node, who)

    def _begun(self, identity: str, before: Known, why: str) -> tuple[AddressRecord, ...]:
        report(self.told, f"the cluster's store was put back to an earlier state: {why}")
        self._replica.begin_anew(identity)
        news = [record for part in self._replica.load(self._cluster.load()) for record in part]
        begin(self._replica, self._cluster, before, why, self._node)
        return tuple(news)


def _event(connection: Connection, order: str) -> Event | None:
    row = connection.execute(
        f"SELECT address FROM records WHERE seq > 0 ORDER BY seq {order} LIMIT 1"  # noqa: S608 - one of two constants
    ).fetchone()
    return rows.last_event(connection, ip_address(row[0])) if row is not None else None


def newest(connection: Connection) -> tuple[Address, int] | None:
    """Return the record with the last event, and its revision."""
    row = connection.execute("SELECT address, revision FROM records ORDER BY seq DESC LIMIT 1").fetchone()
    return (ip_address(row[0]), int(row[1])) if row is not None else None


def missing(cluster: Cluster, of: Known) -> str:
    """Return what the store lacks of what the replica knows; '' if nothing."""
    if of.newest is not None:
        seen = cluster.read((of.newest.address,), ())
        reached = max((record.seq for record, _ in seen.records if record.address == of.newest.address), default=0)
        if reached < of.newest.seq:
            return f"event {of.newest.seq} of {of.newest.address} is not in it"
    if of.document is not None:
        (kind, namespace, name), revision = of.document
        for text, at in cluster.read((), (of.document[0],)).documents:
            if text.key == of.document[0] and at < revision:
                return f"{kind} {namespace + '/' if namespace else ''}{name} is older than it was"
    return cluster.regressed(of.position)


def is_the_same(cluster: Cluster, of: Known) -> bool:
    """Say whether a store of another identity has the ledger that the replica knows: an etcd made of a snapshot has."""
    return of.oldest is not None and of.oldest in set(cluster.events(address=of.oldest.address))


def begin(replica: Replica, cluster: Cluster, before: Known, why: str, node: str, who: str = WHO) -> None:
    """Begin an epoch, with the replica as it is by now. All nodes that are known, by now or before, are awaited."""
    with replica.database.read() as connection:
        now = known(connection)
        (seq,) = connection.execute("SELECT coalesce(max(seq), 0) FROM records").fetchone()
    registered, dead = cluster.census()
    awaited = (before.nodes | now.nodes | registered) - dead
    new = Epoch(
        number=1,
        seq=seq,
        time=replica.clock().true,
        who=who,
        why=f"the store was put back to an earlier state: {why}" if who == WHO else why,
        node=node,
        awaited=tuple(sorted(awaited)),
    )
    replica.begin_epoch(cluster.epoch(lambda found: begun(found, new, before.epoch)))
