"""A program's main function in a process that is forked off this one, which has its modules already.

An executable, and each module that it imports, takes its time: a tenth of a second of a call, and a whole one in an
emulated machine.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import sys
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podberth.linux.netns import open_at, opened_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_libc = ctypes.CDLL(None, use_errno=True)
_NEWNS, _REC, _PRIVATE, _DETACH = 0x20000, 0x4000, 0x40000, 2  # unshare(2), mount(2), umount2(2)


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit status, or a signal's number below zero, and what it wrote."""

    status: int
    stdout: str
    stderr: str


def forked(main: Callable[[], int], namespace: str, env: Mapping[str, str], stdin: str) -> Ended:
    """Run a program's main function in a process of its own."""
    with contextlib.ExitStack() as files:
        streams = [files.enter_context(os.fdopen(os.memfd_create(name), "w+b")) for name in ("in", "out", "err")]
        streams[0].write(stdin.encode())
        for stream in streams:
            stream.seek(0)
        child = os.fork()
        if not child:
            _be(main, namespace, env, [stream.fileno() for stream in streams])
        _, status = os.waitpid(child, 0)
        texts = [os.pread(stream.fileno(), 1 << 24, 0).decode() for stream in streams[1:]]
        return Ended(os.waitstatus_to_exitcode(status), *texts)


def _with_sysfs(main: Callable[[], int]) -> int:
    """Run it where /sys is that of the present network namespace, as `ip netns exec` does."""
    for failed in (
        _libc.unshare(_NEWNS),
        _libc.mount(b"", b"/", b"none", _REC | _PRIVATE, None),
        _libc.umount2(b"/sys", _DETACH),
        _libc.mount(b"netns", b"/sys", b"sysfs", 0, None),
    ):
        if failed:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), "/sys")
    return main()


def _be(main: Callable[[], int], namespace: str, env: Mapping[str, str], streams: list[int]) -> None:
    """Do the work of the forked process, and end it whatever happens: it must never run tests."""
    status = 70
    gc.freeze()  # what was there before is not looked at again
    try:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(at, mode) for at, mode in enumerate(("r", "w", "w")))
        os.environ.clear()
        os.environ.update(env)
        status = opened_in(open_at(f"/run/netns/{namespace}"), lambda: _with_sysfs(main)) if namespace else main()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    except Exception:  # noqa: BLE001 - told, and never a test's
        traceback.print_exc()
    finally:
        try:
            gc.collect()  # an interpreter that ends closes what is open, as a database
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)
