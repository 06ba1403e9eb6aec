"""CNI calls in processes of their own that kill themselves right before a chosen effect.

A process is forked off the warm one that runs the tests: an executable takes half a second to start in an emulated
machine. Effects are what changes something outside the process, counted one by one in the order they happen.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podberth.entry import handle
from podberth.linux import pci
from podberth.linux.effects import sysctls, vf_links, vf_settings
from podberth.linux.netlink.socket import NetlinkError, Rtnl
from podberth.stores.sqlite.attachments import SqliteAttachments
from podberth.stores.sqlite.ledger import SqliteLedger
from tests.netns.kubelet import Answer
from tests.sizes import evenly

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.netns.kubelet import Pod
    from tests.vm.inside.card import Node

EFFECTS: tuple[tuple[object, str], ...] = (
    (Rtnl, "do"),
    (Rtnl, "do_all"),
    (Rtnl, "do_and_get"),
    (pci, "_write"),
    (sysctls, "write"),
    *((SqliteLedger, name) for name in ("bind", "unbind_all", "reserve", "release", "conflicted", "noted")),
    *((SqliteAttachments, name) for name in ("open", "revise", "done", "removing", "close", "label")),
)
REQUESTS = {
    16: "link", 17: "link gone", 19: "setlink", 20: "address", 21: "address gone", 108: "altname", 109: "altname gone",
}  # fmt: skip
# The type of the attribute within IFLA_VFINFO_LIST and IFLA_VF_INFO, behind the ifinfomsg (linux/if_link.h).
SETTINGS = {1: "mac", 2: "vlan", 4: "spoofchk", 5: "link_state", 6: "rate", 9: "trust", 12: "vlan with proto"}
_SETTING = 16 + 4 + 4 + 2
# How long is waited for what will never come, and in place of how long.
SECONDS = 1.5
PATIENCE: tuple[tuple[object, str], ...] = ((vf_links, "_RETURN_SECONDS"), (vf_settings, "_BUSY_SECONDS"))
MOST_CALLS = 60


@dataclass(frozen=True)
class Ended:
    """How a call ended: what it did, and its answer; None if it was killed before it gave one."""

    effects: list[str]
    answer: Answer | None

    @property
    def failure(self) -> dict[str, Any]:
        """The error object of a call that failed."""
        assert self.answer is not None, self
        assert self.answer.code == 1, self
        return self.answer.result


def call(node: Node, verb: str, pod: Pod, *, kill_before: int | None = None, busy: int = 0, **changes: Any) -> Ended:
    """Make a call; it dies before that effect, or when there are fewer, after the last and with no answer given.

    To so many requests about a virtual function the card's driver says first that it is busy.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        _lay(kill_before, busy, writing)
        _serve(node, verb, pod, kill_before, writing, changes)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        lines = pipe.read().splitlines()
    _, status = os.waitpid(child, 0)
    if kill_before is not None:
        assert os.WIFSIGNALED(status), (status, lines)
        assert os.WTERMSIG(status) == signal.SIGKILL, status
        return Ended(lines, None)
    assert status == 0, (status, lines)
    code, stdout = json.loads(lines[-1])
    return Ended(lines[:-1], Answer(code, stdout, ""))


def everywhere(
    node: Node,
    verb: str,
    start: Callable[[], Pod],
    go_on: Callable[[Pod, int], object],
    *,
    deaths: int,
    refused: int = 0,
    until: str = "",
    left: Sequence[str] = (),
    **changes: Any,
) -> Ended:
    """Make the call to its end, then kill it before each of its effects, and after the last; return how it ended.

    `deaths`: how many kills at most, spread over the effects. `start` makes what the call is about; `go_on` does what a
    runtime does after it, or after its death (by number), and only what is `left` may be left then. `refused`: the code
    with which the call itself is to fail. `until`: how the words of the effect begin behind which nothing is of
    interest.
    """
    pod = start()
    clean = call(node, verb, pod, **changes)
    assert clean.answer is not None
    assert (clean.answer.code and clean.answer.result["code"]) == refused, clean
    go_on(pod, 0)
    found = node.left_behind()
    assert found == [*left], f"without a kill: {found}"
    effects = [*clean.effects, "the answer"]
    last = next((number for number, effect in enumerate(effects) if until and effect.startswith(until)), len(effects))
    for number, effect in evenly(tuple(enumerate(effects[: last + 1])), deaths):
        pod = start()
        call(node, verb, pod, kill_before=number, **changes)
        go_on(pod, number)
        found = node.left_behind()
        assert found == [*left], f"killed before effect {number}, {effect}: {found}"
    return clean


def step_by_step(node: Node, verb: str, pod: Pod, **changes: Any) -> int:
    """Make the call until it ends, killed each time after one effect more than the last got to; return how often."""
    number, last = 1, [""]
    for calls in range(1, MOST_CALLS + 1):
        effects = call(node, verb, pod, kill_before=number, **changes).effects
        if len(effects) < number:
            return calls
        if effects == last:  # some are repeated by every call
            number += 1
        last = effects
    raise AssertionError(f"{MOST_CALLS} calls did not end it: {last}")


def _serve(node: Node, verb: str, pod: Pod, kill_before: int | None, pipe: int, changes: dict[str, Any]) -> None:
    """Do the work of the forked process, and end it whatever happens: it must never run tests."""
    status = 1
    try:
        env = node.kubelet.env(verb, pod)
        config = node.kubelet.config(**changes)
        answer = handle(env, json.dumps(config).encode(), str(config["type"]))
        if kill_before is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        os.write(pipe, json.dumps(answer).encode())
        status = 0
    finally:
        os._exit(status)


def _lay(kill_before: int | None, busy: int, pipe: int) -> None:
    """Lay the wire across every effect of this process, which is forked for it; tell each through the pipe."""
    seen = 0
    for owner, name in PATIENCE:
        setattr(owner, name, SECONDS)

    def across(name: str, member: Callable[..., object]) -> Callable[..., object]:
        def through(*args: Any, **kwargs: Any) -> object:
            nonlocal seen, busy
            by = sys._getframe(1).f_code.co_qualname
            if busy and by.startswith("_tell."):
                busy -= 1
                raise NetlinkError(errno.EBUSY, "")
            if seen == kill_before:
                os.kill(os.getpid(), signal.SIGKILL)
            seen += 1
            os.write(pipe, f"{_said(name, args, by)}\n".encode())
            return member(*args, **kwargs)

        return through

    for owner, name in EFFECTS:
        setattr(owner, name, across(name, getattr(owner, name)))


def _said(name: str, args: tuple[Any, ...], by: str) -> str:
    """Return words for an effect that a person can find in the source."""
    match name:
        case "do":
            _, kind, body = args[:3]
            told = SETTINGS[body[_SETTING]] if by.startswith("_tell.") else f"{zlib.crc32(body):08x}"
            return f"{REQUESTS[kind]} ({told}), by {by.partition('.')[0]}"
        case "do_all":
            return f"{' and '.join(REQUESTS[kind] for kind, _ in args[1])}, by {by}"
        case "do_and_get":
            return f"{REQUESTS[args[1][0]]}, by {by}"
        case "_write":
            return f"{args[0]} {args[1]}"
        case _:
            return f"{name}, by {by}"
