"""What the agent does without being asked: ends what others left unfinished, and puts right what somebody changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cni.errors import CniError, TryAgainLater
from podberth.cni.value import value
from podberth.ipam.lease import Actor
from podberth.process.loop import Loop
from podberth.process.reason import Reason, reason
from podberth.verbs.check import differences
from podberth.verbs.delete import end
from podberth.verbs.departed import cut_off, why
from podberth.verbs.gone import is_gone
from podberth.verbs.repair import repair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from podberth.cni.pod import Attachment
    from podberth.net.record import Record, RecordKey
    from podberth.net.step import Drift
    from podberth.verbs.node import Node

    RecordSince: TypeAlias = tuple[RecordKey, int]

WHO = "agent"
_TODO = {
    "reverted": "nothing: an ADD that was cut short was taken back, and its runtime tries again",
    "repaired": "find out who changed it: it is as declared again",
    "recorded anew": "nothing: what the pod has is on record again",
    "drifted": "put it back, or let the agent do it (--repair); the pod runs with what is there",
    "cut off": "nothing, if the node was taken for dead: `podberth who` says where the address is now",
    "ended": "nothing: what was left of an earlier boot is gone",
    "failed": "",
}


@value
class Found:
    """What one look at an attachment came to.

    `outcome` is reverted, repaired, recorded anew, drifted, cut off, ended, or failed. `failure` says what kept it from
    being done, or why it was cut off or ended.
    """

    attachment: Attachment
    outcome: str
    drifts: tuple[Drift, ...] = ()
    failure: str = ""

    @property
    def why(self) -> Reason:
        """Why it came to that, and what is to be done about it."""
        return Reason.of(self.failure or self.outcome, _TODO[self.outcome])


def recover(node: Node) -> Iterator[Found]:
    """Take back every ADD that never ended, and hand over every DEL that was answered and not ended.

    What a live process is at work on has its container's lock held, and is left to it.
    """
    for record in node.attachments.all():
        if record.removing and node.later is not None:
            node.later(record.key)
        elif not record.done:
            found = _revert(node, record.key)
            if found is not None:
                yield found


def _revert(node: Node, key: RecordKey) -> Found | None:
    attachment = key.attachment
    try:
        with node.host.locked(f"container:{attachment.container_id}", wait=False):
            record = node.attachments.find(key)
            if record is None or record.done or record.removing:
                return None
            end(node, record, "an ADD that never ended", WHO)
    except TryAgainLater:
        return None
    except CniError as failure:
        return Found(attachment=attachment, outcome="failed", failure=reason(failure))
    return Found(attachment=attachment, outcome="reverted")


def _keep_room(node: Node) -> None:
    """Take up the space for DELs again, once the disk has it."""
    try:
        if node.room is not None:
            node.room.keep()
    except CniError:
        pass  # each ADD says so, and a metric


class Upkeep:
    """A thread that compares every attachment with the kernel, again and again.

    A namespace that this agent has never seen counts as one it can't see, not as one that is gone: an agent in a
    container without the node's /run/netns must not take the network from live pods.
    """

    def __init__(
        self,
        nodes: Callable[[], Iterator[Node]],
        told: Callable[[Found], None],
        failed: Callable[[Reason], object],
        seconds: float,
        *,
        repairing: bool,
    ) -> None:
        self._nodes = nodes
        self._told = told
        self._seconds = seconds
        self._repairing = repairing
        self._seen: set[RecordSince] = set()
        self._look: Iterator[None] | None = None  # the one under way
        self._loop = Loop("upkeep", self._turn, failed)
        self.drifted = 0  # attachments, at the last look

    def start(self) -> None:
        """Begin to look, the first time after one interval."""
        self._loop.start(after=self._seconds)

    def stop(self, seconds: float) -> None:
        """End, after the attachment that is being looked at, but for at most so long."""
        self._loop.end(seconds)

    def _turn(self) -> float:
        """Look at one attachment: however many there are, none of them can hide that this thread is stuck."""
        look = self._look if self._look is not None else self._looks()
        self._look = None  # until this turn has gone well
        for _ in look:
            self._look = look
            return 0.0
        return self._seconds

    def _looks(self) -> Iterator[None]:
        """Look at every attachment once, at one for each step."""
        found = 0
        seen: set[RecordSince] = set()
        for node in self._nodes():
            _keep_room(node)
            for record in node.attachments.all():
                found += self._look_at(node, record, seen)
                yield
        self._seen = seen
        self.drifted = found

    def _look_at(self, node: Node, record: Record, seen: set[RecordSince]) -> bool:
        if not record.done:
            return False  # somebody is at work on it, or `recover` and GC are there for it
        try:
            return self._compared(node, record, seen)
        except Exception as failure:  # noqa: BLE001 - a store that is away is looked at again, and so is a bug
            self._told(Found(attachment=record.attachment, outcome="failed", failure=reason(failure)))
            return True

    def _compared(self, node: Node, record: Record, seen: set[RecordSince]) -> bool:
        key = record.key, record.since
        gone = is_gone(node, record)
        if not gone or key in self._seen:
            seen.add(key)
        leased = {lease.address for lease in node.ledger.of(record.attachment)}
        drifts = tuple(differences(node, record, leased))
        if not drifts:
            return False
        taken = cut_off(node, record.attachment, WHO)
        if taken is not None:
            self._told(Found(attachment=record.attachment, outcome="cut off", drifts=drifts, failure=why(taken)))
        elif self._repairing and key in seen:
            repair(node, record.attachment, Actor(who=WHO, why="drift", node=node.name))
            self._told(Found(attachment=record.attachment, outcome="repaired", drifts=drifts))
        else:
            self._told(Found(attachment=record.attachment, outcome="drifted", drifts=drifts))
        return True
