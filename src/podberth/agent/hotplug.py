"""Hot plug: a running pod has the networks that its annotation says by now, without a restart.

It is level-driven: each change of a pod, and each start of the agent, has the annotation compared with the record. So
nothing depends on which changes were heard of.
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING

from podberth.catalogue import plugin_of
from podberth.cni.errors import CniError
from podberth.net.addresses import Addresses
from podberth.process.jitter import Backoff
from podberth.process.loop import WAIT, Loop
from podberth.verbs.hotplug import hot_plug

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from podberth.net.record import Record
    from podberth.verbs.node import Node

_BACKOFF = Backoff(0.5, 60.0)  # seconds before what could not be done is tried again


class HotPlug:
    """A loop that looks at pods that have changed. `nodes` opens the stores of meta plugins' calls, each for one use.

    `done` gets the pod, and the interfaces that went and came; `refused` why they could not.
    """

    def __init__(
        self,
        nodes: Callable[[], Iterator[AbstractContextManager[Node]]],
        done: Callable[[Mapping[str, object]], None],
        refused: Callable[[Mapping[str, object]], None],
        failed: Callable[[str], None],
    ) -> None:
        self._nodes = nodes
        self._done, self._refused = done, refused
        self._changed = threading.Condition()
        self._due: dict[tuple[str, str], float] = {}  # when a pod is to be looked at, by the monotonic clock
        self._tries: dict[tuple[str, str], int] = {}
        self._loop = Loop("hot plug", self._turn, failed)

    def start(self) -> None:
        """Begin."""
        self._loop.start()

    def stop(self, seconds: float) -> None:
        """End, after the pod that is being looked at, but for at most so long."""
        self._loop.stop()
        with self._changed:
            self._changed.notify()
        self._loop.join(seconds)

    def look(self, namespace: str, name: str) -> None:
        """Look at the pod, soon."""
        with self._changed:
            self._due[namespace, name] = monotonic()
            self._changed.notify()

    def _turn(self) -> float:
        with self._changed:
            wait = min(min(self._due.values(), default=monotonic() + WAIT) - monotonic(), WAIT)
            if wait > 0 and not self._loop.stopping:
                self._changed.wait(wait)
            now = monotonic()
            ready = [pod for pod, due in self._due.items() if due <= now][:1]
            for pod in ready:
                del self._due[pod]
        for pod in ready:
            self._looked_at(*pod)
        return 0.0

    def _looked_at(self, namespace: str, name: str) -> None:
        """Change what is to be changed; what can't be done is tried again, later each time."""
        failure = ""
        for opened in self._nodes():
            with opened as node:
                for record in _of_pod(node, namespace, name):
                    failure = self._changed_record(node, record) or failure
        with self._changed:
            if not failure:
                self._tries.pop((namespace, name), None)
                return
            tries = self._tries[namespace, name] = self._tries.get((namespace, name), 0) + 1
            self._due.setdefault((namespace, name), monotonic() + _BACKOFF.pause(tries))

    def _changed_record(self, node: Node, record: Record) -> str:
        plugin = plugin_of(record.type)
        if plugin is None or plugin.ADDRESSES is not Addresses.CALLED:
            return ""
        try:
            done = hot_plug(node, record.key, plugin)
        except CniError as refused:
            self._refused({"pod": str(record.pod), "message": refused.message, "details": refused.details})
            return refused.message
        if done:
            self._done({"pod": str(record.pod), "interfaces": list(done)})
        return ""


def _of_pod(node: Node, namespace: str, name: str) -> list[Record]:
    if not node.stored():
        return []
    every = node.attachments.all()
    return [one for one in every if one.pod is not None and (one.pod.namespace, one.pod.name) == (namespace, name)]
