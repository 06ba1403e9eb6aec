"""This machine as a node of a cluster: its key in the state directory, and whether the store knows it as the node."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from threading import Lock
from typing import TYPE_CHECKING

from podberth.cni.errors import InvalidConfig, Refused, StoreFailed, TryAgainLater
from podberth.ipam.registration import OBJECTION, Proof, Registration, remedy
from podberth.process.whole import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = "node.key"
SEEN = "node.seen"  # the name under which the cluster has known this machine
_BYTES = 32


class NodeIdentity:
    """What the cluster's store was last heard to say of this machine. Threads share it.

    `prove` asks the store, and is told whether a claim of this boot has stood long enough. `monotonic` returns seconds.
    """

    def __init__(
        self, prove: Callable[[bool], Proof], node: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._prove = prove
        self._node = node
        self._monotonic = monotonic
        self._guard = Lock()
        self._proof: Proof | None = None  # None: nobody has asked yet
        self._claimed: float | None = None  # since when a claim of this boot stands

    def refresh(self) -> Proof:
        """Ask the store, and return whether this machine is the node. Raises what asking came to."""
        with self._guard:
            now = self._monotonic()
            waited = self._claimed is not None and now - self._claimed >= OBJECTION
            proof = self._prove(waited)
            if not proof.pending:
                self._claimed = None
            elif self._claimed is None:
                self._claimed = now
            self._proof = proof
            return proof

    def require(self) -> None:
        """Raise Refused if this machine is not the node, TryAgainLater while that may change by itself.

        The store is asked the first time, and as long as an answer is pending.
        """
        proof = self._proof
        if proof is None or proof.pending:
            proof = self.refresh()
        if proof.pending and proof.absent:
            todo = remedy(self._node, none=True)
            raise TryAgainLater(proof.refusal, f"a kubelet makes its Node when it starts; or {todo}")
        if proof.pending:
            raise TryAgainLater(proof.refusal, "nothing has to be done: the pod's start is tried again")
        if proof.refusal:
            raise Refused(proof.refusal, remedy(self._node, none=proof.absent))

    def require_no_other(self) -> None:
        """Raise as `require` does, but not for a name that is no node's: what runs under it may end, and has to."""
        proof = self._proof
        if proof is None or (proof.pending and not proof.absent):
            proof = self.refresh()
        if not proof.absent:
            self.require()

    @property
    def proven(self) -> bool:
        """Whether the store said that this machine is the node."""
        return self._proof is not None and not self._proof.refusal

    @property
    def foreign(self) -> bool:
        """Whether the store said that another machine is the node, or may be."""
        return self._proof is not None and bool(self._proof.refusal) and not self._proof.absent

    @property
    def refusal(self) -> str:
        """Why this machine is not the node, '' if it is, or nobody has asked yet."""
        return self._proof.refusal if self._proof is not None else ""


def registration(directory: str, node: str, machine: str, boot: str, now: int, *, version: str = "") -> Registration:
    """Return this machine as it registers; its key is made if there is none. StoreFailed, InvalidConfig.

    `version`: of the agent, '' if this is none.
    """
    path = os.path.join(directory, FILE)
    try:
        key = _read(path) or _made(path)
        file = os.stat(path)
    except OSError as failure:
        raise StoreFailed(f"{path}: {failure.strerror}", "the state directory has to be writable") from failure
    if len(key) != 2 * _BYTES:
        raise InvalidConfig(
            f"{path}: expected {2 * _BYTES} hexadecimal digits",
            "delete it: the node is registered again with a new key",
        )
    digest, place = hashlib.sha256(key.encode()).hexdigest(), f"{file.st_ino}:{file.st_ctime_ns}"
    return Registration(node=node, machine=machine, boot=boot, key=digest, time=now, version=version, place=place)


def digest(directory: str) -> str:
    """Return the digest of the key that is there, as it is registered; '' if there is none, or it can't be read."""
    try:
        key = _read(os.path.join(directory, FILE))
    except OSError:
        return ""
    return hashlib.sha256(key.encode()).hexdigest() if key else ""


def was_seen(directory: str, node: str) -> bool:
    """Say whether the cluster has known this machine under the name."""
    try:
        return _read(os.path.join(directory, SEEN)) == node
    except OSError:
        return False


def see(directory: str, node: str) -> None:
    """Have it be known that the cluster knows this machine under the name. What keeps that from the disk is no harm."""
    if was_seen(directory, node):
        return
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        write_whole(os.path.join(directory, SEEN), f"{node}\n".encode(), 0o600)
    except OSError:
        pass  # a full or read-only disk: it is written at the next question


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read(1024).strip()
    except FileNotFoundError:
        return ""


def _made(path: str) -> str:
    """Make the key, whole or not at all; return it, or that of who was faster."""
    key = secrets.token_hex(_BYTES)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    return key if write_whole(path, f"{key}\n".encode(), 0o600, replacing=False) else _read(path)
