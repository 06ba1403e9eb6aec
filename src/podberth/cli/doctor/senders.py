"""Whether senders are checked at the node's links as the records of its pods say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cli.text import counted
from podberth.cni.errors import CniError
from podberth.desk.doctor import OK, WARN, Finding
from podberth.net.ops import family
from podberth.net.step import IDENTITY
from podberth.verbs.check import drifts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cli.session import Session
    from podberth.net.record import Record
    from podberth.net.step import Drift, Step
    from podberth.verbs.node import Node

AREA, NAME = "senders", "links of the node"
FAMILIES = ("senders", "parents")
_GONE = ("netns", "link", IDENTITY)  # of a difference by which nobody is there who could send


def look(session: Session) -> Iterator[Finding]:
    """Yield one finding for all of them, none where no pod's senders are checked. Pods' own links: `podberth check`."""
    if not session.exists():
        return
    node = session.node
    records = [record for record in node.attachments.all() if record.done and any(map(_is_at_node, record.steps))]
    try:
        found = [(record, lacks) for record in records if (lacks := _lacks(node, record)) is not None]
    except CniError as refused:
        todo = refused.details or "run as root, on the node itself"
        yield Finding(area=AREA, name=NAME, level=WARN, text=f"can't be looked at: {refused.message}", todo=todo)
        return
    wrong = [(record, drift) for record, lacks in found for drift in lacks]
    if wrong:
        (record, drift), more = wrong[0], f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        todo = "podberth check --repair puts them back; `nft monitor` shows who takes them away"
        whose = record.pod or record.attachment
        yield Finding(area=AREA, name=NAME, level=WARN, text=f"{whose}: {drift}{more}", todo=todo)
    elif found:
        total = sum(map(_is_at_node, (step for record, _ in found for step in record.steps)))
        text = f"{counted(total, 'set of rules', 'sets of rules')} as made"
        yield Finding(area=AREA, name=NAME, level=OK, text=text)


def _lacks(node: Node, record: Record) -> tuple[Drift, ...] | None:
    """Return what a pod's rules at the node's links lack; None if it has no link any more: `podberth check` says so."""
    found = tuple(drift for step in record.steps if _is_at_node(step) for drift in node.host.check(step))
    if found and any(drift.field in _GONE for drift in drifts(node, record)):
        return None
    return found


def _is_at_node(step: Step) -> bool:
    return family(type(step.op)) in FAMILIES and getattr(step.op, "netns", None) is None
