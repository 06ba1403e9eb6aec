"""Addresses that leave with the node's own."""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from podberth.net.ops.parts import Interface

__all__ = ["Masquerade"]


@value
class Masquerade:
    """nft add element inet podberth GROUP { ADDRESS comment "COMMENT" }, with the set GROUP and its rule if need be.

    What ADDRESS sends to anywhere outside its subnet, and to no multicast address, leaves with the node's address.
    GROUP is of one network and one subnet. COMMENT says whose the element is: only that one's undo takes it away.
    """

    group: str
    address: Interface
    comment: str


if TYPE_CHECKING:
    Op: TypeAlias = Masquerade


def describe(op: Op) -> str:
    """Return the op as a command line."""
    return f'nft add element inet podberth {op.group} {{ {op.address.ip} comment "{op.comment}" }}'
