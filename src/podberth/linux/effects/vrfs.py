"""VRFs of a pod's namespace: made, joined, left, and taken away with their last link.

To join or leave one, the kernel takes the link down and up again: global IPv6 addresses go with that, and all routes
but those to the link's own subnets. What was there before is brought along both ways.
"""

from __future__ import annotations

import errno

from podberth.linux.effects.addressing import GONE
from podberth.linux.effects.routing import MAIN_TABLES, USELESS, in_order, tables_in_use
from podberth.linux.ground import made_anew
from podberth.linux.netlink import addresses, codec, links, routes
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podberth.linux.ground import Ground
    from podberth.linux.netlink.links import LinkInfo
    from podberth.linux.netlink.socket import Rtnl
    from podberth.net.facts import NetnsId
    from podberth.net.ops import Interface
    from podberth.net.ops.vrfs import Op
    from podberth.net.step import Step


# On a link that is on its way out, or speaks no IPv6 any more, what it had before is of no use.
_UNUSED = (*USELESS, errno.EACCES, errno.EOPNOTSUPP)
_NEW = codec.CREATE | codec.EXCL
_REPLACED = codec.CREATE | codec.REPLACE


def before(at: Ground, op: Op) -> Iterator[tuple[str, str]]:
    """Yield the link's index, its global IPv6 addresses, and its routes in the main table but those to its subnets."""
    at.namespaces.changed()
    link = at.namespaces.seen(op.netns, op.ifname)
    if link is None:
        return
    socket = at.namespaces.socket(op.netns)
    yield "index", str(link.index)
    yield "addresses", " ".join(map(str, _global(socket, link.index)))
    yield "routes", " ".join(body.hex() for body in _routes(socket, link.index, routes.MAIN))


def do(at: Ground, op: Op) -> None:
    """Put the link into the VRF, which is made if need be. OSError ENODEV without the link, EBUSY if it has a master,
    EEXIST if the VRF's name is another link's, or its table another one.
    """
    with at.locked(_lock(at, op)):
        link = _required(at, op)
        if link.master:
            raise OSError(errno.EBUSY, f"{op.ifname} has a master already, the link with index {link.master}")
        socket = at.namespaces.socket(op.netns)
        vrf, table = _made(at, op)
        kept, bodies = _global(socket, link.index), _routes(socket, link.index, routes.MAIN)
        socket.do(links.SET, links.set_master(link.index, vrf))
        _bring(socket, link.index, kept, bodies, table)
    at.namespaces.changed()


def undo(at: Ground, op: Op, step: Step, netns: NetnsId | None) -> None:
    """Take the link out of the VRF, with what it had before; take the VRF away if it is podberth's and left empty."""
    if not at.alive(step, netns):
        return
    with at.locked(_lock(at, op)):
        socket = at.namespaces.socket(op.netns)
        vrf, link = at.namespaces.link(op.netns, op.vrf), at.namespaces.link(op.netns, op.ifname)
        if vrf is None or vrf.kind != "vrf":
            return
        same = link is not None and str(link.index) == step.before_of("index")
        if link is not None and same and link.master == vrf.index:
            socket.do(links.SET, links.set_master(link.index, 0))
            _bring(socket, link.index, _recorded_addresses(step), _recorded_routes(step), routes.MAIN, _UNUSED)
        if vrf.ours and not any(each.master == vrf.index for each in at.namespaces.links(op.netns)):
            socket.do_all([(links.DEL, links.delete(vrf.index))], forgiven=GONE)
    at.namespaces.changed()


def check(at: Ground, op: Op, step: Step) -> tuple[Drift, ...]:
    """Compare the link's master with the VRF, and the VRF's table with the op's."""
    del step
    vrf, link = at.namespaces.link(op.netns, op.vrf), at.namespaces.link(op.netns, op.ifname)
    if link is None or vrf is None:
        return (Drift(what=op.ifname if link is None else op.vrf, field="link", wanted="there", found="gone"),)
    if vrf.kind != "vrf":
        return (Drift(what=op.vrf, field="kind", wanted="vrf", found=vrf.kind or "physical"),)
    if link.master != vrf.index:
        shown = f"index {link.master}" if link.master else "none"
        return (Drift(what=op.ifname, field="master", wanted=op.vrf, found=shown),)
    table = _table(at.namespaces.socket(op.netns), vrf.index)
    if op.table is not None and table != op.table:
        return (Drift(what=op.vrf, field="table", wanted=str(op.table), found=str(table)),)
    return ()


repair = made_anew(undo, do)


def _made(at: Ground, op: Op) -> tuple[int, int]:
    """Return the VRF's index and table; it is made unless it is there."""
    socket, found = at.namespaces.socket(op.netns), at.namespaces.link(op.netns, op.vrf)
    if found is None:
        table = op.table or _free(socket)
        socket.do(links.NEW, links.vrf(op.vrf, table), _NEW)
        return at.namespaces.index(op.netns, op.vrf), table
    if found.kind != "vrf":
        raise OSError(errno.EEXIST, f"{op.vrf} is no VRF but a {found.kind or 'physical'} link")
    table = _table(socket, found.index)
    if op.table is not None and table != op.table:
        raise OSError(errno.EEXIST, f"{op.vrf} has the table {table}")
    return found.index, table


def _free(socket: Rtnl) -> int:
    used = tables_in_use(socket) | MAIN_TABLES
    used |= {links.vrf_table(body) for body in socket.dump(links.GET, links.all_links())}
    return next(table for table in range(1, 2**32) if table not in used)


def _table(socket: Rtnl, index: int) -> int:
    body = socket.get(links.GET, links.by_index(index))
    return links.vrf_table(body) if body is not None else 0


def _required(at: Ground, op: Op) -> LinkInfo:
    found = at.namespaces.link(op.netns, op.ifname)
    if found is None:
        raise OSError(errno.ENODEV, f"there is no link {op.ifname}")
    return found


def _bring(
    socket: Rtnl, index: int, kept: Iterable[Interface], bodies: Iterable[bytes], table: int,
    forgiven: tuple[int, ...] = (),
) -> None:  # fmt: skip
    """Add the addresses that the link lacks, and put its routes into a table."""
    live = _global(socket, index)
    wanted = [
        *((addresses.NEW, addresses.add(index, address), _NEW) for address in kept if address not in live),
        *((routes.NEW, routes.elsewhere(body, table), _REPLACED) for body in in_order(bodies)),
    ]
    for kind, body, flags in wanted:
        try:
            socket.do(kind, body, flags)
        except OSError as refused:
            if refused.errno not in forgiven:
                raise


def _global(socket: Rtnl, index: int) -> list[Interface]:
    found = (addresses.parse(body) for body in socket.dump(addresses.GET, addresses.of_link(index, 6)))
    return [address for at, address in found if at == index and not address.is_link_local]


def _routes(socket: Rtnl, index: int, table: int) -> list[bytes]:
    """Return the link's routes but those that the kernel makes itself, with an address."""
    found = (body for version in (4, 6) for body in socket.dump(routes.GET, routes.every(version)))
    return [
        body
        for body in found
        if routes.table_of(body) == table and routes.parse(body)[0] == index and not routes.of_kernel(body)
    ]


def _recorded_addresses(step: Step) -> list[Interface]:
    from ipaddress import ip_interface

    return [ip_interface(text) for text in (step.before_of("addresses") or "").split()]


def _recorded_routes(step: Step) -> list[bytes]:
    return [bytes.fromhex(body) for body in (step.before_of("routes") or "").split()]


def _lock(at: Ground, op: Op) -> str:
    return f"tables:{at.namespaces.cookie(op.netns) or op.netns}"
