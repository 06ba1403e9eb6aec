"""The other side of a shim: a socket that takes one call and answers as it is told, and the shim's own layout."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from podberth.agent.server import NothingSaid, received
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from podberth.agent import frame

FALLBACK = """\
#!/bin/sh
cat > "$MARK"
env | sort >> "$MARK"
exit 42
"""


@dataclass
class Shim:
    """An installed shim: `binary` under a plugin's name, and where a fallback would leave its mark."""

    binary: Path
    folder: Path

    @property
    def mark(self) -> Path:
        return self.folder / "mark"

    def install_fallback(self, script: str = FALLBACK) -> None:
        """Put a plugin beside the shim that tells it was run, and with what."""
        place = self.binary.parent / ".podberth" / "bin"
        place.mkdir(parents=True)
        (place / self.binary.name).write_text(script)
        (place / self.binary.name).chmod(0o755)

    def run(self, env: dict[str, str], stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Exec it and wait."""
        return subprocess.run(
            [self.binary],
            env={"MARK": str(self.mark), "PODBERTH_SOCKET": str(self.folder / "s"), "CNI_COMMAND": "ADD", **env},
            input=stdin,
            capture_output=True,
            check=False,
            timeout=PATIENCE,
        )


@dataclass
class Peer:
    """What came, and the identity of the descriptor that came with it."""

    calls: list[frame.Call] = field(default_factory=list)
    namespaces: list[tuple[int, int] | None] = field(default_factory=list)


def _take(to: socket.socket, peer: Peer) -> None:
    call, netns = received(to)
    peer.calls.append(call)
    peer.namespaces.append(None)
    if netns >= 0:
        at = os.fstat(netns)
        peer.namespaces[-1] = at.st_dev, at.st_ino
        os.close(netns)


@contextlib.contextmanager
def answering(path: Path, respond: Sequence[bytes] | Callable[[socket.socket], None]) -> Iterator[Peer]:
    """Listen at `path`; take each call and answer it with these parts, or do what `respond` does without taking it."""
    peer = Peer()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen(8)

    def serve() -> None:
        while True:
            try:
                to, _ = listening.accept()
            except OSError:
                return
            with contextlib.suppress(OSError, ValueError, NothingSaid), to:
                if callable(respond):
                    respond(to)
                    continue
                _take(to, peer)
                for part in respond:
                    to.sendall(part)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield peer
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()
        path.unlink()
