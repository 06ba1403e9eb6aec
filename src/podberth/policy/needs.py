"""What a document needs of the ledger it is kept in (`ipam.versions`): agents that may be there have to read it."""

from __future__ import annotations

from podberth.ipam.pool import Pool
from podberth.ipam.pool_document import pool_needs
from podberth.ipam.versions import Feature
from podberth.policy.podnetwork import PodNetwork

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.policy.documents import Document


def needs(document: Document) -> frozenset[Feature]:
    """Return what the ledger has to allow before the document is in it."""
    body = document.body
    if ":" in document.namespace:
        return frozenset({Feature.CLUSTERS})
    if isinstance(body, Pool):
        return pool_needs(body)
    found = {Feature.PREFERENCE} if any(policy.pools for policy in body.attachments) else set()
    return frozenset(found | ({Feature.OWN_POOLS} if any(policy.own for policy in body.attachments) else set()))


def newly_needed(before: Document | None, document: Document) -> tuple[Feature, ...]:
    """Return what a document needs of the ledger that its text before did not; nothing of one that is new.

    An older podberth that can't read a new one gives out nothing of it. It goes on by the text before of one that has
    changed. To one that can't read a new PodNetwork the pod is undeclared, so that counts from its first text on.
    """
    if before is None:
        return tuple(sorted(needs(document) if isinstance(document.body, PodNetwork) else ()))
    return tuple(sorted(needs(document) - needs(before)))
