"""Events of a Kubernetes API (core/v1): what `kubectl describe` shows below a pod, or below an object of ours.

The same thing happening to the same object again counts the event up. Its name is made of what makes it the same, so
that a process which has just started, and knows of no earlier ones, counts on as well.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from podberth.kube.errors import AlreadyExists, NotFound
from podberth.kube.resources import EVENTS

if TYPE_CHECKING:
    from podberth.kube.client import Client, Object

NORMAL, WARNING = "Normal", "Warning"
MAX_MESSAGE = 1024  # bytes, as the server has it
_REMEMBERED = 4096  # events whose count is known without asking


class Recorder:
    """Posts events as `component` on `node`, in the thread that calls: one to three requests."""

    def __init__(self, client: Client, component: str, node: str) -> None:
        self._client = client
        self._component = component
        self._node = node
        self._lock = threading.Lock()
        self._counts: OrderedDict[tuple[str, str], int] = OrderedDict()

    def post(self, about: Object, kind: str, reason: str, message: str) -> None:
        """Say that `reason` (CamelCase) happened to an object. `kind`: NORMAL or WARNING. `message` may differ.

        `about` is the object, or as much of it as makes a reference: apiVersion, kind, metadata with name, namespace
        and uid. Raises what the client raises: an event is no reason to fail, so callers log that.
        """
        metadata = about["metadata"]
        regarding = {"apiVersion": about["apiVersion"], "kind": about["kind"], "name": metadata["name"]}
        regarding |= {key: metadata[key] for key in ("namespace", "uid") if metadata.get(key)}
        same = "\n".join((*regarding.values(), kind, reason, self._component, self._node))
        digest = hashlib.sha256(same.encode()).hexdigest()[:16]
        key = (f"{metadata['name'][:230]}.{digest}", metadata.get("namespace") or "default")
        said = message.encode()[:MAX_MESSAGE].decode(errors="ignore")
        with self._lock:
            count = self._counts.get(key)
        if count is None:
            count = self._first(key, regarding, kind, reason, said)
        else:
            count = self._again(key, count + 1, said) or self._first(key, regarding, kind, reason, said)
        with self._lock:
            self._counts[key] = count
            self._counts.move_to_end(key)
            if len(self._counts) > _REMEMBERED:
                self._counts.popitem(last=False)

    def _first(self, key: tuple[str, str], regarding: Object, kind: str, reason: str, message: str) -> int:
        now = _now()
        name, namespace = key
        event: Object = {
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": regarding,
            "type": kind,
            "reason": reason,
            "message": message,
            "source": {"component": self._component, "host": self._node},
            "reportingComponent": self._component,
            "reportingInstance": self._node,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        try:
            self._client.create(EVENTS, event, namespace)
        except AlreadyExists:
            count = int(self._client.get(EVENTS, name, namespace).get("count") or 1) + 1
            self._again(key, count, message)
            return count
        return 1

    def _again(self, key: tuple[str, str], count: int, message: str) -> int:
        """Count the event up; return 0 if the server has forgotten it (they last an hour)."""
        patch = {"count": count, "lastTimestamp": _now(), "message": message}
        try:
            self._client.merge_patch(EVENTS, key[0], patch, key[1])
        except NotFound:
            return 0
        return count


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: TID251 - for people to read
