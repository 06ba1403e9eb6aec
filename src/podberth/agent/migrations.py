"""Targets of live migrations on this node: each gets its address once its guest runs here, or its source has let go.

It is level-driven: what stands by is looked at every few seconds, and when its pod changes. So nothing depends on which
changes were heard of, and an agent that was killed half way has its next one end it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cni.errors import CniError
from podberth.cni.pod import Attachment
from podberth.net.ops import CallPlugins
from podberth.net.seen import POD, ObjectSought
from podberth.net.standby import held_back
from podberth.networks.claim import status_of
from podberth.networks.migration import arrived
from podberth.networks.settings import kubeconfig_of
from podberth.process.loop import WAIT, Loop
from podberth.process.reason import reason
from podberth.verbs.recorded import lessee
from podberth.verbs.standby import holders, open_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from podberth.net.outside import Outside
    from podberth.net.record import Record
    from podberth.networks.claim import ClaimStatus
    from podberth.process.reason import Reason
    from podberth.verbs.node import Node

    Nodes = Callable[[], Iterator[AbstractContextManager[Node]]]

SOON = 2.0  # seconds between two looks while something stands by


class Migrations:
    """`calls` opens the stores of meta plugins' calls, `nodes` those of addresses, each for one use.

    `look` finds a pod. `show` has a claim's status written. `moved` gets what has come here, `failed` what could not.
    """

    def __init__(
        self, calls: Nodes, nodes: Nodes, look: Callable[[ObjectSought], Mapping[str, object] | None],
        show: Callable[[str, ClaimStatus], None], moved: Callable[[Mapping[str, object]], None],
        failed: Callable[[Reason], object],
    ) -> None:  # fmt: skip
        self._calls, self._nodes = calls, nodes
        self._look, self._show = look, show
        self._moved, self._failed = moved, failed
        self._waiting: frozenset[tuple[str, str]] = frozenset()  # pods that stand by
        self._shown: set[CallPlugins] = set()
        self._told = ""
        self._loop = Loop("migrations", self._turn, failed)

    def start(self) -> None:
        """Begin, with what an agent before has left."""
        self._loop.start()

    def stop(self, seconds: float) -> None:
        """End, after what is under way, but for at most so long."""
        self._loop.end(seconds)

    def expect(self) -> None:
        """Look now: a pod stands by since just now."""
        self._loop.wake()

    def changed(self, namespace: str, name: str) -> None:
        """Look now, if the pod stands by."""
        if (namespace, name) in self._waiting:
            self._loop.wake()

    def _turn(self) -> float:
        waiting: set[tuple[str, str]] = set()
        there: set[CallPlugins] = set()
        for opened in self._calls():
            with opened as node:
                records = node.attachments.all() if node.stored() else ()
                targets = [(record, op, node.host.outside) for record in records for op in _standing(record)]
                for record, op, outside in targets:
                    assert record.pod is not None
                    there.add(op)
                    if self._stands_by(record, op):
                        waiting.add((record.pod.namespace, record.pod.name))
                    elif op not in self._shown:
                        self._shown.add(op)
                        self._show_claim(record, op, outside)
        self._shown &= there
        self._waiting = frozenset(waiting)
        return SOON if waiting else WAIT

    def _show_claim(self, record: Record, op: CallPlugins, outside: Outside) -> None:
        assert record.pod is not None
        try:
            status = status_of(op, outside.answered(op), record.pod)
        except CniError as failure:  # its result is not remembered any more: the next ADD says it
            self._tell(reason(failure).within(f"{record.pod} {op.ifname}"))
            return
        if status is not None:
            self._show(_kubeconfig(record), status)

    def _stands_by(self, record: Record, op: CallPlugins) -> bool:
        """Move the leg's address here if it is time to; say whether it stands by still."""
        leg = Attachment(network=op.network, container_id=op.container_id, ifname=op.ifname)
        for opened in self._nodes():
            with opened as node:
                found = lessee(node, leg) if node.stored() else None
                if found is None or not held_back(found.steps):
                    continue
                try:
                    why = self._why(node, record, found)
                    addresses = open_up(node, leg, why) if why else ()
                except CniError as failure:
                    self._tell(reason(failure).within(f"{record.pod} {op.ifname}"))
                    return True
                if not addresses:
                    return True
                self._moved({"pod": str(record.pod), "interface": op.ifname, "addresses": list(map(str, addresses))})
        return False

    def _why(self, node: Node, record: Record, leg: Record) -> str:
        """Return why the address is to come here now; '' if it is not."""
        assert record.pod is not None
        sought = ObjectSought(
            kubeconfig=_kubeconfig(record), kind=POD, namespace=record.pod.namespace, name=record.pod.name,
            uid=record.pod.uid,
        )  # fmt: skip
        pod = self._look(sought)
        if pod is None:
            return ""  # it is gone, and its DEL comes
        if since := arrived(pod):
            return f"its guest runs here since {since}"
        return "" if holders(node, leg) else "its source has let go of it"

    def _tell(self, why: Reason) -> None:
        if why != self._told:
            self._told = why
            self._failed(why)


def _standing(record: Record) -> Iterator[CallPlugins]:
    """Yield the calls of a record for legs that may stand by."""
    if record.pod is not None and record.done:
        for step in record.steps:
            if isinstance(step.op, CallPlugins) and step.op.standby:
                yield step.op


def _kubeconfig(record: Record) -> str:
    return kubeconfig_of(record.fields)
