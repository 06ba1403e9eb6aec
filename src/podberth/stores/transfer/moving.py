"""One store into another: what stands against it, the move itself, and the comparison of both afterwards."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from podberth.cni.errors import AddressTaken
from podberth.stores.transfer.verdict import SHOWN, Verdict, verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.stores.transfer.story import Side, Target


class NotEmpty(AddressTaken):
    """The target has what the source has not; `conflicts` are the first of it. Nothing was brought in."""

    def __init__(self, target: str, conflicts: tuple[str, ...]) -> None:
        super().__init__(
            f"{target}: {conflicts[0]}", "bring it into an empty store, or into the one that a first attempt began"
        )
        self.conflicts = conflicts


def check(source: Side, target: Target) -> None:
    """Raise NotEmpty if the target has anything that is not a part of the source."""
    found = tuple(islice(target.conflicts(source), SHOWN))
    if found:
        raise NotEmpty(target.name, found)


def move(source: Side, target: Target, told: Callable[[int], None] = lambda _: None) -> Verdict:
    """Bring all of the source into the target, then compare the two. Begun again it goes on where it was ended."""
    check(source, target)
    target.take(source, told)
    return verify(source, target)
