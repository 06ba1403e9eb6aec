"""What tells this machine, and its boot, from all others."""

from __future__ import annotations

from functools import cache

MACHINE_ID = "/etc/machine-id"  # machine-id(5); an agent in a container has the host's mounted there
BOOT_ID = "/proc/sys/kernel/random/boot_id"  # random(4); the kernel's, in containers too
_UNINITIALIZED = "uninitialized"  # of an image before its first boot


def machine_id() -> str:
    """Return the machine-id, '' if there is none."""
    try:
        said = _content(MACHINE_ID)
    except OSError:
        return ""
    return "" if said == _UNINITIALIZED else said


def boot_id() -> str:
    """Return the kernel's boot_id, '' without /proc. A process sees one boot: it is read once."""
    try:
        return _boot_id()
    except OSError:
        return ""


@cache
def _boot_id() -> str:
    return _content(BOOT_ID)


def _content(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as stream:
        return stream.read(64).strip()
