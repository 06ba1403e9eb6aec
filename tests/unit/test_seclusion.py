"""A test process is where the machine's podberth and its runtimes are not, and the guard of the runner sees who is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from podberth.agent import frame
from tests import foreign_agent, seclusion
from tests.checkout import ROOT
from tests.default_paths import ENVIRONMENT, NOWHERE

LISTS = "import os, sys; print(*os.listdir(sys.argv[1]) if os.path.exists(sys.argv[1]) else [], end='')"
SEES = "import os; print(os.stat('/proc/self/ns/mnt').st_ino)"
# Runs under the guard; `{body}` is what a process does that is not secluded itself.
GUARDED = """\
import json, subprocess, sys
from tests import foreign_agent
with foreign_agent.watching() as witness:
    subprocess.run([sys.executable, "-c", sys.argv[1]], check=True)
    print(json.dumps([witness.watches, witness.complaints()]))
"""


def is_root() -> bool:
    return os.geteuid() == 0


def mounts_of(process: int | str) -> int:
    """Return the mount namespace of a process, by its inode."""
    return Path(f"/proc/{process}/ns/mnt").stat().st_ino


def guarded(body: str) -> list[str]:
    """Return the guard's complaints of a process with this body."""
    done = subprocess.run([sys.executable, "-c", GUARDED, body], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    watches, complaints = json.loads(done.stdout)
    assert watches is is_root()
    return list(complaints)


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_the_environment_names_what_nobody_can_make(name: str) -> None:
    path = Path(os.environ[name].removeprefix("unix://"))
    assert path.is_relative_to(NOWHERE)
    with pytest.raises(OSError, match="podberth-tests"):
        path.parent.mkdir(parents=True)


@pytest.mark.parametrize("path", ["/run/podberth", "/run/containerd", "/run/podman", *seclusion.PATHS])
def test_a_folder_of_the_machine_is_empty_or_not_there(path: str) -> None:
    # In a child, whom nothing else keeps from it. A user without rights may see the machine's, or be kept out of it.
    done = subprocess.run([sys.executable, "-c", LISTS, path], check=is_root(), capture_output=True, text=True)
    assert not is_root() or done.stdout == ""


def test_threads_and_children_are_where_the_process_is() -> None:
    own = mounts_of("thread-self")
    of_threads: list[int] = []
    thread = threading.Thread(target=lambda: of_threads.append(mounts_of("thread-self")))
    thread.start()
    thread.join()
    done = subprocess.run([sys.executable, "-c", SEES], check=True, capture_output=True)
    assert (of_threads, json.loads(done.stdout)) == ([own], own)
    assert not is_root() or mounts_of(os.getppid()) != own


def test_no_mount_below_the_run_of_before_is_in_the_table_of_mounts() -> None:
    # Twice, as a worker of a secluded process: the first leaves a mount for the second.
    script = (
        "import subprocess\nfrom tests import seclusion\n"
        "if seclusion.private_paths():\n"
        "    for command in ('mkdir /run/netns/x', 'mount --bind /run/netns /run/netns'):\n"
        "        subprocess.run(command.split(), check=True)\n"
        "    seclusion.private_paths()\n"
        "    print(*(line.split()[4] for line in open('/proc/self/mountinfo')))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)
    assert [point for point in done.stdout.split() if point.startswith("/run/netns")] == []


def test_the_guard_listens_where_the_shim_looks_for_the_agent() -> None:
    assert frame.SOCKET in foreign_agent.SOCKETS


@pytest.mark.parametrize("path", foreign_agent.SOCKETS)
def test_the_guard_counts_each_call_of_a_default_socket(path: str) -> None:
    body = f"import socket\nfor _ in range(2): s = socket.socket(socket.AF_UNIX); s.connect({path!r}); s.recv(1)"
    if is_root():
        assert guarded(body) == [f"{path}: 2 calls from tests"]
    else:
        assert guarded("") == []


def test_the_guard_sees_what_is_made_in_run() -> None:
    if is_root():
        assert guarded("import os; os.makedirs('/run/podberth/run')") == ["/run/podberth/run: made by tests"]


def test_the_guard_says_nothing_of_a_process_that_is_secluded() -> None:
    body = "from tests import seclusion; seclusion.private_paths(); import os; os.makedirs('/run/podberth/run')"
    assert guarded(body if is_root() else "") == []
