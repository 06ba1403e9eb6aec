"""Running one plugin: found on the search path, given an environment and stdin, its answer read (SPEC.md section 2).

What it writes to stderr is the caller's. No shell is involved, and nothing outside of the search path is ever run.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import time

from podberth.cni import strictjson
from podberth.cni.errors import CniError, DecodingFailure, InvalidConfig, IOFailure, TryAgainLater
from podberth.cni.fields import Fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_OUTPUT = 8 << 20  # bytes of a plugin's stdout: a result has a few thousand
_BUSY_SECONDS = 1.0  # how long an executable that is just being written ("text file busy") is tried again
_IGNORED = (13, 25)  # SIGPIPE and SIGXFSZ: Python ignores them, other programs rely on them


class PluginFailed(CniError):
    """What a plugin refused, in its own words and under its own code."""

    def __init__(self, plugin: str, code: int, message: str, details: str) -> None:
        super().__init__(f"{plugin}: {message}", details)
        self.plugin = plugin
        self.code = code  # type: ignore[misc]  # here it is the plugin's, not the class's


def find(name: str, path: tuple[str, ...], field: str = "type") -> str:
    """Return the executable of a plugin's type: the first of that name on the path. InvalidConfig if there is none.

    A name with a slash, or '..', is none: it would lead out of the path. `field` is where the type is said.
    """
    if "/" in name or name in ("", ".", ".."):
        raise InvalidConfig(f"{field}: {name!r} is no plugin's name", "name an executable without its folder")
    for folder in path:
        candidate = os.path.join(folder, name)
        if os.path.isfile(candidate) and os.access(candidate, os.X_OK):
            return candidate
    raise InvalidConfig(
        f"{field}: there is no plugin {name!r} in CNI_PATH ({':'.join(path) or 'not set'})",
        "install it there, or name the folder it is in",
    )


def call(executable: str, env: Mapping[str, str], stdin: bytes, timeout: float | None = None) -> bytes:
    """Run a plugin to its end; return its stdout. PluginFailed with its error, TryAgainLater after `timeout` seconds.

    A plugin that takes too long is killed: what it has done by then is for DEL to undo.
    """
    given = os.memfd_create("stdin", os.MFD_CLOEXEC)
    taken, out = os.pipe2(os.O_CLOEXEC)
    try:
        with os.fdopen(os.dup(given), "wb") as file:
            file.write(stdin)
        os.lseek(given, 0, os.SEEK_SET)
        process = _spawned(executable, env, [(os.POSIX_SPAWN_DUP2, given, 0), (os.POSIX_SPAWN_DUP2, out, 1)])
        os.close(out)
        out = -1
        end = None if timeout is None else time.monotonic() + timeout
        try:
            stdout = _read(taken, executable, timeout)
            _await(process, executable, timeout, end)
        except BaseException:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            raise
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    finally:
        for descriptor in (given, taken, out):
            if descriptor >= 0:
                os.close(descriptor)
    if status:
        raise refusal(os.path.basename(executable), status, stdout)
    return stdout


def _read(descriptor: int, executable: str, timeout: float | None) -> bytes:
    """Read until the end of the stream; a plugin's children that keep it open count as the plugin."""
    parts: list[bytes] = []
    end = None if timeout is None else time.monotonic() + timeout
    waiting = select.poll()  # select(2) takes no descriptor from 1024 on, and an agent has many
    waiting.register(descriptor, select.POLLIN)
    while True:
        left = None if end is None else max(0.0, end - time.monotonic()) * 1000
        if not waiting.poll(left):
            raise _late(executable, timeout)
        part = os.read(descriptor, 1 << 16)
        if not part:
            return b"".join(parts)
        parts.append(part)
        if sum(map(len, parts)) > MAX_OUTPUT:
            raise DecodingFailure(
                f"{os.path.basename(executable)}: more than {MAX_OUTPUT} bytes on stdout",
                "see its log",
            )


def _await(process: int, executable: str, timeout: float | None, end: float | None) -> None:
    """Wait until the process has ended, which stays to be reaped; one that only closed its stdout has not."""
    while end is not None and os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        if time.monotonic() > end:
            raise _late(executable, timeout)
        time.sleep(0.002)


def _late(executable: str, timeout: float | None) -> TryAgainLater:
    return TryAgainLater(
        f"{os.path.basename(executable)} took longer than {timeout:.0f} s and was stopped",
        "see what it waits for, in its own log; `cnitool` calls it by hand",
    )


def _spawned(executable: str, env: Mapping[str, str], actions: list[tuple[int, int, int]]) -> int:
    end = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            return os.posix_spawn(
                executable, [executable], dict(env), file_actions=actions, setsigdef=_IGNORED, setsigmask=()
            )
        except OSError as failure:
            if failure.errno != errno.ETXTBSY or time.monotonic() > end:
                raise IOFailure(
                    f"{executable}: {failure.strerror}", "it has to be a program that root may run"
                ) from failure
            time.sleep(0.05)


def refusal(name: str, status: int, stdout: bytes) -> CniError:
    """Return the error that a plugin's exit status and stdout stand for."""
    try:
        told = Fields(strictjson.loads(stdout, name, DecodingFailure), name, DecodingFailure).raw
    except CniError:
        return IOFailure(f"{name}: ended with status {status} and no error object", "see its stderr")
    code = told.get("code")
    message, details = told.get("msg"), told.get("details")
    return PluginFailed(
        name,
        code if type(code) is int and code > 0 else PluginFailed.code,
        message if isinstance(message, str) else f"exit status {status}",
        details if isinstance(details, str) else "",
    )
