"""What a reboot has ended: records of another boot of this machine, whose network namespaces went with that boot.

A record says itself in which boot it was made. One that does not, as many of 0.1.0, is left alone, and so is all where
this boot is not known: unknown is not gone. A reboot leaves nothing in the kernel that could be taken back: what is
there by the same name is this boot's.
"""

from __future__ import annotations

from contextlib import ExitStack

from podberth.cni.errors import TryAgainLater
from podberth.net.record import by_attachment
from podberth.verbs.delete import unbind_and_forget
from podberth.verbs.gone import is_gone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.pod import Attachment
    from podberth.net.record import Record
    from podberth.verbs.node import Node

WHY = "its node was rebooted, and its network namespace went with the boot before"


def end_of_earlier_boots(node: Node, who: str) -> tuple[Attachment, ...]:
    """End what records of another boot speak of, in one step, as a DEL would: reservations stay. Return what ended.

    What somebody is at work on is left to that. Raises TryAgainLater while a cluster has not agreed that this machine
    is the node: a copy of the node is of another boot too.
    """
    old = [record.key for record in node.attachments.all() if _is_over(node, record)]
    with ExitStack() as held:
        mine: list[Record] = []
        for container_id in {each.attachment.container_id: None for each in old}:
            try:
                held.enter_context(node.host.locked(f"container:{container_id}", wait=False))
            except TryAgainLater:
                continue
            its = (node.attachments.find(each) for each in old if each.attachment.container_id == container_id)
            mine += [record for record in its if record is not None and _is_over(node, record)]
        unbind_and_forget(node, mine, WHY, who)
    return tuple(by_attachment(mine))


def _is_over(node: Node, record: Record) -> bool:
    boot = node.boot()
    return bool(boot and record.boot) and record.boot != boot and is_gone(node, record)
