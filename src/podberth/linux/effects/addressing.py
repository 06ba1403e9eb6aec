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
    from podberth.net.ops import Address
    from podberth.net.ops.addressing import Op
    from podberth.net.step import Step


_NEW = codec.CREATE | codec.EXCL
GONE = (errno.EADDRNOTAVAIL, errno.ESRCH, errno.ENOENT, errno.ENODEV)


def before(at: Ground, op: Op) -> Iterator[tuple[str, str]]:
    """Yield whether the link is there and has the very address or route."""
    if at.namespaces.seen(op.netns, op.ifname) is not None and not _check(at.namespaces, op, exactly=True):
        yield "existed", "yes"


def do(at: Ground, op: Op) -> None:
    """Add the address or route. NetlinkError EEXIST if it is there already."""
    index, socket = at.namespaces.known_index(op.netns, op.ifname), at.namespaces.socket(op.netns)
    if isinstance(op, AddAddress):
        socket.do(addresses.NEW, addresses.add(index, op.address, connected=op.connected), _NEW)
    else:
        socket.do(routes.NEW, routes.add(index, route_of(op), op.source, on_link=op.on_link), _NEW)


def undo(at: Ground, op: Op, step: Step, netns: NetnsId | None) -> None:
    """Take the address or route from a link that stays; one that is gone is gone."""
    if not at.alive(step, netns):
        return
    link, socket = at.namespaces.link(op.netns, op.ifname), at.namespaces.socket(op.netns)
    # The kernel deletes a route that is like the one named; only the very one is podberth's.
    if link is None or link.ours or _check(at.namespaces, op, exactly=True):
        return
    try:
        if isinstance(op, AddAddress):
            socket.do(addresses.DEL, addresses.delete(link.index, op.address))
        else:
            socket.do(routes.DEL, routes.add(link.index, route_of(op), op.source))
    except NetlinkError as refused:
        if refused.errno not in GONE:
            raise


def check(at: Ground, op: Op, step: Step) -> tuple[Drift, ...]:
    """Look for the address or route on the link, with everything it was given."""
    del step
    return _check(at.namespaces, op)


repair = made_anew(undo, do)


def _check(namespaces: Namespaces, op: Op, *, exactly: bool = False) -> tuple[Drift, ...]:
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
    bodies = socket.dump(routes.GET, routes.every(op.dst.version))
    every = [(*routes.parse(body), routes.parse_source(body)) for body in bodies]
    known = [(route, source) for index, route, source in every if index == link.index and route.dst == wanted.dst]
    by_source = [route for route, source in known if op.source in (None, source)]
    if wanted in by_source or (not exactly and any(_is_kept(op, wanted, route) for route in by_source)):
        return ()
    found = "; ".join(_shown(route, source) for route, source in known) or "none"
    return (Drift(what=op.ifname, field="route", wanted=_shown(wanted, op.source), found=found),)


def _is_kept(op: AddRoute, wanted: Route, route: Route) -> bool:
    """Say whether a route is the one that was made, though a later plugin has moved it or given it metrics.

    The plugin `sbr` moves routes to a table of its own, and a mesh gives the default route an MTU. What the
    configuration says of the route has to be as it says it.
    """
    said = ("mtu", "advmss", "priority", "table", "scope")
    return route.gw == wanted.gw and all(
        getattr(op, name) is None or getattr(route, name) == getattr(wanted, name) for name in said
    )


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


def _shown(route: Route, source: Address | None) -> str:
    via = f" via {route.gw}" if route.gw is not None else ""
    extra = {"metric": route.priority, "mtu": route.mtu, "advmss": route.advmss, "table": route.table, "src": source}
    return f"{route.dst}{via}" + "".join(f" {key} {said}" for key, said in extra.items() if said)
