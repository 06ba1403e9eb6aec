"""Asking the agent of this node what it has been doing."""

from __future__ import annotations

import http.client
import json
import socket
from typing import TYPE_CHECKING, Any

from podberth.cli.failures import NotFound
from podberth.cli.options import socket_option

if TYPE_CHECKING:
    from pathlib import Path

desk_option = socket_option("path", "Where the agent listens for calls; its desk is beside it.")
_SECONDS = 10


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
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def ask(path: Path, page: str) -> dict[str, Any]:
    """Return what the agent that listens at `path` says on a page. NotFound if there is none, or it ends meanwhile."""
    from podberth.agent.desk import desk_of

    desk = _Desk(desk_of(path))
    try:
        desk.request("GET", page)
        return dict(json.loads(desk.getresponse().read()))
    except (OSError, http.client.HTTPException, ValueError) as failure:  # the last two: it ended while it answered
        raise NotFound(
            f"no agent can be asked at {desk_of(path)}: {getattr(failure, 'strerror', None) or failure}",
            "start it with `podberth agent`, or name its --socket; run as root",
        ) from failure
    finally:
        desk.close()
