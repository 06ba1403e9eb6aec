"""Labels of Kubernetes' objects, and what chooses by them: LabelSelector of meta/v1. Pure.

Source: Kubernetes "Labels and Selectors".
"""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    Labels: TypeAlias = Mapping[str, str]

IN, NOT_IN, EXISTS, DOES_NOT_EXIST = OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
LENGTH = 63  # characters of a name, at most
_EDGE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_INSIDE = _EDGE | frozenset("-_.")


def is_name(text: str) -> bool:
    """Say whether it is what a label's key has behind its '/', or a value that is not empty."""
    return 0 < len(text) <= LENGTH and {text[0], text[-1]} <= _EDGE and _INSIDE.issuperset(text)


@value
class Requirement:
    """One of `matchExpressions`. `values` are said for In and NotIn alone."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def met(self, labels: Labels) -> bool:
        """Say whether something with these labels meets it; what has no such label is among no values."""
        if self.operator in (EXISTS, DOES_NOT_EXIST):
            return (self.key in labels) is (self.operator == EXISTS)
        return (labels.get(self.key) in self.values) is (self.operator == IN)

    def __str__(self) -> str:
        """Return it as the API server takes it in a query, the same for the same choice."""
        if self.operator in (EXISTS, DOES_NOT_EXIST):
            return self.key if self.operator == EXISTS else f"!{self.key}"
        among = sorted(set(self.values))
        if len(among) == 1:
            return f"{self.key}{'=' if self.operator == IN else '!='}{among[0]}"
        return f"{self.key} {'in' if self.operator == IN else 'notin'} ({','.join(among)})"


@value
class LabelSelector:
    """`matchLabels` in order of key, and `matchExpressions`: all of them have to be met; of none, by everything."""

    labels: tuple[tuple[str, str], ...] = ()
    requirements: tuple[Requirement, ...] = ()

    @property
    def all_of_it(self) -> tuple[Requirement, ...]:
        """Both of them, as requirements."""
        said = (Requirement(key=key, operator=IN, values=(wanted,)) for key, wanted in self.labels)
        return (*said, *self.requirements)

    @property
    def keys(self) -> tuple[str, ...]:
        """The labels that it looks at."""
        return tuple(dict.fromkeys(each.key for each in self.all_of_it))

    def matches(self, labels: Labels) -> bool:
        """Say whether an object with these labels is chosen."""
        return all(each.met(labels) for each in self.all_of_it)

    def unmet(self, labels: Labels) -> tuple[str, ...]:
        """Return what something with these labels does not meet, in words; empty if it is chosen."""
        return tuple(str(each) for each in self.all_of_it if not each.met(labels))

    def __str__(self) -> str:
        """Return it as the API server takes it in a query; the same for the same choice."""
        return ",".join(sorted({str(each) for each in self.all_of_it}))
