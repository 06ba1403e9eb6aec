"""The process and the machine: privileges, the view of the node's namespaces, the directory of the store."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from podberth.desk.doctor import FAIL, OK, WARN, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

AREA = "machine"
# linux/capability.h: what an ADD needs, and for what.
CAPABILITIES = {12: "NET_ADMIN (links, addresses)", 13: "NET_RAW (address conflict probes)", 21: "SYS_ADMIN (setns)"}
VOLATILE = ("tmpfs", "ramfs")
REMOTE = ("nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph")
ENOUGH, FULL = 64 << 20, 64 << 10  # bytes free


def look(state: Path) -> Iterator[Finding]:
    """Yield what there is to say of the machine."""
    yield privileges(Path("/proc/self/status").read_text())
    yield _mounts()
    yield _namespaces(Path("/run/netns"))
    yield from directory(state)


def directory(state: Path) -> Iterator[Finding]:
    """Yield what there is to say of the state directory."""
    try:
        there = state.is_dir()
    except OSError as wrong:
        yield Finding(
            area=AREA, name="state directory", level=FAIL, text=f"{state}: {wrong.strerror}", todo="run as root"
        )
        return
    if not there:
        yield Finding(
            area=AREA,
            name="state directory",
            level=WARN,
            text=f"{state} does not exist yet",
            todo="it is made at first use",
        )
        return
    mode = stat.S_IMODE(state.stat().st_mode)
    if not os.access(state, os.R_OK | os.W_OK | os.X_OK):
        yield Finding(
            area=AREA, name="state directory", level=FAIL, text=f"{state} can't be written", todo="run as root"
        )
    elif mode & 0o022:
        todo = f"chmod go-w {state}: whoever writes there decides who gets which address"
        yield Finding(area=AREA, name="state directory", level=FAIL, text=f"{state} has mode {mode:04o}", todo=todo)
    else:
        yield Finding(area=AREA, name="state directory", level=OK, text=f"{state}, mode {mode:04o}")
    yield file_system(state, Path("/proc/self/mountinfo").read_text())
    free = os.statvfs(state).f_bavail * os.statvfs(state).f_frsize
    level, todo = (
        (OK, "") if free >= ENOUGH else (WARN, "make room: without it no lease can be written, and no pod starts")
    )
    if free < FULL:
        level, todo = FAIL, "make room: no ADD is served until 1 MiB is free; pods that end are still taken back"
    yield Finding(area=AREA, name="disk", level=level, text=f"{free >> 20} MiB free", todo=todo)


def privileges(status: str) -> Finding:
    """Judge /proc/self/status (proc(5): CapEff)."""
    line = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    effective = int(line.split()[1], 16)
    missing = [text for bit, text in CAPABILITIES.items() if not effective >> bit & 1]
    if missing:
        text = f"uid {os.geteuid()} without {', '.join(missing)}"
        return Finding(area=AREA, name="privileges", level=FAIL, text=text, todo="run as root: the runtime does")
    text = f"uid {os.geteuid()} with {', '.join(name.split()[0] for name in CAPABILITIES.values())}"
    return Finding(area=AREA, name="privileges", level=OK, text=text)


def _mounts() -> Finding:
    """Say whether this process sees the node's mounts, where the namespaces of pods are."""
    try:
        same = Path("/proc/1/ns/mnt").readlink() == Path("/proc/self/ns/mnt").readlink()
    except OSError:
        return Finding(
            area=AREA,
            name="mounts",
            level=WARN,
            text="whose mounts these are can't be told",
            todo="run as root, on the node itself",
        )
    if same:
        return Finding(area=AREA, name="mounts", level=OK, text="the node's own")
    return Finding(
        area=AREA, name="mounts", level=WARN, text="not those of the node: pods may look gone that are not",
        todo="run on the node itself, not in a container or `ip netns exec`, before you use `gc --gone`",
    )  # fmt: skip


def _namespaces(netns: Path) -> Finding:
    if not netns.is_dir():
        return Finding(
            area=AREA, name="netns directory", level=OK, text=f"no {netns} yet: runtimes make it with the first pod"
        )
    return Finding(
        area=AREA, name="netns directory", level=OK, text=f"{netns}, {sum(1 for _ in netns.iterdir())} in it"
    )


def file_system(state: Path, mountinfo: str) -> Finding:
    """Judge what the store lies on, from /proc/self/mountinfo (proc(5)): the mount with the longest fitting path."""
    kind, longest = "unknown", -1
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        point = Path(before.split()[4].replace("\\040", " "))
        if state.resolve().is_relative_to(point) and len(point.parts) >= longest:
            kind, longest = after.split()[0], len(point.parts)
    if kind in REMOTE:
        todo = "SQLite's write-ahead log needs a file system of this machine: use another stateDir"
        return Finding(area=AREA, name="file system", level=FAIL, text=f"{kind} is not local", todo=todo)
    if kind in VOLATILE:
        todo = "reservations made by hand, and the ledger, are lost at the next boot: use another stateDir"
        return Finding(area=AREA, name="file system", level=WARN, text=f"{kind} is only in memory", todo=todo)
    return Finding(area=AREA, name="file system", level=OK, text=kind)
