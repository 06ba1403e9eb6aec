"""What one call did to the kernel, op by op with its times; and to the store, where somebody wants to know that too."""

from __future__ import annotations

import time
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from podberth.cni.value import replace
from podberth.net.ops import describe

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from podberth.net.facts import NetnsId
    from podberth.net.host import Host
    from podberth.net.step import Step
    from podberth.verbs.node import Node

LEDGER = frozenset(("bind", "unbind", "unbind_all", "conflicted"))
ATTACHMENTS = frozenset(("open", "revise", "done", "removing", "close"))


class Did(NamedTuple):
    """An op that was done or undone: `verb` is do or undo, `began` as of time.monotonic, `failure` why it failed."""

    verb: str
    step: Step
    began: float
    seconds: float
    failure: str


class Wrote(NamedTuple):
    """A step of the store, by the name of its part and method."""

    what: str
    began: float
    seconds: float
    failure: str


class Trace:
    """The ops of one call, in order. The kernel's share of the call is their sum.

    `began` is in nanoseconds since the epoch, `clock` the same moment as of time.monotonic. `whole`: with what is done
    to the store.
    """

    def __init__(self, *, whole: bool = False) -> None:
        self.began = time.time_ns()  # noqa: TID251 - a span has a start
        self.clock = monotonic()
        self.ops: list[Did] = []
        self.store: list[Wrote] = []
        self._whole = whole

    @property
    def seconds(self) -> float:
        """How long the kernel had to do with it."""
        return sum(did.seconds for did in self.ops)

    def lines(self) -> list[dict[str, object]]:
        """Return the ops as people read them: the `ip` or `tc` command each stands for, and milliseconds."""
        return [
            {"verb": did.verb, "op": describe(did.step.op), "milliseconds": round(did.seconds * 1000, 3)}
            for did in self.ops
        ]

    def over(self, node: Node) -> Node:
        """Return the node with its effects timed."""
        timed = replace(node, host=Traced(node.host, self))
        if not self._whole:
            return timed
        ledger = Timed(node.ledger, "ledger", LEDGER, self.store)
        attachments = Timed(node.attachments, "attachments", ATTACHMENTS, self.store)
        return replace(timed, ledger=ledger, attachments=attachments)


class Traced:
    """A host whose effects are timed; all else is its own."""

    def __init__(self, host: Host, trace: Trace) -> None:
        self._host = host
        self._trace = trace

    def __getattr__(self, name: str) -> object:
        return getattr(self._host, name)

    def do(self, step: Step) -> None:
        """Perform the step."""
        began, failure = monotonic(), ""
        try:
            self._host.do(step)
        except BaseException as failed:
            failure = _why(failed)
            raise
        finally:
            self._trace.ops.append(Did("do", step, began, monotonic() - began, failure))

    def undo(self, step: Step, netns: NetnsId | None) -> None:
        """Take the step back."""
        began, failure = monotonic(), ""
        try:
            self._host.undo(step, netns)
        except BaseException as failed:
            failure = _why(failed)
            raise
        finally:
            self._trace.ops.append(Did("undo", step, began, monotonic() - began, failure))


class Timed:
    """A part of the store of which some methods are timed; all else is its own."""

    def __init__(self, part: object, name: str, methods: frozenset[str], into: list[Wrote]) -> None:
        self._part = part
        self._name = name
        self._methods = methods
        self._into = into

    def __getattr__(self, name: str) -> object:
        found = getattr(self._part, name)
        return self._timing(name, found) if name in self._methods else found

    def _timing(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            began, failure = monotonic(), ""
            try:
                return method(*given, **named)
            except BaseException as failed:
                failure = _why(failed)
                raise
            finally:
                self._into.append(Wrote(f"{self._name}.{name}", began, monotonic() - began, failure))

        return call


def _why(failed: BaseException) -> str:
    return str(failed) or type(failed).__name__
