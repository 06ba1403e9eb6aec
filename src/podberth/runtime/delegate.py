"""One plugin calling another (SPEC.md section 4, "Delegated plugins"): found on CNI_PATH, with the caller's own call.

The whole configuration and environment are passed on; only CNI_COMMAND may differ.
"""

from __future__ import annotations

import errno
import json
import os
import time

from podberth.cni import strictjson
from podberth.cni.errors import CniError, DecodingFailure, InvalidConfig, IOFailure
from podberth.cni.fields import Fields
from podberth.cni.result import Result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from podberth.cni.request import Request

_BUSY_SECONDS = 1.0  # how long an executable that is just being written ("text file busy") is tried again
_IGNORED = (13, 25)  # SIGPIPE and SIGXFSZ: Python ignores them, other programs rely on them


class DelegateFailed(CniError):
    """What another plugin refused, in its own words and under its own code."""

    def __init__(self, plugin: str, code: int, message: str, details: str) -> None:
        super().__init__(f"{plugin}: {message}", details)
        self.code = code  # type: ignore[misc]  # here it is the other plugin's, not the class's


def delegate(request: Request, verb: str, env: Mapping[str, str]) -> Result | None:
    """Call the IPAM plugin that the request's configuration names; return its result, None if it printed none.

    Raises InvalidConfig if CNI_PATH has no such plugin, DelegateFailed with its code if it fails.
    """
    conf = request.conf
    name = str(conf.ipam.raw["type"]) if conf.ipam is not None else ""
    status, stdout = _run(_found(name, request.path), {**env, "CNI_COMMAND": verb}, json.dumps(dict(conf.raw)))
    if status:
        raise _refusal(name, status, stdout)
    if not stdout.strip():
        return None
    fields = Fields(
        strictjson.loads(stdout, f"the result of {name}", DecodingFailure), f"{name}'s result", DecodingFailure
    )
    return Result.parse(fields, conf.cni_version)


def _found(name: str, path: tuple[str, ...]) -> str:
    """Return the executable's path. A name never leads out of CNI_PATH: `plugin_type` lets no slash through."""
    for folder in path:
        candidate = os.path.join(folder, name)
        if os.path.isfile(candidate) and os.access(candidate, os.X_OK):
            return candidate
    raise InvalidConfig(
        f"ipam.type: there is no plugin {name!r} in CNI_PATH ({':'.join(path) or 'not set'})",
        "install it there, or have podberth give the addresses: leave `ipam` out and set `pool`",
    )


def _run(executable: str, env: Mapping[str, str], stdin: str) -> tuple[int, bytes]:
    """Run it to its end; return its exit status and stdout. Its stderr is the caller's."""
    given = os.memfd_create("stdin", os.MFD_CLOEXEC)
    taken, out = os.pipe2(os.O_CLOEXEC)
    try:
        with os.fdopen(os.dup(given), "wb") as file:
            file.write(stdin.encode())
        os.lseek(given, 0, os.SEEK_SET)
        actions = [(os.POSIX_SPAWN_DUP2, given, 0), (os.POSIX_SPAWN_DUP2, out, 1)]
        process = _spawned(executable, env, actions)
        os.close(out)
        out = -1
        with os.fdopen(os.dup(taken), "rb") as file:
            stdout = file.read()
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), stdout
    finally:
        for descriptor in (given, taken, out):
            if descriptor >= 0:
                os.close(descriptor)


def _spawned(executable: str, env: Mapping[str, str], actions: list[tuple[int, int, int]]) -> int:
    end = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            return os.posix_spawn(executable, [executable], dict(env), file_actions=actions, setsigdef=_IGNORED)
        except OSError as failure:
            if failure.errno != errno.ETXTBSY or time.monotonic() > end:
                raise IOFailure(f"{executable}: {failure.strerror}") from failure
            time.sleep(0.05)


def _refusal(name: str, status: int, stdout: bytes) -> CniError:
    try:
        told = Fields(strictjson.loads(stdout, name, DecodingFailure), name, DecodingFailure).raw
    except CniError:
        return IOFailure(f"{name}: ended with status {status} and no error object", "see its stderr")
    code = told.get("code")
    message, details = told.get("msg"), told.get("details")
    return DelegateFailed(
        name,
        code if isinstance(code, int) and code > 0 else DelegateFailed.code,
        message if isinstance(message, str) else f"exit status {status}",
        details if isinstance(details, str) else "",
    )
