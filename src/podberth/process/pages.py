"""What a process answers over HTTP: pages to GET, for probes and for Prometheus; a review to POST.

A probe decides whether this process is restarted, so no client keeps it from its answer: not one that says nothing, not
a thousand of them, and no page that takes long. An exchange has a bounded time, one page a bounded number of exchanges,
and the newest connection takes the place of the one that has been silent for longest.
"""

from __future__ import annotations

import http.server
import socket
import threading
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from podberth.process import health as process_health
from podberth.process import sockets
from podberth.process.errand import Errand
from podberth.process.loop import Loop

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from podberth.process.reason import Reason

    Page = Callable[[], tuple[int, str, bytes]]  # status, content type, body
    Taker = Callable[[bytes], tuple[int, bytes]]  # from a body to status and JSON

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
METRICS = "text/plain; version=0.0.4; charset=utf-8"
LOOPBACK = "127.0.0.1"
PATIENCE = 10.0  # seconds to say what is wanted, and as long to take the answer
MOST = 256  # connections at a time
MOST_OF_ONE = 32  # exchanges about one page at a time
_LOOK = 1.0  # seconds between looks for those that were too slow


class Pages:
    """One listening socket. `takers` answer what is sent to their path; with `tls` all of it is encrypted.

    `failed` gets what went wrong with the listening itself. `most`: bytes of the largest body.
    """

    def __init__(
        self, listening: socket.socket, pages: Mapping[str, Page], failed: Callable[[Reason], object], *,
        takers: Mapping[str, Taker] | None = None, tls: ssl.SSLContext | None = None, most: int = 0,
        patience: float = PATIENCE,
    ) -> None:  # fmt: skip
        self._listening = listening
        self._handler = _handler(_limited(pages), _limited(takers or {}), most)
        self._tls, self._patience = tls, patience
        self._guard = threading.Lock()
        self._open: dict[_Exchange, None] = {}  # oldest first
        self._loop = Loop("pages", self._turn, failed, longest=_LOOK)
        listening.settimeout(_LOOK)

    @property
    def port(self) -> int:
        """Where it listens, on TCP."""
        return int(self._listening.getsockname()[1])

    def start(self) -> None:
        """Begin to answer."""
        self._loop.start()

    def close(self) -> None:
        """End; what is being answered is answered."""
        self._loop.end()
        self._listening.close()
        with self._guard:
            last = list(self._open)
        for exchange in last:
            exchange.hurry()
        end = monotonic() + self._patience
        for exchange in last:
            exchange.errand.wait(max(0.0, end - monotonic()))

    def _turn(self) -> float:
        try:
            peer, _ = self._listening.accept()
        except (TimeoutError, BlockingIOError, ConnectionAbortedError):
            self._end_slow(0)
            return 0.0
        except OSError:
            self._end_slow(0)  # each that ends makes room for another
            raise
        self._end_slow(1)
        try:
            self._begin(peer)
        except BaseException:
            peer.close()
            raise
        return 0.0

    def _begin(self, peer: socket.socket) -> None:
        exchange = _Exchange(peer, self._patience)
        with self._guard:
            self._open[exchange] = None
        try:
            exchange.errand = Errand(lambda: self._serve(exchange))
        except BaseException:
            self._ended(exchange)
            raise

    def _serve(self, exchange: _Exchange) -> None:
        try:
            exchange.serve(self._handler, self._tls)
        finally:
            self._ended(exchange)

    def _ended(self, exchange: _Exchange) -> None:
        with self._guard:
            self._open.pop(exchange, None)

    def _end_slow(self, coming: int) -> None:
        """End what was too slow, and what has to make room for those that come."""
        now = monotonic()
        with self._guard:
            exchanges = list(self._open)
        silent = [one for one in exchanges if not one.answering]
        slow = [one for one in silent if now > one.since + self._patience]
        for exchange in slow or silent[: max(0, len(exchanges) + coming - MOST)]:
            exchange.hurry()


class _Exchange:
    """One connection, one request, one answer, in a thread that ends with it."""

    errand: Errand

    def __init__(self, peer: socket.socket, patience: float) -> None:
        peer.settimeout(patience)
        self._peer = peer
        self._guard = threading.Lock()
        self.since = monotonic()  # it waits for the peer since then
        self.answering = False  # it waits for nobody

    def serve(self, handler: type[_Handler], tls: ssl.SSLContext | None) -> None:
        """Serve it to the end. Whatever a peer does, it ends no more than its own exchange."""
        try:
            if tls is not None:
                # Here, so that a slow peer keeps nobody waiting. The socket is another object from then on.
                encrypted = tls.wrap_socket(self._peer, server_side=True, do_handshake_on_connect=False)
                self._peer = encrypted
                encrypted.do_handshake()
            handler(self._peer, self)
        except Exception:  # noqa: BLE001, S110 - it went away, does not trust our certificate, or talks nonsense
            pass
        finally:
            with self._guard:
                self._peer.close()

    def hurry(self) -> None:
        """Have it end now, unless it is being answered."""
        with self._guard:
            if self.answering or self._peer.fileno() < 0:
                return
            try:
                socket.socket.shutdown(self._peer, socket.SHUT_RDWR)  # not TLS's own, which would wait
            except OSError:
                pass  # the peer has gone

    def answered(self) -> None:
        """The answer is made: now it is the peer's turn to take it."""
        self.since, self.answering = monotonic(), False


class _Handler(http.server.BaseHTTPRequestHandler):
    """Reads one request and answers it."""

    server_version = "podberth"
    sys_version = ""

    def __init__(self, peer: socket.socket, exchange: _Exchange) -> None:
        self._exchange = exchange
        super().__init__(peer, "", cast("Any", None))

    def give(self, make: Page) -> None:
        """Make the answer, then send it."""
        self._exchange.answering = True
        try:
            status, kind, body = make()
        except Exception as bug:  # noqa: BLE001 - the page's own; the next request is another
            status, kind, body = 500, TEXT, f"{type(bug).__name__}: {bug}\n".encode(errors="backslashreplace")
        finally:
            self._exchange.answered()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        """Nobody is told of by address."""
        return ""

    def log_message(self, *_: object) -> None:
        """Say nothing: the log is for what was decided."""


def _handler(pages: Mapping[str, Page], takers: Mapping[str, Taker], most: int) -> type[_Handler]:
    class Reader(_Handler):
        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            self.give(page if page is not None else lambda: (404, TEXT, f"pages: {' '.join(pages)}\n".encode()))

    class Taking(Reader):
        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            take = takers.get(self.path.partition("?")[0])
            if take is None or not length.isascii() or not length.isdecimal() or len(length) > 20 or int(length) > most:
                self.give(lambda: (404 if take is None else 413, TEXT, b"no\n"))
                return
            body = self.rfile.read(int(length))
            if len(body) == int(length):
                self.give(lambda: _as_json(*take(body)))

    return Taking if takers else Reader


def _as_json(status: int, body: bytes) -> tuple[int, str, bytes]:
    return status, JSON, body


def _limited(makers: Mapping[str, Any]) -> dict[str, Any]:
    return {path: _limit(make) for path, make in makers.items()}


def _limit(make: Callable[..., Any]) -> Callable[..., Any]:
    """Have no more than so many threads make this page: one that hangs must not take all there are."""
    room = threading.BoundedSemaphore(MOST_OF_ONE)

    def made(*given: bytes) -> Any:
        if not room.acquire(blocking=False):
            return (503, b'{"error": "busy"}') if given else (503, TEXT, b"busy: too many ask for this page\n")
        try:
            return make(*given)
        finally:
            room.release()

    return made


def alive() -> tuple[int, str, bytes]:
    """Return /healthz: 503 if a loop of this process is stuck or gone, with its name. Nothing else is looked at."""
    return _state(process_health.problem())


def ready(problem: Callable[[], str]) -> Page:
    """Return /readyz, which is 200 while there is no problem, else 503 with what it is."""
    return lambda: _state(problem())


def _state(problem: str) -> tuple[int, str, bytes]:
    return (503, TEXT, f"{problem}\n".encode()) if problem else (200, TEXT, b"ok\n")


def on_tcp(address: tuple[str, int]) -> socket.socket:
    """Listen at host and port; without a host on the loopback alone. OSError if that can't be had."""
    host, port = address[0] or LOOPBACK, address[1]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=128)


def on_unix(path: Path) -> socket.socket:
    """Listen at a path, for root only, in place of what was there. OSError if that can't be had."""
    made = sockets.replaced(path)
    made.listen(128)
    return made
