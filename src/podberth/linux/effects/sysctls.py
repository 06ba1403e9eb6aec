"""Sysctls of a pod's namespace: /proc/sys/net shows a thread the settings of the namespace it is in."""

from __future__ import annotations

import os

from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.linux.namespaces import Namespaces
    from podberth.net.ops import WriteSysctl
    from podberth.net.step import Step


def read(namespaces: Namespaces, op: WriteSysctl) -> str | None:
    """Return the value it has; None if there is no such sysctl (yet: an interface's come with it)."""

    def inside() -> str | None:
        try:
            with open(_path(op), encoding="ascii") as file:
                return file.read().strip()
        except FileNotFoundError:
            return None

    return namespaces.call(op.netns, inside)


def write(namespaces: Namespaces, op: WriteSysctl, content: str) -> None:
    """Write the value. OSError if there is no such sysctl, unless it is optional, or the kernel refuses the value."""

    def inside() -> None:
        try:
            descriptor = os.open(_path(op), os.O_WRONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            if op.optional:
                return
            raise
        try:
            os.write(descriptor, f"{content}\n".encode())  # the kernel never sees a write of no bytes
        finally:
            os.close(descriptor)

    namespaces.call(op.netns, inside)


def restore(namespaces: Namespaces, step: Step, op: WriteSysctl) -> None:
    """Write back what was there before, if there was anything and it still is."""
    before = step.before_of("value")
    if before is not None and read(namespaces, op) is not None:
        try:
            write(namespaces, op, before)
        except FileNotFoundError:
            pass  # it went with its interface meanwhile


def check(namespaces: Namespaces, op: WriteSysctl) -> tuple[Drift, ...]:
    """Compare the value with the op's; white space between numbers is the kernel's."""
    found = read(namespaces, op)
    if found.split() == op.value.split() if found is not None else op.optional:
        return ()
    return (Drift(what=op.key, field="value", wanted=op.value, found=found if found is not None else "gone"),)


def _path(op: WriteSysctl) -> str:
    return f"/proc/sys/{op.key}"
