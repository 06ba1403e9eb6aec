"""`affinity` of a Pool's document, read into an `Affinity` and written back.

Source: Kubernetes "Labels and Selectors" (syntax and character set), LabelSelector of meta/v1.
"""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.fields import shown
from podberth.cni.labels import DOES_NOT_EXIST, EXISTS, OPERATORS, is_name
from podberth.ipam.affinity import Affinity, LabelSelector, Requirement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.cni.fields import Fields

_NAMES = ("nodes", "namespaces", "networks")
_SELECTORS = ("nodeSelector", "namespaceSelector", "podSelector")
_MOST = 256  # members of a list


def parse_affinity(fields: Fields, pattern: Callable[[object], str]) -> Affinity | None:
    """Read it; None if it is not said. `pattern` reads a namespace, or a pattern. The document's error names it."""
    child = fields.child("affinity")
    if child is None:
        return None
    child.only((*_NAMES, *_SELECTORS))
    found = Affinity(
        nodes=child.each("nodes", parsers.name, most=4096),
        namespaces=child.each("namespaces", pattern, most=4096),
        networks=child.each("networks", parsers.identifier, most=_MOST),
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
            document[key] = _selector_document(selector)
    return document


def label_key(raw: object) -> str:
    """Return the key of a label: a name of at most 63 characters, before it perhaps a DNS name and '/'."""
    found = parsers.string(max=317)(raw)
    prefix, slash, name = found.rpartition("/")
    if slash:
        parsers.name(prefix)
    if not is_name(name):
        raise ValueError(f"expected the key of a label as 'topology.kubernetes.io/zone', got {shown(raw)}")
    return found


def label_value(raw: object) -> str:
    """Return the value of a label: at most 63 characters, none at all too."""
    if raw != "" and not (isinstance(raw, str) and is_name(raw)):
        raise ValueError(f"expected the value of a label: a string of at most 63 characters, got {shown(raw)}")
    return str(raw)


def _selector(fields: Fields, key: str) -> LabelSelector | None:
    child = fields.child(key)
    if child is None:
        return None
    child.only(("matchLabels", "matchExpressions"))
    labels = child.child("matchLabels")
    found = LabelSelector(
        labels=match_labels(labels) if labels is not None else (),
        requirements=tuple(map(_requirement, child.children("matchExpressions", most=_MOST))),
    )
    if found == LabelSelector():
        raise fields.fail(key, "selects everything", "say matchLabels or matchExpressions, or leave it out")
    return found


def match_labels(fields: Fields) -> tuple[tuple[str, str], ...]:
    """Return an object's labels in order of key. The document's error names the object, or the key."""
    if len(fields.raw) > _MOST:
        raise fields.error(f"{fields.path}: expected at most {_MOST} labels, got {len(fields.raw)}")
    for key in fields.raw:
        try:
            label_key(key)
        except ValueError as wrong:
            raise fields.error(f"{fields.path}: {wrong}") from None
    return tuple(sorted((key, fields.required(key, label_value)) for key in fields.raw))


def _requirement(fields: Fields) -> Requirement:
    fields.only(("key", "operator", "values"))
    operator = fields.required("operator", parsers.choice(*OPERATORS))
    values = fields.each("values", label_value, most=_MOST)
    if bool(values) == (operator in (EXISTS, DOES_NOT_EXIST)):
        complaint = "says nothing here" if values else "expected at least one value"
        raise fields.fail("values", f"{complaint}: the operator is {operator}")
    return Requirement(key=fields.required("key", label_key), operator=operator, values=values)


def _selector_document(selector: LabelSelector) -> dict[str, object]:
    document: dict[str, object] = {}
    if selector.labels:
        document["matchLabels"] = dict(selector.labels)
    if selector.requirements:
        document["matchExpressions"] = [
            {"key": each.key, "operator": each.operator, **({"values": list(each.values)} if each.values else {})}
            for each in selector.requirements
        ]
    return document
