"""Attributes of a link that is there: what a plugin behind another one changes."""

from __future__ import annotations

from podberth.cni.value import value
from podberth.net.ops.parts import inside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = ["SetAttribute"]


@value
class SetAttribute:
    """ip link set IFNAME ATTRIBUTE VALUE.

    `attribute` is 'address', 'mtu', 'txqueuelen', 'promisc' or 'allmulticast'; the last two are 'on' or 'off'.
    """

    netns: str
    ifname: str
    attribute: str
    value: str


if TYPE_CHECKING:
    Op: TypeAlias = SetAttribute


def describe(op: Op) -> str:
    """Return the op as a command line."""
    return f"ip{inside(op.netns)} link set {op.ifname} {op.attribute} {op.value}"
