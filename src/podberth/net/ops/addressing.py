"""What a link carries: addresses, routes."""

from __future__ import annotations

from podberth.cni.value import value
from podberth.net.ops.parts import inside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from podberth.net.ops.parts import Address, Interface, Network

__all__ = ["AddAddress", "AddRoute"]


@value
class AddAddress:
    """ip address add ADDRESS dev IFNAME (nodad for IPv6: the ledger has already decided).

    Not `connected`: noprefixroute, so that no route to its subnet comes with it.
    """

    netns: str | None
    ifname: str
    address: Interface
    connected: bool = True


@value
class AddRoute:
    """ip route add DST via GW dev IFNAME [onlink metric table scope mtu advmss src].

    `on_link`: the gateway is on the link, though no address of the link says so.
    """

    netns: str | None
    ifname: str
    dst: Network
    gw: Address | None = None
    mtu: int | None = None
    advmss: int | None = None
    priority: int | None = None
    table: int | None = None
    scope: int | None = None
    source: Address | None = None
    on_link: bool = False


if TYPE_CHECKING:
    Op: TypeAlias = AddAddress | AddRoute


def describe(op: Op) -> str:
    """Return the op as a command line."""
    if isinstance(op, AddAddress):
        return _add_address(op)
    return _add_route(op)


def _add_address(op: AddAddress) -> str:
    nodad = " nodad" if op.address.version == 6 else ""
    alone = "" if op.connected else " noprefixroute"
    return f"ip{inside(op.netns)} address add {op.address} dev {op.ifname}{nodad}{alone}"


def _add_route(op: AddRoute) -> str:
    via = f" via {op.gw}" if op.gw is not None else ""
    on_link = " onlink" if op.on_link else ""
    said = (
        ("metric", op.priority),
        ("table", op.table),
        ("scope", op.scope),
        ("mtu", op.mtu),
        ("advmss", op.advmss),
        ("src", op.source),
    )
    rest = "".join(f" {key} {number}" for key, number in said if number is not None)
    return f"ip{inside(op.netns)} route add {op.dst}{via} dev {op.ifname}{on_link}{rest}"
