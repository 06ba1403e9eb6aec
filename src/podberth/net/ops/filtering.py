"""What is forwarded between pods, and what is not."""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from podberth.net.ops.parts import Address

__all__ = ["AllowForwarding", "IsolatePort", "KeepApart"]


@value
class AllowForwarding:
    """nft add rule inet podberth-firewall pods ip saddr ADDRESS accept; ... ip daddr ADDRESS ct state ... accept."""

    address: Address
    comment: str


@value
class KeepApart:
    """nft add rule inet podberth-firewall apart iifname LINK oifname != LINK jump elsewhere.

    Nothing is forwarded between LINK and another link that is kept apart. `alone`: nor from LINK back to LINK.
    """

    link: str
    alone: bool
    comment: str


@value
class IsolatePort:
    """nft add rule bridge podberth-firewall forward oifname PORT drop, and the same for what comes in by it.

    What the bridge itself sends and gets is not forwarded by it.
    """

    port: str
    comment: str


if TYPE_CHECKING:
    Op: TypeAlias = AllowForwarding | KeepApart | IsolatePort


def describe(op: Op) -> str:
    """Return the op as a command line."""
    comment = f'comment "{op.comment}"'
    if isinstance(op, AllowForwarding):
        ip = "ip" if op.address.version == 4 else "ip6"
        begin = "nft add rule inet podberth-firewall pods"
        known = f"{begin} {ip} daddr {op.address} ct state established,related accept {comment}"
        return f"{known}; {begin} {ip} saddr {op.address} accept {comment}"
    if isinstance(op, KeepApart):
        begin = f"nft add rule inet podberth-firewall apart iifname {op.link}"
        alone = f"; {begin} oifname {op.link} drop {comment}" if op.alone else ""
        return f"{begin} oifname != {op.link} jump elsewhere {comment}{alone}"
    begin = "nft add rule bridge podberth-firewall forward"
    return f"{begin} oifname {op.port} drop {comment}; {begin} iifname {op.port} drop {comment}"
