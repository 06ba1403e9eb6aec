"""Rate limits on one link."""

from __future__ import annotations

from podberth.cni.value import value
from podberth.net.ops.parts import inside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = ["LimitReceive", "LimitTransmit"]


@value
class LimitTransmit:
    """tc qdisc add dev IFNAME root tbf rate MBIT burst BYTES latency MS: what IFNAME sends."""

    netns: str | None
    ifname: str
    mbit: int


@value
class LimitReceive:
    """What IFNAME receives: an ifb named IFB beside it, ingress redirected to it (u32 + mirred), tbf at its root."""

    netns: str | None
    ifname: str
    ifb: str
    mbit: int


if TYPE_CHECKING:
    Op: TypeAlias = LimitTransmit | LimitReceive


def describe(op: Op) -> str:
    """Return the op as a command line."""
    if isinstance(op, LimitTransmit):
        return _limit_transmit(op)
    return _limit_receive(op)


def _limit_transmit(op: LimitTransmit) -> str:
    return f"tc{inside(op.netns)} qdisc add dev {op.ifname} root tbf rate {op.mbit}mbit"


def _limit_receive(op: LimitReceive) -> str:
    return (
        f"tc{inside(op.netns)} qdisc add dev {op.ifname} ingress, redirected to {op.ifb};"
        f" tc{inside(op.netns)} qdisc add dev {op.ifb} root tbf rate {op.mbit}mbit"
    )
