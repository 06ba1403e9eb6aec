"""What one call did to the kernel: op by op, with its times."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from podberth.net.describe import describe

if TYPE_CHECKING:
    from podberth.net.facts import NetnsId
    from podberth.net.host import Host
    from podberth.net.step import Step


class Trace:
    """The ops of one call, in order: (do or undo, the op, seconds). The kernel's share of the call is their sum."""

    def __init__(self) -> None:
        self.ops: list[tuple[str, Step, float]] = []

    @property
    def seconds(self) -> float:
        """How long the kernel had to do with it."""
        return sum(took for _, _, took in self.ops)

    def lines(self) -> list[dict[str, object]]:
        """Return the ops as people read them: the `ip` or `tc` command each stands for, and milliseconds."""
        return [
            {"verb": verb, "op": describe(step.op), "milliseconds": round(took * 1000, 3)}
            for verb, step, took in self.ops
        ]


class Traced:
    """A host whose effects are timed; all else is its own."""

    def __init__(self, host: Host, trace: Trace) -> None:
        self._host = host
        self._trace = trace

    def __getattr__(self, name: str) -> object:
        return getattr(self._host, name)

    def do(self, step: Step) -> None:
        """Perform the step."""
        began = monotonic()
        try:
            self._host.do(step)
        finally:
            self._trace.ops.append(("do", step, monotonic() - began))

    def undo(self, step: Step, netns: NetnsId | None) -> None:
        """Take the step back."""
        began = monotonic()
        try:
            self._host.undo(step, netns)
        finally:
            self._trace.ops.append(("undo", step, monotonic() - began))
