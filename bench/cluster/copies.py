"""Copies of a node that lives: its name, machine-id, key and state directory, taken between two of its instructions.

A `clone` is the machine's image started elsewhere, in a boot of its own. A `twin` has the boot-id too: it is a second
process on the copied directory.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from bench.cluster.crew import Team
from bench.cluster.history import OK
from bench.cluster.nodes import BOOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from bench.cluster.crew import Task
    from bench.cluster.history import Operation
    from bench.cluster.nodes import Store

KINDS = ("clone", "twin")
LOSING = 5 * 10**9  # ns until the one that has lost the name has asked again: these ask every second


class Copies:
    """The copies of one node of a team; of each kind there is one at a time."""

    def __init__(self, store: Store, folder: Path, team: Team) -> None:
        self._store = store
        self._folder = folder
        self._team = team
        self._name = team.names[-1]
        self._made = 0
        self._teams: dict[str, Team] = {}

    def start(self, kind: str, task: Task) -> None:
        """Copy the node and have the copy do the task; a former copy of the kind is killed."""
        if kind in self._teams:
            self._teams.pop(kind).kill()
        self._made += 1
        folder = self._folder / f"{kind}-{self._made}"
        self._team.pause()
        try:
            shutil.copytree(self._folder / self._name, folder / self._name)
        finally:
            self._team.go_on()
        self._teams[kind] = Team(self._store, folder, (self._name,), boot=BOOT if kind == "twin" else folder.name)
        self._teams[kind].result()
        self._teams[kind].begin(task)

    def then(self, task: Task) -> None:
        """Wait until all have done what they do, and have them do the task."""
        for team in self._teams.values():
            team.result()
            team.begin(task)
            team.result()

    def end(self) -> None:
        """End all of them."""
        for team in self._teams.values():
            team.end()


def complaints(operations: Iterable[Operation]) -> Iterator[str]:
    """Complain of each machine of another boot that was let in, while the one that was there first lives."""
    for one in operations:
        if one.kind in ("bind", "unbind") and one.outcome == OK and one.boot not in ("", BOOT) and one.got:
            yield f"{one.node}: a copy of boot {one.boot} was let in: {one.kind} {one.attachment} {', '.join(one.got)}"


def lingering(operations: Iterable[Operation]) -> Iterator[str]:
    """Complain of each bind of a node by a state directory that has lost the name to a copy of it some time ago."""
    firsts: dict[tuple[str, str], int] = {}
    bound = sorted((one for one in operations if one.kind == "bind" and one.outcome == OK), key=lambda one: one.ended)
    for one in bound:
        firsts.setdefault((one.node, one.place), one.ended)
    for one in bound:
        own = firsts[one.node, one.place]
        later = [at for (node, place), at in firsts.items() if node == one.node and place != one.place and at > own]
        if later and one.began > min(later) + LOSING:
            late = (one.began - min(later)) / 1e9
            yield f"{one.node}: {one.place} binds {one.attachment} {late:.1f} s after its copy"


def refused(operations: Iterable[Operation]) -> int:
    """Return how often copies of other boots were refused."""
    return sum(one.boot not in ("", BOOT) and one.refusal in ("Refused", "TryAgainLater") for one in operations)
