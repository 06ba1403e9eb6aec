"""A device plugin of one resource (device plugin v1beta1): its socket, its stream of devices, and its answers.

What is answered is decided elsewhere. A plugin is served on a socket of its own, told to the kubelet, and served anew
when the kubelet has started anew: that has removed the socket.
"""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING, Any, Protocol

import grpc

from podberth.cni.errors import CniError, TryAgainLater
from podberth.devices import messages
from podberth.devices.kubelet import OPTIONS
from podberth.process.errand import Errands
from podberth.process.reason import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from podberth.devices.answer import Answer
    from podberth.devices.health import Device

VERSION = "v1beta1"
KUBELET = "kubelet.sock"
OWN, ENDING = "podberth-", ".sock"  # of the names of podberth's sockets
_CALLS = 16  # at once; a stream is one for as long as it lasts
_PATIENCE = 10.0  # seconds that a registration, or the end of a server, may take
_SERVICE = "v1beta1.DevicePlugin"


class Giving(Protocol):
    """Who decides what a resource's devices are given for."""

    def allocate(self, resource: str, containers: Sequence[Sequence[str]]) -> Sequence[Answer]:
        """Return what each container gets with its devices. A CniError if it can't have them."""
        ...

    def prefer(self, resource: str, available: Sequence[str], must: Sequence[str], size: int) -> Sequence[str]:
        """Return which of the available devices a container had best get."""
        ...


class Plugin:
    """The plugin of one resource, in the kubelet's folder. `topology`: the kubelet is told the NUMA nodes."""

    def __init__(self, folder: Path, resource: str, giving: Giving, *, topology: bool = True) -> None:
        self.resource = resource
        self.socket = OWN + hashlib.sha256(resource.encode()).hexdigest()[:16] + ENDING  # a path has 107 bytes at most
        self._folder, self._giving, self._topology = folder, giving, topology
        self._changed = threading.Condition()
        self._devices: tuple[Device, ...] = ()
        self._edition = 0
        self._server: grpc.Server | None = None
        self._registered = ""

    @property
    def registered(self) -> bool:
        """Whether the kubelet that runs now knows of the socket, as it is now."""
        return bool(self._registered) and self._registered == self._ids()

    def show(self, devices: Sequence[Device]) -> None:
        """Have the kubelet be told these devices, whole."""
        with self._changed:
            if tuple(devices) != self._devices:
                self._devices = tuple(devices)
                self._edition += 1
                self._changed.notify_all()

    def serve(self) -> None:
        """Serve the plugin anew, and tell the kubelet. TryAgainLater if that does not take it."""
        self.stop()
        if not self._folder.is_dir():
            raise TryAgainLater(
                f"no kubelet has a folder {self._folder}: --kubelet names the folder of this node's",
                "start the kubelet, or name its folder",
            )
        server = grpc.server(
            Errands(),
            maximum_concurrent_rpcs=_CALLS,
            options=(("grpc.so_reuseport", 0),),
        )
        server.add_generic_rpc_handlers((self._handlers(),))
        path = self._folder / self.socket
        try:
            server.add_insecure_port(f"unix:{path}")
        except RuntimeError as refused:
            raise TryAgainLater(f"{path}: {refused}", "is the kubelet's folder there, and to be written?") from None
        server.start()
        with self._changed:
            self._server = server
        self._register()

    def stop(self) -> None:
        """Serve no more: the kubelet takes all devices for lost."""
        with self._changed:
            server, self._server, self._registered = self._server, None, ""
            self._changed.notify_all()
        if server is not None:
            server.stop(0.1).wait(_PATIENCE)

    def _register(self) -> None:
        before = self._ids()
        request = messages.RegisterRequest(
            version=VERSION, endpoint=self.socket, resource_name=self.resource,
            options={"get_preferred_allocation_available": True},
        )  # fmt: skip
        kubelet = self._folder / KUBELET
        try:
            with grpc.insecure_channel(f"unix:{kubelet}", options=OPTIONS) as channel:
                register = channel.unary_unary(
                    "/v1beta1.Registration/Register",
                    request_serializer=messages.RegisterRequest.SerializeToString,
                    response_deserializer=messages.Empty.FromString,
                )
                register(request, timeout=_PATIENCE)
        except grpc.RpcError as refused:
            raise TryAgainLater(
                f"{self.resource}: the kubelet does not take it: {reason(refused)}", "it is tried again"
            ) from None
        self._registered = before

    def _ids(self) -> str:
        """Return what tells the kubelet's socket and the plugin's from others at their paths; '' if one is away."""
        try:
            found = [(self._folder / name).stat() for name in (KUBELET, self.socket)]
        except OSError:
            return ""
        return " ".join(f"{at.st_dev}:{at.st_ino}:{at.st_ctime_ns}" for at in found)

    def _handlers(self) -> Any:
        def unary(method: Callable[..., Any], request: Any, response: Any) -> Any:
            return grpc.unary_unary_rpc_method_handler(
                method, request_deserializer=request.FromString, response_serializer=response.SerializeToString
            )

        return grpc.method_handlers_generic_handler(
            _SERVICE,
            {
                "GetDevicePluginOptions": unary(_options, messages.Empty, messages.DevicePluginOptions),
                "ListAndWatch": grpc.unary_stream_rpc_method_handler(
                    self._list_and_watch,
                    request_deserializer=messages.Empty.FromString,
                    response_serializer=messages.ListAndWatchResponse.SerializeToString,
                ),
                "Allocate": unary(self._allocate, messages.AllocateRequest, messages.AllocateResponse),
                "GetPreferredAllocation": unary(
                    self._prefer, messages.PreferredAllocationRequest, messages.PreferredAllocationResponse
                ),
                "PreStartContainer": unary(
                    lambda _request, _context: messages.PreStartContainerResponse(),
                    messages.PreStartContainerRequest, messages.PreStartContainerResponse,
                ),
            },
        )  # fmt: skip

    def _list_and_watch(self, _request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        """Yield the whole list, at once and at each change, until the kubelet goes or the plugin is stopped."""
        told, server = -1, self._server
        context.add_callback(self._wake)
        while True:
            with self._changed:
                while self._edition == told and context.is_active() and self._server is server:
                    self._changed.wait(30.0)
                if not context.is_active() or self._server is not server:
                    return
                told, devices = self._edition, self._devices
            yield messages.ListAndWatchResponse(devices=[self._shown(each) for each in devices])

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _shown(self, device: Device) -> dict[str, object]:
        shown: dict[str, object] = {"ID": device.id, "health": "Healthy" if device.healthy else "Unhealthy"}
        if self._topology and device.numa >= 0:
            shown["topology"] = {"nodes": [{"ID": device.numa}]}
        return shown

    def _allocate(self, request: Any, context: grpc.ServicerContext) -> Any:
        containers = [list(each.devices_ids) for each in request.container_requests]
        try:
            answers = self._giving.allocate(self.resource, containers)
        except CniError as refused:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{refused.message}; {refused.details}")
        return messages.AllocateResponse(container_responses=[_answered(each) for each in answers])

    def _prefer(self, request: Any, _context: grpc.ServicerContext) -> Any:
        return messages.PreferredAllocationResponse(
            container_responses=[
                {
                    "deviceIDs": self._giving.prefer(
                        self.resource, each.available_deviceIDs, each.must_include_deviceIDs, each.allocation_size
                    )
                }
                for each in request.container_requests
            ]
        )


def _options(_request: Any, _context: grpc.ServicerContext) -> Any:
    return messages.DevicePluginOptions(get_preferred_allocation_available=True)


def _answered(answer: Answer) -> dict[str, object]:
    return {
        "envs": dict(answer.variables),
        "devices": [{"container_path": node, "host_path": node, "permissions": "rw"} for node in answer.nodes],
        "cdi_devices": [{"name": name} for name in answer.cdi],
    }
