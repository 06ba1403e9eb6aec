"""What a check is, and how one says that a plugin fails it, or that it does not apply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.conformance.bench import Bench


class Broken(Exception):
    """The plugin does not do what the specification asks for; the message says what it did instead."""


class DoesNotApply(Exception):
    """The check is about something that this plugin is not, or does not claim to speak; the message says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing the specification asks for: `name` is unique, `section` is SPEC.md's or CONVENTIONS.md's."""

    name: str
    section: str
    says: str
    body: Callable[[Bench], None]


class Suite:
    """Checks in the order they are written down."""

    def __init__(self) -> None:
        self.checks: list[Check] = []

    def check(self, name: str, section: str, says: str) -> Callable[[Callable[[Bench], None]], Callable[[Bench], None]]:
        """Register the function below as a check."""

        def register(body: Callable[[Bench], None]) -> Callable[[Bench], None]:
            self.checks.append(Check(name=name, section=section, says=says, body=body))
            return body

        return register


def need(holds: object, otherwise: str) -> None:
    """Raise Broken unless it holds."""
    if not holds:
        raise Broken(otherwise)
