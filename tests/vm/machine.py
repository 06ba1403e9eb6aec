"""Boot a throw-away virtual machine over a copy-on-write view of this machine's files and run one command in it.

The VM has a full Debian kernel, an emulated Intel 82576 (`igb`, seven virtual functions) and an IOMMU, in software
emulation: it needs no /dev/kvm. A second card on the same wire is unplugged until a test wants it. A third, which leads
to this machine's loopback interface, has no driver until then. What the VM writes is lost, but for the exchange folder,
which it sees as `EXCHANGE`. What runs inside and how its outcome is read belongs
to conftest.py.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

EXCHANGE = "/run/exchange"
SECOND_CARD = "0000:02:00.0"
_SETUP = Path(__file__).with_name("setup.sh")
_MEMORY = 2048  # MiB
_LOOK = 0.2  # seconds between two looks at what the VM has written

_BOOT = """\
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mkdir -p /lib/modules /run/netns
ln -sfn {modules} /lib/modules/
ip link set lo up
echo 1 >/sys/bus/pci/devices/{second}/remove
cd {folder}
{environment} {command} </dev/null >{exchange}/output 2>&1
echo $? >{exchange}/status
sync
echo o >/proc/sysrq-trigger
sleep 60
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a VM left: the command's exit status (None if it never ended), its output and the kernel's console."""

    status: int | None
    output: str
    console: str

    @property
    def emulator_broke(self) -> bool:
        """Whether the emulator ended by an assertion of its own, which no test can make it do or keep it from."""
        return self.status is None and "qemu-system" in self.console and "Assertion `" in self.console

    def why(self) -> str:
        """Say what a person needs to see when the command did not do its job."""
        ended = "the VM ended before the command did" if self.status is None else f"exit status {self.status}"
        return f"{ended}\n--- output, last lines\n{_tail(self.output)}\n--- console, last lines\n{_tail(self.console)}"


class Machine:
    """A context in which a VM runs a command as root in the present folder and powers off; it is stopped at the end.

    `exchange` is an existing empty folder both sides can write to. The VM is stopped, too, when nothing new has come
    from it for `silence` seconds: neither a line of the command's, nor of the console, nor a byte in the folder.
    RuntimeError if the VM's parts can't be had.
    """

    def __init__(self, command: Sequence[str], *, exchange: Path, environment: Mapping[str, str], silence: int) -> None:
        self._exchange, self._silence = exchange, silence
        cache = _prepared()
        (modules,) = (cache / "kernel/lib/modules").iterdir()
        boot = _BOOT.format(
            modules=shlex.quote(str(modules)),
            folder=shlex.quote(str(Path.cwd())),
            environment=" ".join(f"{name}={shlex.quote(text)}" for name, text in environment.items()),
            command=shlex.join(command),
            second=SECOND_CARD,
            exchange=EXCHANGE,
        )
        (exchange / "boot").write_text(boot)
        qemu = [*_qemu(cache, modules.name), *_shares(exchange), "-serial", f"file:{exchange / 'console'}"]
        with (exchange / "emulator").open("wb") as complaints:
            self._process = subprocess.Popen(qemu, stdin=subprocess.DEVNULL, stderr=complaints)
        self._written, self._heard = 0, time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()

    def runs(self) -> bool:
        """Say whether it still runs; it is stopped here if it has been silent for too long."""
        written = sum(file.stat().st_size for file in self._exchange.iterdir() if file.is_file())
        if written != self._written:
            self._written, self._heard = written, time.monotonic()
        if self._process.poll() is None and time.monotonic() - self._heard > self._silence:
            self._process.kill()
            self._process.wait()
            with (self._exchange / "emulator").open("a") as complaints:
                complaints.write(f"stopped: nothing came from the VM for {self._silence} s\n")
        return self._process.poll() is None

    def outcome(self) -> Outcome:
        """Return what it left, once it has ended."""
        while self.runs():
            time.sleep(_LOOK)
        status = _text(self._exchange / "status").strip()
        return Outcome(
            status=int(status) if status else None,
            output=_text(self._exchange / "output"),
            console=_text(self._exchange / "console") + _text(self._exchange / "emulator"),
        )


def _prepared() -> Path:
    """Run the set-up, which is quick when all is there, and return its folder."""
    done = subprocess.run([_SETUP], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{_SETUP} failed:\n{_tail(done.stdout + done.stderr)}")
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "podberth-vm"
    return Path(os.environ.get("PODBERTH_VM_CACHE") or default)


def _qemu(cache: Path, release: str) -> list[str]:
    binary = shutil.which("qemu-system-x86_64")
    if binary is None:
        raise RuntimeError("qemu-system-x86_64 is not in PATH: install qemu-system-x86, 8 or later")
    # A processor with few abilities: those of a newer one, as wide vectors, cost an emulator more than they save.
    options = f"""
        -nodefaults -no-user-config -display none -no-reboot -machine q35,accel=tcg -cpu Nehalem,+rdrand
        -smp 1 -m {_MEMORY} -device intel-iommu
        -device pcie-root-port,id=port0,chassis=1,slot=1 -netdev hubport,id=wire0,hubid=0
        -device igb,bus=port0,netdev=wire0,mac=52:54:00:aa:00:00
        -device pcie-root-port,id=port1,chassis=2,slot=2 -netdev hubport,id=wire1,hubid=0
        -device igb,bus=port1,netdev=wire1,mac=52:54:00:aa:01:00
        -netdev user,id=outside -device virtio-net-pci,netdev=outside
    """
    kernel = ["-kernel", f"{cache}/kernel/boot/vmlinuz-{release}", "-initrd", f"{cache}/initrd.gz"]
    # Interfaces keep the kernel's names; a panic ends the VM at once instead of hanging it. vfio-pci needs the IOMMU;
    # the kernel's own drivers go past it, for speed.
    # no_timer_check: the kernel counts the timer's ticks at boot, and panics where a busy machine keeps them back.
    settings = "console=ttyS0 quiet loglevel=3 panic=-1 net.ifnames=0 intel_iommu=on iommu=pt no_timer_check"
    settings += " rdinit=/init mitigations=off"  # nobody attacks it, and each guard costs an emulator much
    kernel += ["-append", settings]
    return [binary, *options.split(), *kernel]


def _shares(exchange: Path) -> list[str]:
    return [
        *("-fsdev", "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap"),
        *("-device", "virtio-9p-pci,fsdev=host,mount_tag=host"),
        *("-fsdev", f"local,id=exchange,path={exchange},security_model=none"),
        *("-device", "virtio-9p-pci,fsdev=exchange,mount_tag=exchange"),
    ]


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def _tail(text: str, lines: int = 40) -> str:
    return "\n".join(text.splitlines()[-lines:])
