"""An attachment's link goes from one network namespace to another, with all that is on it; its record goes along.

In the new namespace each step is brought about again as repair would: addresses and routes do not move with a link.

Whoever is killed half way leaves a record that names the pod's namespace as long as the link may be there: on the way
into it the record is first, on the way out of it the link. So an end that comes next finds the link.
"""

from __future__ import annotations

from podberth.cni.errors import CniError, InvalidNetns
from podberth.cni.value import replace
from podberth.net.ops import SetLinkUp, made
from podberth.net.step import INDEX
from podberth.verbs.check import drifts_of
from podberth.verbs.gone import is_gone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from podberth.cni.pod import Attachment
    from podberth.net.record import Record
    from podberth.net.step import Step
    from podberth.verbs.node import Node

    Carry = Callable[[str, str, str], bool]  # from, to, which link: whether it was there


def bring(node: Node, attachment: Attachment, netns: str, origin: str, carry: Carry) -> bool:
    """Have the attachment's link in the namespace at `netns`, as its record says; False if there is no record.

    It is carried there from `origin`, or from wherever the record has it; one that is nowhere is made anew. A path that
    leads to another namespace by now is another pod's: nothing is carried from there. It does nothing if all is right.
    Raises a CniError, with the record as it was, if that can't be done.
    """
    with node.host.locked(f"container:{attachment.container_id}"):
        records = node.attachments.of(attachment)
        if not records or not all(record.done for record in records):
            return False
        for record in records:
            _bring(node, record, netns, origin, carry)
        return True


def _bring(node: Node, record: Record, netns: str, origin: str, carry: Carry) -> None:
    if record.netns == netns and node.host.netns_id(netns) == record.netns_id:
        if any(drifts_of(node, record, step) for step in record.steps):
            carry(origin, netns, record.attachment.ifname)
            _put_right(node, record)
        return
    moved = rebased(node, record, netns)
    home = netns == origin
    if not home:
        node.attachments.moved(moved)
    try:
        if not carry(origin, netns, record.attachment.ifname) and not is_gone(node, record):
            carry(record.netns, netns, record.attachment.ifname)
        if home:
            node.attachments.moved(moved)
        _put_right(node, moved)
    except CniError:
        if not is_gone(node, record):
            carry(netns, record.netns, record.attachment.ifname)
        node.attachments.moved(record)
        raise


def rebased(node: Node, record: Record, netns: str) -> Record:
    """Return the record as if its steps had been made in the namespace at `netns`. InvalidNetns if there is none."""
    identity = node.host.netns_id(netns)
    if identity is None:
        raise InvalidNetns(f"{netns}: there is no network namespace", "the pod may be gone")
    probe = node.host.prepare(SetLinkUp(netns=netns, ifname=record.attachment.ifname))
    cookie = {"netns": found} if (found := probe.before_of("netns")) is not None else {}
    steps = tuple(_rebased(step, record.netns, netns, cookie) for step in record.steps)
    return replace(record, netns=netns, netns_id=identity, steps=steps)


def _rebased(step: Step, origin: str, netns: str, cookie: Mapping[str, str]) -> Step:
    if getattr(step.op, "netns", None) != origin:
        return step
    before = {key: found for key, found in step.before if key not in ("netns", INDEX)}
    return replace(step, op=replace(step.op, netns=netns), before=tuple({**cookie, **before}.items()))


def _put_right(node: Node, record: Record) -> None:
    """Bring about what is not as the record says, and keep by which index its link is known from now on."""
    steps = []
    for step in record.steps:
        if node.host.check(step):
            node.host.repair(step, record.netns_id)
        steps.append(node.host.known(step) if made(step.op)[1] else step)
    node.attachments.revise(record.key, tuple(steps))
