"""A page performed: its commands on a private machine, and their outputs compared with those that it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.checkout import ROOT
from tests.documents.outputs import missing
from tests.documents.stage import PATIENCE, Outcome, perform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.documents.pages import Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The first scene, by its number, that did not come to what its page shows, and why."""

    scene: int
    why: str


def fault(scenes: Sequence[Scene], patience: float = PATIENCE) -> Fault | None:
    """Perform the scenes in order; return the first fault, or None."""
    scripts = [scene.commands.text for scene in scenes]
    outcomes = perform(scripts, etcd=any(scene.commands.language == "sh etcd" for scene in scenes), patience=patience)
    for number, (scene, outcome) in enumerate(zip(scenes, outcomes, strict=False)):
        if why := _why(scene, outcome):
            return Fault(scene=number, why=f"line {scene.commands.line}: {why}\n{outcome.printed}")
    return None if len(outcomes) == len(scenes) else Fault(scene=len(outcomes), why="it was not reached")


def _why(scene: Scene, outcome: Outcome) -> str:
    if not outcome.succeeded:
        return "a command failed, or did not end"
    line = missing(scene.output, outcome.printed)
    return f"the page shows a line that was not printed: {line!r}" if line else ""


def page(name: str) -> str:
    """Return the text of a page, by its path in the repository."""
    return (ROOT / name).read_text()
