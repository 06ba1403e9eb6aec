"""Labels of Kubernetes' objects, and a requirement of them (Kubernetes, "Labels and Selectors"). Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

IN, NOT_IN, EXISTS, DOES_NOT_EXIST = OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
LENGTH = 63  # characters of a name, at most
_EDGE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_INSIDE = _EDGE | frozenset("-_.")


def is_name(text: str) -> bool:
    """Say whether it is what a label's key has behind its '/', or a value that is not empty."""
    return 0 < len(text) <= LENGTH and {text[0], text[-1]} <= _EDGE and _INSIDE.issuperset(text)


def holds(key: str, operator: str, values: Collection[str], labels: Mapping[str, str]) -> bool:
    """Say whether the labels are as one of `matchExpressions` has it. Without such a label it is among no values."""
    if operator in (EXISTS, DOES_NOT_EXIST):
        return (key in labels) is (operator == EXISTS)
    return (labels.get(key) in values) is (operator == IN)
