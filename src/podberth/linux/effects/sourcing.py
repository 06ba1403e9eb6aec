"""Routing by the source of a packet: rules, the tables behind them, and the main table that their routes leave.

Which table is free is looked up when the rule is made, under a lock of the namespace. The rule is how it is found
again: by its source and by podberth's mark, for the address itself may be gone by then. Routes are copied as the kernel
shows them, with whatever there is to them.
"""

from __future__ import annotations

from podberth.cni.result import EVERYTHING, Route
from podberth.linux.effects.routing import GONE, MAIN_TABLES, USELESS, in_order, tables_in_use
from podberth.linux.netlink import addresses, codec, routes, rules
from podberth.net.ops import RouteBySource
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from podberth.linux.ground import Ground
    from podberth.linux.netlink.socket import Rtnl
    from podberth.net.facts import NetnsId
    from podberth.net.ops import Address, Network
    from podberth.net.ops.sourcing import Op
    from podberth.net.step import Step


FIRST = 100  # of the tables that are looked at; the CNI project's plugin begins there too
_NEW = codec.CREATE | codec.EXCL
_REPLACED = codec.CREATE | codec.REPLACE


def before(at: Ground, op: Op) -> Iterator[tuple[str, str]]:
    """Yield the link's index and its routes in the main table; the tables that the address has rules to already."""
    link = at.namespaces.seen(op.netns, op.ifname)
    socket = at.namespaces.socket(op.netns)
    if isinstance(op, RouteBySource):
        there = _tables(socket, op)
        if op.table is not None and op.table in there:
            yield "existed", "yes"
        yield "tables", " ".join(map(str, there))
    if link is not None and getattr(op, "table", None) is None:
        version = op.address.version if isinstance(op, RouteBySource) else op.version
        yield "index", str(link.index)
        yield "routes", " ".join(body.hex() for body in _of_main(socket, link.index, version))


def do(at: Ground, op: Op) -> None:
    """Make the rule and fill its table; or take the link's routes out of the main one. OSError ENODEV without it."""
    index, socket = at.namespaces.known_index(op.netns, op.ifname), at.namespaces.socket(op.netns)
    if isinstance(op, RouteBySource):
        _bring_about(at, op, _of_main(socket, index, op.address.version))
    else:
        _delete(socket, _of_main(socket, index, op.version), routes.MAIN)


def undo(at: Ground, op: Op, step: Step, netns: NetnsId | None) -> None:
    """Delete the rule, and the link's routes in its table; or put the routes back into the main one."""
    if not at.alive(step, netns):
        return
    link, socket = at.namespaces.link(op.netns, op.ifname), at.namespaces.socket(op.netns)
    index = link.index if link is not None and str(link.index) == step.before_of("index") else 0
    if not isinstance(op, RouteBySource):
        if index:
            _put_back(socket, _recorded(step))
        return
    for table in _own_tables(socket, op, step):
        socket.do_all([(rules.DEL, rules.to_table(op.address.ip, table))], forgiven=GONE)
        if index and op.table is None:
            _delete(socket, _of_table(socket, index, op.address.version, table), table)
    if index and op.table is None:
        for table in _orphans(socket, op, index, step):
            _delete(socket, _of_table(socket, index, op.address.version, table), table)


def check(at: Ground, op: Op, step: Step) -> tuple[Drift, ...]:
    """Look for the rule, and for the default route in its table."""
    if not isinstance(op, RouteBySource):
        return ()  # others may have put something there since
    link, socket = at.namespaces.link(op.netns, op.ifname), at.namespaces.socket(op.netns)
    if link is None:
        return (Drift(what=op.ifname, field="link", wanted="there", found="gone"),)
    tables = _own_tables(socket, op, step)
    if not tables:
        return (Drift(what=f"rule from {op.address.ip}", field="rule", wanted="there", found="gone"),)
    if op.table is not None or op.gateway is None:
        return ()
    live = [routes.parse(body)[1] for body in _of_table(socket, link.index, op.address.version, tables[0])]
    if any(route.dst.prefixlen == 0 for route in live):
        return ()
    wanted = f"{EVERYTHING[op.gateway.version]} via {op.gateway}"
    shown = "; ".join(f"{route.dst} via {route.gw}" if route.gw else str(route.dst) for route in live) or "none"
    return (Drift(what=f"table {tables[0]} of {op.ifname}", field="route", wanted=wanted, found=shown),)


def repair(at: Ground, op: Op, step: Step, netns: NetnsId) -> None:
    """Make the rule and its table anew, of the routes that the main table had then."""
    undo(at, op, step, netns)
    if isinstance(op, RouteBySource):
        _bring_about(at, op, _recorded(step))
    else:
        do(at, op)


def _bring_about(at: Ground, op: RouteBySource, bodies: Sequence[bytes]) -> None:
    index, socket = at.namespaces.known_index(op.netns, op.ifname), at.namespaces.socket(op.netns)
    if op.table is not None:
        socket.do(rules.NEW, rules.to_table(op.address.ip, op.table), _NEW)
        return
    with at.locked(f"tables:{at.namespaces.cookie(op.netns) or op.netns}"):
        used = tables_in_use(socket)
        table = next(table for table in range(FIRST, 2**32) if table not in used)
        socket.do(rules.NEW, rules.to_table(op.address.ip, table), _NEW)
    fitting = in_order(_fitting(socket, op, index, bodies))
    direct = [body for body in fitting if routes.parse(body)[1].gw is None]
    for body in direct:
        socket.do(routes.NEW, routes.elsewhere(body, table), _REPLACED)
    if op.gateway is not None and not any(routes.parse(body)[1].dst.prefixlen == 0 for body in direct):
        route = Route(dst=EVERYTHING[op.gateway.version], gw=op.gateway, table=table)
        # An address that is alone in its network reaches no gateway otherwise; else the routes of before say so.
        alone = op.address.network.prefixlen == op.address.max_prefixlen
        on_link = alone or any(routes.is_on_link(body, op.gateway) for body in bodies)
        socket.do(routes.NEW, routes.add(index, route, on_link=on_link), _NEW)
    for body in fitting[len(direct) :]:
        # What the main table has for the default goes before what was made of the gateway alone.
        socket.do(routes.NEW, routes.elsewhere(body, table), _REPLACED)


def _fitting(socket: Rtnl, op: RouteBySource, index: int, bodies: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the routes for packets from the address.

    They are those by a gateway in its subnet, or from an address in it; and those that are in no subnet of the link.
    """
    version = op.address.version
    live = (addresses.parse(body) for body in socket.dump(addresses.GET, addresses.of_link(index, version)))
    others = [address.network for at, address in live if at == index and not address.is_link_local]
    for body in bodies:
        ends = routes.ends(body)
        if any(end in op.address.network for end in ends) or not any(end in net for end in ends for net in others):
            yield body


def _delete(socket: Rtnl, bodies: Sequence[bytes], table: int) -> None:
    if bodies:
        socket.do_all([(routes.DEL, routes.elsewhere(body, table)) for body in bodies], forgiven=GONE)


def _put_back(socket: Rtnl, bodies: Sequence[bytes]) -> None:
    wanted = [(routes.NEW, routes.elsewhere(body, routes.MAIN)) for body in in_order(bodies)]
    for kind, body in wanted:
        try:
            socket.do(kind, body, _NEW)
        except OSError as refused:
            if refused.errno not in USELESS:
                raise


def _of_main(socket: Rtnl, index: int, version: int) -> list[bytes]:
    found = _of_table(socket, index, version, routes.MAIN)
    # Link-local addresses are in use without any source that a rule could be for.
    return [body for body in found if version == 4 or not routes.parse(body)[1].dst.is_link_local]


def _of_table(socket: Rtnl, index: int, version: int, table: int) -> list[bytes]:
    found = socket.dump(routes.GET, routes.every(version))
    return [body for body in found if routes.table_of(body) == table and routes.parse(body)[0] == index]


def _tables(socket: Rtnl, op: RouteBySource) -> list[int]:
    """Return the tables that packets from the address are led to."""
    found = (rules.parse(body) for body in socket.dump(rules.GET, rules.every(op.address.version)))
    return [
        rule.table
        for rule in found
        if rule.source is not None
        and (rule.source.network_address, rule.source.prefixlen) == (op.address.ip, op.address.max_prefixlen)
        and (rule.ours is not False or op.table is not None)
    ]


def _own_tables(socket: Rtnl, op: RouteBySource, step: Step) -> list[int]:
    """Return those that the step led them to."""
    if op.table is not None:
        return [table for table in _tables(socket, op) if table == op.table]
    earlier = (step.before_of("tables") or "").split()
    return [table for table in _tables(socket, op) if str(table) not in earlier]


def _orphans(socket: Rtnl, op: RouteBySource, index: int, step: Step) -> list[int]:
    """Return tables that no rule leads to any more, and that have nothing but what the step puts into one."""
    version = op.address.version
    known = {_way(body) for body in _recorded(step)} | {(EVERYTHING[version], op.gateway)}
    led = {rules.parse(body).table for body in socket.dump(rules.GET, rules.every(version))}
    found: dict[int, list[bytes]] = {}
    for body in socket.dump(routes.GET, routes.every(version)):
        found.setdefault(routes.table_of(body), []).append(body)
    return [
        table
        for table, bodies in found.items()
        if table >= FIRST
        and table not in led | MAIN_TABLES
        and all(routes.parse(body)[0] == index and _way(body) in known for body in bodies)
    ]


def _way(body: bytes) -> tuple[Network, Address | None]:
    route = routes.parse(body)[1]
    return route.dst, route.gw


def _recorded(step: Step) -> list[bytes]:
    return [bytes.fromhex(body) for body in (step.before_of("routes") or "").split()]
