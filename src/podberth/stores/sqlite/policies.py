"""Declarations in SQLite: `policy.store.Policies`, and the view its check needs, over one database.

Documents are the table of `documents`, their addresses are reservations of the ledger; both change in one transaction,
and the check runs inside it.
"""

from __future__ import annotations

from podberth.ipam.pool import Pool
from podberth.policy.changes import Waiting
from podberth.stores.clock import node_clock
from podberth.stores.sqlite import documents as table
from podberth.stores.sqlite import told
from podberth.stores.sqlite.declared import declare, define_pool, drop_pool, undeclare
from podberth.stores.sqlite.ledger import settled
from podberth.stores.sqlite.rows import held_in, lease_at, reservation_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from sqlite3 import Connection

    from podberth.cni.pod import PodRef
    from podberth.ipam.lease import Actor, Lease, Reservation
    from podberth.ipam.moment import Clock
    from podberth.net.ops import Address
    from podberth.policy.changes import Applied, Changes, Followed
    from podberth.policy.documents import Document
    from podberth.policy.operation import Done, Operation
    from podberth.policy.podnetwork import PodNetwork
    from podberth.policy.standing import Standing
    from podberth.stores.sqlite.database import Database


class SqlitePolicies:
    """The declarations of one database."""

    def __init__(self, database: Database, clock: Clock = node_clock) -> None:
        self._database = database
        self._clock = clock
        self._pools: dict[str, tuple[table.Text, Pool]] = {}  # as they were read last

    def find(self, pod: PodRef) -> tuple[PodNetwork, ...]:
        """Return what is declared for the pod: by its own name, then by its StatefulSet's, then its Deployment's."""
        with self._database.look() as connection:
            return table.for_pod(connection, pod)

    def pool(self, name: str) -> Pool | None:
        """Return the pool of that name. It is parsed again only when its text has changed."""
        with self._database.look() as connection:
            text = table.pool_text(connection, name)
        if text is None:
            return None
        known = self._pools.get(name)
        if known is None or known[0] != text:
            known = self._pools[name] = text, table.parse_pool(text)
        return known[1]

    def pools(self) -> tuple[Pool, ...]:
        """Return every pool in order of name."""
        with self._database.read() as connection:
            return table.pools(connection)

    def pod_networks(self, namespace: str | None = None) -> tuple[PodNetwork, ...]:
        """Return every PodNetwork, or those of one namespace, in order of namespace and name."""
        with self._database.read() as connection:
            return table.podnetworks(connection, namespace)

    def apply(
        self, documents: Sequence[Document], actor: Actor, *, source: str, prune: bool = False, dry_run: bool = False
    ) -> Applied:
        """Put all documents in force in one transaction, with the reservations they declare; or raise Conflicts."""
        settled(self._database, self._clock)
        with self._database.write() as connection:
            if dry_run:
                connection.execute("SAVEPOINT dry_run")
            named = {document.key for document in documents}
            pruned = [d for d in table.of_origin(connection, source) if d.key not in named] if prune else []
            changes = check(connection, documents, pruned)
            make(connection, changes, actor, source, self._clock)
            if dry_run:
                connection.execute("ROLLBACK TO dry_run")
        return changes.applied()

    def delete(self, kind: str, namespace: str, name: str, actor: Actor) -> bool:
        """Delete one document and the reservations it declared; False if there is none, Conflicts if it is in use."""
        settled(self._database, self._clock)
        with self._database.write() as connection:
            document = table.get(connection, kind, namespace, name)
            if document is None:
                return False
            make(connection, check(connection, (), (document,)), actor, "", self._clock)
        return True

    def operate(
        self,
        operation: Operation,
        actor: Actor,
        *,
        source: str,
        told: Callable[[int], object] = lambda _: None,  # noqa: ARG002
    ) -> Done:
        """Do all that the operation is in one transaction, or raise and have nothing done."""
        from podberth.stores.sqlite.claims import ALONE
        from podberth.stores.sqlite.operations import operate

        settled(self._database, self._clock)
        with self._database.write() as connection:
            return operate(connection, operation, actor, source, self._clock, ALONE)

    def followed(self, directory: str) -> Followed | None:
        """Return what was last seen of a directory that is kept in force; None if it was never read."""
        with self._database.look() as connection:
            return table.followed(connection, directory)

    def directories(self) -> tuple[str, ...]:
        """Return every directory that something was recorded of."""
        with self._database.look() as connection:
            return table.directories(connection)

    def follow(self, directory: str, seen: Followed) -> None:
        """Record what was seen of the directory."""
        with self._database.write() as connection:
            table.follow(connection, directory, seen)

    def waiting(self) -> tuple[Waiting, ...]:
        """Return the directories that are not in force; all else is refused when it is applied."""
        with self._database.read() as connection:
            seen = [(path, table.followed(connection, path)) for path in table.directories(connection)]
        return tuple(
            Waiting(document=path, source=f"directory: {path}", reason=one.failure, kept=True)
            for path, one in seen
            if one is not None and one.failure
        )

    def standings(self) -> tuple[Standing, ...]:
        """Return nothing: what is in a node's own store was declared by its operator."""
        return ()


def check(connection: Connection, documents: Sequence[Document], deleted: Sequence[Document]) -> Changes:
    """Return what putting the documents in force, and deleting those, changes; or raise Conflicts."""
    from podberth.policy import admission  # most ADDs read only

    return admission.check(_View(connection), documents, deleted)


def make(connection: Connection, changes: Changes, actor: Actor, origin: str, clock: Clock) -> None:
    """Make the changes: reservations end before pools go or change, and begin after pools are there."""
    for gone in changes.release:
        undeclare(connection, gone, actor, clock)
    for document in changes.deleted:
        table.remove(connection, document.key)
        if isinstance(document.body, Pool):
            drop_pool(connection, document.name)
    for document in changes.changed:
        before = table.get(connection, *document.key)
        if before is not None and isinstance(before.body, Pool) and isinstance(document.body, Pool):
            told.changes(connection, before.body, document.body, clock())
    require_readable(connection, (*changes.created, *changes.changed))
    for document in (*changes.created, *changes.changed, *changes.unchanged):
        table.put(connection, document, origin)
    for document in (*changes.created, *changes.changed):
        if isinstance(document.body, Pool):
            define_pool(connection, document.body)
    for new in changes.reserve:
        declare(connection, new, actor, clock)


def require_readable(connection: Connection, documents: Iterable[Document]) -> None:
    """Raise Refused if agents that may be on the ledger can't read one of the documents."""
    from podberth.policy.needs import needs
    from podberth.stores.sqlite.minimum import require

    for document in documents:
        for feature in needs(document):
            require(connection, feature)


class _View:
    """What is in force, as a transaction sees it (`policy.view.View`)."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._of_set: dict[tuple[str, str], tuple[PodNetwork, ...]] = {}  # its replicas are asked for one by one

    def document(self, kind: str, namespace: str, name: str) -> Document | None:
        return table.get(self._connection, kind, namespace, name)

    def pools(self) -> tuple[Pool, ...]:
        return table.pools(self._connection)

    def find(self, pod: PodRef) -> tuple[PodNetwork, ...]:
        of_set = (pod.namespace, pod.name.rpartition("-")[0])
        if of_set not in self._of_set:
            self._of_set[of_set] = table.of_set(self._connection, *of_set)
        own = table.of_pod(self._connection, pod)
        of_deployment = table.of_deployment(self._connection, pod)
        return own + tuple(found for found in self._of_set[of_set] if found.ordinal(pod) is not None) + of_deployment

    def same_target(self, podnetwork: PodNetwork) -> tuple[PodNetwork, ...]:
        return table.for_target(self._connection, podnetwork)

    def with_mac(self, mac: str) -> tuple[PodNetwork, ...]:
        return table.naming(self._connection, "mac", mac)

    def naming(self, pool: str) -> tuple[PodNetwork, ...]:
        return table.naming(self._connection, "pool", pool)

    def reservation(self, address: Address) -> Reservation | None:
        return reservation_at(self._connection, address)

    def lease(self, address: Address) -> Lease | None:
        return lease_at(self._connection, address)

    def held(self, pool: str) -> Iterable[Reservation | Lease]:
        return held_in(self._connection, pool)
