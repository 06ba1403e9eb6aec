"""What the controller knows of pods and nodes, as values, and how it is read from their objects. Pure.

What a watch has told may be old: it says whom to look at. Before anything ends, the API is asked anew (`effects`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podberth.cni.value import value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    Name: TypeAlias = tuple[str, str]  # namespace, name

OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
# A static pod has the UID of its file, its mirror in the API another (kubelet, "mirror pod").
_OF_FILES = ("kubernetes.io/config.mirror", "kubernetes.io/config.hash")


@value
class Pod:
    """A pod object, in whatever phase: while there is one, it is not gone. `uids`: those a runtime may know it by."""

    uids: frozenset[str]


@value
class Node:
    """`fenced`: whoever tainted it out-of-service says that nothing runs there."""

    ready: bool
    fenced: bool


@value
class Facts:
    """What is known now: `pods` by namespace and name, `nodes` by name."""

    pods: Mapping[Name, Pod]
    nodes: Mapping[str, Node]

    def has(self, namespace: str, name: str, uid: str) -> bool:
        """Say whether there is a pod of that name and UID."""
        pod = self.pods.get((namespace, name))
        return pod is not None and uid in pod.uids


def read_pod(found: Mapping[str, Any]) -> Pod:
    """Return the pod that the object is."""
    metadata = found["metadata"]
    annotations = metadata.get("annotations") or {}
    named = (annotations[key] for key in _OF_FILES if annotations.get(key))
    return Pod(uids=frozenset((metadata["uid"], *named)))


def read_node(found: Mapping[str, Any]) -> Node:
    """Return the node that the object is."""
    conditions = (found.get("status") or {}).get("conditions") or ()
    taints = (found.get("spec") or {}).get("taints") or ()
    return Node(
        ready=any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions),
        fenced=any(one.get("key") == OUT_OF_SERVICE for one in taints),
    )
