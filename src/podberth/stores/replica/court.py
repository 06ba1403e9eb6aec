"""What a namespace's declaration is judged by, as the replica has it: all pools, and the operator's documents.

Each is read once, when it is first asked for: a namespace may declare thousands of documents.
"""

from __future__ import annotations

import json

from podberth.cni.errors import InvalidConfig
from podberth.policy.documents import parse_document
from podberth.policy.podnetwork import PodNetwork
from podberth.stores.sqlite import documents as table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from sqlite3 import Connection

    from podberth.cni.errors import Refused
    from podberth.ipam.pool import Pool
    from podberth.policy.documents import Document
    from podberth.policy.interfaces import Interfaces
    from podberth.stores.replica.shared import Key

# What goes before a namespace's word: a resource, the operator's bundle, and what was in force before.
_OPERATORS = """
SELECT body, source FROM documents AS d WHERE kind = 'PodNetwork' AND namespace = ?1 AND (
    EXISTS (SELECT 1 FROM document_revisions AS r
            WHERE there AND (r.kind, r.namespace, r.name) = (d.kind, d.namespace, d.name))
    OR EXISTS (SELECT 1 FROM sayings AS s WHERE (s.kind, s.namespace, s.name) = (d.kind, d.namespace, d.name)
               AND (s.tenant = '' OR (s.before AND s.bundle <> ?2))))
"""


class Court:
    """One judgement's view. Operators' documents must be in force, or out of it, before it is asked."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pools: tuple[Pool, ...] | None = None
        self._operators: dict[str, Interfaces] = {}

    def refusal(self, document: Document, tenant: str) -> str:
        """Return why the document can't come into force; '' if it can."""
        return _text(self.verdict(document, tenant))

    def excess(self, document: Document, tenant: str) -> str:
        """Return what the document, in force since before there were limits, declares beyond them."""
        from podberth.policy.tenancy import refusal

        return _text(refusal(document, tenant, self._all_pools()))

    def verdict(self, document: Document, tenant: str) -> Refused | None:
        """Return the same as an error, with its remedy."""
        from podberth.policy.tenancy import refusal

        if tenant not in self._operators:
            self.replace(tenant)
        return refusal(document, tenant, self._all_pools(), self._operators[tenant])

    def replace(self, tenant: str, bundle: str = "", words: Iterable[PodNetwork] = ()) -> None:
        """Have a bundle of the namespace be replaced, of which only `words` were in force before."""
        from podberth.policy.interfaces import Interfaces

        self._operators[tenant] = Interfaces((*_operators(self._connection, tenant, bundle), *words))

    def _all_pools(self) -> tuple[Pool, ...]:
        if self._pools is None:
            self._pools = table.pools(self._connection)
        return self._pools


def is_there(connection: Connection, key: Key) -> bool:
    """Say whether the cluster's store has the document itself, so that no bundle speaks for it."""
    query = "SELECT 1 FROM document_revisions WHERE there AND kind = ? AND namespace = ? AND name = ?"
    return connection.execute(query, key).fetchone() is not None


def _operators(connection: Connection, namespace: str, bundle: str) -> Iterator[PodNetwork]:
    for body, source in connection.execute(_OPERATORS, (namespace, bundle)).fetchall():
        try:
            document = parse_document(json.loads(body), source)
        except InvalidConfig:
            continue  # it speaks of no interface
        if isinstance(document.body, PodNetwork):
            yield document.body


def _text(refused: Refused | None) -> str:
    return refused.message if refused is not None else ""
