"""What these processes answer over HTTP: pages to GET, for probes and for Prometheus; a review to POST."""

from __future__ import annotations

import http.server
import socket
import socketserver
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    Page = Callable[[], tuple[int, str, bytes]]  # status, content type, body
    Taker = Callable[[bytes], tuple[int, bytes]]  # from a body to status and JSON

TEXT = "text/plain; charset=utf-8"
PATIENCE = 10.0  # seconds for each step of an exchange


class Pages:
    """One listening address. `takers` answer what is sent to their path; with `tls` all of it is encrypted.

    `most`: bytes of the largest body. OSError if the address is taken.
    """

    def __init__(
        self, address: tuple[str, int], pages: Mapping[str, Page], *, takers: Mapping[str, Taker] | None = None,
        tls: ssl.SSLContext | None = None, most: int = 0,
    ) -> None:  # fmt: skip
        self._server = _Server(address, _handler(pages, takers or {}, most))
        self._server.tls = tls
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="pages", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """End; what is being answered is answered."""
        self._server.shutdown()
        self._server.server_close()


def health(problem: Callable[[], str]) -> Page:
    """Return a page that is 200 while there is no problem, else 503 with what it is."""

    def page() -> tuple[int, str, bytes]:
        said = problem()
        return (503, TEXT, f"{said}\n".encode()) if said else (200, TEXT, b"ok\n")

    return page


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = False  # each exchange has a connection of its own, and a close waits for those under way
    request_queue_size = 128
    tls: ssl.SSLContext | None = None

    def __init__(self, address: tuple[str, int], handler: type[http.server.BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection, in its own thread; there its TLS begins, so that a slow peer keeps nobody waiting."""
        request.settimeout(PATIENCE)
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        try:
            encrypted = self.tls.wrap_socket(request, server_side=True)
        except OSError:
            return  # a probe of the port, or somebody who does not trust the certificate
        with encrypted:
            super().finish_request(encrypted, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a peer that went away; a bug shows where it belongs, on stderr."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _handler(
    pages: Mapping[str, Page], takers: Mapping[str, Taker], most: int
) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = PATIENCE
        server_version = "podberth"

        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            self._answer(*(page() if page is not None else (404, TEXT, " ".join(pages).encode() + b"\n")))

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            take = takers.get(self.path.partition("?")[0])
            if take is None or not length.isdecimal() or int(length) > most:
                self._answer(404 if take is None else 413, TEXT, b"no\n")
                return
            status, body = take(self.rfile.read(int(length)))
            self._answer(status, "application/json", body)

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: the journal is for what was decided."""

    return Handler
