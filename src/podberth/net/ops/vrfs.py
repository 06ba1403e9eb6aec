"""Virtual routing and forwarding: links in the pod that have a routing table of their own."""

from __future__ import annotations

from podberth.cni.value import value
from podberth.net.ops.parts import inside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = ["JoinVrf"]


@value
class JoinVrf:
    """ip link add VRF type vrf table TABLE, unless it is there; ip link set IFNAME master VRF.

    One op, under one lock: a VRF that podberth made goes with its last link. Without a `table` it is the first one that
    is in use by no VRF, no rule and no route. The link's IPv6 addresses, which the kernel drops then, and its routes
    are brought along.
    """

    netns: str
    ifname: str
    vrf: str
    table: int | None = None


if TYPE_CHECKING:
    Op: TypeAlias = JoinVrf


def describe(op: Op) -> str:
    """Return the op as a command line."""
    table = "TABLE, the first free one" if op.table is None else str(op.table)
    add = f"ip{inside(op.netns)} link add {op.vrf} type vrf table {table} (unless it is there)"
    return f"{add}; ip{inside(op.netns)} link set {op.ifname} master {op.vrf}"
