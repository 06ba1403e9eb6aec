"""What a document needs of the ledger it is kept in (`ipam.versions`): agents that may be there have to read it."""

from __future__ import annotations

from podberth.ipam.pool import Pool
from podberth.ipam.pool_document import pool_needs
from podberth.ipam.versions import Feature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.policy.documents import Document


def needs(document: Document) -> frozenset[Feature]:
    """Return what the ledger has to allow before the document is in it."""
    body = document.body
    if ":" in document.namespace:
        return frozenset({Feature.CLUSTERS})
    return pool_needs(body) if isinstance(body, Pool) else frozenset()
