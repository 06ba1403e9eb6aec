"""Sysctls of a pod's namespace, and forwarding between the node's links."""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = ["EnableForwarding", "WriteSysctl"]


@value
class WriteSysctl:
    """sysctl -w KEY=VALUE in NETNS, None for the node's; KEY is the path below /proc/sys, as net/ipv4/conf/eth0.5/mtu.

    One that is `optional` is left out on a kernel that has no such sysctl.
    """

    netns: str | None
    key: str
    value: str
    optional: bool = False


@value
class EnableForwarding:
    """sysctl -w net.ipv4.ip_forward=1, or net.ipv6.conf.all.forwarding=1: on the node, where it stays on.

    It is the node's, and others rely on it: nothing is written where it is on, and it is never turned off.
    """

    version: int


if TYPE_CHECKING:
    Op: TypeAlias = WriteSysctl | EnableForwarding


def describe(op: Op) -> str:
    """Return the op as a command line."""
    if isinstance(op, WriteSysctl):
        return _write_sysctl(op)
    return _enable_forwarding(op)


def _write_sysctl(op: WriteSysctl) -> str:
    inside = f"ip netns exec {op.netns} " if op.netns is not None else ""
    return f"{inside}sysctl -w {op.key}={op.value}"


def _enable_forwarding(op: EnableForwarding) -> str:
    key = "net.ipv4.ip_forward" if op.version == 4 else "net.ipv6.conf.all.forwarding"
    return f"sysctl -w {key}=1"
