"""What sriov-cni has made of a virtual function, and its own DEL would give back. An ADD never makes any of it."""

from __future__ import annotations

from podberth.cni.value import value
from podberth.net.ops.parts import inside

__all__ = ["AdoptFunction"]


@value
class AdoptFunction:
    """ip link set IFNAME netns NODE, and what its PF was told of it is put back, as the file at `path` has it.

    `netns` is '' where the caller of a DEL names none.
    """

    netns: str
    ifname: str
    path: str


Op = AdoptFunction


def describe(op: Op) -> str:
    """Return the op as a command line."""
    return f"ip{inside(op.netns or None)} link set {op.ifname} netns 1, with what {op.path} says of it"
