"""Putting documents in force inside one open transaction: the check, what it changes, and the view it needs."""

from __future__ import annotations

from podberth.ipam.pool import Pool
from podberth.stores.sqlite import documents as table
from podberth.stores.sqlite import told
from podberth.stores.sqlite.declared import declare, define_pool, drop_pool, undeclare
from podberth.stores.sqlite.rows import held_in, lease_at, reservation_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from sqlite3 import Connection

    from podberth.cni.pod import PodRef
    from podberth.ipam.lease import Actor, Lease, Reservation
    from podberth.ipam.moment import Clock
    from podberth.net.ops import Address
    from podberth.policy.changes import Changes
    from podberth.policy.documents import Document
    from podberth.policy.podnetwork import PodNetwork


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
