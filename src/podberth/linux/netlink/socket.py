"""Netlink sockets: requests and their answers, in the network namespace of the thread that opened one."""

from __future__ import annotations

import _socket
import errno
import fcntl
import os
from struct import pack

from podberth.linux.netlink import codec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_SOL_NETLINK = 270
_ROUTE = 0  # NETLINK_ROUTE
_EXT_ACK, _GET_STRICT_CHK = 11, 12  # linux/netlink.h, socket options
_GET_NAMESPACE = 0x894C  # SIOCGSKNS, linux/sockios.h; Linux 4.10
_NETNS_COOKIE = 71  # SO_NETNS_COOKIE, asm-generic/socket.h; Linux 5.14
_RECEIVE = 1 << 17  # bytes: a datagram of a dump is 32 KiB at most (net/netlink/af_netlink.c), with room
_GLIMPSE = 1 << 13  # bytes: room for the largest single object
_TIMEOUT = 10  # seconds until a kernel that does not answer is an error
_DUMPS = 8  # how often a dump that changed underway is asked for again


class NetlinkError(OSError):
    """The kernel refused a request: `errno`, and its own words where it has some (extended acknowledgement)."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(code, words or os.strerror(code))


class Netlink:
    """One socket. Not to be shared between threads while a request is under way."""

    def __init__(self, protocol: int) -> None:
        self._socket = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, protocol)
        self._socket.setsockopt(_SOL_NETLINK, _EXT_ACK, 1)
        self._socket.setsockopt(_SOL_NETLINK, _GET_STRICT_CHK, 1)
        # The kernel keeps the time: Python would poll before each call.
        self._socket.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVTIMEO, pack("@ll", _TIMEOUT, 0))
        self.sequence = 0  # of the last message that was sent

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send messages, whose sequence numbers follow on `sequence`, to the kernel."""
        self._socket.send(data)

    def receive(self, size: int = _RECEIVE) -> Iterator[codec.Message]:
        """Yield the messages of one datagram, which is waited for."""
        return codec.messages(self._socket.recv(size))

    def do(self, kind: int, body: bytes, flags: int = 0) -> None:
        """Send a request that changes something and wait for its acknowledgement. NetlinkError if it is refused."""
        for _ in self._answers(kind, codec.REQUEST | codec.ACK | flags, body):
            pass

    def get(self, kind: int, body: bytes) -> bytes | None:
        """Return the body of the one object asked for; None if there is none (ENODEV, ENOENT)."""
        # The object itself is the answer: an acknowledgement would be a second one.
        return _one(self._answers(kind, codec.REQUEST, body))

    def do_and_get(self, change: tuple[int, bytes], asked: tuple[int, bytes]) -> bytes | None:
        """Send a request that changes something and one for an object as it is then, both (kind, body), at once.

        Return as `get`. NetlinkError if the change is refused.
        """
        first = self.sequence + 1
        self.sequence += 2
        flags = (codec.REQUEST | codec.ACK, codec.REQUEST)
        requests = zip((change, asked), flags, strict=True)
        messages = (codec.message(kind, flag, first + i, body) for i, ((kind, body), flag) in enumerate(requests))
        self.send(b"".join(messages))
        for _ in self._answered(first):
            pass
        return _one(self._answered(first + 1))

    def dump(self, kind: int, body: bytes) -> list[bytes]:
        """Return the bodies of all objects of a kind; asked again, within a bound, if they changed meanwhile."""
        for _ in range(_DUMPS):
            answers = list(self._answers(kind, codec.REQUEST | codec.DUMP, body))
            if not any(answer.flags & codec.DUMP_INTERRUPTED for answer in answers):
                return [answer.body for answer in answers]
        raise NetlinkError(errno.EAGAIN, f"a dump was interrupted {_DUMPS} times in a row")

    def any_of(self, kind: int, body: bytes, wanted: Callable[[bytes], bool]) -> bool:
        """Say whether an object of a dump is wanted; of thousands only those up to the first such one are read.

        The socket is of no use afterwards: the rest of the dump is still to come.
        """
        self.sequence += 1
        self.send(codec.message(kind, codec.REQUEST | codec.DUMP, self.sequence, body))
        # The kernel fills no more at a time than it has seen asked for (net/netlink/af_netlink.c, netlink_dump).
        return any(wanted(answer.body) for answer in self._answered(self.sequence, _GLIMPSE))

    def _answers(self, kind: int, flags: int, body: bytes) -> Iterator[codec.Message]:
        self.sequence += 1
        self.send(codec.message(kind, flags, self.sequence, body))
        return self._answered(self.sequence)

    def _answered(self, sequence: int, size: int = _RECEIVE) -> Iterator[codec.Message]:
        while True:
            for answer in self.receive(size):
                if answer.sequence != sequence:
                    continue  # the late answer to a request that was given up
                if answer.kind in (codec.ERROR, codec.DONE):
                    if answer.kind == codec.ERROR or len(answer.body) >= 4:
                        code, words = codec.error(answer)
                        if code:
                            raise NetlinkError(code, words)
                    return
                yield answer


class Rtnl(Netlink):
    """A socket for links, addresses, routes and the like."""

    def __init__(self) -> None:
        super().__init__(_ROUTE)
        self._cookie: str | None = None

    def cookie(self) -> str:
        """Return the number of the socket's namespace, which no other gets until the next boot; '' before Linux 5.14.

        Its inode tells less: the kernel gives the lowest free one, so the next namespace often has it again. A socket
        stays in its namespace: it is asked once.
        """
        if self._cookie is None:
            self._cookie = self._asked_cookie()
        return self._cookie

    def _asked_cookie(self) -> str:
        try:
            return str(int.from_bytes(self._socket.getsockopt(_socket.SOL_SOCKET, _NETNS_COOKIE, 8), "little"))
        except OSError as refused:
            if refused.errno != errno.ENOPROTOOPT:
                raise
            return ""

    def namespace(self) -> int:
        """Return a descriptor of the network namespace that the socket is in."""
        return fcntl.ioctl(self._socket.fileno(), _GET_NAMESPACE)

    def do_all(self, requests: Sequence[tuple[int, bytes]], forgiven: Sequence[int] = ()) -> None:
        """Send several requests, of (kind, body), at once; the kernel does each in turn, whatever comes of the others.

        NetlinkError for the first that is refused, other than with one of the errors that are `forgiven`.
        """
        first = self.sequence + 1
        self.sequence += len(requests)
        flags = codec.REQUEST | codec.ACK
        messages = (codec.message(kind, flags, first + i, body) for i, (kind, body) in enumerate(requests))
        self.send(b"".join(messages))
        refused: NetlinkError | None = None
        for sequence in range(first, first + len(requests)):
            try:
                for _ in self._answered(sequence):
                    pass
            except NetlinkError as error:
                if error.errno not in forgiven:
                    refused = refused or error
        if refused is not None:
            raise refused


def _one(answers: Iterator[codec.Message]) -> bytes | None:
    try:
        return next(answers).body
    except NetlinkError as refused:
        if refused.errno in (errno.ENODEV, errno.ENOENT):
            return None
        raise
