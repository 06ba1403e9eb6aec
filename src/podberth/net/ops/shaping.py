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
    """tc qdisc add dev IFNAME root tbf rate MBIT burst BYTES latency MS: what IFNAME sends.

    With a `rate`, in bit/s, that one and a bucket of `burst` bits count, and not `mbit`.
    """

    netns: str | None
    ifname: str
    mbit: int = 0
    rate: int = 0
    burst: int = 0


@value
class LimitReceive:
    """What IFNAME receives: an ifb named IFB beside it, ingress redirected to it (u32 + mirred), tbf at its root.

    `rate` and `burst` as with `LimitTransmit`. `mtu` is the ifb's.
    """

    netns: str | None
    ifname: str
    ifb: str
    mbit: int = 0
    rate: int = 0
    burst: int = 0
    mtu: int | None = None


if TYPE_CHECKING:
    Op: TypeAlias = LimitTransmit | LimitReceive


def describe(op: Op) -> str:
    """Return the op as a command line."""
    if isinstance(op, LimitTransmit):
        return _limit_transmit(op)
    return _limit_receive(op)


def _limit_transmit(op: LimitTransmit) -> str:
    return f"tc{inside(op.netns)} qdisc add dev {op.ifname} root tbf {_rate(op)}"


def _limit_receive(op: LimitReceive) -> str:
    return (
        f"tc{inside(op.netns)} qdisc add dev {op.ifname} ingress, redirected to {op.ifb};"
        f" tc{inside(op.netns)} qdisc add dev {op.ifb} root tbf {_rate(op)}"
    )


def _rate(op: Op) -> str:
    return f"rate {op.rate}bit burst {op.burst // 8}b" if op.rate else f"rate {op.mbit}mbit"
