"""The way back: what podberth has made for running pods becomes what the CNI project's plugins would have made.

Theirs is made first, and podberth's own taken away then: both lead to the same, so no packet finds neither. Then the
record is forgotten. A step that is interrupted can be done again.
"""

from __future__ import annotations

from podberth.cni.value import replace, value
from podberth.net.handed_over import handed_over, kept
from podberth.net.ops import family
from podberth.net.step import Step
from podberth.verbs.gone import is_gone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.cni.pod import Attachment
    from podberth.net.ops import Op
    from podberth.net.record import Record
    from podberth.verbs.node import Node


@value
class Kept:
    """A plugin of an attachment whose record stays podberth's, and why."""

    type: str
    why: str


@value
class Evicted:
    """What became, or would become, of an attachment: plugins handed over, in which form, and those that were not."""

    attachment: Attachment
    types: tuple[str, ...]
    made: tuple[Op, ...]
    kept: tuple[Kept, ...]


def foreseen(node: Node, attachment: Attachment, is_theirs: Callable[[str], bool]) -> Evicted:
    """Return what `evict` would do. `is_theirs` says whether the CNI project has a plugin of a type."""
    types: list[str] = []
    made: list[Op] = []
    left: list[Kept] = []
    for record in node.attachments.of(attachment):
        why = _why_kept(node, record, is_theirs)
        if why:
            left.append(Kept(type=record.type, why=why))
        else:
            types.append(record.type)
            made += handed_over(_own(record)).made
    return Evicted(attachment=attachment, types=tuple(types), made=tuple(made), kept=tuple(left))


def evict(node: Node, attachment: Attachment, is_theirs: Callable[[str], bool]) -> Evicted:
    """Hand the attachment over to the CNI project's plugins, as far as that can be. KernelRefused, NotUndone as DEL."""
    with node.host.locked(f"container:{attachment.container_id}"):
        found = foreseen(node, attachment, is_theirs)
        for record in node.attachments.of(attachment):
            if _why_kept(node, record, is_theirs):
                continue
            becomes = handed_over(_own(record))
            made = tuple(Step(op=op) for op in becomes.made)
            # From here on a DEL takes both away, wherever this ends.
            node.attachments.revise(record.key, (*_own(record).steps, *made))
            for step in made:
                node.host.do(step)
            for step in reversed(becomes.undone):
                node.host.undo(step, record.netns_id)
            node.attachments.close(record.key)
        return found


def _why_kept(node: Node, record: Record, is_theirs: Callable[[str], bool]) -> str:
    if not is_theirs(record.type):
        return f"the CNI project has no plugin {record.type or 'podberth'!r}"
    if not record.done:
        return "its ADD never ended, or its DEL is answered"
    if is_gone(node, record):
        return "its network namespace is gone: `podberth gc --gone` takes it back"
    return kept(_own(record))


def _own(record: Record) -> Record:
    """Return the record without the steps of a handing over that was interrupted."""
    return replace(record, steps=tuple(step for step in record.steps if family(type(step.op)) != "adopting"))
