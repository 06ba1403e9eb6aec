"""The Container Runtime Interface, as far as cri.proto has it: requests and answers are plain JSON objects."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

if TYPE_CHECKING:
    from collections.abc import Mapping

_HERE = Path(__file__).parent
_PACKAGE = "runtime.v1"


class Refused(Exception):
    """The runtime refused a call; the text is its message, as kubelet would show it in an event."""


class Cri:
    """A client of one runtime's socket; safe to use from several threads."""

    def __init__(self, socket: Path) -> None:
        self._pool = _compile()
        # Hardly any backoff: a runtime that has just been started soon answers.
        self._channel = grpc.insecure_channel(f"unix://{socket}", options=[("grpc.max_reconnect_backoff_ms", 500)])

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def call(
        self, method: str, request: Mapping[str, object] | None = None, *, service: str = "RuntimeService"
    ) -> dict[str, Any]:
        """Call the runtime and return its answer; Refused with its message if it is an error."""
        found = self._pool.FindServiceByName(f"{_PACKAGE}.{service}").FindMethodByName(method)
        asking = message_factory.GetMessageClass(found.input_type)
        answering = message_factory.GetMessageClass(found.output_type)
        send = self._channel.unary_unary(
            f"/{_PACKAGE}.{service}/{method}",
            request_serializer=asking.SerializeToString,
            response_deserializer=answering.FromString,
        )
        message = json_format.ParseDict(request or {}, asking())
        try:
            answer = send(message, timeout=300, wait_for_ready=True)
        except grpc.RpcError as error:
            raise Refused(error.details()) from error
        return dict(json_format.MessageToDict(answer, preserving_proto_field_name=True))


def _compile() -> Any:
    """Compile cri.proto; return a pool of its descriptors."""
    with TemporaryDirectory(prefix="podberth-cri-") as folder:
        out = Path(folder, "cri.bin")
        command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{_HERE}", f"--descriptor_set_out={out}", "cri.proto"]
        subprocess.run(command, check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file
    pool = descriptor_pool.DescriptorPool()
    for file in files:
        pool.Add(file)
    return pool
