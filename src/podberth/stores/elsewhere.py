"""What operators said of nodes, also while the cluster's store is away: by the last that this node has heard.

It is kept in the state directory, so that a command of a process that begins now knows it too.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

from podberth.cni.errors import CniError, TryAgainLater
from podberth.ipam.number import TIME, number_in
from podberth.ipam.outlook import bare, sentence
from podberth.process.whole import write_whole
from podberth.stores.registered import fence_form, fence_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.cni.pod import PodRef
    from podberth.ipam.elsewhere import Elsewhere, Fence, Verdict
    from podberth.ipam.lease import Lease
    from podberth.ipam.outlook import Outlook
    from podberth.ipam.registration import Registration

FILE = "fences.json"
_AGAIN = 60 * 10**9  # ns between two times that it is written down that nothing has changed


class LastKnown:
    """An `Elsewhere` whose fences are remembered. `away` says why the store can't be reached; it is not asked then."""

    def __init__(self, store: Elsewhere, away: Callable[[], str], outlook: Outlook, directory: str) -> None:
        self._store = store
        self._away = away
        self._outlook = outlook
        self._path = os.path.join(directory, FILE)
        self._own: dict[str, tuple[Fence, ...]] = {}  # by node, as they were last asked for

    def judge(self, lease: Lease, pod: PodRef | None) -> Verdict:
        """Ask the store: whether a holder is dead can't be known by what was."""
        return self._store.judge(lease, pod)

    def tell(self, pod: PodRef, reason: str, message: str) -> None:
        """Pass it on."""
        self._store.tell(pod, reason, message)

    def machines(self, node: str = "") -> tuple[Registration, ...]:
        """Ask the store."""
        return self._store.machines(node)

    def require_fenceable(self, node: str) -> None:
        """Ask the store."""
        self._store.require_fenceable(node)

    def ask(self, node: str, question: str) -> bool:
        """Ask the store."""
        return self._store.ask(node, question)

    def answered(self, node: str, question: str) -> bool:
        """Ask the store."""
        return self._store.answered(node, question)

    def withdraw(self, node: str, question: str) -> bool:
        """Ask the store."""
        return self._store.withdraw(node, question)

    def fences(self, node: str = "") -> tuple[Fence, ...]:
        """Return what operators have said. Raises what asking came to, if this node has heard of nothing before."""
        why = self._away()
        try:
            if why:
                raise TryAgainLater(sentence(why), "which nodes are fenced is not known here")
            found = self._store.fences(node)
        except CniError as failure:
            return self._remembered(node, failure)
        if node:
            self._own[node] = found
        else:
            self._write(found)
        return found

    def fence(self, said: Fence) -> bool:
        """Have it said."""
        return self._store.fence(said)

    def remember(self) -> None:
        """Keep what is said now for when the store is away. Whether that can be had is not what counts here."""
        try:
            self.fences()
        except CniError:
            pass

    def _remembered(self, node: str, failure: CniError) -> tuple[Fence, ...]:
        if node in self._own:
            return self._own[node]
        known = _read(self._path)
        if known is None:
            raise failure
        as_of, found = known
        if self._outlook.tolerant:
            self._outlook.missed(bare(failure.message), as_of)
        return tuple(one for one in found if node in ("", one.node))

    def _write(self, found: tuple[Fence, ...]) -> None:
        now, known = time.time_ns(), _read(self._path)  # noqa: TID251 - told to people as a time of this node
        if known is not None and known[1] == found and 0 <= now - known[0] < _AGAIN:
            return
        form = {"time": now, "fences": [{"of": one.node, **fence_form(one)} for one in found]}
        try:
            write_whole(self._path, json.dumps(form).encode(), 0o600)
        except OSError:
            pass  # a disk that is full or read-only: it is written the next time


def _read(path: str) -> tuple[int, tuple[Fence, ...]] | None:
    """Return when the store was last asked (ns since the epoch), and what it said; None if that is not known."""
    try:
        with open(path, "rb") as file:
            form = json.load(file)
        return number_in(form, "time", TIME), tuple(fence_of(str(one["of"]), one) for one in form["fences"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
