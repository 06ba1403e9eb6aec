"""What a ledger and the history of its clients amount to, once nothing moves any more."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from typing import TYPE_CHECKING

from bench.cluster import audit, linear
from bench.cluster.history import UNKNOWN
from podberth.cni.value import value
from podberth.stores.clock import node_clock
from podberth.stores.replica.ledger import ClusterLedger
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.cluster.history import Operation
    from bench.cluster.nodes import Store


@value
class Verdict:
    """`complaints` is empty if the ledger holds. `moves` are binds that took over from another attachment."""

    complaints: tuple[str, ...]
    operations: int
    unknown: int
    refused: int
    events: int
    moves: int
    addresses: int
    leases: int
    reservations: int
    clock: int  # ns since the epoch: the latest event


def verdict(store: Store, operations: Sequence[Operation]) -> Verdict:
    """Read the ledger with a replica made for this, and judge."""
    books = read(store)
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for event in books.events:
        if event.attachment is not None:
            seen[event.attachment.container_id].add(str(event.address))
    held, kept, _ = audit.folded(books.events)
    found = audit.complaints(books, operations)
    found += linear.complaints(operations, seen, held, kept, old_refusals=store.old_refusals)
    return Verdict(
        complaints=tuple(found),
        operations=len(operations),
        unknown=sum(operation.outcome == UNKNOWN for operation in operations),
        refused=sum(operation.outcome == "refused" for operation in operations),
        events=len(books.events),
        moves=sum(event.kind == "Moved" for event in books.events),
        addresses=sum(used.size for used in books.usage),
        leases=len(books.leases),
        reservations=len(books.reservations),
        clock=max((event.time for event in books.events), default=0),
    )


def read(store: Store) -> audit.Books:
    """Return what the ledger says now."""
    with tempfile.TemporaryDirectory(prefix="podberth-bench-") as folder:
        cluster = store.open("judge")
        replica = Replica(folder)
        ledger = ClusterLedger(Proposer(replica, cluster, "judge", current=True), clock=node_clock)
        try:
            return audit.Books(
                events=tuple(ledger.history()),
                leases=ledger.leases(),
                reservations=ledger.reservations(),
                usage=ledger.usage(),
            )
        finally:
            replica.database.close()
            cluster.close()
