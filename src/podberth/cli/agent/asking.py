"""Asking the agent of this node what it has been doing."""

from __future__ import annotations

import http.client
import json
import socket
import time
from typing import TYPE_CHECKING, Any

from podberth.cli.failures import NotFound
from podberth.cli.options import socket_option
from podberth.cni.errors import TryAgainLater

if TYPE_CHECKING:
    from pathlib import Path

desk_option = socket_option("path", "Where the agent listens for calls; its desk is beside it.")
_SECONDS = 10
_LOOK = 1.0  # seconds in which a connection is let in, or many wait
_AGAIN = 0.25  # seconds between two tries to ask an agent that is being replaced


class _Desk(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("desk", timeout=_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Connect to the path."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_SECONDS)
        self.sock.connect(str(self._path))


def listening(path: Path) -> bool:
    """Say whether an agent listens for calls at the path."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_LOOK)
        try:
            probe.connect(str(path))
        except (TimeoutError, BlockingIOError):
            return True  # so many calls wait that no more are let in
        except OSError:
            return False
    return True


def ask(path: Path, page: str, *, patience: float = _SECONDS) -> dict[str, Any]:
    """Return what the agent that listens at `path` says on a page. NotFound if there is none, or it ends meanwhile.

    An agent that is being replaced leaves its socket for calls to the next one, which opens its own desk: that is
    waited for. TryAgainLater if it takes longer than the patience (seconds).
    """
    from podberth.agent.desk import desk_of

    end = time.monotonic() + patience
    while True:
        try:
            return _asked(desk_of(path), page)
        except (OSError, http.client.HTTPException, ValueError) as failure:  # the last two: it ended while it answered
            why = f"{desk_of(path)}: {getattr(failure, 'strerror', None) or failure}"
            if isinstance(failure, ValueError) or not listening(path):
                raise NotFound(
                    f"no agent can be asked at {why}",
                    "start it with `podberth agent`, or name its --socket; run as root",
                ) from failure
            if time.monotonic() >= end:
                raise TryAgainLater(
                    f"the agent at {path} is being replaced, and can't be asked yet: {why}", "ask again in a moment"
                ) from failure
        time.sleep(_AGAIN)


def _asked(path: Path, page: str) -> dict[str, Any]:
    desk = _Desk(path)
    try:
        desk.request("GET", page)
        return dict(json.loads(desk.getresponse().read()))
    finally:
        desk.close()
