"""Labels of this node, of a pod and of its namespace: from a file of the state directory, or from the Kubernetes API.

    {"node": {"topology.kubernetes.io/zone": "a"}, "kubernetes": {"kubeconfig": "/etc/podberth/kubeconfig"}}

The file `labels.json` says either, or both; `node` goes before the API. Where the ledger is in the Kubernetes API, that
is asked without the file. Labels that can't be known are an error and never "no labels".
"""

from __future__ import annotations

import os

from podberth.cni import parsers, strictjson
from podberth.cni.errors import CniError, InvalidConfig, Refused, TryAgainLater
from podberth.cni.fields import Fields, shown
from podberth.cni.labels_document import match_labels
from podberth.cni.value import value
from podberth.stores.chosen import KUBERNETES, chosen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from podberth.cni.pod import PodRef
    from podberth.kube.client import Client
    from podberth.kube.resources import Resource

FILE = "labels.json"
_MOST = 64 * 1024  # bytes
_NODE, _NAMESPACE = "Node", "Namespace"


@value
class Source:
    """Where labels are from. `node`: the node's own, None if the API has them. `kubeconfig`: None where no API is."""

    node: tuple[tuple[str, str], ...] | None = None
    kubeconfig: str | None = None
    context: str = ""


def source(directory: str) -> Source:
    """Return what a state directory says. InvalidConfig names the file and the field."""
    path = os.path.join(directory, FILE)
    try:
        with open(path, "rb") as stream:
            data = stream.read(_MOST + 1)
    except (FileNotFoundError, NotADirectoryError):
        said = Source()
    except OSError as wrong:
        raise InvalidConfig(f"{path}: can't be read: {wrong.strerror}", "make it readable for root") from None
    else:
        said = _parse(Fields(strictjson.loads(data, path, InvalidConfig, most=_MOST), path))
    if said.kubeconfig is not None:
        return said
    store = chosen(directory)
    if store.store != KUBERNETES:
        return said
    return Source(node=said.node, kubeconfig=store.kubernetes.kubeconfig, context=store.kubernetes.context)


def labels(directory: str, node: str, kind: str, pod: PodRef | None) -> Mapping[str, str]:
    """Return the labels of the node ('Node'), of a pod ('Pod') or of its namespace ('Namespace').

    TryAgainLater if the API server can't be asked, or knows no such thing yet; Refused if nothing says where it is.
    """
    said = source(directory)
    if kind == _NODE and said.node is not None:
        return dict(said.node)
    about = f"{kind} {node if kind == _NODE else pod.namespace if pod and kind == _NAMESPACE else pod}"
    if said.kubeconfig is None:
        raise Refused(
            f"the labels of {about} are not known: this node's ledger is not in a Kubernetes API",
            f"write {os.path.join(directory, FILE)} with `node`, the node's labels, or `kubernetes`, where the API is",
        )
    resource, namespace, name = _object(kind, node, pod)
    try:
        found = _client(said).get(resource, name, namespace)
        return _labels(found, pod if kind not in (_NODE, _NAMESPACE) else None)
    except CniError as away:
        raise TryAgainLater(
            f"the labels of {about} are not known: {away.message}", away.details or "the runtime tries again"
        ) from away


def _parse(fields: Fields) -> Source:
    fields.only(("node", "kubernetes"))
    own, api = fields.child("node"), fields.child("kubernetes")
    if own is None and api is None:
        raise fields.fail("node", "nothing is said", "say `node` or `kubernetes`, or delete the file")
    if api is not None:
        api.only(("kubeconfig", "context"))
    return Source(
        node=match_labels(own) if own is not None else None,
        kubeconfig=api.get("kubeconfig", parsers.absolute_path, "") if api is not None else None,
        context=api.get("context", parsers.text, "") if api is not None else "",
    )


def _client(said: Source) -> Client:
    from podberth.objects import client

    return client(said.kubeconfig or "", said.context)


def _object(kind: str, node: str, pod: PodRef | None) -> tuple[Resource, str, str]:
    from podberth.kube.resources import NAMESPACES, NODES, PODS

    if kind == _NODE:
        return NODES, "", node
    assert pod is not None
    return (NAMESPACES, "", pod.namespace) if kind == _NAMESPACE else (PODS, pod.namespace, pod.name)


def _labels(found: Mapping[str, Any], pod: PodRef | None) -> Mapping[str, str]:
    """Return an object's labels. TryAgainLater if it is another pod of the name."""
    metadata = found.get("metadata") or {}
    if pod is not None and pod.api_uid not in ("", metadata.get("uid")):
        raise TryAgainLater(
            f"the API server has another pod of that name: {shown(metadata.get('uid'))}",
            "this one is gone",
        )
    said = metadata.get("labels") or {}
    return {str(key): str(text) for key, text in said.items()} if isinstance(said, dict) else {}
