"""Namespaces of a test process's own, in which no path of this machine's podberth, CNI or container runtimes exists.

`private_paths` is for every tier: where the kernel lets it (root), the process leaves the machine's mount namespace,
and /run and each folder of PATHS are empty in the new one. Elsewhere, and as a second fence, the environment names
places that nobody can make. `private_network` is for tests of links: a network namespace with a loopback interface and
nothing else. Every process started afterwards is in the same namespaces, which end with the last of them.
"""

from __future__ import annotations

import ctypes
import errno
import os
import subprocess
from pathlib import Path

from tests.default_paths import ENVIRONMENT, OF_RUNTIMES, ON_DISK

# Linux' uapi: linux/sched.h and linux/mount.h.
_NEWNS, _NEWNET = 0x00020000, 0x40000000
_DETACH = 0x2
_READ_ONLY, _REMOUNT, _BIND, _MOVE, _REC, _PRIVATE = 0x1, 0x20, 0x1000, 0x2000, 0x4000, 0x40000

PATHS = (*ON_DISK, *OF_RUNTIMES)
# Below /run: what the rest of the system needs there. Names may be looked up by way of systemd.
_SHOWN = ("/run/systemd/resolve",)
FOLDERS = "/run/tests"  # for the folders of tests, in memory; pytest makes it anew
_libc = ctypes.CDLL(None, use_errno=True)


def private_paths() -> bool:
    """Point the environment nowhere; return whether the process could also leave the machine's mount namespace.

    Where the machine has no folder of PATHS nobody can make one: the folder above is read-only.
    """
    os.environ.update(ENVIRONMENT)
    if os.geteuid() or not _unshared(_NEWNS):
        return False
    _mount("none", "/", flags=_REC | _PRIVATE)
    _cover_run()
    for path in map(Path, PATHS):
        if path.is_dir():
            _mount("tmpfs", str(path), kind="tmpfs", data="mode=755")
        else:
            _seal(next(parent for parent in path.parents if parent.is_dir()))
    return True


def private_network() -> None:
    """Move the process to a network namespace of its own, with /sys and the loopback interface to match."""
    if not _unshared(_NEWNET):
        raise PermissionError("a network namespace needs root with CAP_SYS_ADMIN")
    fresh = Path("/run/sys")
    fresh.mkdir()
    _mount("sysfs", str(fresh), kind="sysfs")
    if os.path.ismount("/sys/fs/cgroup"):
        _mount("/sys/fs/cgroup", f"{fresh}/fs/cgroup", flags=_MOVE)
    _mount(str(fresh), "/sys", flags=_MOVE)
    fresh.rmdir()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def _unshared(flags: int) -> bool:
    """unshare(2) for this thread and those it starts; False where the process may not."""
    if _libc.unshare(flags) == 0:
        return True
    code = ctypes.get_errno()
    if code != errno.EPERM:
        raise OSError(code, os.strerror(code), "unshare")
    return False


def _cover_run() -> None:
    """Put an empty /run in the place of the machine's, where the default sockets are.

    Mounts below the machine's go first: covered, they would stay in the table of mounts, and be taken for later ones.
    """
    _detach_below("/run/")
    shown = [path for path in _SHOWN if Path(path).is_dir()]
    fresh = Path("/run")
    descriptors = [os.open(path, os.O_PATH | os.O_DIRECTORY) for path in shown]
    _mount("tmpfs", str(fresh), kind="tmpfs", data="mode=755")
    for path, descriptor in zip(shown, descriptors, strict=True):
        Path(path).mkdir(parents=True)
        _mount(f"/proc/self/fd/{descriptor}", path, flags=_BIND | _REC)
        os.close(descriptor)
    for name in ("lock", "netns", Path(FOLDERS).name):
        (fresh / name).mkdir()


def _detach_below(folder: str) -> None:
    """Unmount, in this mount namespace alone, all that is below the folder and is not shown."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for point in reversed(points):
        if point.startswith(folder) and not point.startswith(_SHOWN):
            _libc.umount2(point.encode().decode("unicode_escape").encode(), _DETACH)


def _seal(folder: Path) -> None:
    """Make it read-only, as far as its file system goes."""
    if not os.statvfs(folder).f_flag & os.ST_RDONLY:
        _mount(str(folder), str(folder), flags=_BIND | _REC)
        _mount("none", str(folder), flags=_REMOUNT | _BIND | _READ_ONLY)


def _mount(source: str, target: str, *, kind: str = "none", flags: int = 0, data: str = "") -> None:
    """mount(2); OSError with the target's name."""
    if _libc.mount(source.encode(), target.encode(), kind.encode(), flags, data.encode()):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), target)
