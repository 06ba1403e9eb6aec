"""Bonds in the pod: one link out of several, that goes on when a member of it has lost its carrier."""

from __future__ import annotations

from podberth.cni.value import value
from podberth.net.ops.parts import inside, mtu

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = ["CreateBond", "JoinBond"]


@value
class CreateBond:
    """ip -n NETNS link add IFNAME type bond mode MODE miimon MIIMON, down and without members.

    `miimon`: every how many milliseconds the members' carriers are looked at. The words are those of ip-link(8) and of
    Documentation/networking/bonding.rst; '' and None leave an option to the kernel.
    """

    netns: str
    ifname: str
    mode: str
    miimon: int
    fail_over_mac: str = ""
    xmit_hash_policy: str = ""
    all_slaves_active: bool | None = None
    tlb_dynamic_lb: bool | None = None
    mtu: int | None = None


@value
class JoinBond:
    """ip -n NETNS link set LINK down; ip link set LINK master BOND, which sets it up. Undone, it is as it was before.

    A link that the plan brings into the pod is looked up when it joins.
    """

    netns: str
    link: str
    bond: str


MAKERS = (CreateBond,)

if TYPE_CHECKING:
    Op: TypeAlias = CreateBond | JoinBond


def describe(op: Op) -> str:
    """Return the op as a command line."""
    ip = f"ip{inside(op.netns)}"
    if isinstance(op, JoinBond):
        return f"{ip} link set {op.link} down; {ip} link set {op.link} master {op.bond}"
    said = (
        ("mode", op.mode),
        ("miimon", str(op.miimon)),
        ("fail_over_mac", op.fail_over_mac),
        ("xmit_hash_policy", op.xmit_hash_policy),
        ("all_slaves_active", _switch(op.all_slaves_active)),
        ("tlb_dynamic_lb", _switch(op.tlb_dynamic_lb)),
    )
    return f"{ip} link add {op.ifname}{mtu(op.mtu)} type bond" + "".join(f" {key} {word}" for key, word in said if word)


def _switch(on: bool | None) -> str:
    return "" if on is None else str(int(on))
