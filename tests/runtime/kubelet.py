"""kubelet's side of a DRA driver, as strict as kubelet: what that refuses, or gives up, this does too.

Its messages are compiled from kubelet.proto, so the driver's own encoding is not compared with itself.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

from tests.runtime.health import Watching
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Mapping

_HERE = Path(__file__).parent
VERSIONS = {"v1.DRAPlugin": "v1", "v1beta1.DRAPlugin": "v1beta1"}
SECONDS = 45  # kubelet's bound for either call


class Unprepared(Exception):
    """The driver has answered that a claim can't be prepared, or taken back; the text goes into the pod's events."""


class Kubelet:
    """A kubelet with the folder `root`, speaking one version of the interface."""

    def __init__(self, root: Path, version: str = "v1.DRAPlugin") -> None:
        self.root, self.version = root, version
        self._classes = _compiled()
        self._endpoint = ""
        self._channels: list[grpc.Channel] = []

    def register(self) -> dict[str, Any]:
        """Find the driver's socket as the plugin watcher does, and take the driver; return what it says of itself."""
        folder = self.root / "plugins_registry"
        until(lambda: folder.is_dir() and any(folder.glob("*.sock")), "no driver wants to be registered")
        (socket,) = folder.glob("*.sock")
        info = until(lambda: self._info(str(socket)), "the driver's socket is one that nobody listens on")
        assert info["type"] == "DRAPlugin"
        assert info["name"] == info["name"].lower()
        assert len(info["name"]) <= 63
        assert self.version in info["supported_versions"]
        assert Path(info["endpoint"]).is_socket()
        status = {"plugin_registered": True}
        method = "pluginregistration.Registration/NotifyRegistrationStatus"
        self._call(str(socket), method, "RegistrationStatus", status, "InfoRequest")
        self._endpoint = info["endpoint"]
        return info

    def prepare(self, claim: Mapping[str, Any]) -> list[str]:
        """Have a claim prepared; return the names of CDI for the runtime. Unprepared with the driver's words."""
        answer = self._asked("NodePrepareResources", "PreparedResponse", claim)
        if answer.get("error"):
            raise Unprepared(answer["error"])
        allocated = {each["device"]: each for each in claim["status"]["allocation"]["devices"]["results"]}
        names = []
        for device in answer.get("devices", []):
            result = allocated.pop(device["device_name"])
            assert device["pool_name"] == result["pool"]
            assert device["request_names"] == [result["request"]]
            names += device.get("cdi_device_ids", [])
        assert not allocated, "devices of the claim were not prepared"
        return names

    def unprepare(self, claim: Mapping[str, Any]) -> None:
        """Have a claim taken back. Unprepared with the driver's words."""
        answer = self._asked("NodeUnprepareResources", "UnpreparedResponse", claim)
        if answer.get("error"):
            raise Unprepared(answer["error"])

    def watch(self, service: str = "v1.DRAResourceHealth") -> Watching:
        """Hear of the devices' health, by a service that the driver has said it has; its name is as kubelet knows it.

        kubelet 1.37 asks for v1 where it is offered, and else for v1alpha1, which is all that 1.34 to 1.36 know.
        """
        channel = grpc.insecure_channel(f"unix:{self._endpoint}", options=[("grpc.default_authority", "localhost")])
        self._channels.append(channel)
        ask = channel.unary_stream(
            f"/{service}/NodeWatchResources",
            request_serializer=self._classes["InfoRequest"].SerializeToString,
            response_deserializer=self._classes["WatchedResponse"].FromString,
        )
        return Watching(lambda: ask(self._classes["InfoRequest"]()))

    def close(self) -> None:
        """Close the connections."""
        for channel in self._channels:
            channel.close()

    def _info(self, socket: str) -> dict[str, Any]:
        """Ask who the driver is; nothing of a socket whose driver was killed, which is tried again."""
        try:
            return self._call(socket, "pluginregistration.Registration/GetInfo", "InfoRequest", {}, "PluginInfo")
        except grpc.RpcError as away:
            if away.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
            return {}

    def _asked(self, method: str, answering: str, claim: Mapping[str, Any]) -> dict[str, Any]:
        about = claim["metadata"]
        said = {key: about[key] for key in ("namespace", "uid", "name")}
        service = f"k8s.io.kubelet.pkg.apis.dra.{VERSIONS[self.version]}.DRAPlugin"
        answer = self._call(self._endpoint, f"{service}/{method}", "ClaimsRequest", {"claims": [said]}, answering)
        assert set(answer["claims"]) == {about["uid"]}, "every claim of a request, and no other, has an answer"
        return dict(answer["claims"][about["uid"]])

    def _call(self, socket: str, method: str, asking: str, said: Mapping[str, Any], answering: str) -> dict[str, Any]:
        channel = grpc.insecure_channel(f"unix:{socket}", options=[("grpc.default_authority", "localhost")])
        self._channels.append(channel)
        send = channel.unary_unary(
            f"/{method}",
            request_serializer=self._classes[asking].SerializeToString,
            response_deserializer=self._classes[answering].FromString,
        )
        answer = send(json_format.ParseDict(said, self._classes[asking]()), timeout=SECONDS)
        return dict(json_format.MessageToDict(answer, preserving_proto_field_name=True))


def _compiled() -> dict[str, Any]:
    with TemporaryDirectory(prefix="podberth-kubelet-") as folder:
        out = Path(folder, "kubelet.bin")
        arguments = [f"-I{_HERE}", f"--descriptor_set_out={out}", "kubelet.proto"]
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *arguments], check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file
    pool = descriptor_pool.DescriptorPool()
    for file in files:
        pool.Add(file)
    found = pool.FindFileByName("kubelet.proto").message_types_by_name
    return {name: message_factory.GetMessageClass(each) for name, each in found.items()}
