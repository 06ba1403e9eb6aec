"""What is declared and not in force: what the check refuses, what a ConfigMap may not, and what can't be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cni.errors import CniError
from podberth.desk.doctor import WARN, Finding
from podberth.policy.standing import worded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cli.session import Session

AREA = "declarations"


def look(session: Session) -> Iterator[Finding]:
    """Yield a line for each declaration that needs the operator's eye."""
    try:
        there = session.exists()
        standings = session.node.policies.standings() if there else ()
        waiting = session.node.policies.waiting() if there else ()
    except CniError:
        return  # what is wrong with the store is told among the store's lines
    for each in waiting:
        todo = "correct it, or end what is in its way: it comes into force by itself"
        yield Finding(area=AREA, name=each.document, level=WARN, text=f"not in force: {each}", todo=todo)
    for one in standings:
        text, todo = worded(one), one.remedy
        if one.in_force:
            todo = f"{one.remedy}; once it changes or is gone, it counts no more"
        yield Finding(area=AREA, name=one.bundle, level=WARN, text=text, todo=todo)
