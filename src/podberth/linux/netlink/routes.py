"""Requests about routes, and what the kernel says of one (linux/rtnetlink.h). No I/O."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from struct import Struct

from podberth.linux.netlink import codec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.result import Route
    from podberth.net.ops import Address

NEW, DEL, GET = 24, 25, 26  # RTM_NEWROUTE and on

_ROUTE = Struct("=BBBBBBBBI")  # struct rtmsg: family, dst and src length, tos, table, protocol, scope, type, flags
_FAMILY = {4: 2, 6: 10}
_DST, _OIF, _GATEWAY, _PRIORITY, _PREFSRC, _METRICS, _HOPS, _CACHED, _TABLE = 1, 4, 5, 6, 7, 8, 9, 12, 15
_HOP = Struct("=HBBi")  # struct rtnexthop: length, flags, hops, index
_MTU, _ADVMSS = 2, 8  # RTAX_*
MAIN = 254  # RT_TABLE_MAIN
_ONLINK = 4  # RTNH_F_ONLINK, the one flag that is said and not only shown
_KERNEL, _STATIC = 2, 4  # RTPROT_*
_UNICAST = 1
_UNIVERSE, _LINK, _NOWHERE = 0, 253, 255
_DEFAULT_METRIC = {4: 0, 6: 1024}  # what the kernel gives a route without one


def add(index: int, route: Route, source: Address | None = None, *, on_link: bool = False) -> bytes:
    """ip route add DST [via GW] dev INDEX [onlink] [metric, table, scope, mtu, advmss] [src SOURCE].

    Also what deletes exactly that route.
    """
    table = route.table or MAIN  # of no number: the kernel's own choice is the main table
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
        _ONLINK if on_link else 0,
    )
    body += codec.u32(_TABLE, table) + codec.u32(_OIF, index)
    if route.dst.prefixlen:
        body += codec.attribute(_DST, route.dst.network_address.packed)
    if route.gw is not None:
        body += codec.attribute(_GATEWAY, route.gw.packed)
    if route.priority is not None:
        body += codec.u32(_PRIORITY, route.priority)
    if source is not None:
        body += codec.attribute(_PREFSRC, source.packed)
    metrics = b"".join(
        codec.u32(kind, number) for kind, number in ((_MTU, route.mtu), (_ADVMSS, route.advmss)) if number is not None
    )
    return body + (codec.nested(_METRICS, metrics) if metrics else b"")


def way_to(address: Address) -> bytes:
    """ip route get ADDRESS."""
    family, length = _FAMILY[address.version], address.max_prefixlen
    return _ROUTE.pack(family, length, 0, 0, 0, 0, 0, 0, 0) + codec.attribute(_DST, address.packed)


def link_of(body: bytes | None) -> int:
    """Read the index of a route's link; 0 if there is none."""
    return codec.number(codec.attributes(body[_ROUTE.size :]).get(_OIF)) if body is not None else 0


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


def table_of(body: bytes) -> int:
    """Read only the table out of an RTM_NEWROUTE."""
    table = codec.header(_ROUTE, body)[4]
    return codec.number(codec.first(body[_ROUTE.size :], _TABLE), table)


def of_kernel(body: bytes) -> bool:
    """Say whether the kernel has made the route of an RTM_NEWROUTE by itself."""
    return codec.header(_ROUTE, body)[5] == _KERNEL


def ends(body: bytes) -> tuple[Address, ...]:
    """Read only the gateway and the preferred source out of an RTM_NEWROUTE, as far as it has them."""
    found = codec.attributes(body[_ROUTE.size :])
    return tuple(ip_address(found[kind]) for kind in (_GATEWAY, _PREFSRC) if kind in found)


def is_on_link(body: bytes, gateway: Address) -> bool:
    """Say whether an RTM_NEWROUTE is by the gateway, which is on the link though no address says so."""
    return bool(codec.header(_ROUTE, body)[8] & _ONLINK) and gateway in ends(body)


def elsewhere(body: bytes, table: int) -> bytes:
    """Return what makes a route that the kernel has shown, in another table, with whatever else there is to it."""
    family, dst, src, tos, _, protocol, scope, kind, flags = codec.header(_ROUTE, body)
    head = _ROUTE.pack(family, dst, src, tos, table if table < 256 else 0, protocol, scope, kind, flags & _ONLINK)
    kept = [
        codec.attribute(number, content)
        for number, content in codec.each_attribute(body[_ROUTE.size :])
        if number not in (_TABLE, _CACHED)
    ]
    return head + codec.u32(_TABLE, table) + b"".join(kept)


def parse_source(body: bytes) -> Address | None:
    """Read the address that packets by the route leave with, unless they have one; None if it says none."""
    found = codec.attributes(body[_ROUTE.size :]).get(_PREFSRC)
    return ip_address(found) if found is not None else None


def default(body: bytes) -> tuple[int, int] | None:
    """Read a default route of the main table out of an RTM_NEWROUTE: (metric, index of its first link), else None."""
    _, length, _, _, table, _, _, kind, _ = codec.header(_ROUTE, body)
    if length or kind != _UNICAST:
        return None
    found = codec.attributes(body[_ROUTE.size :])
    index, hops = codec.number(found.get(_OIF)), found.get(_HOPS, b"")
    if not index and hops:
        index = codec.header(_HOP, hops)[3]
    if codec.number(found.get(_TABLE), table) != MAIN or not index:
        return None
    return codec.number(found.get(_PRIORITY)), index


def delete_default(index: int, version: int, metric: int) -> bytes:
    """ip route del default dev INDEX metric METRIC, whoever has made it: of any protocol, scope and gateway."""
    body = _ROUTE.pack(_FAMILY[version], 0, 0, 0, MAIN, 0, _NOWHERE, 0, 0)
    return body + codec.u32(_OIF, index) + codec.u32(_PRIORITY, metric)


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
        table=route.table or MAIN,
        scope=scope if family == 4 else _UNIVERSE,
    )
