"""This machine as a node of a cluster: its key in the state directory, and whether the store knows it as the node."""

from __future__ import annotations

import hashlib
import os
import secrets
from threading import Lock
from typing import TYPE_CHECKING

from podberth.cni.errors import InvalidConfig, Refused, StoreFailed
from podberth.ipam.registration import Registration, remedy

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = "node.key"
_BYTES = 32


class NodeIdentity:
    """What the cluster's store was last heard to say of this machine. Threads share it.

    `prove` asks the store, and returns why this machine is not the node, '' if it is.
    """

    def __init__(self, prove: Callable[[], str], node: str) -> None:
        self._prove = prove
        self._node = node
        self._guard = Lock()
        self._refusal: str | None = None  # None: nobody has asked yet

    def refresh(self) -> str:
        """Ask the store, and return why this machine is not the node. Raises what asking came to."""
        with self._guard:
            self._refusal = self._prove()
            return self._refusal

    def require(self) -> None:
        """Raise Refused if this machine is not the node; the store is asked the first time."""
        refusal = self._refusal if self._refusal is not None else self.refresh()
        if refusal:
            raise Refused(refusal, remedy(self._node))

    @property
    def proven(self) -> bool:
        """Whether the store said that this machine is the node."""
        return self._refusal == ""

    @property
    def refused(self) -> bool:
        """Whether the store said that this machine is not the node."""
        return bool(self._refusal)


def registration(directory: str, node: str, machine: str, boot: str, time: int) -> Registration:
    """Return this machine as it registers; its key is made if there is none. StoreFailed, InvalidConfig."""
    path = os.path.join(directory, FILE)
    try:
        key = _read(path) or _made(path)
    except OSError as failure:
        raise StoreFailed(f"{path}: {failure.strerror}", "the state directory has to be writable") from failure
    if len(key) != 2 * _BYTES:
        raise InvalidConfig(
            f"{path}: expected {2 * _BYTES} hexadecimal digits",
            "delete it: the node is registered again with a new key",
        )
    return Registration(node=node, machine=machine, boot=boot, key=hashlib.sha256(key.encode()).hexdigest(), time=time)


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as stream:
            return stream.read(1024).strip()
    except FileNotFoundError:
        return ""


def _made(path: str) -> str:
    """Make the key, whole or not at all; return it, or that of who was faster."""
    new = f"{path}.{os.getpid()}.{secrets.token_hex(4)}"
    key = secrets.token_hex(_BYTES)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(key + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(new, path)
        except FileExistsError:
            return _read(path)
    finally:
        os.unlink(new)
    return key
