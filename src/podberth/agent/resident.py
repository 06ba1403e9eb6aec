"""What the agent keeps between calls: the stores that calls have named, and what is still to be done in them."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from podberth.agent.finisher import Finisher
from podberth.agent.trace import Trace, Traced
from podberth.cni.value import replace
from podberth.entry import Kept, handle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from podberth.agent.frame import Call
    from podberth.cni.errors import CniError
    from podberth.cni.pod import Attachment
    from podberth.net.ops import Address
    from podberth.verbs.node import Node


class Resident:
    """The nodes this agent serves, by the directory of their store. Threads share it.

    `moved` is told which addresses have moved to other nodes of a cluster.
    """

    def __init__(
        self, told: Callable[[Attachment, CniError], None], moved: Callable[[frozenset[Address]], None]
    ) -> None:
        self._kept = Kept(moved)
        self.finisher = Finisher(self.node, told)

    @property
    def directories(self) -> tuple[str, ...]:
        """The stores that were used so far."""
        return self._kept.directories

    def node(self, directory: str, given: Mapping[str, int] | None = None) -> Node:
        """Return the node whose store is in `directory`, for one use; its host is to be closed."""
        return replace(self._kept.node(directory, given), later=partial(self.finisher.add, directory))

    def close(self) -> None:
        """End what runs for the stores."""
        self._kept.close()

    def serve(self, call: Call, netns: int, trace: Trace) -> tuple[int, str]:
        """Serve one call; `netns` is a descriptor of the namespace at CNI_NETNS, or -1. It becomes this call's own."""
        given = {call.env.get("CNI_NETNS", ""): netns} if netns >= 0 else {}

        def connect(directory: str) -> Node:
            node = self.node(directory, dict(given))
            given.clear()  # they are the host's now
            return replace(node, host=Traced(node.host, trace))

        try:
            # What another IPAM plugin is called with besides: it is no business of the shim's.
            env = {**call.env, "PATH": os.environ.get("PATH", os.defpath)}
            return handle(env, call.stdin, call.plugin_type, connect)
        finally:
            for descriptor in given.values():
                os.close(descriptor)
