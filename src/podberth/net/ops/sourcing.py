"""Routing by the source of a packet: a table for an address, and what leaves the main table for it."""

from __future__ import annotations

from podberth.cni.value import value
from podberth.net.ops.parts import inside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from podberth.net.ops.parts import Address, Interface

__all__ = ["LeaveMainTable", "RouteBySource"]


@value
class RouteBySource:
    """ip rule add from ADDRESS lookup TABLE protocol 112, and the routes of IFNAME in the main table copied to TABLE,
    with a default route by the gateway.

    With a `table` that is said there is only the rule. Else it is the first one from 100 that is in use by no rule and
    no route.
    """

    netns: str
    ifname: str
    address: Interface
    gateway: Address | None = None
    table: int | None = None


@value
class LeaveMainTable:
    """ip route flush dev IFNAME table main, of one IP version; the routes to link-local addresses stay."""

    netns: str
    ifname: str
    version: int


if TYPE_CHECKING:
    Op: TypeAlias = RouteBySource | LeaveMainTable


def describe(op: Op) -> str:
    """Return the op as a command line."""
    if isinstance(op, RouteBySource):
        return _route_by_source(op)
    return f"ip{inside(op.netns)} -{op.version} route flush dev {op.ifname} table main"


def _route_by_source(op: RouteBySource) -> str:
    rule = f"ip{inside(op.netns)} rule add from {op.address.ip} lookup"
    if op.table is not None:
        return f"{rule} {op.table}"
    via = f" default via {op.gateway}" if op.gateway is not None else ""
    return f"{rule} TABLE, the first free one from 100; ip{inside(op.netns)} route add{via} dev {op.ifname} table TABLE"
