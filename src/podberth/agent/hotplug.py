"""Hot plug: a running pod has the networks that its annotation says by now, without a restart.

It is level-driven: each change of a pod, and each start of the agent, has the annotation compared with the record. So
nothing depends on which changes were heard of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.agent.due import Due
from podberth.catalogue import plugin_of
from podberth.cni.errors import CniError
from podberth.net.addresses import Addresses
from podberth.process.jitter import Backoff
from podberth.process.reason import reason
from podberth.verbs.hotplug import hot_plug

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from podberth.net.record import Record
    from podberth.process.reason import Reason
    from podberth.verbs.node import Node

LOOPS = 3  # pods whose networks are changed at once, each of another namespace: plugins that hang delay their own alone
_BACKOFF = Backoff(0.5, 60.0)  # seconds before what could not be done is tried again


class HotPlug:
    """Looks at pods that have changed. `nodes` opens the stores of meta plugins' calls, each for one use.

    `done` gets the pod, and the interfaces that went and came; `refused` why they could not, and the pod.
    """

    def __init__(
        self,
        nodes: Callable[[], Iterator[AbstractContextManager[Node]]],
        done: Callable[[Mapping[str, object]], None],
        refused: Callable[[Reason, Mapping[str, object]], object],
        failed: Callable[[Reason], object],
    ) -> None:
        self._nodes = nodes
        self._done, self._refused = done, refused
        self._tries: dict[tuple[str, str], int] = {}
        self._due: Due[tuple[str, str], None] = Due(
            "hot plug", self._looked_at, failed, loops=LOOPS, whose=lambda pod: pod[0]
        )
        self.start, self.stop = self._due.start, self._due.stop

    def look(self, namespace: str, name: str) -> None:
        """Look at the pod, soon."""
        self._due.put((namespace, name), None)

    def _looked_at(self, pod: tuple[str, str], _: None) -> None:
        """Change what is to be changed; what can't be done is tried again, later each time."""
        failure = ""
        for opened in self._nodes():
            with opened as node:
                for record in _of_pod(node, *pod):
                    failure = self._changed_record(node, record) or failure
        if not failure:
            self._tries.pop(pod, None)
            return
        self._tries[pod] = self._tries.get(pod, 0) + 1
        self._due.again(pod, None, _BACKOFF.pause(self._tries[pod]))

    def _changed_record(self, node: Node, record: Record) -> str:
        plugin = plugin_of(record.type)
        if plugin is None or plugin.ADDRESSES is not Addresses.CALLED:
            return ""
        try:
            done = hot_plug(node, record.key, plugin)
        except CniError as refused:
            self._refused(reason(refused), {"pod": str(record.pod)})
            return refused.message
        if done:
            self._done({"pod": str(record.pod), "interfaces": list(done)})
        return ""


def _of_pod(node: Node, namespace: str, name: str) -> list[Record]:
    if not node.stored():
        return []
    every = node.attachments.all()
    return [one for one in every if one.pod is not None and (one.pod.namespace, one.pod.name) == (namespace, name)]
