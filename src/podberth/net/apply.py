"""All steps, or none: the one place where effects are ordered, and the one undo for failure, DEL, GC and crash."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from podberth.net.facts import NetnsId
    from podberth.net.host import Host
    from podberth.net.step import Step


def apply(host: Host, steps: Sequence[Step], netns: NetnsId | None) -> None:
    """Do every step in order; if one fails, undo it and those before it, newest first, then raise its error."""
    for done, step in enumerate(steps):
        try:
            host.do(step)
        except BaseException:
            revert(host, steps[: done + 1], netns)
            raise


def revert(host: Host, steps: Iterable[Step], netns: NetnsId | None) -> None:
    """Undo the steps, newest first. A failing undo does not keep the others from theirs; the first failure is raised."""
    failures: list[Exception] = []
    for step in reversed(tuple(steps)):
        try:
            host.undo(step, netns)
        except Exception as failure:
            failures.append(failure)
    if failures:
        raise failures[0]
