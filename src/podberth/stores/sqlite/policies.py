"""Declarations in SQLite: `policy.store.Policies`, and the view its check needs, over one database.

Documents are the table of `documents`, their addresses are reservations of the ledger; both change in one transaction,
and the check runs inside it.
"""

from __future__ import annotations

from podberth.stores.clock import node_clock
from podberth.stores.sqlite import declaring
from podberth.stores.sqlite import documents as table
from podberth.stores.sqlite.ledger import settled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from podberth.cni.pod import PodRef
    from podberth.ipam.lease import Actor
    from podberth.ipam.moment import Clock
    from podberth.ipam.pool import Pool
    from podberth.policy.changes import Applied, Followed, Waiting
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
        from podberth.stores.sqlite.own_pools import completed  # most ADDs read only

        settled(self._database, self._clock)
        with self._database.write() as connection:
            if dry_run:
                connection.execute("SAVEPOINT dry_run")
            named = {document.key for document in documents}
            pruned = [d for d in table.of_origin(connection, source) if d.key not in named] if prune else []
            changes = declaring.check(connection, *completed(connection, documents, pruned, self._clock()))
            declaring.make(connection, changes, actor, source, self._clock)
            if dry_run:
                connection.execute("ROLLBACK TO dry_run")
        return changes.applied()

    def delete(self, kind: str, namespace: str, name: str, actor: Actor) -> bool:
        """Delete one document and the reservations it declared; False if there is none, Conflicts if it is in use."""
        from podberth.stores.sqlite.own_pools import completed

        settled(self._database, self._clock)
        with self._database.write() as connection:
            document = table.get(connection, kind, namespace, name)
            if document is None:
                return False
            changes = declaring.check(connection, *completed(connection, (), (document,), self._clock()))
            declaring.make(connection, changes, actor, "", self._clock)
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
        from podberth.policy.changes import Waiting  # a call of a plugin asks no such thing

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
