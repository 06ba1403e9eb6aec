"""Agents and runtimes that are not of the tests, on the default sockets during a run of all tiers: none may be called.

The machine itself is not touched: the runner first moves to private paths, and what listens does so there. For every
test process, which moves on to private paths of its own, that place is the machine it came from.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests import seclusion

if TYPE_CHECKING:
    from collections.abc import Iterator

SOCKETS = (
    "/run/podberth/agent.sock",
    "/run/podberth/agent-desk.sock",
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/podman/podman.sock",
    "/run/docker.sock",
)


@dataclass(slots=True)
class Witness:
    """How often each default socket was called, and what else was made in the private paths of the runner."""

    watches: bool
    calls: Counter[str] = field(default_factory=Counter)
    first: frozenset[str] = frozenset()

    def complaints(self) -> list[str]:
        """Say, a line each, what no test, demo or benchmark may do; empty if all kept to themselves."""
        made = sorted(_entries() - self.first) if self.watches else []
        return [f"{path}: {count} calls from tests" for path, count in sorted(self.calls.items())] + [
            f"{path}: made by tests" for path in made
        ]


@contextlib.contextmanager
def watching() -> Iterator[Witness]:
    """Listen on every default socket, in private paths that all processes started from now on have too.

    Call it in the main thread, before there is another one. Where the process may make no mount namespace (no root),
    nobody listens and `watches` is False: the environment alone keeps tests from the machine's sockets.
    """
    if not seclusion.private_paths():
        yield Witness(watches=False)
        return
    with contextlib.ExitStack() as undo:
        selector = undo.enter_context(selectors.DefaultSelector())
        for path in SOCKETS:
            Path(path).parent.mkdir(exist_ok=True)
            listening = undo.enter_context(socket.socket(socket.AF_UNIX))
            listening.bind(path)
            listening.listen(64)
            selector.register(listening, selectors.EVENT_READ, path)
        ours, theirs = socket.socketpair()
        undo.enter_context(theirs)
        selector.register(theirs, selectors.EVENT_READ)
        witness = Witness(watches=True, first=frozenset(_entries()))
        thread = threading.Thread(target=_count, args=(selector, witness.calls))
        thread.start()
        try:
            yield witness
        finally:
            ours.close()
            thread.join()


def _count(selector: selectors.BaseSelector, calls: Counter[str]) -> None:
    """Count and hang up on each caller, until the socket without a path is closed at its other end."""
    while True:
        for key, _ in selector.select():
            if key.data is None:
                return
            assert isinstance(key.fileobj, socket.socket)
            calls[key.data] += 1
            key.fileobj.accept()[0].close()


def _entries() -> set[str]:
    """Return every path below /run and below the folders that are private."""
    return {str(path) for top in ("/run", *seclusion.PATHS) for path in Path(top).rglob("*")}
