"""What is asked and told on the wire. Nothing of it stays."""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from podberth.net.ops.parts import Address

__all__ = ["Announce", "AskGateway", "AwaitCarrier", "ProbeAddress"]


@value
class ProbeAddress:
    """arping -D: ask whether a host answers for the address (RFC 5227 section 2.1.1, RFC 4862 section 5.4)."""

    netns: str
    ifname: str
    address: Address
    probes: int
    interval_ms: int


@value
class AskGateway:
    """arping: ask from `source`, an address of IFNAME, for the gateway, until it answers. `over`: the node's link."""

    netns: str
    ifname: str
    over: str
    source: Address
    gateway: Address
    probes: int
    interval_ms: int


@value
class Announce:
    """arping -U / unsolicited NA for each address, so that neighbours forget the previous holder's MAC."""

    netns: str
    ifname: str
    addresses: tuple[Address, ...]


@value
class AwaitCarrier:
    """Wait until IFNAME has a carrier, so that what is sent next arrives; go on without one after a while."""

    netns: str | None
    ifname: str
    milliseconds: int


if TYPE_CHECKING:
    Op: TypeAlias = ProbeAddress | AskGateway | Announce | AwaitCarrier


def describe(op: Op) -> str:
    """Return the op as a command line."""
    if isinstance(op, ProbeAddress):
        return _probe(op)
    if isinstance(op, AskGateway):
        return f"ip netns exec {op.netns} arping -f -c {op.probes} -s {op.source} -I {op.ifname} {op.gateway}"
    if isinstance(op, Announce):
        return _announce(op)
    return _await_carrier(op)


def _probe(op: ProbeAddress) -> str:
    return f"ip netns exec {op.netns} arping -D -c {op.probes} -I {op.ifname} {op.address}"


def _announce(op: Announce) -> str:
    return "; ".join(f"ip netns exec {op.netns} arping -U -c 2 -I {op.ifname} {address}" for address in op.addresses)


def _await_carrier(op: AwaitCarrier) -> str:
    return f"# wait at most {op.milliseconds} ms for a carrier on {op.ifname}"
