"""How a test starts a server of its own, so that none is left when the test's process is killed, and stops one."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.waiting import until

# prctl(2), PR_SET_PDEATHSIG: the kernel kills it when the thread that started it ends. Servers are started by threads
# that live as long as they do: a test's own.
# Beside many tests a server is asked by more than one; it goes before those that wait for its answer.
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL", *(("nice", "-n", "-5") if os.geteuid() == 0 else ()))
# For Go's servers: they collect garbage a quarter as often as by default, for processor time (Go's package runtime).
SELDOM_COLLECTING = {"GOGC": "400"}


def freeze(pid: int) -> None:
    """Stop a process, and return once every thread of it has stopped; SIGCONT lets it go on."""
    os.kill(pid, signal.SIGSTOP)
    states = [task / "stat" for task in Path(f"/proc/{pid}/task").iterdir()]
    # proc_pid_stat(5): the state is the field after the name.
    until(lambda: all(state.read_text().rpartition(")")[2].split()[0] == "T" for state in states))
