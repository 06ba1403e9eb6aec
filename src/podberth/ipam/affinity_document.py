"""`affinity` of a Pool's document, read into an `Affinity` and written back."""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.labels import LabelSelector
from podberth.cni.labels_document import MOST, parse_selector, selector_document
from podberth.ipam.affinity import Affinity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.cni.fields import Fields

_NAMES = ("nodes", "namespaces", "networks")
_SELECTORS = ("nodeSelector", "namespaceSelector", "podSelector")


def parse_affinity(fields: Fields, pattern: Callable[[object], str]) -> Affinity | None:
    """Read it; None if it is not said. `pattern` reads a namespace, or a pattern. The document's error names it."""
    child = fields.child("affinity")
    if child is None:
        return None
    child.only((*_NAMES, *_SELECTORS))
    found = Affinity(
        nodes=child.each("nodes", parsers.name, most=4096),
        namespaces=child.each("namespaces", pattern, most=4096),
        networks=child.each("networks", parsers.identifier, most=MOST),
        node_selector=_selector(child, "nodeSelector"),
        namespace_selector=_selector(child, "namespaceSelector"),
        pod_selector=_selector(child, "podSelector"),
    )
    for key in _NAMES:
        if child.raw.get(key) == []:
            raise child.fail(key, "expected at least one", "leave it out for any")
    if found == Affinity():
        raise fields.fail("affinity", "says nothing", f"say {', '.join((*_NAMES, *_SELECTORS))}, or leave it out")
    return found


def affinity_document(affinity: Affinity) -> dict[str, object]:
    """Return the document's form; `parse_affinity` reads the same value back."""
    document: dict[str, object] = {key: list(getattr(affinity, key)) for key in _NAMES if getattr(affinity, key)}
    selectors = (affinity.node_selector, affinity.namespace_selector, affinity.pod_selector)
    for key, selector in zip(_SELECTORS, selectors, strict=True):
        if selector is not None:
            document[key] = selector_document(selector)
    return document


def _selector(fields: Fields, key: str) -> LabelSelector | None:
    child = fields.child(key)
    if child is None:
        return None
    found = parse_selector(child)
    if found == LabelSelector():
        raise fields.fail(key, "selects everything", "say matchLabels or matchExpressions, or leave it out")
    return found
