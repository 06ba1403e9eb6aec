"""The objects of API servers that meta plugins look up by name: followed, so that a call reads nothing.

Definitions are followed in all namespaces, pods of this node alone. What is not known here is asked of the server, as
by a plugin without an agent: a watch may be behind. IPAMClaims are asked for one by one: there may be as many as
pods in the cluster, and no watch carries the whole cluster to every node.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from podberth import objects
from podberth.net.seen import CLAIM, DEFINITION, POD
from podberth.networks.legs import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from podberth.kube.client import Object
    from podberth.kube.follow import Follower
    from podberth.net.seen import ObjectSought

NODE_NAME = "NODE_NAME"  # in an agent's pod, by the downward API; else the machine's own name


def node_name() -> str:
    """Return what an API server calls this node: as NODE_NAME says, else as the machine is called."""
    return os.environ.get(NODE_NAME) or os.uname().nodename


class Objects:
    """What is known of each API server that a call has named. Threads share it.

    `changed` is told the namespace and the name of each pod of this node that is new or has changed.
    """

    def __init__(self, changed: Callable[[str, str], None]) -> None:
        self._changed = changed
        self._guard = threading.Lock()
        self._known: dict[tuple[str, str], _Known] = {}

    def look(self, sought: ObjectSought) -> Mapping[str, object] | None:
        """Return the object, None if there is none of that name and UID. TryAgainLater if that can't be known."""
        if sought.kind == CLAIM:
            return objects.look(sought)
        known = self._of(sought.kubeconfig, sought.kind)
        found = known.find(sought)
        if found is None and sought.kind == DEFINITION and known.follower.synced.is_set():
            return None  # one that was made just now is there at the next try
        return found if found is not None else objects.look(sought)

    def follow(self, kubeconfig: str) -> None:
        """Follow an API server's pods and definitions, before any call names it."""
        for kind in (POD, DEFINITION):
            self._of(kubeconfig, kind)

    @property
    def followers(self) -> tuple[Follower, ...]:
        """Those that follow the API servers named so far."""
        with self._guard:
            return tuple(each.follower for each in self._known.values())

    def close(self) -> None:
        """Follow nothing more."""
        with self._guard:
            known, self._known = self._known, {}
        for each in known.values():
            each.follower.close()

    def _of(self, kubeconfig: str, kind: str) -> _Known:
        with self._guard:
            found = self._known.get((kubeconfig, kind))
            if found is None:
                found = self._known[kubeconfig, kind] = _Known(kubeconfig, kind, self._changed)
                found.follower.start()
            return found


class _Known:
    """The objects of one kind, by namespace and name (`kube.follow.Handler`)."""

    def __init__(self, kubeconfig: str, kind: str, changed: Callable[[str, str], None]) -> None:
        self._changed = changed if kind == POD else lambda *_: None
        self._there: dict[tuple[str, str], Object] = {}
        from podberth.kube.follow import Follower  # most nodes follow nothing

        fields = f"spec.nodeName={node_name()}" if kind == POD else ""
        self._part = definition if kind == DEFINITION else _whole
        self.follower = Follower(
            objects.client(kubeconfig), objects.resource_of(kind), self, fields=fields, part=self._part
        )

    def find(self, sought: ObjectSought) -> Object | None:
        """Return the object as it was heard of last; None if it is not known, or not with that UID."""
        found = self._there.get((sought.namespace, sought.name))
        if found is None or not self.follower.synced.is_set():
            return None
        return found if sought.uid in ("", found["metadata"]["uid"]) else None

    def replace(self, items: Sequence[Object], resource_version: str) -> None:
        """Take these as all there are."""
        del resource_version
        self._there = {_key(item): item for item in items}
        for item in items:
            self._tell(item)

    def change(self, kind: str, item: Object) -> None:
        """Take one change."""
        if kind == "DELETED":
            self._there.pop(_key(item), None)
        else:
            self._there[_key(item)] = self._part(item)
            self._tell(item)

    def _tell(self, item: Object) -> None:
        if not item["metadata"].get("deletionTimestamp"):  # a pod that goes keeps what it has
            self._changed(*_key(item))

    def reached(self, resource_version: str) -> None:
        """Take note of nothing: what is followed begins anew with each agent."""


def definition(item: Object) -> Object:
    """Return what is kept of a definition: of a text that is too long to be served no more than tells so.

    Each agent keeps those of the whole cluster, and tenants may write them.
    """
    about, spec = item["metadata"], item.get("spec") or {}
    names = ("namespace", "name", "uid", "resourceVersion", "annotations", "deletionTimestamp")
    config = spec.get("config") if isinstance(spec, dict) else None
    return {
        "metadata": {key: about[key] for key in names if key in about},
        "spec": {"config": config[: MOST_BYTES + 1]} if isinstance(config, str) else spec,
    }


def _whole(item: Object) -> Object:
    return item


def _key(item: Object) -> tuple[str, str]:
    return item["metadata"]["namespace"], item["metadata"]["name"]
