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
from podberth.agent.definitions import Definitions
from podberth.net.seen import CLAIM, DEFINITION, POD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

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
        self._pods: dict[str, _Pods] = {}  # by kubeconfig
        self._definitions: dict[str, _Definitions] = {}

    def look(self, sought: ObjectSought) -> Mapping[str, object] | None:
        """Return the object, None if there is none of that name and UID. TryAgainLater if that can't be known.

        Refused for a definition of a namespace that has more of them than are kept (`definitions`).
        """
        if sought.kind == CLAIM:
            return objects.look(sought)
        if sought.kind == DEFINITION:
            definitions = self._definitions_of(sought.kubeconfig)
            found = definitions.find(sought)
            if found is None and definitions.absent(sought.namespace):
                return None  # one that was made just now is there at the next try
        else:
            found = self._pods_of(sought.kubeconfig).find(sought)
        return found if found is not None else objects.look(sought)

    def follow(self, kubeconfig: str) -> None:
        """Follow an API server's pods and definitions, before any call names it."""
        self._pods_of(kubeconfig)
        self._definitions_of(kubeconfig)

    def close(self) -> None:
        """Follow nothing more."""
        with self._guard:
            followers = [each.follower for each in self._pods.values()]
            followers += [each.follower for each in self._definitions.values()]
            self._pods, self._definitions = {}, {}
        for each in followers:
            each.close()

    @property
    def definitions(self) -> tuple[int, int] | None:
        """How many definitions are kept, and how many are left out; None if none are followed."""
        with self._guard:
            kept = [each.kept for each in self._definitions.values()]
        return (sum(map(len, kept)), sum(each.left_out for each in kept)) if kept else None

    def _pods_of(self, kubeconfig: str) -> _Pods:
        with self._guard:
            if kubeconfig not in self._pods:
                self._pods[kubeconfig] = _Pods(kubeconfig, self._changed)
                self._pods[kubeconfig].follower.start()
            return self._pods[kubeconfig]

    def _definitions_of(self, kubeconfig: str) -> _Definitions:
        with self._guard:
            if kubeconfig not in self._definitions:
                self._definitions[kubeconfig] = _Definitions(kubeconfig)
                self._definitions[kubeconfig].follower.start()
            return self._definitions[kubeconfig]


class _Pods:
    """The pods of this node, by namespace and name (`kube.follow.Handler`)."""

    def __init__(self, kubeconfig: str, changed: Callable[[str, str], None]) -> None:
        self._changed = changed
        self._there: dict[tuple[str, str], Object] = {}
        from podberth.kube.follow import Follower  # most nodes follow nothing

        fields = f"spec.nodeName={node_name()}"
        self.follower = Follower(objects.client(kubeconfig), objects.resource_of(POD), self, fields=fields)

    def find(self, sought: ObjectSought) -> Object | None:
        """Return the object as it was heard of last; None if it is not known, or not with that UID."""
        return _same(self._there.get((sought.namespace, sought.name)), sought, self.follower)

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
            self._there[_key(item)] = item
            self._tell(item)

    def _tell(self, item: Object) -> None:
        if not item["metadata"].get("deletionTimestamp"):  # a pod that goes keeps what it has
            self._changed(*_key(item))

    def reached(self, resource_version: str) -> None:
        """Take note of nothing: what is followed begins anew with each agent."""


class _Definitions:
    """The definitions of the cluster, as far as they are kept (`kube.follow.Handler`)."""

    def __init__(self, kubeconfig: str) -> None:
        self.kept = self._listed = Definitions()
        from podberth.kube.follow import Follower  # most nodes follow nothing

        client, resource = objects.client(kubeconfig), objects.resource_of(DEFINITION)
        self.follower = Follower(client, resource, self, kept=self._bounded)

    def find(self, sought: ObjectSought) -> Object | None:
        """Return the object as it was heard of last; None if it is not known, or not with that UID."""
        return _same(self.kept.find(sought.namespace, sought.name), sought, self.follower)

    def absent(self, namespace: str) -> bool:
        """Say whether what is not found of a namespace is not there. Refused if it has more than are kept."""
        return self.follower.synced.is_set() and self.kept.known(namespace)

    def _bounded(self, items: Iterable[Object]) -> Sequence[Object]:
        """Take what is listed, one by one: a list of very many is never there at once."""
        self._listed = Definitions(items)
        return ()

    def replace(self, items: Sequence[Object], resource_version: str) -> None:
        """Take what was listed as all there is."""
        del items, resource_version
        self.kept, self._listed = self._listed, Definitions()

    def change(self, kind: str, item: Object) -> None:
        """Take one change."""
        if kind == "DELETED":
            self.kept.remove(item)
        else:
            self.kept.put(item, new=kind == "ADDED")

    def reached(self, resource_version: str) -> None:
        """Take note of nothing: what is followed begins anew with each agent."""


def _same(found: Object | None, sought: ObjectSought, follower: Follower) -> Object | None:
    if found is None or not follower.synced.is_set():
        return None
    return found if sought.uid in ("", found["metadata"]["uid"]) else None


def _key(item: Object) -> tuple[str, str]:
    return item["metadata"]["namespace"], item["metadata"]["name"]
