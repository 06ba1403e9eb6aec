"""Ports of the node that lead to a pod: rules in podberth's table of nf_tables for them.

A mapping to one address of the node comes before those to all of them, in whatever order they were made. What is sent
to 127.0.0.0/8 from elsewhere is dropped: links that lead to pods with mapped ports route it, and the kernel's own
refusal of such packets is gone with that.
"""

from __future__ import annotations

import os
from ipaddress import ip_network

from podberth.linux import ruleset
from podberth.linux.effects import sysctls
from podberth.linux.netlink import conntrack
from podberth.linux.netlink import nft_rules as nft
from podberth.linux.netlink.socket import NetlinkError
from podberth.net.ops import MapPorts, RouteLoopback
from podberth.net.ops.ports import parsed
from podberth.net.step import FLOWS, Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.linux.ground import Ground
    from podberth.linux.namespaces import Namespaces
    from podberth.linux.netlink.nft_rules import Rule
    from podberth.net.facts import NetnsId
    from podberth.net.ops import MasqueradeMapped
    from podberth.net.ops.ports import Op
    from podberth.net.step import Step

_LOOPBACK = ip_network("127.0.0.0/8")
_BY_ADDRESS, _BY_PORT, _MASQUERADED = "by_address", "by_port", "postrouting"
_HOOKS = (("prerouting", nft.PREROUTING), ("output", nft.OUTPUT))
TABLE = nft.Table(
    family=nft.INET,
    name="podberth-ports",
    chains=(
        nft.Chain(name=_BY_ADDRESS),
        nft.Chain(name=_BY_PORT),
        *(nft.Chain(name=name, kind="nat", hook=hook, priority=nft.DSTNAT) for name, hook in _HOOKS),
        nft.Chain(name=_MASQUERADED, kind="nat", hook=nft.POSTROUTING, priority=nft.SRCNAT),
        nft.Chain(name="guard", kind="filter", hook=nft.PREROUTING, priority=nft.RAW),
    ),
    rules=(
        *(
            nft.Rule(chain=name, expressions=(*nft.to_node(), *nft.jump(chain)))
            for name, _ in _HOOKS
            for chain in (_BY_ADDRESS, _BY_PORT)
        ),
        nft.Rule(
            chain="guard",
            expressions=(*nft.not_from_loopback(), *nft.of_version(4), *nft.to_network(_LOOPBACK), *nft.drop()),
        ),
    ),
)


def before(at: Ground, op: Op) -> Iterator[tuple[str, str]]:
    """Yield nothing: a rule says whose it is, and a link goes on routing the loopback."""
    del at, op
    yield from ()


def do(at: Ground, op: Op) -> None:
    """Add the rules, or write the value."""
    if isinstance(op, RouteLoopback):
        _route(at.namespaces, op)
        return
    ruleset.put(at.namespaces, TABLE, _rules(op))
    _forget(at.namespaces, op)


def undo(at: Ground, op: Op, step: Step, netns: NetnsId | None) -> None:
    """Take the rules away, and the table with the last of them. Flows that others' rules are for by now are kept."""
    del netns
    if not isinstance(op, RouteLoopback):
        ruleset.take_away(at.namespaces, TABLE, _rules(op))
        if step.before_of(FLOWS) is None:
            _forget(at.namespaces, op)


def check(at: Ground, op: Op, step: Step) -> tuple[Drift, ...]:
    """Look for the rules, or the value."""
    del step
    if not isinstance(op, RouteLoopback):
        what = str(op.address)
        return ruleset.drifts(at.namespaces, TABLE, _rules(op), what)
    found = _routes(at.namespaces, op)
    return () if found == "1" else (Drift(what=op.link, field="route_localnet", wanted="1", found=found or "gone"),)


def repair(at: Ground, op: Op, step: Step, netns: NetnsId) -> None:
    """Put right what is missing, where it is: others share it."""
    del step, netns
    if isinstance(op, RouteLoopback):
        _route(at.namespaces, op)
    else:
        ruleset.bring_about(at.namespaces, TABLE, _rules(op))
        _forget(at.namespaces, op)


def _rules(op: MapPorts | MasqueradeMapped) -> tuple[Rule, ...]:
    if isinstance(op, MapPorts):
        return tuple(_mapping(op))
    of = (*nft.marked(op.mark), *nft.of_version(op.address.version), *nft.to_address(op.address), *nft.masquerade())
    return (nft.Rule(chain=_MASQUERADED, expressions=of, comment=op.comment),)


def _mapping(op: MapPorts) -> Iterator[Rule]:
    version = nft.of_version(op.address.version)
    near = [nft.from_network(op.address.network)]
    if op.address.version == 4:
        near.append(nft.from_network(_LOOPBACK))
    sources = [] if not op.mark else [()] if op.mark_all else near
    for protocol, host, host_port, port in map(parsed, op.ports):
        chain = _BY_PORT if host is None else _BY_ADDRESS
        asked = (*(nft.to_address(host) if host is not None else ()), *nft.to_port(protocol, host_port))
        for source in sources:
            yield nft.Rule(chain=chain, expressions=(*version, *source, *asked, *nft.mark(op.mark)), comment=op.comment)
        yield nft.Rule(chain=chain, expressions=(*version, *asked, *nft.dnat(op.address.ip, port)), comment=op.comment)


def _forget(namespaces: Namespaces, op: MapPorts | MasqueradeMapped) -> None:
    """Have the kernel look at its rules again for datagrams of flows that it follows: these end when nobody sends."""
    socket, version = namespaces.rules(), op.address.version
    for protocol, host, port, _ in map(parsed, op.ports if isinstance(op, MapPorts) else ()):
        if protocol != "udp":
            continue
        at = host.packed if host is not None else None
        try:
            for flow in socket.dump(conntrack.GET, conntrack.udp_to(version, port)):
                if conntrack.is_udp_to(flow, version, port, at):
                    socket.do(conntrack.DELETE, conntrack.delete(flow, version))
        except NetlinkError:
            pass  # it ended meanwhile, or this kernel tells nothing of flows: what is left ends by itself


def _route(namespaces: Namespaces, op: RouteLoopback) -> None:
    if _routes(namespaces, op) == "1":
        return
    descriptor = namespaces.opened(None, lambda: os.open(_path(op), os.O_WRONLY | os.O_CLOEXEC))
    try:
        os.write(descriptor, b"1\n")
    finally:
        os.close(descriptor)


def _routes(namespaces: Namespaces, op: RouteLoopback) -> str:
    try:
        return sysctls.read(namespaces, None, _path(op))
    except FileNotFoundError:
        return ""


def _path(op: RouteLoopback) -> str:
    return f"/proc/sys/net/ipv4/conf/{op.link}/route_localnet"
