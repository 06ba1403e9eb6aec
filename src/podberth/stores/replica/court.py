"""What a namespace's declarations are judged by, as the replica has it: pools, the operator's documents, and what older
words of the namespace have reserved.

Each is read once, when it is first asked for: a namespace may declare thousands of documents.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import cast

from podberth.cni.errors import InvalidConfig
from podberth.policy.permit import FEED, TENANT, Declaring, limit, permit
from podberth.policy.podnetwork import PodNetwork
from podberth.policy.texts import parsed
from podberth.stores.replica import copies
from podberth.stores.replica.said import OBJECT, forget, tenants
from podberth.stores.sqlite import documents as table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from sqlite3 import Connection
    from typing import TypeAlias

    from podberth.cni.errors import Refused
    from podberth.ipam.pool import Pool
    from podberth.net.ops import Address
    from podberth.policy.documents import Document
    from podberth.policy.interfaces import Interfaces
    from podberth.stores.replica.shared import DocumentText, Key

    Row: TypeAlias = tuple[str, str, str, str, str]  # kind, namespace, name, bundle, source
    Taken: TypeAlias = dict[str, set[Address]]

# What goes before a namespace's word: a resource that is the operator's, his bundle, and what was in force before.
_OPERATORS = """
SELECT body, source FROM documents AS d WHERE kind = 'PodNetwork' AND namespace = ?1 AND (
    (NOT ?2 AND EXISTS (SELECT 1 FROM document_revisions AS r
                        WHERE there AND (r.kind, r.namespace, r.name) = (d.kind, d.namespace, d.name)))
    OR EXISTS (SELECT 1 FROM sayings AS s WHERE (s.kind, s.namespace, s.name) = (d.kind, d.namespace, d.name)
               AND (s.tenant = '' OR s.before)))
"""
_BY_AGE = "ORDER BY created, bundle, source, kind, namespace, name"


class Court:
    """One judgement's view. Operators' documents must be in force, or out of it, before it is asked.

    `door`: by which the declarations come.
    """

    def __init__(self, connection: Connection, door: str = FEED) -> None:
        self._connection = connection
        self._door = door
        self._words: tuple[PodNetwork, ...] = ()
        self._pools: tuple[Pool, ...] | None = None
        self._operators: dict[str, Interfaces] = {}
        self._judged: dict[str, dict[Row, Refused | None]] = {}
        self._good: dict[Row, DocumentText] = {}  # what is in force in the place of a saying that is refused
        self._taken: dict[str, Taken] = {}
        self._kept: dict[str, set[Address]] = {}

    def refusal(self, document: Document, tenant: str, row: Row) -> Refused | None:
        """Return why a saying, which is in that row, can't come into force; None if it can."""
        if not self.limited(tenant):
            return self._permitted(document, tenant, {})
        if tenant not in self._judged:
            self._judge(tenant)
        return self._judged[tenant].get(row)

    def last_good(self, tenant: str, row: Row) -> DocumentText | None:
        """Return what is in force in the place of a saying, in that row, which is refused: the last that passed."""
        if self.limited(tenant):
            if tenant not in self._judged:
                self._judge(tenant)
            return self._good.get(row)
        return self._last_good(tenant, row, {})

    def excess(self, document: Document, tenant: str) -> Refused | None:
        """Return what the document, in force since before there were limits, declares beyond them."""
        return permit(tenant, TENANT, self._door, Declaring(document=document, pools=self._all_pools()))

    def verdict(self, document: Document, tenant: str) -> Refused | None:
        """Return why a document that is to come, after all others, may not be in force; if it may, it counts too."""
        if not self.limited(tenant):
            return self._permitted(document, tenant, {})
        if tenant not in self._judged:
            self._judge(tenant)
        taken = self._taken[tenant]
        refusal = self._permitted(document, tenant, taken)
        if refusal is None:
            self._count(document.body, taken)
        return refusal

    def replace(self, bundle: str, keys: Iterable[Key], words: Iterable[PodNetwork] = ()) -> None:
        """Have a bundle be replaced, or these objects; of what is to come `words` were in force before.

        It is asked inside a step that is only tried, or proposed.
        """
        self._words = tuple(words)
        if bundle != OBJECT:
            self._connection.execute("DELETE FROM sayings WHERE bundle = ?", (bundle,))
        for key in keys if bundle == OBJECT else ():
            forget(self._connection, key)

    def limited(self, tenant: str) -> bool:
        """Say whether any pool limits how many addresses the namespace's word may reserve."""
        return any(limit(pool, tenant) is not None for pool in self._all_pools())

    def _permitted(self, document: Document, tenant: str, taken: Taken) -> Refused | None:
        if tenant not in self._operators:
            from podberth.policy.interfaces import Interfaces

            self._operators[tenant] = Interfaces(self._operators_of(tenant))
        change = Declaring(document=document, pools=self._all_pools(), operators=self._operators[tenant], taken=taken)
        return permit(tenant, TENANT, self._door, change)

    def _last_good(self, tenant: str, row: Row, taken: Taken) -> DocumentText | None:
        good = copies.last_good(self._connection, row)
        if good is None:
            return None
        document = parsed(good.text.body, good.text.source)
        return good.text if good.before or self._permitted(document, tenant, taken) is None else None

    def _judge(self, tenant: str) -> None:
        """Judge all that the namespace declares, the oldest first: what there is no room for is the youngest.

        What the operator declares for its pods, what is reserved otherwise, and what was in force before comes first.
        """
        judged: dict[Row, Refused | None] = {}
        taken = self._taken[tenant] = self._reserved(tenant)
        for body in self._operators_of(tenant):
            self._count(body, taken)
        query = "SELECT kind, namespace, name, bundle, source, body FROM sayings WHERE tenant = ? AND NOT before "
        for *row, body in self._connection.execute(query + _BY_AGE, (tenant,)).fetchall():
            document = parsed(body, row[4])
            refusal = self._permitted(document, tenant, taken)
            judged[cast("Row", tuple(row))] = refusal
            good = self._last_good(tenant, cast("Row", tuple(row)), taken) if refusal is not None else None
            if good is not None:
                self._good[cast("Row", tuple(row))] = good
                self._count(parsed(good.body, good.source).body, taken)
            self._count(document.body, taken, None if refusal is None else self._held(tenant))
        self._judged[tenant] = judged

    def _reserved(self, tenant: str) -> Taken:
        """Return what is reserved for the namespace's pods and declared by no document: sticky, and by hand.

        What it has declared is among it while that does not end, since something of it can't be read
        (`standing.withheld`).
        """
        unread = "SELECT 1 FROM unread JOIN bundles ON bundles.name = unread.bundle WHERE tenant IN ('', ?) LIMIT 1"
        found: Taken = {}
        for pool, address in self._rows(tenant, "<>"):
            found.setdefault(pool, set()).add(address)
        if self._connection.execute(unread, (tenant,)).fetchone() is not None:
            for pool, address in self._rows(tenant, "="):
                found.setdefault(pool, set()).add(address)
        return found

    def _held(self, tenant: str) -> set[Address]:
        """Return what the namespace has declared and has: a word that is refused keeps its part of that."""
        if tenant not in self._kept:
            self._kept[tenant] = {address for _, address in self._rows(tenant, "=")}
        return self._kept[tenant]

    def _rows(self, tenant: str, declared: str) -> Iterator[tuple[str, Address]]:
        query = f"SELECT pool, address FROM reservations WHERE namespace = ? AND origin {declared} 'declared'"  # noqa: S608
        for pool, packed in self._connection.execute(query, (tenant,)).fetchall():
            yield pool, ip_address(packed)

    def _count(self, body: Pool | PodNetwork, taken: Taken, among: set[Address] | None = None) -> None:
        """Count what a document reserves; with `among`, of these alone."""
        from podberth.policy.reserves import reserved_by

        for pool, addresses in reserved_by(body, self._all_pools()).items() if isinstance(body, PodNetwork) else ():
            taken.setdefault(pool, set()).update(addresses if among is None else among.intersection(addresses))

    def _all_pools(self) -> tuple[Pool, ...]:
        if self._pools is None:
            self._pools = table.pools(self._connection)
        return self._pools

    def _operators_of(self, namespace: str) -> Iterator[PodNetwork]:
        """Yield what goes before the namespace's word."""
        values = (namespace, int(tenants(self._connection)))
        for body, source in self._connection.execute(_OPERATORS, values).fetchall():
            try:
                document = parsed(body, source)
            except InvalidConfig:
                continue  # it speaks of no interface
            if isinstance(document.body, PodNetwork):
                yield document.body
        yield from self._words
