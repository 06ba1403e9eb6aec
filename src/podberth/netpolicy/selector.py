"""Selectors of labels, as Kubernetes has them: matchLabels and matchExpressions, all of which have to hold.

A selector is also written as the API server takes it in a query, so that it chooses there.
"""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.fields import shown
from podberth.cni.labels import DOES_NOT_EXIST, EXISTS, IN, LENGTH, NOT_IN, holds, is_name
from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from podberth.cni.fields import Fields

MOST = 64  # requirements of one selector, and values of one requirement


@value
class Requirement:
    """What a label has to be. `values` are for In and NotIn."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Say whether it is so. An object without the label is not among any values."""
        return holds(self.key, self.operator, self.values, labels)

    def __str__(self) -> str:
        if self.operator in (EXISTS, DOES_NOT_EXIST):
            return self.key if self.operator == EXISTS else f"!{self.key}"
        if len(self.values) == 1:
            return f"{self.key}{'=' if self.operator == IN else '!='}{self.values[0]}"
        return f"{self.key} {'in' if self.operator == IN else 'notin'} ({','.join(self.values)})"


@value
class Selector:
    """What chooses objects by their labels; without a requirement all of them."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether an object with these labels is chosen."""
        return all(one.holds(labels) for one in self.requirements)

    def __str__(self) -> str:
        """Return it as the API server takes it (Kubernetes, "Labels and Selectors"); the same for the same choice."""
        return ",".join(map(str, self.requirements))


def parse(fields: Fields) -> Selector:
    """Read a selector. The document's error names the field at fault: nothing of it is guessed."""
    fields.only(("matchLabels", "matchExpressions"))
    said = [
        Requirement(key=key, operator=IN, values=(text,))
        for key, text in fields.pairs("matchLabels", label_key, label_value, most=MOST)
    ]
    said += map(_expression, fields.children("matchExpressions", most=MOST))
    return Selector(requirements=tuple(sorted(set(said), key=str)))


def label_key(raw: object) -> str:
    """Return a label's key: a name, with a DNS name and '/' before it or without."""
    found = parsers.text(raw, "a label's key")
    prefix, slash, name = found.rpartition("/")
    if slash:
        parsers.name(prefix)
    if not is_name(name):
        raise ValueError(f"expected a label's key, as 'app' or 'example.com/app', got {shown(found)}")
    return found


def label_value(raw: object) -> str:
    """Return a label's value: nothing, or at most 63 letters, digits, '-', '_' and '.'."""
    found = parsers.text(raw, "a label's value")
    if found and not is_name(found):
        raise ValueError(f"expected a label's value of at most {LENGTH} letters, digits, '-_.', got {shown(found)}")
    return found


def _expression(fields: Fields) -> Requirement:
    fields.only(("key", "operator", "values"))
    operator = fields.required("operator", parsers.choice(IN, NOT_IN, EXISTS, DOES_NOT_EXIST))
    values = fields.each("values", label_value, most=MOST)
    if bool(values) != (operator in (IN, NOT_IN)):
        wants = "at least one value" if not values else "no value"
        raise fields.fail("values", f"expected {wants} with operator {operator}, got {len(values)}")
    key = fields.required("key", label_key)
    return Requirement(key=key, operator=operator, values=tuple(sorted(set(values))))
