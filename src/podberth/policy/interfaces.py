"""The interfaces of which the operator's PodNetworks speak, found by the names of their pods. Pure.

One look-up takes the same time however many documents there are: a namespace may declare thousands.
"""

from __future__ import annotations

from podberth.cni.pod import PodRef
from podberth.ipam.owner import SUFFIX, deployment_of
from podberth.policy.podnetwork import PodNetwork

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TypeAlias

    from podberth.policy.documents import Document
    from podberth.policy.podnetwork import AttachmentPolicy

    Name: TypeAlias = tuple[str, str, str]  # what of, namespace, name

_POD, _SET, _DEPLOYMENT = "pod", "StatefulSet", "Deployment"
_REPLICA, _SHARER = "pod of a StatefulSet", "pod of a Deployment"
_SUFFIX = "2" * SUFFIX  # as a number the first ordinal by which a replica is called like a pod of a Deployment


class Interfaces:
    """Made of documents; the first one by name is what an interface is declared by."""

    def __init__(self, documents: Iterable[PodNetwork] = ()) -> None:
        self._by_name: dict[tuple[Name, str], dict[str | None, PodNetwork]] = {}
        for document in sorted(documents, key=lambda one: (one.namespace, one.name, one.source)):
            for policy in document.attachments:
                for name in _names(document):
                    networks = self._by_name.setdefault((name, policy.ifname), {})
                    networks.setdefault(policy.network, document)
                    networks.setdefault("", document)  # the first, of whatever network

    def declared(self, document: Document) -> Iterator[tuple[int, PodNetwork]]:
        """Yield the attachments of a document, by number, of whose interface these speak, and which one does.

        The interface is the same if a pod can be meant by both, and a network can.
        """
        body = document.body
        if isinstance(body, PodNetwork):
            for i, policy in enumerate(body.attachments):
                other = self._first(body, policy)
                if other is not None:
                    yield i, other

    def _first(self, body: PodNetwork, policy: AttachmentPolicy) -> PodNetwork | None:
        fitting = []
        for name in _asked(body):
            networks = self._by_name.get((name, policy.ifname), {})
            wanted = ("",) if policy.network is None else (policy.network, None)
            fitting += [networks[network] for network in wanted if network in networks]
        return min(fitting, key=lambda one: (one.namespace, one.name, one.source), default=None)


def _names(body: PodNetwork) -> Iterator[Name]:
    """Yield the names by which a document is found."""
    if body.pod is not None:
        yield from _of_pod(body, body.pod, _REPLICA, _SHARER)
    elif body.deployment is not None:
        yield _DEPLOYMENT, body.namespace, body.deployment
    else:
        yield from _of_set(body, str(body.stateful_set), _SHARER)


def _asked(body: PodNetwork) -> Iterator[Name]:
    """Yield the names of what may speak of the same pods."""
    if body.pod is not None:
        yield from _of_pod(body, body.pod, _SET, _DEPLOYMENT)
    elif body.deployment is not None:
        yield _DEPLOYMENT, body.namespace, body.deployment
        yield _SHARER, body.namespace, body.deployment
    else:
        yield from _of_set(body, str(body.stateful_set), _DEPLOYMENT)
        yield _REPLICA, body.namespace, str(body.stateful_set)


def _of_pod(body: PodNetwork, pod: str, of_set: str, of_deployment: str) -> Iterator[Name]:
    yield _POD, body.namespace, pod
    ref = PodRef(namespace=body.namespace, name=pod)
    head = pod.rpartition("-")[0]
    if PodNetwork(namespace=body.namespace, name="", stateful_set=head).ordinal(ref) is not None:
        yield of_set, body.namespace, head
    owner = deployment_of(ref)
    if owner is not None:
        yield of_deployment, body.namespace, owner.name.partition("/")[2]


def _of_set(body: PodNetwork, name: str, of_deployment: str) -> Iterator[Name]:
    yield _SET, body.namespace, name
    # A replica is called like a pod of a Deployment if its ordinal looks like a suffix: rare, and possible.
    each = (one for policy in body.attachments for one in policy.ordinals)
    last = max((one.start + len(one.addresses) - 1 for one in each), default=0)
    owner = deployment_of(PodRef(namespace=body.namespace, name=f"{name}-{_SUFFIX}"))
    if last >= int(_SUFFIX) and owner is not None:
        yield of_deployment, body.namespace, owner.name.partition("/")[2]
