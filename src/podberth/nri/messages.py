"""The messages of NRI and of ttrpc below it, as values: what a plugin for pods' networks reads and says. Pure.

Numbers and names are facts of the published interface (containerd/nri, pkg/api/api.proto, package
nri.pkg.api.v1alpha1; containerd/ttrpc, request.proto). Fields that nobody here reads are passed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from podberth.protobuf.wire import Message, encoded_bytes, encoded_number, encoded_text

PLUGIN, RUNTIME = "nri.pkg.api.v1alpha1.Plugin", "nri.pkg.api.v1alpha1.Runtime"
OK, UNKNOWN, UNIMPLEMENTED, UNAVAILABLE = 0, 2, 12, 14  # codes of google.rpc.Status


class Event(IntEnum):
    """Events of pods and containers that are of use here; every version of the interface has them."""

    RUN_POD_SANDBOX = 1
    STOP_POD_SANDBOX = 2
    REMOVE_POD_SANDBOX = 3
    CREATE_CONTAINER = 4


def mask(events: tuple[Event, ...]) -> int:
    """Return the bits that ask for the events. A runtime refuses a plugin that asks for one it does not know."""
    return sum(1 << event - 1 for event in events)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod's sandbox. `netns` is the path of its network namespace; '' if it is the node's, or was not told."""

    id: str
    namespace: str
    name: str
    uid: str
    netns: str = ""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @classmethod
    def read(cls, said: Message) -> Pod:
        """Read a PodSandbox."""
        namespaces = said.message(8).messages(5)
        found = [each.text(2) for each in namespaces if each.text(1) == "network"]
        return cls(
            id=said.text(1), name=said.text(2), uid=said.text(3), namespace=said.text(4), netns=(found or [""])[-1]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A call: of which service which method. `timeout`: nanoseconds until the caller gives up, 0 if it waits."""

    service: str
    method: str
    payload: bytes = b""
    timeout: int = 0

    @classmethod
    def read(cls, body: bytes) -> Request:
        """Read a Request of ttrpc. Malformed if it is none."""
        said = Message(body)
        return cls(service=said.text(1), method=said.text(2), payload=said.bytes(3), timeout=said.number(4))

    def encode(self) -> bytes:
        """Return it as bytes."""
        return (
            encoded_text(1, self.service)
            + encoded_text(2, self.method)
            + encoded_bytes(3, self.payload)
            + encoded_number(4, self.timeout)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer: a payload, or a code of google.rpc.Status with the message."""

    payload: bytes = b""
    code: int = OK
    message: str = ""

    @classmethod
    def read(cls, body: bytes) -> Response:
        """Read a Response of ttrpc. Malformed if it is none."""
        said = Message(body)
        status = said.message(1)
        return cls(payload=said.bytes(2), code=status.number(1), message=status.text(2))

    def encode(self) -> bytes:
        """Return it as bytes."""
        status = encoded_number(1, self.code) + encoded_text(2, self.message)
        return (encoded_bytes(1, status) if self.code else b"") + encoded_bytes(2, self.payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Which runtime configures the plugin. `patience`: milliseconds that it waits for an answer, 0 if not told."""

    name: str
    version: str
    patience: int = 0

    @classmethod
    def read(cls, payload: bytes) -> Runtime:
        """Read a ConfigureRequest."""
        said = Message(payload)
        return cls(name=said.text(2), version=said.text(3), patience=said.number(5))


def registration(name: str, index: str) -> Request:
    """Return the call by which a plugin makes itself known; `index`, 00 to 99, is its turn among all plugins."""
    payload = encoded_text(1, name) + encoded_text(2, index)
    return Request(service=RUNTIME, method="RegisterPlugin", payload=payload)


def configured(events: tuple[Event, ...]) -> bytes:
    """Return a ConfigureResponse: which events the plugin is to be told of."""
    return encoded_number(2, mask(events))


def synchronized(*, more: bool) -> bytes:
    """Return a SynchronizeResponse; `more` as the request had it, or the runtime takes this plugin for an old one."""
    return encoded_number(2, more)
