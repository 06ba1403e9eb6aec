"""A plugin's side of one connection with a runtime: bytes in, calls out, answers as bytes. No I/O.

    connected --RegisterPlugin--> Configure, Synchronize (in pages), then events, until the socket ends

A runtime of NRI 0.8, as containerd 2.1, tells of pods by StateChange; a later one has a method for each event. Both are
served. All events that are asked for are of every version: a runtime refuses a plugin that asks for one it lacks.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from podberth.nri.frames import DATA, REQUEST, RESPONSE, BadFrame, Decoder, Frame, encode
from podberth.nri.messages import (
    OK,
    PLUGIN,
    UNAVAILABLE,
    UNIMPLEMENTED,
    UNKNOWN,
    Event,
    Pod,
    Request,
    Response,
    Runtime,
    configured,
    registration,
    synchronized,
)
from podberth.protobuf.wire import Malformed, Message

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVED, CALLED = 1, 2  # connections in the socket: of the plugin's service, and of the runtime's
MOST_PODS = 10_000  # that one node's runtime may tell of; kubelet's bound is far below
_FIRST = 1  # the stream of a client's first call


class NotTaken(Exception):
    """The runtime does not take this plugin."""


class Kind(StrEnum):
    """What a runtime tells of."""

    CONFIGURED = "configured"
    SYNCHRONIZED = "synchronized"
    RUN = "RunPodSandbox"
    STOP = "StopPodSandbox"
    REMOVE = "RemovePodSandbox"
    CREATE = "CreateContainer"
    SHUTDOWN = "Shutdown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One call of the runtime. `stream` is what its answer belongs to, None if that was given already.

    `pods`: all there are where it is SYNCHRONIZED, else the one. `runtime`: of CONFIGURED.
    """

    kind: Kind
    stream: int | None = None
    pods: tuple[Pod, ...] = ()
    runtime: Runtime | None = None


_STATES = {Event.RUN_POD_SANDBOX: Kind.RUN, Event.STOP_POD_SANDBOX: Kind.STOP, Event.REMOVE_POD_SANDBOX: Kind.REMOVE}
_EVENTS = tuple(Event)
_OF_A_POD = (Kind.RUN, Kind.STOP, Kind.REMOVE, Kind.CREATE)


class Session:
    """The protocol of one connection. `index` is the plugin's place among those of a node, 00 to 99."""

    def __init__(self, name: str, index: str) -> None:
        self._name, self._index = name, index
        self._decoder = Decoder()
        self._pods: list[Pod] = []  # of pages so far
        self._answers: list[bytes] = []
        self.registered = False

    def begin(self) -> bytes:
        """Return the bytes to send first."""
        asked = registration(self._name, self._index).encode()
        return encode(Frame(connection=CALLED, stream=_FIRST, type=REQUEST, body=asked))

    def receive(self, received: bytes) -> tuple[bytes, tuple[Told, ...]]:
        """Take bytes in pieces of any size; return what to send at once, and the calls that are to be served.

        BadFrame or Malformed if they are not of this protocol, NotTaken if the runtime won't have the plugin: then the
        connection is of no use any more.
        """
        told = tuple(call for frame in self._decoder.feed(received, (SERVED, CALLED)) for call in self._taken(frame))
        answers, self._answers = b"".join(self._answers), []
        return answers, told

    def answer(self, call: Told, failure: str = "") -> bytes:
        """Return the answer to a call, an error if there is a `failure`; nothing if it was answered already."""
        if call.stream is None:
            return b""
        if failure:
            return _response(call.stream, Response(code=UNKNOWN, message=failure))
        return _response(
            call.stream, Response(payload=synchronized(more=False) if call.kind is Kind.SYNCHRONIZED else b"")
        )

    def busy(self, call: Told) -> bytes:
        """Return the answer that there is too much to do."""
        assert call.stream is not None
        return _response(call.stream, Response(code=UNAVAILABLE, message="too many calls at a time"))

    def _taken(self, frame: Frame) -> Iterator[Told]:
        if frame.connection == CALLED:
            self._registered(frame)
            return
        if frame.type != REQUEST:
            raise BadFrame(f"type {frame.type} on the connection of a service, {REQUEST} is a request ({DATA} is data)")
        request = Request.read(frame.body)
        call = self._read(frame.stream, request) if request.service == PLUGIN else None
        if call is None:
            said = f"{request.service}/{request.method}: there is no such method"
            self._answers.append(_response(frame.stream, Response(code=UNIMPLEMENTED, message=said)))
        elif call is not _DONE:
            yield call

    def _registered(self, frame: Frame) -> None:
        if frame.type != RESPONSE or frame.stream != _FIRST or self.registered:
            raise BadFrame(f"an answer of type {frame.type} to call {frame.stream}, which was never made")
        response = Response.read(frame.body)
        if response.code != OK:
            raise NotTaken(f"the runtime does not register the plugin {self._name}: {response.message}")
        self.registered = True

    def _read(self, stream: int, request: Request) -> Told | None:
        """Return the call; None for a method there is not, `_DONE` if nothing is left to do for it."""
        if request.method == "Configure":
            self._answers.append(_response(stream, Response(payload=configured(_EVENTS))))
            return Told(kind=Kind.CONFIGURED, runtime=Runtime.read(request.payload))
        if request.method == "Synchronize":
            return self._page(stream, Message(request.payload))
        if request.method == "StateChange":
            return self._state(stream, Message(request.payload))
        if request.method == Kind.SHUTDOWN:
            return Told(kind=Kind.SHUTDOWN, stream=stream)
        if request.method in _OF_A_POD:
            pod = Pod.read(Message(request.payload).message(1))
            return Told(kind=Kind(request.method), stream=stream, pods=(pod,))
        return None

    def _page(self, stream: int, page: Message) -> Told:
        """Take a page of pods; the last one has the plugin look at all of them."""
        self._pods += map(Pod.read, page.messages(1))
        if len(self._pods) > MOST_PODS:
            raise Malformed(f"over {MOST_PODS} pods on one node")
        if page.number(3):
            self._answers.append(_response(stream, Response(payload=synchronized(more=True))))
            return _DONE
        pods, self._pods = tuple(self._pods), []
        return Told(kind=Kind.SYNCHRONIZED, stream=stream, pods=pods)

    def _state(self, stream: int, event: Message) -> Told:
        """Take what older runtimes tell of pods; of others nothing was asked, and there is nothing to do."""
        kind = _STATES.get(event.number(1))  # type: ignore[call-overload]
        if kind is None:
            self._answers.append(_response(stream, Response()))
            return _DONE
        return Told(kind=kind, stream=stream, pods=(Pod.read(event.message(2)),))


_DONE = Told(kind=Kind.SHUTDOWN)


def _response(stream: int, response: Response) -> bytes:
    return encode(Frame(connection=SERVED, stream=stream, type=RESPONSE, body=response.encode()))
