"""One tier as a pytest of its own, which is ended when no test of it has had a result for too long."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests import sizes
from tests.checkout import ROOT
from tests.tiers import progress
from tests.tiers.tally import Tally, tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.tiers.tier import Tier

_LOOK = 0.5  # seconds between two looks
_TESTS_FAILED = 1  # pytest's exit status where tests have failed, and nothing else
_GRACE = 60  # seconds that a tier has to replace a worker, or to end its servers before it is killed


class Run:
    """One tier that runs. Its files begin with `name`: `log` has all that pytest prints.

    `alone`: it needs no place among others. `only` names the tests that run; without any, all of the tier's do.
    """

    def __init__(self, tier: Tier, name: Path, *, alone: bool = False, only: Sequence[str] = ()) -> None:
        self.tier = tier
        self._alone, self._only = alone, only
        self.report, self.log, self.results = (name.with_suffix(f".{kind}") for kind in ("xml", "log", "results"))
        self._pytest: subprocess.Popen[bytes] | None = None
        self._stopped = ""
        self._patience = tier.patience(soaking=bool(os.environ.get(sizes.SOAK)))

    @property
    def running(self) -> bool:
        """Whether its pytest runs now."""
        return self._pytest is not None and self._pytest.poll() is None

    def state(self) -> str:
        """Return how far it is, in a few words."""
        lines = self.results.read_text(encoding="utf-8").splitlines() if self.results.exists() else []
        total = max((int(line.split()[1]) for line in lines if line.startswith("total ")), default=0)
        done = sum(line.startswith("done ") for line in lines)
        if lines and lines[-1].startswith("note "):
            return f"{self.tier.name}: {lines[-1].removeprefix('note ')}"
        return f"{self.tier.name} {done}/{total or '?'}"

    def to_the_end(self) -> Tally:
        """Start it, wait for its end, and count its report."""
        for file in (self.report, self.log, self.results):
            file.unlink(missing_ok=True)
        self.results.touch()
        began = time.monotonic()
        with self.log.open("wb") as log:
            self._pytest = subprocess.Popen(
                self._command(),
                cwd=ROOT,
                env={**os.environ, progress.FILE: str(self.results)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a signal to its group reaches all that it started, and nothing else
            )
        _place(self._pytest.pid, self.tier, 0 if self._alone else self.tier.niceness)
        if self._stopped:  # while it was started
            self.stop(self._stopped)
        status = self._watch(self._pytest)
        trouble = self._stopped or (f"pytest ended with status {status}" if status else "")
        text = self.report.read_text(encoding="utf-8") if self.report.exists() else ""
        sound = status == _TESTS_FAILED and not self._stopped and not self._said("broken ")
        failures = tuple(sorted(self.names("failed"))) if sound else ()
        return tally(self.tier.name, text, time.monotonic() - began, trouble, failures)

    def names(self, outcome: str) -> set[str]:
        """Return the tests with that outcome so far; one that passed, and whose fixture then failed, has two."""
        return set(self._said(f"done {outcome} "))

    def _said(self, beginning: str) -> list[str]:
        """Return the rest of each line of the results that begins so."""
        lines = self.results.read_text(encoding="utf-8").splitlines()
        return [line.removeprefix(beginning) for line in lines if line.startswith(beginning)]

    def stop(self, reason: str) -> None:
        """End it as Ctrl-C would, so that its tests end their servers; kill what is left after a minute."""
        if self._pytest is not None and self._pytest.poll() is not None:
            return
        self._stopped = reason
        if self._pytest is None:
            return
        self._pytest.send_signal(signal.SIGINT)
        try:
            self._pytest.wait(_GRACE)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self._pytest.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def _watch(self, process: subprocess.Popen[bytes]) -> int:
        size, heard = -1, time.monotonic()
        while process.poll() is None:
            now = self.results.stat().st_size
            if now != size:
                size, heard = now, time.monotonic()
            if time.monotonic() - heard > self._patience + _GRACE:  # by then a worker that hangs has been replaced
                self.stop(f"stopped: no test had a result for {self._patience + _GRACE} s")
            time.sleep(_LOOK)
        return process.returncode

    def _command(self) -> list[str]:
        options = ["-q", f"--junitxml={self.report}", "-p", "no:cacheprovider", "-p", "tests.tiers.progress"]
        options += ["-o", f"faulthandler_timeout={self._patience}"]
        options += ["-o", "faulthandler_exit_on_timeout=true"]  # a worker says where its test hangs, and is replaced
        if seed := os.environ.get(sizes.SEED):
            options.append(f"--hypothesis-seed={seed}")
        if self.tier.workers:
            options += ["-n", str(self.tier.workers), "--dist", "worksteal"]
        return [sys.executable, "-m", "pytest", *options, *(self._only or [self.tier.folder])]


def _place(pid: int, tier: Tier, forward: int) -> None:
    """Renice a session's leader, of which the rest takes it, and the session: sched(7), "The autogroup feature".

    A new session begins at 0, wherever the one is that started it: a run within a run keeps the place of the outer one.
    """
    own = Path("/proc/self/autogroup")
    words = own.read_text(encoding="ascii").split() if own.exists() else []  # empty without such groups
    outer = int(words[-1]) if words else 0
    niceness = max(-20, min(19, outer + forward))
    # Only root may go forward, a kernel may have no such groups, and a container may forbid real time.
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, niceness)
        Path(f"/proc/{pid}/autogroup").write_text(str(niceness), encoding="ascii")
    with contextlib.suppress(OSError):
        if tier.realtime and forward:
            os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(1))
