"""A private machine for the commands of a page: its own mounts, network and processes. The real one is not touched.

`perform` runs blocks in one shell there. `main` is the machine's first process: it hides the folders that podberth and
runtimes use, starts an etcd if the page needs one, and runs the shell.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.checkout import ROOT
from tests.default_paths import ENVIRONMENT, ON_DISK
from tests.servers.certificates import certificates
from tests.servers.etcd import EtcdServer

if TYPE_CHECKING:
    from collections.abc import Sequence

# Folders that the commands find empty, and that are gone with the machine.
FRESH = (*ON_DISK, "/etc/podberth", str(ROOT / "build/tour"))
# Folders that are layered: they have what the real ones have, and a change stays on the machine.
LAYERED = ("/etc", "/opt", "/var/lib", str(ROOT / "build"))
# Seconds without the end of a block, after which the machine is stopped.
PATIENCE = 240.0
ETCD = ("10.0.0.5", 2379)

# `wait` has the status of a process that the page itself has killed.
_SHELL = """\
set -E -o pipefail
trap 'status=$?; case $BASH_COMMAND in wait*) ;; *)
    echo "status $status from: $BASH_COMMAND"; exit "$status" ;; esac' ERR
cd "$1" || exit
for block in "$2"/*.sh; do
    source "$block" >"${block%.sh}.out" 2>&1 </dev/null
    touch "${block%.sh}.done"
done
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one block printed, on both streams, and whether all its commands succeeded."""

    succeeded: bool
    printed: str


def perform(scripts: Sequence[str], *, etcd: bool = False, patience: float = PATIENCE) -> list[Outcome]:
    """Run the scripts in one shell on a private machine; a script after one that failed is not run, and is left out."""
    folder = Path(tempfile.mkdtemp(prefix="podberth-stage-"))
    try:
        for number, script in enumerate(scripts):
            (folder / f"{number:03}.sh").write_text(script)
        (folder / "shell").write_text(_SHELL)
        command = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
        command += [sys.executable, "-m", "tests.documents.stage", str(folder), "etcd" if etcd else ""]
        with (folder / "log").open("w") as log:
            machine = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
            ended = _ended(machine, folder, patience)
        outcomes = _outcomes(folder)
        if not outcomes or (ended and outcomes[-1].succeeded and len(outcomes) < len(scripts)):
            raise RuntimeError(f"the machine did not come up:\n{(folder / 'log').read_text()}")
        return outcomes
    finally:
        shutil.rmtree(folder)


def _ended(machine: subprocess.Popen[bytes], folder: Path, patience: float) -> bool:
    """Wait for the end; stop the machine and return False if no block ends for `patience` seconds."""
    done, since = 0, time.monotonic()
    while machine.poll() is None:
        if (now := len(list(folder.glob("*.done")))) != done:
            done, since = now, time.monotonic()
        if time.monotonic() - since > patience:
            machine.kill()  # and with it, by --kill-child, every process there
            machine.wait()
            return False
        time.sleep(0.05)
    return True


def _outcomes(folder: Path) -> list[Outcome]:
    return [
        Outcome(succeeded=path.with_suffix(".done").exists(), printed=path.read_text())
        for path in sorted(folder.glob("*.out"))
    ]


def main(folder: Path, *, etcd: bool) -> int:
    """Be the private machine's first process."""
    _mounts(folder)
    _run("ip", "link", "set", "lo", "up")
    with ExitStack() as servers:
        if etcd:
            _run("ip", "address", "add", f"{ETCD[0]}/32", "dev", "lo")
            _start_etcd(servers, folder)
        os.environ["HOME"] = str(folder)
        for name in ENVIRONMENT:  # the paths of this machine are its own: a page's reader has no such variables
            os.environ.pop(name, None)
        return subprocess.run(["bash", str(folder / "shell"), str(ROOT), str(folder)], check=False).returncode


def _mounts(folder: Path) -> None:
    layers = folder / "layers"
    layers.mkdir()
    _run("mount", "-t", "tmpfs", "tmpfs", str(layers))
    for number, name in enumerate(LAYERED):
        upper, work = layers / f"{number}", layers / f"{number}-work"
        work.mkdir()
        upper.mkdir()
        for fresh in (Path(each) for each in FRESH if each.startswith(f"{name}/")):
            (hiding := upper / fresh.name).mkdir()
            # Nothing shows through from below (kernel: filesystems/overlayfs, opaque directories).
            os.setxattr(hiding, "trusted.overlay.opaque", b"y")
        _run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={name},upperdir={upper},workdir={work}", name)
    _run("mount", "-t", "tmpfs", "tmpfs", "/run")
    _run("mount", "-t", "sysfs", "sysfs", "/sys")


def _start_etcd(servers: ExitStack, folder: Path) -> None:
    """Start an etcd where the pages say that it is, with the files of TLS where they say."""
    (made := folder / "tls").mkdir()
    pairs = certificates(made, ETCD[0])
    servers.enter_context(EtcdServer(pairs, also=ETCD))
    for source, name in ((pairs.ca.cert, "ca.crt"), (pairs.client.cert, "node.crt"), (pairs.client.key, "node.key")):
        shutil.copy(source, Path("/etc/podberth", name))


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), etcd=sys.argv[2] == "etcd"))
