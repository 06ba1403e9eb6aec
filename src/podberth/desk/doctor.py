"""Whether a node is fit: what was looked at, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.desk.form import Answer, row

if TYPE_CHECKING:
    from collections.abc import Iterable

OK, WARN, FAIL = "ok", "warn", "fail"


@row
class Finding:
    """`level`: ok; warn, for what only some pods will miss; fail, if ADD can't work. `todo` is the remedy."""

    area: str
    name: str
    level: str
    text: str
    todo: str = ""


@row
class Health(Answer):
    """Whether the node is fit: no finding fails."""

    SCHEMA = "doctor/1"
    fit: bool
    findings: tuple[Finding, ...]


def health(findings: Iterable[Finding]) -> Health:
    """Return what the findings come to."""
    found = tuple(findings)
    return Health(fit=not any(one.level == FAIL for one in found), findings=found)
