"""Asking the kubelet which devices it has given to which pod: PodResources v1, else the file that it keeps for itself.

A connection is made for each question: the socket is another after each start of the kubelet.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc

from podberth.cni.errors import TryAgainLater
from podberth.devices import checkpoint, messages
from podberth.devices.allocations import MOST_BYTES, of_answer, proven
from podberth.devices.checkpoint import ROOT
from podberth.process.reason import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from podberth.devices.health import Allocated

_SERVICE = "/v1.PodResourcesLister"
# A path in the place of a host's name is no name that every server of Go takes.
OPTIONS = (
    ("grpc.default_authority", "localhost"),
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", MOST_BYTES),
)
_OF_ONE, _OF_ALL = 5.0, 10.0  # seconds
# What a kubelet answers that has no Get, has it switched off, or does not find the pod by it.
_NOT_BY_GET = (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.UNKNOWN, grpc.StatusCode.NOT_FOUND)


class Kubelet:
    """The kubelet of this node, whose folder is `root`."""

    def __init__(self, root: str = ROOT) -> None:
        self._socket = f"{root}/pod-resources/kubelet.sock"
        self._root = root

    def of_pod(self, namespace: str, name: str, uid: str) -> tuple[Allocated, ...]:
        """Return the devices of one pod, by container and address.

        TryAgainLater if the kubelet can't be asked, and its file does not know the UID; or if they contradict.
        """
        try:
            said = self._said(namespace, name)
            kept = checkpoint.kept(self._root)  # after the answer, so that it is no older
        except grpc.RpcError as failure:
            kept = checkpoint.kept(self._root)
            said = tuple(each for each in kept or () if uid and each.uid == uid)
            if not said:
                raise TryAgainLater(
                    f"the kubelet does not say which devices {namespace}/{name} has: {reason(failure)}",
                    f"is it running, and {self._socket} to be seen from here? the runtime tries again",
                ) from None
        return proven(said, kept, f"{namespace}/{name}", uid)

    def every(self) -> tuple[Allocated, ...] | None:
        """Return the devices of all pods; None if the kubelet can't be asked."""
        try:
            return self._list()
        except grpc.RpcError:
            return None

    def _said(self, namespace: str, name: str) -> tuple[Allocated, ...]:
        try:
            with self._asking("Get", messages.GetPodResourcesRequest, messages.GetPodResourcesResponse) as ask:
                found = ask(messages.GetPodResourcesRequest(pod_name=name, pod_namespace=namespace), timeout=_OF_ONE)
            return _read([found.pod_resources])
        except grpc.RpcError as failure:
            if failure.code() not in _NOT_BY_GET:
                raise
        return tuple(each for each in self._list() if (each.namespace, each.name) == (namespace, name))

    def _list(self) -> tuple[Allocated, ...]:
        with self._asking("List", messages.ListPodResourcesRequest, messages.ListPodResourcesResponse) as ask:
            return _read(ask(messages.ListPodResourcesRequest(), timeout=_OF_ALL).pod_resources)

    @contextmanager
    def _asking(self, method: str, request: Any, response: Any) -> Iterator[Callable[..., Any]]:
        with grpc.insecure_channel(f"unix:{self._socket}", options=OPTIONS) as channel:
            yield channel.unary_unary(
                f"{_SERVICE}/{method}",
                request_serializer=request.SerializeToString,
                response_deserializer=response.FromString,
            )


def _read(pods: Any) -> tuple[Allocated, ...]:
    return of_answer(
        (pod.namespace, pod.name, [(box.name, [(each.resource_name, each.device_ids) for each in box.devices])
                                   for box in pod.containers])
        for pod in pods
    )  # fmt: skip
