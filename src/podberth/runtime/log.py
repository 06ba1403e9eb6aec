"""The log that a network configuration asks for (`logLevel`, `logFile`, as sriov-cni has them): one line for each call.

At `debug` also one for each op, with its time. What can't be written never fails a call: it goes to stderr instead.
"""

from __future__ import annotations

import time

from podberth.cni import parsers
from podberth.cni.call import Verb
from podberth.cni.errors import CniError
from podberth.net.ops import describe
from podberth.process.log import append, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.call import Call
    from podberth.cni.fields import Fields
    from podberth.net.facts import NetnsId
    from podberth.net.host import Host
    from podberth.net.step import Step

_VERBOSE = "verbose"  # a level of Multus', between `error` and `debug`
LEVELS = ("panic", "error", "warning", "info", "debug")


class Log:
    """Lines about one call. `path` is None for stderr."""

    def __init__(self, subject: str, path: str | None, level: str) -> None:
        self._subject = subject
        self._path = path
        self._level = LEVELS.index(level)
        self._began = time.monotonic()

    def write(self, level: str, text: str) -> None:
        """Write one line, if the level is asked for."""
        if LEVELS.index(level) > self._level:
            return
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = f"{now} {level} podberth: {self._subject}: {text}"
        if self._path is None:
            say(line)
        elif refused := append(self._path, f"{line}\n".encode()):
            say(f"logFile {self._path}: {refused}")
            say(line)

    def ended(self, error: CniError | None) -> None:
        """Write how the call ended."""
        after = f"after {(time.monotonic() - self._began) * 1000:.1f} ms"
        if error is None:
            self.write("info", f"done {after}")
        else:
            self.write("error", f"code {error.code} {after}: {error.message}; {error.details}")

    def over(self, host: Host) -> Host:
        """Return the host, with a line for each op that is done or undone, at `debug`."""
        return _Told(host, self) if self._level >= LEVELS.index("debug") else host  # type: ignore[return-value]


class _Told:
    """A host whose effects are written down; all else is its own."""

    def __init__(self, host: Host, log: Log) -> None:
        self._host = host
        self._log = log

    def __getattr__(self, name: str) -> object:
        return getattr(self._host, name)

    def do(self, step: Step) -> None:
        began = time.monotonic()
        self._host.do(step)
        self._log.write("debug", f"{describe(step.op)} ({(time.monotonic() - began) * 1000:.1f} ms)")

    def undo(self, step: Step, netns: NetnsId | None) -> None:
        began = time.monotonic()
        self._host.undo(step, netns)
        self._log.write("debug", f"undone: {describe(step.op)} ({(time.monotonic() - began) * 1000:.1f} ms)")


def asked(call: Call) -> Log:
    """Return the log that the request's configuration asks for. InvalidConfig names the key at fault; DEL forgives."""
    try:
        level, path = _level(call.conf.fields), _file(call.conf.fields)
    except CniError:
        if call.verb is not Verb.DEL:
            raise
        level, path = "info", None
    of = call.attachment if call.container_id else call.conf.name
    return Log(f"{call.verb} of {of}", path, level)


def _level(fields: Fields) -> str:
    level = fields.get("logLevel", parsers.choice(*LEVELS, _VERBOSE), "info")
    return "info" if level == _VERBOSE else level


def _file(fields: Fields) -> str | None:
    return fields.optional("logFile", parsers.absolute_path)
