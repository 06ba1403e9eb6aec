"""The paths of a real node's podberth and CNI. Tests of this machine's own processes must not use them."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ON_DISK = ("/var/lib/podberth", "/etc/cni", "/opt/cni", "/var/lib/cni")
FOLDERS = ("/run/podberth", "/var/run/podberth", *ON_DISK)
OF_RUNTIMES = ("/var/lib/kubelet", "/var/lib/containerd", "/var/lib/containers")
NOWHERE = "/proc/podberth-tests"  # no user can make a folder in /proc
# What a command of podberth, or of a container runtime, uses unless an option says otherwise.
ENVIRONMENT = {
    "PODBERTH_SOCKET": f"{NOWHERE}/agent.sock",
    "PODBERTH_STATE": f"{NOWHERE}/state",
    "CONTAINERD_ADDRESS": f"{NOWHERE}/containerd.sock",
    "CONTAINER_HOST": f"unix://{NOWHERE}/podman.sock",
}
# The audit events that open, list, make, move or remove files, or connect to sockets (Python: audit events table).
_EVENTS = ("open", "os.", "shutil.", "sqlite3.connect", "socket.connect", "socket.bind", "socket.sendto", "subprocess.")
_HARMLESS = ("os.putenv", "os.unsetenv")


class _Watch:
    """The hook can't be taken away again: it is added once, and asks whether it is on."""

    def __init__(self) -> None:
        self.on = False
        self.added = False

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.on and event.startswith(_EVENTS) and event not in _HARMLESS:
            for path in arguments:
                if below_default(path):
                    raise PermissionError(f"a test used {path!r} ({event}): tests use paths of their own")


_watch = _Watch()


def below_default(path: object) -> bool:
    """Whether it is the path, as text or bytes, of something in one of the folders."""
    if not isinstance(path, str | bytes):
        return False
    text = os.path.normpath(os.fsdecode(path))
    return any(text == folder or text.startswith(f"{folder}/") for folder in FOLDERS)


@contextmanager
def forbidden() -> Iterator[None]:
    """Make each use of a default path in this process an error, and point its children to nowhere."""
    before = {name: os.environ.get(name) for name in ENVIRONMENT}
    os.environ.update(ENVIRONMENT)
    if not _watch.added:
        sys.addaudithook(_watch)
        _watch.added = True
    _watch.on = True
    try:
        yield
    finally:
        _watch.on = False
        for name, text in before.items():
            if text is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = text
