"""What a link carries: up, addresses, routes. On a link that podberth made they go with it, never singly."""

from __future__ import annotations

import errno

from podberth.cni.result import Route
from podberth.linux.netlink import addresses, codec, routes
from podberth.linux.netlink.socket import NetlinkError
from podberth.net.ops import AddAddress, AddRoute
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.linux.namespaces import Namespaces
    from podberth.net.ops import SetLinkUp

_NEW = codec.CREATE | codec.EXCL
GONE = (errno.EADDRNOTAVAIL, errno.ESRCH, errno.ENOENT, errno.ENODEV)


def add(namespaces: Namespaces, op: AddAddress | AddRoute) -> None:
    """Add the address or route. NetlinkError EEXIST if it is there already."""
    index, socket = namespaces.known_index(op.netns, op.ifname), namespaces.socket(op.netns)
    if isinstance(op, AddAddress):
        socket.do(addresses.NEW, addresses.add(index, op.address), _NEW)
    else:
        socket.do(routes.NEW, routes.add(index, route_of(op)), _NEW)


def present(namespaces: Namespaces, op: AddAddress | AddRoute) -> bool:
    """Say whether the link is there and has the very address or route."""
    return namespaces.seen(op.netns, op.ifname) is not None and not check(namespaces, op)


def remove(namespaces: Namespaces, op: AddAddress | AddRoute) -> None:
    """Take the address or route from a link that stays; one that is gone is gone."""
    link, socket = namespaces.link(op.netns, op.ifname), namespaces.socket(op.netns)
    # The kernel deletes a route that is like the one named; only the very one is podberth's.
    if link is None or link.ours or check(namespaces, op):
        return
    try:
        if isinstance(op, AddAddress):
            socket.do(addresses.DEL, addresses.delete(link.index, op.address))
        else:
            socket.do(routes.DEL, routes.add(link.index, route_of(op)))
    except NetlinkError as refused:
        if refused.errno not in GONE:
            raise


def check_up(namespaces: Namespaces, op: SetLinkUp) -> tuple[Drift, ...]:
    """Compare the link's state with up."""
    link = namespaces.link(op.netns, op.ifname)
    if link is None or link.up:
        return ()
    return (Drift(what=op.ifname, field="state", wanted="up", found="down"),)


def check(namespaces: Namespaces, op: AddAddress | AddRoute) -> tuple[Drift, ...]:
    """Look for the address or route on the link, with everything it was given."""
    link, socket = namespaces.link(op.netns, op.ifname), namespaces.socket(op.netns)
    if link is None:
        return ()  # the op that made the link says so
    if isinstance(op, AddAddress):
        bodies = socket.dump(addresses.GET, addresses.of_link(link.index, op.address.version))
        live = [str(address) for index, address in map(addresses.parse, bodies) if index == link.index]
        if str(op.address) in live:
            return ()
        return (Drift(what=op.ifname, field="address", wanted=str(op.address), found=", ".join(live) or "none"),)
    wanted = routes.completed(route_of(op))
    known = [
        route
        for index, route in map(routes.parse, socket.dump(routes.GET, routes.every(op.dst.version)))
        if index == link.index and route.dst == wanted.dst and route.table == wanted.table
    ]
    if wanted in known:
        return ()
    return (Drift(what=op.ifname, field="route", wanted=_shown(wanted), found="; ".join(map(_shown, known)) or "none"),)


def route_of(op: AddRoute) -> Route:
    """Return the route as the kernel is told it."""
    return Route(
        dst=op.dst,
        gw=op.gw,
        mtu=op.mtu,
        advmss=op.advmss,
        priority=op.priority,
        table=op.table,
        scope=op.scope,
    )


def _shown(route: Route) -> str:
    via = f" via {route.gw}" if route.gw is not None else ""
    extra = {"metric": route.priority, "mtu": route.mtu, "advmss": route.advmss, "table": route.table}
    return f"{route.dst}{via}" + "".join(f" {key} {number}" for key, number in extra.items() if number)
