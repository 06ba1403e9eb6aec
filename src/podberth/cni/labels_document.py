"""Label selectors in documents: `matchLabels` and `matchExpressions`, read and written back.

Source: Kubernetes "Labels and Selectors" (syntax and character set), LabelSelector of meta/v1.
"""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.fields import shown
from podberth.cni.labels import DOES_NOT_EXIST, EXISTS, LENGTH, OPERATORS, LabelSelector, Requirement, is_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.fields import Fields

MOST = 256  # members of a list


def parse_selector(fields: Fields, *, most: int = MOST) -> LabelSelector:
    """Read a selector; an empty one chooses everything. The document's error names the field at fault.

    `most`: requirements, and values of each.
    """
    fields.only(("matchLabels", "matchExpressions"))
    labels = fields.child("matchLabels")
    return LabelSelector(
        labels=match_labels(labels, most=most) if labels is not None else (),
        requirements=tuple(_requirement(each, most) for each in fields.children("matchExpressions", most=most)),
    )


def selector_document(selector: LabelSelector) -> dict[str, object]:
    """Return the document's form; `parse_selector` reads the same value back."""
    document: dict[str, object] = {}
    if selector.labels:
        document["matchLabels"] = dict(selector.labels)
    if selector.requirements:
        document["matchExpressions"] = [
            {"key": each.key, "operator": each.operator, **({"values": list(each.values)} if each.values else {})}
            for each in selector.requirements
        ]
    return document


def match_labels(fields: Fields, *, most: int = MOST) -> tuple[tuple[str, str], ...]:
    """Return an object's labels in order of key. The document's error names the object, or the key."""
    if len(fields.raw) > most:
        raise fields.error(f"{fields.path}: expected at most {most} labels, got {len(fields.raw)}")
    for key in fields.raw:
        try:
            label_key(key)
        except ValueError as wrong:
            raise fields.error(f"{fields.path}: {wrong}") from None
    return tuple(sorted((key, fields.required(key, label_value)) for key in fields.raw))


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
        raise ValueError(f"expected the value of a label: a string of at most {LENGTH} characters, got {shown(raw)}")
    return str(raw)


def _requirement(fields: Fields, most: int) -> Requirement:
    fields.only(("key", "operator", "values"))
    operator = fields.required("operator", parsers.choice(*OPERATORS))
    values = fields.each("values", label_value, most=most)
    if bool(values) == (operator in (EXISTS, DOES_NOT_EXIST)):
        complaint = "says nothing here" if values else "expected at least one value"
        raise fields.fail("values", f"{complaint}: the operator is {operator}")
    return Requirement(key=fields.required("key", label_key), operator=operator, values=values)
