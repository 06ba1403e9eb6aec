"""A TCP proxy that can do to a connection what a network does: cut it, or lose an answer to what was carried out."""

from __future__ import annotations

import socket
import struct
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() sends RST
_HEADER = 9  # bytes of a frame's header (RFC 9113, section 4.1)
_HEADERS = 1  # the type of the frame that an answer begins with, and ends with if it is an answer of gRPC


class Proxy:
    """A context in which `url` leads to a port on this host."""

    def __init__(self, port: int) -> None:
        self._to = ("127.0.0.1", port)
        self._lock = threading.Lock()
        self._wires: set[_Wire] = set()
        self._losing = False
        self.muted = False  # whatever the server says is thrown away: `cut` before anybody is told the rest
        self._listener: socket.socket | None = None
        self.port = 0
        self.lost = threading.Event()  # an answer was

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.refuse()

    def listen(self) -> None:
        """Take connections, after `refuse` on the port that it had before."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def refuse(self) -> None:
        """Reset all connections, and refuse new ones."""
        assert self._listener is not None
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Reset all connections; new ones are taken."""
        with self._lock:
            wires = tuple(self._wires)
        for wire in wires:
            wire.reset()

    def lose_next_answer(self) -> None:
        """Have the next answer on whatever HTTP/2 connection thrown away, and that connection reset.

        The server has carried out by then what it was asked.
        """
        self.lost.clear()
        self._losing = True

    def loses(self) -> bool:
        """Return whether the answer at hand is the one to be lost: only one is."""
        with self._lock:
            losing, self._losing = self._losing, False
        return losing

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return  # it listens no more
            try:
                server = socket.create_connection(self._to)
            except OSError:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                client.close()
                continue
            wire = _Wire(self, client, server)
            with self._lock:
                self._wires.add(wire)
            wire.start()

    def forget(self, wire: _Wire) -> None:
        """Drop a connection that has ended."""
        with self._lock:
            self._wires.discard(wire)


class _Wire:
    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._frames = _Frames()

    def start(self) -> None:
        for pump in (self._requests, self._answers):
            threading.Thread(target=pump, daemon=True).start()

    def reset(self) -> None:
        for end in (self._client, self._server):
            try:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                end.shutdown(socket.SHUT_RD)  # wakes whoever reads from it, and he closes it
            except OSError:
                pass  # it has been closed

    def _requests(self) -> None:
        self._pump(self._client, self._server)

    def _answers(self) -> None:
        self._pump(self._server, self._client)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                if source is self._server and self._frames.begin_answer(data) and self._proxy.loses():
                    self._proxy.lost.set()  # before anybody can have noticed
                    self.reset()
                    break
                if source is self._client or not self._proxy.muted:
                    sink.sendall(data)
        except OSError:
            pass  # one side is gone: the other goes too
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RD)
            except OSError:
                pass  # it has been closed
            end.close()
        self._proxy.forget(self)


class _Frames:
    """Finds the frames in what a server sends over HTTP/2, however it is cut into pieces."""

    def __init__(self) -> None:
        self._header = b""
        self._left = 0  # bytes of the frame at hand

    def begin_answer(self, data: bytes) -> bool:
        """Return whether an answer begins in the next piece."""
        found = False
        while data:
            skipped = min(self._left, len(data))
            self._left -= skipped
            data = data[skipped:]
            missing = _HEADER - len(self._header)
            self._header += data[:missing]
            data = data[missing:]
            if len(self._header) == _HEADER:
                found = found or self._header[3] == _HEADERS
                self._left = int.from_bytes(self._header[:3], "big")
                self._header = b""
        return found
