"""Sysctls of a pod's namespace: /proc/sys/net shows a thread the settings of the namespace it is in.

Forwarding between the node's links is one of the node's own: turned on where it is off, never off again, since others
rely on it too.
"""

from __future__ import annotations

import errno
import os

from podberth.linux.ground import made_anew
from podberth.linux.netlink import devconf
from podberth.net.ops import WriteSysctl
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.linux.ground import Ground
    from podberth.linux.namespaces import Namespaces
    from podberth.net.facts import NetnsId
    from podberth.net.ops import EnableForwarding
    from podberth.net.ops.sysctls import Op
    from podberth.net.step import Step


# One that only triggers something can be written alone, as net.ipv4.route.flush; one may have no value yet.
_UNREAD = (errno.ENOENT, errno.EACCES, errno.EIO)
_MOST = 1 << 16  # bytes: a value is a line, of a table a page or two
_FORWARDING = {4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding"}


def before(at: Ground, op: Op) -> Iterator[tuple[str, str]]:
    """Yield the value that is to be written back."""
    if isinstance(op, WriteSysctl) and (found := _read(at.namespaces, op)) is not None:
        yield "value", found


def do(at: Ground, op: Op) -> None:
    """Write the value. OSError if there is no such sysctl, unless it is optional, or the kernel refuses the value."""
    if isinstance(op, WriteSysctl):
        write(at.namespaces, op, op.value)
    elif not _forwards(at.namespaces, op):
        _put(at.namespaces, None, f"/proc/sys/{_FORWARDING[op.version]}", "1")


def undo(at: Ground, op: Op, step: Step, netns: NetnsId | None) -> None:
    """Write back what was there before, if there was anything and it still is."""
    value = step.before_of("value")
    if not isinstance(op, WriteSysctl) or value is None or not at.alive(step, netns):
        return
    if _read(at.namespaces, op) is not None:
        try:
            write(at.namespaces, op, value)
        except FileNotFoundError:
            pass  # it went with its interface meanwhile


def check(at: Ground, op: Op, step: Step) -> tuple[Drift, ...]:
    """Compare the value with the op's; white space between numbers is the kernel's."""
    del step
    if not isinstance(op, WriteSysctl):
        if _forwards(at.namespaces, op):
            return ()
        return (Drift(what=_FORWARDING[op.version], field="value", wanted="1", found="0"),)
    found = _read(at.namespaces, op)
    if found.split() == op.value.split() if found is not None else op.optional or _is_there(at.namespaces, op):
        return ()
    return (Drift(what=op.key, field="value", wanted=op.value, found=found if found is not None else "gone"),)


repair = made_anew(undo, do)


def write(namespaces: Namespaces, op: WriteSysctl, content: str) -> None:
    """Write a value in the op's namespace. FileNotFoundError if there is no such sysctl, unless it is optional."""
    try:
        _put(namespaces, op.netns, _path(op), content)
    except FileNotFoundError:
        if not op.optional:
            raise


def _read(namespaces: Namespaces, op: WriteSysctl) -> str | None:
    """Return the value it has; None if there is no such sysctl (yet: an interface's come with it), or no reading it."""
    try:
        return read(namespaces, op.netns, _path(op))
    except OSError as refused:
        if refused.errno not in _UNREAD:
            raise
        return None


def read(namespaces: Namespaces, netns: str | None, path: str) -> str:
    """Return the content of a file of /proc/sys as it is in a namespace, without white space around it."""
    descriptor = namespaces.opened(netns, lambda: os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    try:
        return os.read(descriptor, _MOST).decode("ascii").strip()
    finally:
        os.close(descriptor)


def _is_there(namespaces: Namespaces, op: WriteSysctl) -> bool:
    return namespaces.opened(op.netns, lambda: os.path.exists(_path(op)))


def _forwards(namespaces: Namespaces, op: EnableForwarding) -> bool:
    body = namespaces.socket(None).get(devconf.GET, devconf.of_all(op.version))
    return body is not None and devconf.parse_forwarding(body)


def _put(namespaces: Namespaces, netns: str | None, path: str, content: str) -> None:
    descriptor = namespaces.opened(netns, lambda: os.open(path, os.O_WRONLY | os.O_CLOEXEC))
    try:
        os.write(descriptor, f"{content}\n".encode())  # the kernel never sees a write of no bytes
    finally:
        os.close(descriptor)


def _path(op: WriteSysctl) -> str:
    return f"/proc/sys/{op.key}"
