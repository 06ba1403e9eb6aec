"""An OpenTelemetry collector on a node of the tests: HTTP, with answers as the test wants them."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from podberth.linux import netns
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.netns.kubelet import Kubelet

Answer = tuple[int, dict[str, str], bytes]
TAKEN: Answer = (200, {}, b"{}")


@dataclass
class Got:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def spans(self) -> list[dict[str, Any]]:
        """The spans it carries."""
        (resource,) = json.loads(self.body)["resourceSpans"]
        (scope,) = resource["scopeSpans"]
        return list(scope["spans"])


@dataclass
class Collector:
    """What came, and what is answered: `answers` first, then that it is taken. Nothing is while `open` is not set."""

    url: str
    answers: list[Answer] = field(default_factory=list)
    got: list[Got] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)
    changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def spans(self) -> list[dict[str, Any]]:
        """All spans of all requests, in the order in which they came."""
        return [span for got in list(self.got) for span in got.spans]

    def wait_for(self, requests: int) -> None:
        """Return once that many requests have come."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.got) >= requests, PATIENCE), f"{len(self.got)} requests came"


@contextlib.contextmanager
def collector(node: Kubelet, *answers: Answer) -> Iterator[Collector]:
    """Have a collector on the node's loopback interface."""
    node.inside(node.node, "ip", "link", "set", "lo", "up")
    descriptor = netns.open_at(f"/run/netns/{node.node}")
    listening = netns.opened_in(descriptor, lambda: socket.create_server(("127.0.0.1", 0)))
    port = listening.getsockname()[1]
    made = Collector(f"http://127.0.0.1:{port}", list(answers))
    made.open.set()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with made.changed:
                made.got.append(Got(self.path, dict(self.headers), body))
                status, headers, answer = made.answers.pop(0) if made.answers else TAKEN
                made.changed.notify_all()
            made.open.wait(PATIENCE)
            with contextlib.suppress(OSError):  # whoever asked may have gone meanwhile
                self.send_response(status)
                for name, content in {"Content-Length": str(len(answer)), **headers}.items():
                    self.send_header(name, content)
                self.end_headers()
                self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listening
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield made
    finally:
        made.open.set()
        server.shutdown()
        thread.join()
        server.server_close()
