"""A run from its namespace to its end: attached, used, detached, also when something fails or a signal comes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from podberth.cni.errors import CniError, KernelRefused
from podberth.runtime.cache import Cache
from podberth.runtime.chain import Runtime
from podberth.runtime.conf import RuntimeConf
from podberth.runtime.networks import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType
    from typing import Self

    from podberth.cli.run.record import Joined, Records, Run
    from podberth.runtime.chain import Added

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ended(Exception):
    """A signal came while nothing ran yet that it could be passed on to."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Signals:
    """While this is in force signals end the command, not this process; `Ended` if there is no command yet."""

    def __init__(self) -> None:
        self.command: subprocess.Popen[bytes] | None = None
        self._closing = False

    def __enter__(self) -> Self:
        for number in _ENDING:
            signal.signal(number, self._came)
        return self

    def __exit__(self, *_: object) -> None:
        for number in _ENDING:
            signal.signal(number, signal.SIG_DFL)

    def closing(self) -> None:
        """From now on nothing interrupts: what was made is being taken down."""
        self._closing = True

    def _came(self, number: int, _: FrameType | None) -> None:
        if self._closing:
            return
        if self.command is None:
            raise Ended(number)
        # A terminal has sent its own to the command already.
        if number != signal.SIGINT or not sys.stdin.isatty():
            self.command.send_signal(number)


def live(records: Records, run: Run, command: Sequence[str], told: Callable[[Joined, Added], None]) -> int:
    """Attach, run the command, take everything down; return the exit status, 128 + N for a signal.

    `told` hears of each attachment. CniError if a network refuses: then nothing is left, and nothing was run.
    """
    failures: list[str] = []
    with Signals() as signals:
        records.write(run)
        try:
            status = _used(run, command, told, signals)
        except Ended as ended:
            status = 128 + ended.number
        finally:
            signals.closing()
            failures += take_down(records, run)
    if failures:
        raise KernelRefused("; ".join(failures), "`podberth run --cleanup` tries again")
    return status


def _used(run: Run, command: Sequence[str], told: Callable[[Joined, Added], None], signals: Signals) -> int:
    _ip("netns", "add", run.container_id)
    _ip("-n", run.container_id, "link", "set", "lo", "up")
    runtime = _runtime(run)
    for joined in run.networks:
        told(joined, runtime.add(parse(joined.conf.encode()), _conf(run, joined)))
    signals.command = subprocess.Popen(command)  # noqa: S603 - to run it is what was asked for
    status = signals.command.wait()
    return status if status >= 0 else 128 - status


def take_down(records: Records, run: Run) -> list[str]:
    """End what runs there, detach in reverse order, remove the namespace, forget the run.

    Return what failed; then nothing is forgotten.
    """
    runtime, failures = _runtime(run), []
    _end_processes(run)
    for joined in reversed(run.networks):
        try:
            runtime.delete(parse(joined.conf.encode()), _conf(run, joined))
        except CniError as refused:
            failures.append(f"{joined.ifname}: {refused.message}")
    if not failures and run.netns.exists():
        try:
            _ip("netns", "delete", run.container_id)
        except KernelRefused as refused:
            failures.append(refused.message)
    if not failures:
        records.forget(run)
    return failures


def _end_processes(run: Run) -> None:
    """Kill what still runs in the namespace: children that the command left, or the command of a run that died."""
    if run.netns.exists():
        for number in _ip("netns", "pids", run.container_id).split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(number), signal.SIGKILL)


def _runtime(run: Run) -> Runtime:
    return Runtime(run.path, cache=Cache(run.cache))


def _conf(run: Run, joined: Joined) -> RuntimeConf:
    return RuntimeConf(
        container_id=run.container_id,
        ifname=joined.ifname,
        netns=str(run.netns) if run.netns.exists() else "",
        args=run.args,
        capability_args=run.capabilities,
    )


def _ip(*argv: str) -> str:
    done = subprocess.run(["ip", *argv], capture_output=True, text=True, check=False)  # noqa: S603, S607
    if done.returncode:
        raise KernelRefused(f"ip {' '.join(argv)}: {done.stderr.strip()}", "it needs root, and iproute2")
    return done.stdout
