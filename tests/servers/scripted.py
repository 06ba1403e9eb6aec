"""A TLS server on the loopback interface that answers each request as its script says, byte for byte."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Self

from podberth.kube.credentials import Held, Source
from podberth.kube.wire import Access

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from tests.servers.authority import Authority

CLOSE = b""  # as an answer: none, and the connection is closed


def answer(status: str, body: str = "{}", *headers: str) -> bytes:
    head = (f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers)
    return "\r\n".join((*head, "", body)).encode()


class ScriptedServer:
    """Serves one connection at a time; `requests` are those that arrived in full, `connections` how many came."""

    def __init__(self, authority: Authority, script: Sequence[bytes | tuple[bytes, bytes]]) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.issue("scripted", "scripted", hosts="IP:127.0.0.1"))
        self._context = context
        self._script = list(script)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._authority = Source(content=authority.certificate.read_text())
        self.requests: list[bytes] = []
        self.connections = 0

    @property
    def access(self) -> Access:
        url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        return Access(server=url, credentials=Held(), authority=self._authority)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with plain, contextlib.suppress(OSError), self._context.wrap_socket(plain, server_side=True) as connection:
                self._talk(connection)

    def _talk(self, connection: ssl.SSLSocket) -> None:
        while self._script:
            request = _request(connection)
            if not request:
                return
            self.requests.append(request)
            said = self._script.pop(0)
            if isinstance(said, tuple):  # an answer after which the connection is closed, unannounced
                connection.sendall(said[0])
                return
            if said == CLOSE:
                return
            connection.sendall(said)


def _request(connection: ssl.SSLSocket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        more = connection.recv(65536)
        if not more:
            return b""
        received += more
    head, _, body = received.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
