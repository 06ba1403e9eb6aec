"""Links of the node that are lent to a pod."""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = ["MoveLink"]


@value
class MoveLink:
    """ip link set LINK netns NETNS name IFNAME alias LINK: down, and without its other names.

    The alias is how the link is found again; the CNI project's host-device knows it by that too.
    """

    link: str
    netns: str
    ifname: str


MAKERS = (MoveLink,)

if TYPE_CHECKING:
    Op: TypeAlias = MoveLink


def describe(op: Op) -> str:
    """Return the op as a command line."""
    return f"ip link set {op.link} down alias {op.link}; ip link set {op.link} netns {op.netns} name {op.ifname}"
