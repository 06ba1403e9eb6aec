"""A link that is there and says nothing, while another has its address."""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from podberth.net.ops.parts import Address

__all__ = ["HoldBack"]


@value
class HoldBack:
    """nft: drop each frame that leaves by the pod's link. `held_back`: addresses on it that another has by the ledger.

    The hook for what leaves a link is in Linux 5.16 and later.
    """

    netns: str
    ifname: str
    held_back: tuple[Address, ...]


if TYPE_CHECKING:
    Op: TypeAlias = HoldBack


def describe(op: Op) -> str:
    """Return the op as a command line."""
    table = f"netdev podberth-standby-{op.ifname}"
    chain = f"{{ type filter hook egress device {op.ifname} priority 0; }}"
    return f"ip netns exec {op.netns} nft 'add table {table}; add chain {table} out {chain}; add rule {table} out drop'"
