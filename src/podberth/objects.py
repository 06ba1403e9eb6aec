"""Pods and networks' definitions as an API server has them, for plugins that look them up by name.

A process that stays follows them (`podberth.agent.objects`): then `look` is answered from what is known here, and asks
the server only for what is not.
"""

from __future__ import annotations

from threading import Lock

from podberth.cni.errors import CniError, TryAgainLater
from podberth.kube.errors import NotFound
from podberth.net.seen import DEFINITION, POD
from podberth.process.log import notice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from podberth.cni.pod import PodRef
    from podberth.kube.client import Client
    from podberth.kube.resources import Resource
    from podberth.net.seen import ObjectSought

_clients: dict[tuple[str, str], Client] = {}
_guard = Lock()


def look(sought: ObjectSought) -> Mapping[str, object] | None:
    """Return the object, None if there is none of that name and UID. TryAgainLater if the server can't be asked."""
    try:
        found = client(sought.kubeconfig).get(resource_of(sought.kind), sought.name, sought.namespace)
    except NotFound:
        return None
    except CniError as away:
        raise TryAgainLater(
            f"{sought.kind} {sought.namespace}/{sought.name}: {away.message}", away.details or "the runtime tries again"
        ) from away
    if sought.uid and found["metadata"]["uid"] != sought.uid:
        return None
    return found


def annotate(kubeconfig: str, pod: PodRef, text: str) -> None:
    """Write a pod's network-status, unless another has the name by now. Raises a CniError if that can't be done."""
    from podberth.kube.resources import PODS
    from podberth.networks.status import STATUS

    # A static pod's own UID is a hash, and the API server's mirror of it has another.
    same = {"uid": pod.uid} if "-" in pod.uid else {}
    body = {"metadata": {"annotations": {STATUS: text}, **same}}
    client(kubeconfig).merge_patch(PODS, pod.name, body, pod.namespace, subresource="status")


def try_to_annotate(kubeconfig: str, pod: PodRef, text: str) -> None:
    """Do the same where nobody can try again: the pod has its networks all the same."""
    try:
        annotate(kubeconfig, pod, text)
    except CniError as failure:
        notice(f"network-status of {pod}: {failure.message}")


def client(kubeconfig: str, context: str = "") -> Client:
    """Return the client of a kubeconfig's API server, made once."""
    with _guard:
        if (kubeconfig, context) not in _clients:
            from podberth.kube.client import Client
            from podberth.kube.config import load

            _clients[kubeconfig, context] = Client(load(kubeconfig, context))
        return _clients[kubeconfig, context]


def resource_of(kind: str) -> Resource:
    """Return the resource of a kind, POD or DEFINITION."""
    from podberth.kube.resources import NETWORK_ATTACHMENTS, PODS

    return {POD: PODS, DEFINITION: NETWORK_ATTACHMENTS}[kind]
