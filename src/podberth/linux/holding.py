"""Network namespaces of podberth's own, where a link is until its pod is there; and the way from one to the other.

A namespace lives as long as its file is a mount of it (namespaces(7)); nobody but podberth enters it.
"""

from __future__ import annotations

import ctypes
import errno
import os

from podberth.linux import netns
from podberth.linux.namespaces import Namespaces
from podberth.linux.netlink import links
from podberth.linux.refusals import translated
from podberth.process.errand import call

_libc = ctypes.CDLL(None, use_errno=True)
_NEWNET, _BIND, _DETACH = 0x40000000, 4096, 2  # CLONE_NEWNET, MS_BIND, MNT_DETACH


def make(path: str) -> None:
    """ip netns add, at a path of podberth's; nothing happens if it is there. KernelRefused."""
    if netns.identity(path) is not None:
        return
    try:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o444))
        call(lambda: _fill(path))
    except OSError as refused:
        raise translated(f"ip netns add {os.path.basename(path)}", refused) from refused


def remove(path: str) -> None:
    """ip netns delete; nothing happens if it is not there. KernelRefused."""
    try:
        _unmount(path)
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as refused:
        raise translated(f"ip netns delete {os.path.basename(path)}", refused) from refused


def carry(origin: str, target: str, ifname: str) -> bool:
    """ip -n ORIGIN link set IFNAME netns TARGET; say whether it was in ORIGIN. KernelRefused, InvalidNetns."""
    if netns.identity(origin) is None:
        return False
    namespaces = Namespaces()
    try:
        link = namespaces.link(origin, ifname)
        if link is None:
            return False
        moved = links.move(link.index, namespaces.descriptor(target), ifname)
        namespaces.socket(origin).do(links.NEW, moved)
    except OSError as refused:
        raise translated(f"ip -n {origin} link set {ifname} netns {target}", refused) from refused
    finally:
        namespaces.close()
    return True


def _unmount(path: str) -> None:
    if _libc.umount2(os.fsencode(path), _DETACH) != 0 and ctypes.get_errno() not in (errno.EINVAL, errno.ENOENT):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _fill(path: str) -> None:
    """Have the calling thread, which ends then, make the namespace and mount it at the path."""
    own = b"/proc/thread-self/ns/net"
    if _libc.unshare(_NEWNET) != 0 or _libc.mount(own, os.fsencode(path), b"none", _BIND, None) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
