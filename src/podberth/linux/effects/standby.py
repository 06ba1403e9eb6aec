"""Nothing leaves by a pod's link: a rule at the link itself, in the pod's namespace, before anything is on the wire.

ARP and neighbour advertisements of the kernel's leave by the same hook. The table has the link's name, and goes whole.
"""

from __future__ import annotations

import errno

from podberth.cni.errors import KernelRefused
from podberth.linux.netlink import nft
from podberth.linux.netlink import nft_rules as rules
from podberth.linux.netlink.nfnl import Nfnl
from podberth.linux.netlink.socket import NetlinkError
from podberth.linux.transactions import there
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from podberth.linux.ground import Ground
    from podberth.linux.netlink.nft_rules import Table
    from podberth.net.facts import NetnsId
    from podberth.net.ops.standby import Op
    from podberth.net.step import Step

    T = TypeVar("T")

_OUT = "out"
_RULE = rules.Rule(chain=_OUT, expressions=rules.drop(), comment="standby")
_NO_HOOK = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOENT, errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT)


def before(at: Ground, op: Op) -> Iterator[tuple[str, str]]:
    """Yield nothing: the table's name says whose it is."""
    del at, op
    yield from ()


def do(at: Ground, op: Op) -> None:
    """Hold the link back. KernelRefused by a kernel without the hook: what can't be held back must not be there.

    A table that is there is made anew: there must be one to be deleted.
    """
    table = _table(op)
    anew = (*table.frame()[:1], table.delete(), *table.frame(), table.add(_RULE))
    try:
        _inside(at, op, lambda socket: socket.batch(anew))
    except NetlinkError as refused:
        if refused.errno not in _NO_HOOK:
            raise
        raise KernelRefused(
            f"{op.ifname} can't be held back until its address moves here: this kernel has no hook for what leaves a"
            f" link ({refused})",
            "a live migration needs Linux 5.16 or later on its target, with CONFIG_NETFILTER_EGRESS",
        ) from refused


def undo(at: Ground, op: Op, step: Step, netns: NetnsId | None) -> None:
    """Let it speak."""
    if at.alive(step, netns):
        _asked(at, op, lambda socket: socket.batch([_table(op).delete()]))


def check(at: Ground, op: Op, step: Step) -> tuple[Drift, ...]:
    """Look for the rule."""
    del step
    bodies = _asked(at, op, lambda socket: socket.dump(nft.GET_RULE, _table(op).named()))
    if any(rules.parse(body).is_one(_RULE) for body in bodies or ()):
        return ()
    return (Drift(what=op.ifname, field="standby", wanted="held back", found="nothing holds it back"),)


def repair(at: Ground, op: Op, step: Step, netns: NetnsId | None) -> None:
    """Hold it back again, by one transaction: at no moment does it speak."""
    del step, netns
    do(at, op)


def _table(op: Op) -> Table:
    chain = rules.Chain(name=_OUT, kind="filter", hook=rules.EGRESS, priority=rules.FILTER, device=op.ifname)
    return rules.Table(family=rules.NETDEV, name=f"podberth-standby-{op.ifname}", chains=(chain,))


def _asked(at: Ground, op: Op, ask: Callable[[Nfnl], T]) -> T | None:
    return there(lambda: _inside(at, op, ask))


def _inside(at: Ground, op: Op, ask: Callable[[Nfnl], T]) -> T:
    socket = at.namespaces.opened(op.netns, Nfnl)
    try:
        return ask(socket)
    finally:
        socket.close()
