"""What a link carries: addresses, routes. On a link that podberth made they go with it, never singly."""

from __future__ import annotations

import errno

from podberth.cni.result import Route
from podberth.linux.ground import made_anew
from podberth.linux.netlink import addresses, codec, routes
from podberth.linux.netlink.socket import NetlinkError
from podberth.net.ops import AddAddress, AddRoute
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.linux.ground import Ground
    from podberth.linux.namespaces import Namespaces
    from podberth.net.facts import NetnsId
    from podberth.net.ops.addressing import Op
    from podberth.net.step import Step


_NEW = codec.CREATE | codec.EXCL
GONE = (errno.EADDRNOTAVAIL, errno.ESRCH, errno.ENOENT, errno.ENODEV)


def before(at: Ground, op: Op) -> Iterator[tuple[str, str]]:
    """Yield whether the link is there and has the very address or route."""
    if at.namespaces.seen(op.netns, op.ifname) is not None and not _check(at.namespaces, op):
        yield "existed", "yes"


def do(at: Ground, op: Op) -> None:
    """Add the address or route. NetlinkError EEXIST if it is there already."""
    index, socket = at.namespaces.known_index(op.netns, op.ifname), at.namespaces.socket(op.netns)
    if isinstance(op, AddAddress):
        socket.do(addresses.NEW, addresses.add(index, op.address), _NEW)
    else:
        socket.do(routes.NEW, routes.add(index, route_of(op)), _NEW)


def undo(at: Ground, op: Op, step: Step, netns: NetnsId | None) -> None:
    """Take the address or route from a link that stays; one that is gone is gone."""
    if not at.alive(step, netns):
        return
    link, socket = at.namespaces.link(op.netns, op.ifname), at.namespaces.socket(op.netns)
    # The kernel deletes a route that is like the one named; only the very one is podberth's.
    if link is None or link.ours or _check(at.namespaces, op):
        return
    try:
        if isinstance(op, AddAddress):
            socket.do(addresses.DEL, addresses.delete(link.index, op.address))
        else:
            socket.do(routes.DEL, routes.add(link.index, route_of(op)))
    except NetlinkError as refused:
        if refused.errno not in GONE:
            raise


def check(at: Ground, op: Op, step: Step) -> tuple[Drift, ...]:
    """Look for the address or route on the link, with everything it was given."""
    del step
    return _check(at.namespaces, op)


repair = made_anew(undo, do)


def _check(namespaces: Namespaces, op: Op) -> tuple[Drift, ...]:
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
