"""Where people and Prometheus look at the agent: HTTP, on a socket beside the agent's own, and on TCP if asked for."""

from __future__ import annotations

import http.server
import json
import socketserver
import threading
from typing import TYPE_CHECKING

from podberth import __version__
from podberth.agent.metrics import shares
from podberth.agent.server import for_root_only
from podberth.cni.errors import CniError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from podberth.agent.metrics import Metrics
    from podberth.agent.service import Agent

PATIENCE = 10.0  # seconds that a slow client may take
_TEXT, _JSON = "text/plain; version=0.0.4; charset=utf-8", "application/json"


def desk_of(path: Path) -> Path:
    """Return where the desk is of the agent that listens at `path`."""
    return path.with_name(f"{path.stem}-desk{path.suffix}")


class _Unready(Exception):
    """Why the agent is not ready, for a page that answers 503."""


class Desk:
    """The pages of one agent, on as many addresses as wanted."""

    def __init__(self, agent: Agent, metrics: Metrics) -> None:
        self._agent = agent
        self._servers: list[socketserver.BaseServer] = []
        self._pages: Mapping[str, Callable[[], tuple[str, bytes]]] = {
            "/metrics": lambda: (_TEXT, metrics.text()),
            "/healthz": lambda: (_TEXT, b"ok\n"),
            "/readyz": self._ready,
            "/v1/calls": lambda: (_JSON, json.dumps({"calls": self.calls()}).encode()),
            "/v1/stores": lambda: (_JSON, json.dumps({"stores": self._agent.resident.stores()}).encode()),
            "/v1/state": lambda: (_JSON, json.dumps(self.state()).encode()),
        }

    def calls(self) -> list[dict[str, object]]:
        """Return the last calls, oldest first, each with what it did to the kernel."""
        return [
            {**served.about(), "began": served.began, "ops": served.trace.lines()}
            for served in self._agent.calls.last()
        ]

    def state(self) -> dict[str, object]:
        """Return what the agent is doing, how full its pools are, and how the directories of documents stand."""
        agent, pools = self._agent, []
        for node in agent.nodes():
            try:
                usage = node.ledger.usage()
            except CniError:
                continue  # `unready` says why
            pools += [{"pool": use.pool, "family": use.family, "size": use.size, **shares(use)} for use in usage]
        return {
            "version": __version__,
            "workers": agent.server.workers,
            "busy": agent.server.busy,
            "waiting": agent.server.waiting,
            "begunDels": agent.resident.finisher.waiting,
            "drifted": agent.upkeep.drifted,
            "policies": [standing.form() for standing in agent.resident.policies.standings()],
            "pools": pools,
            "unready": self.unready(),
        }

    def unready(self) -> list[str]:
        """Return why no ADD is served on this node now, for each store; what an ADD says of one pod is not among it."""
        return [f"the cluster's store is away: {why}" for why in self._agent.resident.troubles]

    def _ready(self) -> tuple[str, bytes]:
        why = self.unready()
        if why:
            raise _Unready("; ".join(why))
        return _TEXT, b"ok\n"

    def open(self, path: Path, address: tuple[str, int] | None) -> None:
        """Begin to answer, at the path for root only, and at a TCP address if one is given. OSError if it is taken."""
        path.unlink(missing_ok=True)
        with for_root_only():
            self._serve(_Local(str(path), self._handler()))
        if address is not None:
            self._serve(_Remote(address, self._handler()))

    def close(self) -> None:
        """End."""
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def _serve(self, server: socketserver.BaseServer) -> None:
        self._servers.append(server)
        threading.Thread(target=server.serve_forever, name="desk", daemon=True).start()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        pages = self._pages

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = PATIENCE
            server_version = "podberth"

            def do_GET(self) -> None:
                page = pages.get(self.path.partition("?")[0])
                status = 200 if page is not None else 404
                try:
                    kind, body = page() if page is not None else (_TEXT, b"pages: " + " ".join(pages).encode() + b"\n")
                except _Unready as why:
                    status, kind, body = 503, _TEXT, f"{why}\n".encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def address_string(self) -> str:
                return str(self.client_address)

            def log_message(self, *_: object) -> None:
                """Say nothing: the journal is for calls."""

        return Handler


class _Remote(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class _Local(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def get_request(self) -> tuple[socket.socket, str]:
        """Accept; a Unix peer has no address to be told by."""
        request, _ = self.socket.accept()
        return request, "local"
