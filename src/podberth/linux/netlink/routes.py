"""Requests about routes, and what the kernel says of one (linux/rtnetlink.h). No I/O."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from struct import Struct

from podberth.linux.netlink import codec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.result import Route

NEW, DEL, GET = 24, 25, 26  # RTM_NEWROUTE and on

_ROUTE = Struct("=BBBBBBBBI")  # struct rtmsg: family, dst and src length, tos, table, protocol, scope, type, flags
_FAMILY = {4: 2, 6: 10}
_DST, _OIF, _GATEWAY, _PRIORITY, _METRICS, _TABLE = 1, 4, 5, 6, 8, 15
_MTU, _ADVMSS = 2, 8  # RTAX_*
_MAIN = 254
_STATIC = 4  # RTPROT_STATIC
_UNICAST = 1
_UNIVERSE, _LINK = 0, 253
_DEFAULT_METRIC = {4: 0, 6: 1024}  # what the kernel gives a route without one


def add(index: int, route: Route) -> bytes:
    """ip route add DST [via GW] dev INDEX [metric, table, scope, mtu, advmss]; also what deletes exactly that route."""
    table = route.table or _MAIN  # of no number: the kernel's own choice is the main table
    scope = route.scope if route.scope is not None else (_UNIVERSE if route.gw is not None else _LINK)
    family = route.dst.version
    body = _ROUTE.pack(
        _FAMILY[family],
        route.dst.prefixlen,
        0,
        0,
        table if table < 256 else 0,
        _STATIC,
        scope if family == 4 else _UNIVERSE,
        _UNICAST,
        0,
    )
    body += codec.u32(_TABLE, table) + codec.u32(_OIF, index)
    if route.dst.prefixlen:
        body += codec.attribute(_DST, route.dst.network_address.packed)
    if route.gw is not None:
        body += codec.attribute(_GATEWAY, route.gw.packed)
    if route.priority is not None:
        body += codec.u32(_PRIORITY, route.priority)
    metrics = b"".join(
        codec.u32(kind, number) for kind, number in ((_MTU, route.mtu), (_ADVMSS, route.advmss)) if number is not None
    )
    return body + (codec.nested(_METRICS, metrics) if metrics else b"")


def every(family: int) -> bytes:
    """ip route show table all (a dump)."""
    return _ROUTE.pack(_FAMILY[family], 0, 0, 0, 0, 0, 0, 0, 0)


def parse(body: bytes) -> tuple[int, Route]:
    """Read what follows the header of an RTM_NEWROUTE: (index of its link, the route with everything it has)."""
    from podberth.cni.result import Route

    family, length, _, _, table, _, scope, _, _ = codec.header(_ROUTE, body)
    found = codec.attributes(body[_ROUTE.size :])
    metrics = codec.attributes(found.get(_METRICS, b""))
    dst = found.get(_DST, bytes(4 if family == _FAMILY[4] else 16))
    gateway = found.get(_GATEWAY)
    return codec.number(found.get(_OIF)), Route(
        dst=ip_network((dst, length)),
        gw=ip_address(gateway) if gateway is not None else None,
        mtu=codec.number(metrics.get(_MTU)),
        advmss=codec.number(metrics.get(_ADVMSS)),
        priority=codec.number(found.get(_PRIORITY)),
        table=codec.number(found.get(_TABLE), table),
        scope=scope,
    )


def completed(route: Route) -> Route:
    """Return the route with what the kernel fills in where it says nothing, as `parse` reads it."""
    from podberth.cni.value import replace

    family = route.dst.version
    scope = route.scope if route.scope is not None else (_UNIVERSE if route.gw is not None else _LINK)
    return replace(
        route,
        mtu=route.mtu or 0,
        advmss=route.advmss or 0,
        priority=route.priority or _DEFAULT_METRIC[family],
        table=route.table or _MAIN,
        scope=scope if family == 4 else _UNIVERSE,
    )
