"""A kubelet of devices alone, as strict as the real one: registration, streams, allocation, PodResources, checkpoint.

What it does is what pkg/kubelet/cm/devicemanager does (Kubernetes 1.20 to 1.36). Where that leaves an order to luck, it
draws lots.
"""

from __future__ import annotations

import json
import random
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc

from podberth.devices import messages as m
from tests.image.devices.kubelets import NAMESPACE, Started, Unscheduled
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_RESOURCE = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_OPTIONS = (("grpc.default_authority", "localhost"), ("grpc.use_local_subchannel_pool", 1))


@dataclass
class Endpoint:
    """A plugin that has registered, and what it says of its devices; `wrong` is what it says that no plugin may."""

    channel: grpc.Channel
    options: Any
    devices: dict[str, str] = field(default_factory=dict)
    numa: dict[str, list[int]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    alive: bool = True
    told: int = 0  # how often it has


class FakeKubelet:
    """One kubelet; `get`: whether it has PodResources' Get. Its pods are of one namespace."""

    def __init__(self, root: Path, *, get: bool = True, namespace: str = NAMESPACE) -> None:
        self.root, self._get, self._namespace = root, get, namespace
        self._folder = root / "device-plugins"
        self._changed = threading.Condition()
        self._endpoints: dict[str, Endpoint] = {}
        self._pods: dict[str, Started] = {}
        self._server: Any = None
        self._of_pods: Any = None
        self._uids = 0
        for each in ("device-plugins", "pod-resources"):
            (root / each).mkdir(parents=True, exist_ok=True)
        self._start()

    def close(self) -> None:
        """End it; nothing of it is left but its files."""
        for endpoint in self._endpoints.values():
            endpoint.channel.close()
        for server in (self._server, self._of_pods):
            server.stop(0).wait(PATIENCE)

    def restart(self) -> None:
        """Start it anew: it removes all sockets, forgets all plugins, and knows from its checkpoint who has what."""
        self.close()
        self._endpoints = {}
        for each in self._folder.iterdir():
            if each.is_socket():
                each.unlink()
        self._start()

    def forget(self) -> None:
        """Do nothing: `healthy` says what is so."""

    def serves(self, resource: str) -> bool:
        """Say whether a plugin of the resource is there, and has said which devices there are."""
        endpoint = self._endpoints.get(resource)
        return endpoint is not None and endpoint.alive and endpoint.told > 0

    def healthy(self, resource: str) -> set[str]:
        """Return the devices that it counts; empty for a resource that nobody serves."""
        endpoint = self._endpoints.get(resource)
        if endpoint is None or not endpoint.alive:
            return set()
        assert endpoint.wrong == []
        return {each for each, health in endpoint.devices.items() if health == "Healthy"}

    def start_pod(self, name: str, resource: str, count: int = 1, uid: str = "") -> Started:
        """Start a pod that asks for so many devices. Unscheduled with the reason if it is not admitted."""
        endpoint = self._endpoints.get(resource)
        taken = {device for pod in self._pods.values() for device in pod.devices}
        free = sorted(self.healthy(resource) - taken)
        if endpoint is None or len(free) < count:
            raise Unscheduled(f"requested number of devices unavailable for {resource}: {count}, free {len(free)}")
        chosen = self._chosen(endpoint, free, count)
        try:
            answered = self._call(endpoint, "Allocate", m.AllocateRequest, m.AllocateResponse)(
                m.AllocateRequest(container_requests=[{"devices_ids": chosen}]), timeout=PATIENCE
            )
        except grpc.RpcError as refused:
            raise Unscheduled(str(refused)) from refused
        (given,) = answered.container_responses
        self._uids += 1
        made = Started(
            name=name,
            uid=uid or f"uid-{self._uids}",
            devices=frozenset(chosen),
            variables=dict(given.envs),
            resource=resource,
        )
        self._pods[name] = made
        self._keep(resource)
        return made

    def end_pod(self, pod: Started) -> None:
        """Have the pod end: its devices are free, whatever else of it is left."""
        del self._pods[pod.name]

    def _start(self) -> None:
        self._server = _served(
            self._folder / "kubelet.sock",
            grpc.method_handlers_generic_handler(
                "v1beta1.Registration", {"Register": _unary(self._register, m.RegisterRequest, m.Empty)}
            ),
        )
        methods = {"List": _unary(self._list, m.ListPodResourcesRequest, m.ListPodResourcesResponse)}
        if self._get:
            methods["Get"] = _unary(self._get_one, m.GetPodResourcesRequest, m.GetPodResourcesResponse)
        self._of_pods = _served(
            self.root / "pod-resources" / "kubelet.sock",
            grpc.method_handlers_generic_handler("v1.PodResourcesLister", methods),
        )

    def _register(self, request: Any, context: grpc.ServicerContext) -> Any:
        if request.version != "v1beta1":
            context.abort(grpc.StatusCode.UNKNOWN, f"requested API version {request.version!r} is not supported")
        if not _RESOURCE.fullmatch(request.resource_name) or "kubernetes.io/" in request.resource_name:
            context.abort(grpc.StatusCode.UNKNOWN, f"the ResourceName {request.resource_name!r} is invalid")
        if "/" in request.endpoint or not (self._folder / request.endpoint).is_socket():
            context.abort(grpc.StatusCode.UNKNOWN, f"no socket {request.endpoint!r}")
        threading.Thread(target=self._run, args=(request,), daemon=True).start()
        return m.Empty()

    def _run(self, request: Any) -> None:
        channel = grpc.insecure_channel(f"unix:{self._folder / request.endpoint}", options=_OPTIONS)
        made = Endpoint(channel=channel, options=request.options)
        found = self._call(made, "GetDevicePluginOptions", m.Empty, m.DevicePluginOptions)(m.Empty(), timeout=PATIENCE)
        assert found == request.options
        old = self._endpoints.get(request.resource_name)
        self._endpoints[request.resource_name] = made
        if old is not None:
            old.channel.close()
        stream = channel.unary_stream(
            "/v1beta1.DevicePlugin/ListAndWatch",
            request_serializer=m.Empty.SerializeToString,
            response_deserializer=m.ListAndWatchResponse.FromString,
        )
        try:
            for answer in stream(m.Empty()):
                made.wrong += _wrong(answer.devices)
                made.devices = {each.ID: each.health for each in answer.devices}
                made.told += 1
                made.numa = {each.ID: [node.ID for node in each.topology.nodes] for each in answer.devices}
        except (grpc.RpcError, ValueError):
            pass  # the plugin has gone, or this kubelet
        made.alive = False

    def _chosen(self, endpoint: Endpoint, free: list[str], count: int) -> list[str]:
        lots = random.sample(free, len(free))
        if not endpoint.options.get_preferred_allocation_available:
            return lots[:count]
        prefer = self._call(
            endpoint, "GetPreferredAllocation", m.PreferredAllocationRequest, m.PreferredAllocationResponse
        )
        asked = {"available_deviceIDs": lots, "must_include_deviceIDs": [], "allocation_size": count}
        (answer,) = prefer(
            m.PreferredAllocationRequest(container_requests=[asked]), timeout=PATIENCE
        ).container_responses
        assert len(set(answer.deviceIDs)) == len(answer.deviceIDs) == count
        assert set(answer.deviceIDs) <= set(free)
        return random.sample(list(answer.deviceIDs), count)

    def _call(self, endpoint: Endpoint, method: str, request: Any, response: Any) -> Any:
        return endpoint.channel.unary_unary(
            f"/v1beta1.DevicePlugin/{method}",
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )

    def _list(self, _request: Any, _context: grpc.ServicerContext) -> Any:
        return m.ListPodResourcesResponse(pod_resources=[self._said(pod) for pod in self._pods.values()])

    def _get_one(self, request: Any, context: grpc.ServicerContext) -> Any:
        found = self._pods.get(request.pod_name)
        if request.pod_namespace != self._namespace or found is None:
            context.abort(grpc.StatusCode.UNKNOWN, f"pod {request.pod_name} not found")
        assert found is not None
        return m.GetPodResourcesResponse(pod_resources=self._said(found))

    def _said(self, pod: Started) -> dict[str, object]:
        given = {"resource_name": pod.resource, "device_ids": random.sample(sorted(pod.devices), len(pod.devices))}
        containers = [{"name": "main", "devices": [given]}]
        return {"name": pod.name, "namespace": self._namespace, "containers": containers}

    def _keep(self, resource: str) -> None:
        entries = [
            {
                "PodUID": pod.uid,
                "ContainerName": "main",
                "ResourceName": resource,
                "DeviceIDs": {"0": sorted(pod.devices)},
                "AllocResp": "",
            }
            for pod in self._pods.values()
        ]
        data = {"PodDeviceEntries": entries, "RegisteredDevices": {resource: sorted(self.healthy(resource))}}
        new = self._folder / ".kubelet_internal_checkpoint"
        new.write_text(json.dumps({"Data": data, "Checksum": 1}))
        new.rename(self._folder / "kubelet_internal_checkpoint")


def _wrong(devices: Iterable[Any]) -> list[str]:
    """Return what no plugin may say of its devices."""
    listed = list(devices)
    ids = [each.ID for each in listed]
    found = [f"{each!r} is no ID" for each in ids if not 1 <= len(each) <= 63]
    found += [f"{each!r} is there twice" for each in set(ids) if ids.count(each) > 1]
    return found + [f"{each.health!r} is no health" for each in listed if each.health not in ("Healthy", "Unhealthy")]


def _unary(method: Any, request: Any, response: Any) -> Any:
    return grpc.unary_unary_rpc_method_handler(
        method, request_deserializer=request.FromString, response_serializer=response.SerializeToString
    )


def _served(socket: Path, handler: Any) -> Any:
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((handler,))
    server.add_insecure_port(f"unix:{socket}")
    server.start()
    until(socket.is_socket, f"no socket at {socket}")
    return server
