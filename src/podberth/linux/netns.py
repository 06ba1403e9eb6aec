"""Network namespaces: who is who, and doing something inside one.

A thread that enters a namespace to do something never comes back: it ends there. Only to open a socket or a file does
one enter and leave again, and it takes the process with it should it find no way out.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os

from podberth.cni.errors import InvalidNetns, KernelRefused
from podberth.net.facts import NetnsId

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

_setns = ctypes.CDLL(None, use_errno=True).setns
_NEWNET = 0x40000000  # CLONE_NEWNET
_GET_NSTYPE = 0xB703  # ioctl_ns(2), NS_GET_NSTYPE
# A caller may name anything: a pipe must not block, a terminal not become this process's own.
LOOKING = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_UNSEEN = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO)
_OWN = "/proc/thread-self/ns/net"


def identity(path: str) -> NetnsId | None:
    """Return the identity of the network namespace at `path`; None if there is none, or something else is there.

    KernelRefused where that can't be seen, as without a descriptor left: nobody may take a pod for gone then.
    """
    try:
        descriptor = os.open(path, LOOKING)
    except OSError as wrong:
        if wrong.errno in _UNSEEN:
            raise KernelRefused(f"{path}: {wrong.strerror}", "see the limits of this process") from wrong
        return None
    try:
        return identity_of(descriptor)
    finally:
        os.close(descriptor)


def identity_of(descriptor: int) -> NetnsId | None:
    """Return the identity of the open network namespace; None if it is something else."""
    try:
        if fcntl.ioctl(descriptor, _GET_NSTYPE) != _NEWNET:
            return None
    except OSError:
        return None
    return numbers(os.fstat(descriptor))


def inode(path: str) -> NetnsId | None:
    """Return what tells the file at `path` from all others; it costs less than to see whether it's a namespace."""
    try:
        return numbers(os.stat(path))
    except OSError:
        return None


def own() -> NetnsId:
    """Return the identity of the calling thread's network namespace."""
    return numbers(os.stat(_OWN))


def numbers(at: os.stat_result) -> NetnsId:
    """Return an identity from what the file system says."""
    return NetnsId(device=at.st_dev, inode=at.st_ino)


def open_own() -> int:
    """Return a descriptor of the calling thread's network namespace."""
    return os.open(_OWN, LOOKING)


def open_at(path: str) -> int:
    """Return a descriptor of the network namespace at `path`. InvalidNetns if there is none."""
    try:
        descriptor = os.open(path, LOOKING)
    except OSError as failure:
        raise InvalidNetns(
            f"{path}: can't be opened as a network namespace: {failure.strerror}",
            "the pod may be gone; an agent in a container has to see the folder",
        ) from failure
    return _must_be_one(descriptor, path)


def again(descriptor: int, path: str) -> int:
    """Return another descriptor of the same namespace, which is known as `path`. InvalidNetns if it is none."""
    return _must_be_one(fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 0), path)


def call_in(descriptor: int, function: Callable[[], T]) -> T:
    """Run `function` on a thread of its own inside the namespace; return its result, or raise its error."""
    from podberth.process.errand import call

    def inside() -> T:
        _enter(descriptor)
        return function()

    return call(inside)


def opened_in(descriptor: int, open_one: Callable[[], T]) -> T:
    """Return what is opened inside the namespace: a socket, or a file of /proc/sys/net, stays in it."""
    home = open_own()
    try:
        return opened_from(home, descriptor, open_one)
    finally:
        os.close(home)


def opened_from(home: int, descriptor: int, open_one: Callable[[], T]) -> T:
    """Do the same for a caller who has a descriptor of the thread's own namespace, `home`."""
    _enter(descriptor)
    try:
        return open_one()
    finally:
        if _setns(home, _NEWNET) != 0:
            os.abort()  # whatever this thread did next would be done to a pod's network


def _enter(descriptor: int) -> None:
    if _setns(descriptor, _NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _must_be_one(descriptor: int, path: str) -> int:
    if identity_of(descriptor) is None:
        os.close(descriptor)
        raise InvalidNetns(f"{path}: is no network namespace", "`ip netns add` makes one, and so does a runtime")
    return descriptor
