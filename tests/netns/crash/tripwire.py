"""One CNI call in a process of its own that dies, or fails, right before or right after a chosen effect.

Run as `python -m tests.netns.crash.tripwire`: CNI_* in the environment, the configuration on stdin, and TRIPWIRE as
`INDEX:WHEN:HOW` (`3:before:kill`, `5:after:fail`) or empty; PLUGIN is the type, if it is not `podberth`. Effects are
counted from 0 in the order they happen; their names go to stderr, a line each, so that a first run without a wire tells
how many there are.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

from podberth.cni.errors import KernelRefused
from podberth.cni.value import replace
from podberth.entry import handle, open_node

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.verbs.node import Node

# All that a call may ask of a part of a node: what changes something outside the process, and what does not.
EFFECTS = {
    "host": ("do", "undo", "cut_off", "drop", "repair", "remove_vlan_device", "reclaim", "police"),
    "ledger": ("bind", "unbind", "unbind_all", "reserve", "release", "conflicted", "noted"),
    "attachments": ("open", "revise", "done", "removing", "close", "label"),
}
READINGS = {
    "host": (
        "close",
        "named",
        "named_in",
        "default_link",
        "default_routes",
        "device",
        "can",
        "checks_senders",
        "lines",
        "peer",
        "towards",
        "netns_id",
        "own_netns",
        "link",
        "addresses",
        "vfs",
        "vf",
        "traffic",
        "locked",
        "prepare",
        "known",
        "check",
        "outside",
    ),
    "ledger": ("leases", "of", "reservations", "who", "history", "usage"),
    "attachments": ("find", "of", "holder", "labels", "all"),
}


class Wire:
    """Counts effects and trips at the chosen one."""

    def __init__(self, setting: str) -> None:
        index, self.when, self.how = setting.split(":") if setting else ("-1", "", "")
        self.index = int(index)
        self.seen = 0

    def effect(self, name: str, act: Callable[[], object]) -> object:
        """Perform an effect, unless the wire is across its path."""
        mine, self.seen = self.seen == self.index, self.seen + 1
        print("effect", name, file=sys.stderr)
        if mine and self.when == "before":
            self.trip(name)
        done = act()
        if mine and self.when == "after":
            self.trip(name)
        return done

    def trip(self, name: str) -> None:
        """Die at once, or fail as the kernel would."""
        if self.how == "kill":
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        raise KernelRefused(f"tripped {self.when} {name}")


class Wired:
    """A part of a node whose effects pass the wire; all else is the part's own."""

    def __init__(self, room: str, part: object, wire: Wire) -> None:
        self._room, self._part, self._wire = room, part, wire

    def __getattr__(self, name: str) -> object:
        member = getattr(self._part, name)
        if name in READINGS[self._room]:
            return member
        if name not in EFFECTS[self._room]:
            raise AssertionError(f"{self._room}.{name}: say whether the wire lies across it")

        def through(*args: object, **kwargs: object) -> object:
            what = type(getattr(args[0], "op", None)).__name__ if self._room == "host" else ""
            return self._wire.effect(f"{self._room}.{name} {what}".strip(), lambda: member(*args, **kwargs))

        return through


def wired(directory: str, wire: Wire) -> Node:
    """Open the real node, with its effects behind the wire."""
    node = open_node(directory)
    return replace(node, **{room: Wired(room, getattr(node, room), wire) for room in EFFECTS})


def main() -> int:
    """Serve one call as the plugin does."""
    wire = Wire(os.environ.get("TRIPWIRE", ""))
    plugin = os.environ.get("PLUGIN", "podberth")
    code, stdout = handle(os.environ, sys.stdin.buffer.read(), plugin, lambda directory: wired(directory, wire))
    sys.stdout.write(stdout)
    return code


if __name__ == "__main__":
    sys.exit(main())
