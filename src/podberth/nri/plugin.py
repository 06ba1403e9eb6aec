"""The plugin as a part of a process: a loop that stays connected with the runtime, and serves what it tells.

The runtime closes the connection of a plugin that is too slow (two seconds, by default) and goes on without it. So the
loop connects again whenever the socket ends: a pod that was missed meanwhile is in the next Synchronize.
"""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Protocol

from podberth.cni.errors import TryAgainLater
from podberth.nri.frames import BadFrame
from podberth.nri.session import Kind, NotTaken, Session
from podberth.process.errand import Errand
from podberth.process.loop import WAIT, Loop, report
from podberth.process.reason import reason
from podberth.protobuf.wire import Malformed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from podberth.nri.messages import Pod, Runtime
    from podberth.nri.session import Told
    from podberth.process.reason import Reason

SOCKET = "/var/run/nri/nri.sock"
NAME, INDEX = "podberth", "05"  # early: other plugins may look at the pod's links
MOST = 64  # calls at a time: a runtime makes one after another, but for those it has given up
_PIECE = 1 << 16


class Pods(Protocol):
    """What is to be done about pods. Whatever a method raises is the answer that the runtime gets."""

    def synchronize(self, pods: tuple[Pod, ...]) -> None:
        """Look after all pods there are; more were never told of, or have gone."""
        ...

    def run(self, pod: Pod) -> None:
        """Give a pod what it needs before its containers.

        An error has containerd 2.1 forget the sandbox, whose processes stay: keep the containers from starting instead.
        """
        ...

    def stop(self, pod: Pod) -> None:
        """Take from a pod what must not go with its namespace; the runtime goes on, whatever this raises."""
        ...

    def remove(self, pod: Pod) -> None:
        """Forget the sandbox, which has gone."""
        ...

    def create(self, pod: Pod) -> None:
        """Look at the pod of a container that is to be created; an error keeps the container from that."""
        ...


class Plugin:
    """Tells `pods` of a runtime's pods, each call in a thread of its own.

    `heard` is told of a runtime that has taken the plugin, `failed` why there is none, or which call has failed.
    `patience`: seconds after which a runtime that takes no answer is left, to be connected with anew.
    """

    def __init__(
        self, path: Path, pods: Pods, heard: Callable[[Runtime], None], failed: Callable[[Reason], object],
        patience: float = WAIT,
    ) -> None:  # fmt: skip
        self._path, self._pods, self._heard, self._failed = path, pods, heard, failed
        self._patience = patience
        self._sending = threading.Lock()
        self._socket: socket.socket | None = None
        self._session = Session(NAME, INDEX)
        self._room = threading.BoundedSemaphore(MOST)
        self._loop = Loop("nri", self._turn, failed)

    @property
    def connected(self) -> bool:
        """Whether a runtime has taken the plugin, and the connection stands."""
        return self._socket is not None and self._session.registered

    def start(self) -> None:
        """Begin to look for the runtime."""
        self._loop.start()

    def stop(self, seconds: float) -> None:
        """Leave the runtime, after what is under way, but for at most so long."""
        self._loop.stop()
        peer = self._socket
        if peer is not None:
            try:
                peer.shutdown(socket.SHUT_RD)  # what is under way can still be answered
            except OSError:
                pass  # it has ended by itself
        self._loop.join(seconds)
        self._leave()

    def _turn(self) -> float:
        """Take what the runtime says next, for a while; connect first if that is needed."""
        peer = self._socket or self._connected()
        try:
            received = peer.recv(_PIECE)
        except TimeoutError:
            return 0.0
        except OSError:
            self._leave()
            raise
        if not received:
            self._leave()
            if self._loop.stopping:
                return 0.0
            raise ConnectionResetError(f"{self._path}: the runtime has closed the connection")
        try:
            answers, told = self._session.receive(received)
        except (BadFrame, Malformed, NotTaken):
            self._leave()
            raise
        self._send(peer, answers)
        for call in told:
            self._take(peer, call)
        return 0.0

    def _connected(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            made.settimeout(self._patience)
            made.connect(str(self._path))
            self._session = Session(NAME, INDEX)
            made.sendall(self._session.begin())
        except OSError as refused:
            made.close()
            raise TryAgainLater(
                f"{self._path}: {refused.strerror or refused}", "switch NRI on in the container runtime"
            ) from refused
        except BaseException:
            made.close()
            raise
        self._socket = made
        return made

    def _leave(self) -> None:
        peer, self._socket = self._socket, None
        if peer is not None:
            peer.close()

    def _take(self, peer: socket.socket, call: Told) -> None:
        if call.runtime is not None:
            report(self._heard, call.runtime)
        if call.stream is None:
            return
        if not self._room.acquire(blocking=False):
            self._send(peer, self._session.busy(call))
            return
        session = self._session
        try:
            Errand(lambda: self._serve(peer, session, call))
        except BaseException:
            self._room.release()
            raise

    def _serve(self, peer: socket.socket, session: Session, call: Told) -> None:
        failure: Reason | None = None
        try:
            self._do(call)
        except Exception as raised:  # noqa: BLE001 - the runtime is answered, whatever this was
            failure = reason(raised)
            about = f" {call.pods[0]}" if len(call.pods) == 1 else ""
            report(self._failed, failure.within(f"{call.kind}{about}"))
        finally:
            self._room.release()
        try:
            self._send(peer, session.answer(call, failure or ""))
        except OSError:
            pass  # the runtime has given the plugin up: the loop sees it too, and connects again

    def _do(self, call: Told) -> None:
        if call.kind is Kind.SYNCHRONIZED:
            self._pods.synchronize(call.pods)
        elif call.kind is Kind.RUN:
            self._pods.run(call.pods[0])
        elif call.kind is Kind.STOP:
            self._pods.stop(call.pods[0])
        elif call.kind is Kind.REMOVE:
            self._pods.remove(call.pods[0])
        elif call.kind is Kind.CREATE:
            self._pods.create(call.pods[0])

    def _send(self, peer: socket.socket, answer: bytes) -> None:
        """Send an answer. OSError if that can't be done: half of it may be there, so the connection ends."""
        if not answer:
            return
        with self._sending:
            try:
                peer.sendall(answer)
            except OSError:
                _end(peer)
                raise


def _end(peer: socket.socket) -> None:
    """Have nothing more be received or sent: the loop finds the connection at its end, and makes another."""
    try:
        peer.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it has ended by itself
