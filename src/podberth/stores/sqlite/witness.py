"""A file beside the store that says how far the store had come: so that an older copy in its place is noticed.

A process that has the store open knows that by itself. One that has just begun has only this. It is written after each
commit, by one system call, and never waited for: after a loss of power only what is said to be on the disk counts.
"""

from __future__ import annotations

import json
import os
from json.encoder import encode_basestring_ascii

from podberth.cni.value import value
from podberth.ipam.number import TIME, whole
from podberth.stores.clock import boot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Row: TypeAlias = tuple[object, ...]

NAME = "witness"
_UNREADABLE = (OSError, ValueError, LookupError, TypeError, RecursionError)
_BYTES = 1024  # always as long: a shorter text leaves nothing of a longer one behind


@value
class Reached:
    """How far a store has come. `birth`: when it was made (ns). `declared`: it grows with each change of a document.

    `epoch`: how often it was put back. `event`: number, kind, time, address, container ID of the last event; empty
    before the first.
    """

    birth: int
    declared: int
    epoch: int = 0
    event: tuple[object, ...] = ()

    @property
    def seq(self) -> int:
        """The number of the last event."""
        return int(str(self.event[0])) if self.event else 0


class Witness:
    """The file beside one store. Whatever is wrong with it, the store is served from."""

    def __init__(self, directory: str) -> None:
        self.path = os.path.join(directory, NAME)
        self._said: tuple[Reached, Reached | None] | None = None

    def read(self) -> Reached | None:
        """Return how far the store had come, by what nothing can have taken back; None if that is not known."""
        return self._read("reached")

    def reached(self, now: Reached, *, on_disk: bool) -> None:
        """Say that the store has come so far, and whether that is on the disk."""
        safe = now if on_disk else self._said[1] if self._said is not None else self._read("onDisk")
        if self._said is not None and on_disk and self._said[0].seq > now.seq:
            now = self._said[0]  # others have committed meanwhile
        if self._said == (now, safe):
            return
        self._said = now, safe
        text = f'{{"boot": "{boot()}", "reached": {_text(now)}, "onDisk": {_text(safe) if safe else "null"}}}'
        try:
            # Not kept open: somebody may have put another file there, or taken it away.
            descriptor = os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                os.pwrite(descriptor, text.encode().ljust(_BYTES - 1) + b"\n", 0)
            finally:
                os.close(descriptor)
        except OSError:
            self._said = None  # it is said with the next commit

    def forget(self) -> None:
        """Have nothing be said any more: the store was put back, and that is known."""
        self._said = None
        try:
            os.unlink(self.path)
        except OSError:
            pass  # it is noticed once more

    def _read(self, what: str) -> Reached | None:
        """Return what the file says, or what was on the disk if it is of another boot; None if that is not known."""
        try:
            with open(self.path, "rb") as file:
                form = json.loads(file.read(_BYTES))
            said = form[what] if form["boot"] == boot() else form["onDisk"]
            return _parsed(said) if said is not None else None
        except _UNREADABLE:
            return None


def _text(reached: Reached) -> str:
    """Return a list in JSON. It is written at each commit of a plugin without an agent: `json.dumps` takes longer."""
    said = f"{reached.birth}, {reached.declared}, {reached.epoch}"
    if not reached.event:
        return f"[{said}]"
    seq, kind, time, address, container_id = reached.event
    assert isinstance(address, bytes)
    return f'[{said}, {seq}, {_quoted(kind)}, {time}, "{address.hex()}", {_quoted(container_id)}]'


def _quoted(said: object) -> str:
    return encode_basestring_ascii(said) if isinstance(said, str) else "null"


def _parsed(form: list[object]) -> Reached:
    """Read what `_text` wrote. ValueError, LookupError or TypeError if it is none: then nothing is known."""
    birth, declared, epoch, *event = form
    if event:
        seq, kind, time, address, container_id = event
        if not isinstance(kind, str) or not isinstance(container_id, str | None):
            raise TypeError
        event = [whole(seq), kind, whole(time, TIME), bytes.fromhex(str(address)), container_id]
    return Reached(birth=whole(birth, TIME), declared=whole(declared), epoch=whole(epoch), event=tuple(event))
