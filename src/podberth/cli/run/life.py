"""A run from its namespace to its end: attached, used, detached, also when something fails or a signal comes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import TYPE_CHECKING

from podberth.cli.run.signals import Ended, Signals
from podberth.cni.errors import CniError, KernelRefused
from podberth.linux import netns
from podberth.runtime.cache import Cache
from podberth.runtime.chain import Runtime
from podberth.runtime.conf import RuntimeConf
from podberth.runtime.networks import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from podberth.cli.run.record import Joined, Records, Run
    from podberth.runtime.chain import Added

    Told = Callable[[Joined, Added], None]

_AGAIN = "`podberth run --cleanup` tries again"


def live(records: Records, run: Run, command: Sequence[str], told: Told) -> int:
    """Attach, run the command, take everything down; return the exit status, 128 + N for a signal.

    `told` hears of each attachment. CniError if a network refuses: then nothing was run, and what could not be taken
    down is in its details.
    """
    with Signals() as signals:
        records.write(run)
        try:
            _ip("netns", "add", run.container_id)
        except KernelRefused:
            records.forget(run)  # a namespace that is there after all is not ours to take down
            raise
        tried: list[Joined] = []
        left: list[str] = []
        try:
            try:
                status = _used(run, command, told, signals, tried)
            finally:
                signals.close()
        except Ended as ended:
            status = 128 + ended.number
        except CniError as refused:
            left += take_down(records, run, tried)
            if left:
                refused.details = "; ".join((*filter(None, [refused.details]), "left behind:", *left, _AGAIN))
            raise
        except BaseException:
            take_down(records, run, tried)
            raise
        left += take_down(records, run, tried)
    if left:
        raise KernelRefused("; ".join(left), _AGAIN)
    return status


def _used(run: Run, command: Sequence[str], told: Told, signals: Signals, tried: list[Joined]) -> int:
    """Attach and run; what was begun of the networks is in `tried`, in order."""
    signals.open()
    _ip("-n", run.container_id, "link", "set", "lo", "up")
    runtime = _runtime(run)
    for joined in run.networks:
        tried.append(joined)
        told(joined, runtime.add(parse(joined.conf.encode()), _conf(run, joined)))
    status = signals.start(command).wait()
    return status if status >= 0 else 128 - status


def take_down(records: Records, run: Run, networks: Sequence[Joined]) -> list[str]:
    """End what runs there, detach the networks in reverse order, remove the namespace, forget the run.

    Return what failed; then the namespace and the record stay, so that it can be tried again.
    """
    runtime, failures = _runtime(run), []
    try:
        _end_processes(run)
    except KernelRefused as refused:
        failures.append(refused.message)
    for joined in reversed(networks):
        try:
            runtime.delete(parse(joined.conf.encode()), _conf(run, joined))
        except CniError as refused:
            failures.append(f"{joined.ifname}: {refused.message}")
    if not failures and os.path.lexists(run.netns):
        try:
            _ip("netns", "delete", run.container_id)
        except KernelRefused as refused:
            failures.append(refused.message)
    if not failures:
        records.forget(run)
    return failures


def _end_processes(run: Run) -> None:
    """Kill what still runs in the namespace: children that the command left, or the command of a run that died."""
    if netns.identity(str(run.netns)) is not None:
        for number in _ip("netns", "pids", run.container_id).split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(number), signal.SIGKILL)


def _runtime(run: Run) -> Runtime:
    return Runtime(run.path, cache=Cache(run.cache))


def _conf(run: Run, joined: Joined) -> RuntimeConf:
    return RuntimeConf(
        container_id=run.container_id,
        ifname=joined.ifname,
        netns=str(run.netns) if netns.identity(str(run.netns)) is not None else "",  # a file alone is none
        args=run.args,
        capability_args=run.capabilities,
    )


def _ip(*argv: str) -> str:
    try:
        done = subprocess.run(["ip", *argv], capture_output=True, text=True, check=False)  # noqa: S603, S607
    except OSError as failure:
        raise KernelRefused(f"ip: {failure.strerror}", "install iproute2") from failure
    if done.returncode:
        raise KernelRefused(f"ip {' '.join(argv)}: {done.stderr.strip()}", "it needs root, and iproute2")
    return done.stdout
