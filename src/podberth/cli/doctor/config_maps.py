"""What is declared and not in force: what the check refuses, what a ConfigMap may not, and what can't be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cli.doctor.finding import WARN, Finding
from podberth.cni.errors import CniError
from podberth.policy.standing import REMEDY

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
        if one.in_force:
            text = f"in force, as it was declared before namespaces had limits: {one.reason}"
            todo = f"{REMEDY}; once it changes or is gone, it counts no more"
        elif one.silent:
            text, todo = f"declares nothing: {one.reason}", "put the documents into `data`, or take the label away"
        elif one.document.startswith("ConfigMap "):
            text = f"can't be read: {one.reason}"
            todo = "correct it, or delete it; what it declared before stays in force on nodes that read that"
        else:
            text, todo = f"not in force: {one.reason}", REMEDY
        yield Finding(area=AREA, name=one.bundle, level=WARN, text=text, todo=todo)
