"""Frames that a pod may send only as itself."""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = ["PinMac"]


@value
class PinMac:
    """nft add rule bridge nat PREROUTING iifname PORT jump cni-br-iface-OWNER, which drops what is not from MAC.

    Table, chains and comments are named as the CNI project's plugin names them: either takes away what the other left.
    """

    port: str
    mac: str
    owner: str


if TYPE_CHECKING:
    Op: TypeAlias = PinMac


def describe(op: Op) -> str:
    """Return the op as a command line."""
    chain, comment = f"cni-br-iface-{op.owner}", f'comment "macspoofchk-{op.owner}"'
    begin = "nft add rule bridge nat"
    return "; ".join(
        f"{begin} {rule} {comment}"
        for rule in (
            f"PREROUTING iifname {op.port} jump {chain}",
            f"{chain} jump {chain}-mac",
            f"{chain}-mac ether saddr {op.mac} return",
            f"{chain}-mac drop",
        )
    )
