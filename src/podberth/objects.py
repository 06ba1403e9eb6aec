"""Pods and networks' definitions as an API server has them, for plugins that look them up by name.

A process that stays follows them (`podberth.agent.objects`): then `look` is answered from what is known here, and asks
the server only for what is not.
"""

from __future__ import annotations

from threading import Lock

from podberth.cni.errors import CniError, TryAgainLater
from podberth.kube.errors import NotFound
from podberth.net.seen import CLAIM, DEFINITION, POD
from podberth.process.log import notice
from podberth.process.reason import reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from podberth.cni.pod import PodRef
    from podberth.kube.client import Client
    from podberth.kube.resources import Resource
    from podberth.net.seen import ObjectSought
    from podberth.networks.claim import ClaimStatus

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

    same = {"uid": pod.api_uid} if pod.api_uid else {}
    body = {"metadata": {"annotations": {STATUS: text}, **same}}
    client(kubeconfig).merge_patch(PODS, pod.name, body, pod.namespace, subresource="status")


def try_to_annotate(kubeconfig: str, pod: PodRef, text: str) -> None:
    """Do the same where nobody can try again: the pod has its networks all the same."""
    try:
        annotate(kubeconfig, pod, text)
    except CniError as failure:
        notice(reason(failure).within(f"network-status of {pod}"))


def show_claim(kubeconfig: str, status: ClaimStatus) -> None:
    """Write the status of an IPAMClaim, unless another has the name by now. Raises a CniError if that can't be done."""
    from podberth.kube.resources import IPAM_CLAIMS

    body = {"metadata": {"uid": status.uid}, "status": status.form}
    client(kubeconfig).merge_patch(IPAM_CLAIMS, status.name, body, status.namespace, subresource="status")


def try_to_show_claim(kubeconfig: str, status: ClaimStatus) -> None:
    """Do the same where nobody can try again: the ledger keeps the address all the same."""
    try:
        show_claim(kubeconfig, status)
    except CniError as failure:
        notice(reason(failure).within(f"status of IPAMClaim {status.namespace}/{status.name}"))


def claim_is_gone(kubeconfig: str, namespace: str, name: str, uid: str) -> bool:
    """Say whether an IPAMClaim was deleted: another has its name, or none has.

    A server that does not have the custom resource says the same of each name: that it is gone is not known then.
    TryAgainLater if it can't be known.
    """
    from podberth.kube.resources import IPAM_CLAIMS

    api = client(kubeconfig)
    try:
        return bool(api.get(IPAM_CLAIMS, name, namespace)["metadata"]["uid"] != uid)
    except NotFound:
        pass
    except CniError as away:
        raise TryAgainLater(f"IPAMClaim {namespace}/{name}: {away.message}", away.details) from away
    try:
        found = api.list(IPAM_CLAIMS, namespace, fields=f"metadata.name={name}").items
    except CniError as away:
        raise TryAgainLater(f"IPAMClaims of {namespace}: {away.message}", away.details) from away
    return all(one["metadata"]["uid"] != uid for one in found)


def client(kubeconfig: str, context: str = "") -> Client:
    """Return the client of a kubeconfig's API server, made once."""
    with _guard:
        if (kubeconfig, context) not in _clients:
            from podberth.kube.client import Client
            from podberth.kube.config import load

            _clients[kubeconfig, context] = Client(load(kubeconfig, context))
        return _clients[kubeconfig, context]


def resource_of(kind: str) -> Resource:
    """Return the resource of a kind, POD, DEFINITION or CLAIM."""
    from podberth.kube.resources import IPAM_CLAIMS, NETWORK_ATTACHMENTS, PODS

    return {POD: PODS, DEFINITION: NETWORK_ATTACHMENTS, CLAIM: IPAM_CLAIMS}[kind]
