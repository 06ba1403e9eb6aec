"""Pods and nodes as watches tell of them, kept small: what `facts` has of each, by name."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from podberth.controller.facts import Facts, Node, Pod, read_node, read_pod
from podberth.kube.follow import Follower
from podberth.kube.resources import NODES, PODS
from podberth.kube.watch import DELETED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from podberth.kube.client import Client, Object

T = TypeVar("T")


class Watched:
    """The pods and nodes of a cluster, followed by two threads."""

    def __init__(self, client: Client) -> None:
        self._pods: Index[Pod] = Index(read_pod)
        self._nodes: Index[Node] = Index(read_node)
        self._followers = Follower(client, PODS, self._pods), Follower(client, NODES, self._nodes)

    @property
    def trouble(self) -> str:
        """Why they are not heard of just now; '' if they are."""
        for follower in self._followers:
            if follower.trouble or not follower.synced.is_set():
                return follower.trouble or "pods and nodes were not heard of yet"
        return ""

    @property
    def silences(self) -> dict[str, float]:
        """For how long (seconds) the server has said nothing, not even a bookmark, by resource."""
        return {follower.plural: follower.silence for follower in self._followers}

    def start(self) -> None:
        """Begin to follow."""
        for follower in self._followers:
            follower.start()

    def close(self) -> None:
        """End."""
        for follower in self._followers:
            follower.close()

    def facts(self) -> Facts:
        """Return what was told so far."""
        nodes = {name: node for (_, name), node in self._nodes.all().items()}
        return Facts(pods=self._pods.all(), nodes=nodes)


class Index(Generic[T]):
    """What `read` makes of each object of a collection, by namespace and name (`kube.follow.Handler`)."""

    def __init__(self, read: Callable[[Mapping[str, Any]], T]) -> None:
        self._read = read
        self._guard = threading.Lock()
        self._found: dict[tuple[str, str], T] = {}

    def all(self) -> dict[tuple[str, str], T]:
        """Return all of it, as it is now."""
        with self._guard:
            return dict(self._found)

    def replace(self, items: Sequence[Object], resource_version: str) -> None:  # noqa: ARG002
        """Take `items` as all there is."""
        found = {_key(item): self._read(item) for item in items}
        with self._guard:
            self._found = found

    def change(self, kind: str, item: Object) -> None:
        """Take one change."""
        with self._guard:
            if kind == DELETED:
                self._found.pop(_key(item), None)
            else:
                self._found[_key(item)] = self._read(item)

    def reached(self, resource_version: str) -> None:
        """Nothing is kept over a restart."""


def _key(item: Object) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]
