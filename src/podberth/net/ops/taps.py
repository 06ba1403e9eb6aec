"""Taps: links whose other end a process of the pod opens, as a virtual machine does."""

from __future__ import annotations

from podberth.cni.value import value
from podberth.net.ops.parts import inside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = ["CreateTap"]


@value
class CreateTap:
    """ip tuntap add IFNAME mode tap user OWNER group GROUP multi_queue, then mac, mtu, master BRIDGE of the same pod.

    Who may open it: the user with the number `owner`, or a member of `group`; None is root alone.
    """

    netns: str
    ifname: str
    owner: int | None = None
    group: int | None = None
    multi_queue: bool = False
    mac: str | None = None
    mtu: int | None = None
    bridge: str | None = None


MAKERS = (CreateTap,)

if TYPE_CHECKING:
    Op: TypeAlias = CreateTap


def describe(op: Op) -> str:
    """Return the op as a command line."""
    who = (("user", op.owner), ("group", op.group))
    words = "".join(f" {word} {number}" for word, number in who if number is not None)
    words += " multi_queue" if op.multi_queue else ""
    said = (("address", op.mac), ("mtu", op.mtu), ("master", op.bridge))
    rest = "".join(f" {word} {content}" for word, content in said if content is not None)
    line = f"ip{inside(op.netns)} tuntap add {op.ifname} mode tap{words}"
    return f"{line}; ip{inside(op.netns)} link set {op.ifname}{rest}" if rest else line
