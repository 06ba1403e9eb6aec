"""The agent's socket and its workers: a call each at a time, and those that find no worker wait in the backlog.

Every worker waits for calls itself: nothing is handed from one thread to another on the way of an ADD. A backlog that
is full turns the next shim away, which is the bound (unix(7), listen(2)).
"""

from __future__ import annotations

import os
import select
import socket
import struct
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from podberth.agent import frame
from podberth.cni.call import Verb, spoken_version
from podberth.cni.errors import TryAgainLater
from podberth.cni.reply import error_json
from podberth.linux import backlog
from podberth.process import sockets
from podberth.process.errand import Errand
from podberth.process.loop import WAIT, Loop, report
from podberth.process.reason import Reason, reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeAlias

    Answer: TypeAlias = Callable[[int, str], None]  # exit code, stdout
    Serve: TypeAlias = Callable[[frame.Call, int, Answer], None]

BACKLOG = 256
_AGAIN = 1.0  # seconds at most until a worker that could not accept, for want of descriptors or memory, tries again
_PEER = struct.Struct("=iII")  # struct ucred: pid, uid, gid
# How long a peer has to say what it wants, and to take the answer. The kernel keeps the time (struct timeval): with a
# timeout of Python's, each call that waits would be two.
_GIVE = struct.pack("=qq", 5, 0)
TURNING = 5.0  # seconds in which all that wait are turned away, however many of them say nothing
_CALL = 1 << 14  # bytes: most calls are smaller, and read at once
_SLOW = Reason(
    "a peer was too slow to say what it wants, or to take the answer",
    "its call was not begun, or its runtime tries again; `podberth top` says how busy this agent is",
)
_CALLER = "look at who calls: runtimes do so as root, by the shim that came with this agent (`podberth doctor`)"
_STOPPING = TryAgainLater("the podberth agent is stopping", "the call was not begun: it may be repeated at once")


class NothingSaid(Exception):
    """A peer hung up before it said anything: it looked whether somebody listens. Nothing is wrong with that."""


class Server:
    """Serves calls from a listening socket until it is stopped; `serve` gets each call and answers it.

    `serve` takes the call, a descriptor of its network namespace, or -1, which becomes its own, and what to answer
    with: the caller waits no longer than until then.
    """

    def __init__(
        self,
        listening: socket.socket,
        serve: Serve,
        refused: Callable[[Reason], object],
        workers: int,
    ) -> None:
        self.listening = listening
        self._serve = serve
        self._refused = refused
        self._stop = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._polls: list[select.epoll | None] = [None] * workers
        self._loops = [
            Loop(f"worker-{n}", partial(self._turn, n), self._not_accepted, family="worker", longest=_AGAIN)
            for n in range(workers)
        ]
        self._busy: set[int] = set()  # workers

    @property
    def workers(self) -> int:
        """How many calls can be under way at once."""
        return len(self._loops)

    @property
    def busy(self) -> int:
        """How many are under way."""
        return len(self._busy)

    @property
    def waiting(self) -> int | None:
        """How many calls wait in the backlog; None where the kernel does not tell."""
        return backlog.waiting(self.listening.fileno())

    def start(self) -> None:
        """Begin to serve."""
        self.listening.setblocking(False)
        for loop in self._loops:
            loop.start()

    def stop(self, seconds: float) -> bool:
        """Begin nothing new and wait for what is under way; False if some of it takes longer than that.

        Calls in the backlog stay there, for whoever has the socket next.
        """
        os.eventfd_write(self._stop, 1)
        for loop in self._loops:
            loop.stop()
        end = monotonic() + seconds
        ended = [loop.join(max(0.0, end - monotonic())) for loop in self._loops]
        return all(ended)

    def turn_away(self, seconds: float = TURNING) -> int:
        """Answer the calls in the backlog with code 11, when nobody will have the socket next; return how many.

        They are answered side by side: one that says nothing costs no other its answer. What has said nothing after
        so long gets none, and its end is that of this process.
        """
        end = monotonic() + seconds
        turned: list[Errand] = []
        while monotonic() < end:
            try:
                peer, _ = self.listening.accept()
                turned.append(Errand(partial(self._answer, peer, stopping)))
            except (OSError, RuntimeError):  # there is none, or nothing to serve it with: the shim will see it
                break
        for errand in turned:
            errand.wait(max(0.0, end - monotonic()))
        return len(turned)

    def _turn(self, worker: int) -> float:
        poll = self._polls[worker]
        if poll is None:
            self._polls[worker] = poll = self._polled()
        ready = [descriptor for descriptor, _ in poll.poll(WAIT)]
        if not ready or self._stop in ready:
            return 0.0
        try:
            peer, _ = self.listening.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return 0.0  # another worker was faster, or the peer has gone
        self._busy.add(worker)
        try:
            self._answer(peer, self._serve)
        finally:
            self._busy.discard(worker)
        return 0.0

    def _polled(self) -> select.epoll:
        poll = select.epoll()
        poll.register(self._stop, select.EPOLLIN)
        poll.register(self.listening, select.EPOLLIN | select.EPOLLEXCLUSIVE)
        return poll

    def _answer(self, peer: socket.socket, serve: Serve) -> None:
        try:
            with peer:
                for way in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                    peer.setsockopt(socket.SOL_SOCKET, way, _GIVE)
                trusted(peer)
                call, netns = received(peer)
                serve(call, netns, lambda code, stdout: _given(peer, code, stdout))
        except NothingSaid:
            pass  # `listen` and `podberth top` look so whether somebody listens
        except BlockingIOError:
            report(self._refused, _SLOW)
        except BaseException as wrong:  # noqa: BLE001 - whatever it is, the next call needs this worker
            # Nobody is left to be told; a call that was cut short was not begun.
            report(self._refused, Reason(str(wrong) or reason(wrong), _CALLER))

    def _not_accepted(self, why: Reason) -> None:
        self._refused(why.within("no call can be accepted just now"))


def stopping(call: frame.Call, netns: int, answer: Answer) -> None:
    """Refuse a call in place of serving it, with code 11; STATUS passes, for the next agent is on its way."""
    if netns >= 0:
        os.close(netns)
    if call.env.get("CNI_COMMAND") == Verb.STATUS:
        answer(0, "")
        return
    answer(1, error_json(_STOPPING, spoken_version(call.stdin)))


def _given(peer: socket.socket, code: int, stdout: str) -> None:
    with peer:
        peer.sendall(frame.answer(code, stdout))


def trusted(peer: socket.socket) -> None:
    """Raise PermissionError unless the peer is root, or the agent's own user (SO_PEERCRED, unix(7))."""
    _, uid, _ = _PEER.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    if uid not in (0, os.geteuid()):
        raise PermissionError(f"a call of user {uid} was refused: only root may call plugins")


def received(peer: socket.socket) -> tuple[frame.Call, int]:
    """Read one call and the descriptor that came with it, or -1. NothingSaid if the peer hung up before it began.

    BadFrame, or OSError if the peer is gone or slow.
    """
    descriptors: list[int] = []
    try:
        read, descriptors, _, _ = socket.recv_fds(peer, _CALL, 1, socket.MSG_CMSG_CLOEXEC)
        _require_word(read)
        read += _rest(peer, frame.CALL_HEADER.size - len(read))
        end = frame.CALL_HEADER.size + frame.call_length(read[: frame.CALL_HEADER.size])
        read += _rest(peer, end - len(read))
        call = frame.parse_call(read[frame.CALL_HEADER.size : end])
    except BaseException:
        for descriptor in descriptors:
            os.close(descriptor)
        raise
    return call, descriptors[0] if descriptors else -1


def _require_word(read: bytes) -> None:
    if not read:
        raise NothingSaid


def _rest(peer: socket.socket, length: int) -> bytes:
    read = bytearray()
    while len(read) < length:  # never, if it is none or less
        part = peer.recv(min(length - len(read), 1 << 16))
        if not part:
            raise frame.BadFrame(f"a call ended {length - len(read)} bytes too early")
        read += part
    return bytes(read)


def listen(path: Path) -> socket.socket:
    """Make the socket at `path`, for root only, in place of one that nobody listens on. OSError if somebody does."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    return sockets.listen(path, BACKLOG, "another agent listens there; stop it, or choose another --socket")
