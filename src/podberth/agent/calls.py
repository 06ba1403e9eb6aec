"""The calls that were served last, for whoever asks what the agent has been doing."""

from __future__ import annotations

import json
import threading
from collections import deque
from typing import TYPE_CHECKING

from podberth.cni.args import NAME, NAMESPACE, readable
from podberth.cni.value import value
from podberth.process.reason import Reason

if TYPE_CHECKING:
    from podberth.agent.frame import Call
    from podberth.agent.trace import Trace

KEPT = 256


@value
class Served:
    """One call and how it ended. `began` is in seconds since the epoch, `seconds` how long it took the agent."""

    call: Call
    began: float
    seconds: float
    trace: Trace
    code: int  # 0, or the CNI error's
    stdout: str

    @property
    def verb(self) -> str:
        """CNI_COMMAND."""
        return self.call.env.get("CNI_COMMAND", "")

    def why(self) -> Reason:
        """Return why it failed, with what its caller was told to do."""
        said = json.loads(self.stdout)
        return Reason(str(said["msg"]), str(said.get("details", "")))

    def about(self) -> dict[str, object]:
        """Return what is told of it: whose it was, how it ended and how long it took, in milliseconds."""
        env = self.call.env
        args = readable(env.get("CNI_ARGS", ""))
        pod = "/".join(filter(None, (args.get(NAMESPACE), args.get(NAME))))
        told: dict[str, object] = {
            "verb": self.verb,
            "plugin": self.call.plugin_type,
            "network": _network(self.call.stdin),
            "containerID": env.get("CNI_CONTAINERID", ""),
            "ifname": env.get("CNI_IFNAME", ""),
            "pod": pod,
            "code": self.code,
            "milliseconds": round(self.seconds * 1000, 3),
            "kernelMilliseconds": round(self.trace.seconds * 1000, 3),
        }
        if self.code:
            told["message"] = json.loads(self.stdout)["msg"]
        return told


class Calls:
    """The last calls, oldest first. Threads share it."""

    def __init__(self, kept: int = KEPT) -> None:
        self._turn = threading.Lock()
        self._last: deque[Served] = deque(maxlen=kept)

    def add(self, served: Served) -> None:
        """Remember a call, in place of the oldest."""
        with self._turn:
            self._last.append(served)

    def last(self) -> tuple[Served, ...]:
        """Return what is remembered."""
        with self._turn:
            return tuple(self._last)


def code_of(exit_code: int, stdout: str) -> int:
    """Return the CNI error code of an answer; 0 for success."""
    return int(json.loads(stdout)["code"]) if exit_code else 0


def _network(stdin: bytes) -> str:
    try:
        name = json.loads(stdin)["name"]
    except (ValueError, KeyError, TypeError):
        return ""
    return name if isinstance(name, str) else ""
