"""What a pod may send as: rules where its frames come to the node, leave a link of the node, or leave its own link.

The kernel takes a chain at a hook away with the link that it is for, and all of a pod's with its namespace. The rest is
found by the attachment's name for it.
"""

from __future__ import annotations

from podberth.linux import ruleset
from podberth.linux import sender_rules as rules
from podberth.linux.netlink import nft, nft_rules
from podberth.linux.netlink.nfnl import Nfnl
from podberth.linux.transactions import there, transact, transact_if_any
from podberth.net.ops import PinSender
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from podberth.linux.ground import Ground
    from podberth.linux.netlink.nft import Request
    from podberth.linux.transactions import Rules
    from podberth.net.facts import NetnsId
    from podberth.net.ops.senders import Op
    from podberth.net.step import Step

    T = TypeVar("T")


class _Pod:
    """The rules of a pod's namespace, by a socket that was opened there."""

    def __init__(self, socket: Nfnl) -> None:
        self._socket = socket

    def rules(self) -> Nfnl:
        return self._socket


def before(at: Ground, op: Op) -> Iterator[tuple[str, str]]:
    """Yield nothing: a chain says whose it is."""
    del at, op
    yield from ()


def do(at: Ground, op: Op) -> None:
    """Put the chains there with their rules, all of them or none; what was left of the same name goes."""
    _where(at, op, lambda where: transact(where, lambda: _coming(where, op)))


def undo(at: Ground, op: Op, step: Step, netns: NetnsId | None) -> None:
    """Take the chains away, whatever they say by now, and the table with the last of them."""
    if at.alive(step, netns):
        _where(at, op, lambda where: transact_if_any(where, lambda: _leaving(where, op.owner)))


def check(at: Ground, op: Op, step: Step) -> tuple[Drift, ...]:
    """Look whether the chains say just what they should."""
    del step
    return _where(at, op, lambda where: tuple(_differences(where, op)))


def repair(at: Ground, op: Op, step: Step, netns: NetnsId) -> None:
    """Put all of the rules there anew: their order counts."""
    del step, netns
    do(at, op)


def _where(at: Ground, op: Op, action: Callable[[Rules], T]) -> T:
    """Run the action on the rules of the node, or of the pod's namespace."""
    if not isinstance(op, PinSender) or op.netns is None:
        return action(at.namespaces)
    socket = at.namespaces.opened(op.netns, Nfnl)
    try:
        return action(_Pod(socket))
    finally:
        socket.close()


def _coming(where: Rules, op: Op) -> list[Request]:
    chains, table = rules.chains(op), rules.TABLE
    gone = _cleared(where, op.owner)
    return [*table.frame(), *gone, *map(table.add_chain, chains), *map(table.add, rules.rules(op))]


def _leaving(where: Rules, owner: str) -> list[Request]:
    every = _chains(where)
    if every and every <= set(rules.names(owner)):
        return [rules.TABLE.delete()]
    return _cleared(where, owner)


def _cleared(where: Rules, owner: str) -> list[Request]:
    """Return what takes the owner's chains away: rules first, for they lead from one to the next."""
    own = rules.names(owner)
    mine = [found for found in ruleset.rules_of(where, rules.TABLE) if found.chain in own]
    every = _chains(where)
    return [*map(rules.TABLE.remove, mine), *(rules.TABLE.remove_chain(name) for name in own if name in every)]


def _differences(where: Rules, op: Op) -> Iterator[Drift]:
    found, wanted = ruleset.rules_of(where, rules.TABLE), rules.rules(op)
    for chain in rules.names(op.owner):
        now = [one for one in found if one.chain == chain]
        own = [rule for rule in wanted if rule.chain == chain]
        if len(now) != len(own) or not all(one.is_one(rule) for one, rule in zip(now, own, strict=True)):
            what = op.link if isinstance(op, PinSender) else op.parent
            yield Drift(what=what, field=f"rules in {chain}", wanted="as made", found="not so")


def _chains(where: Rules) -> set[str]:
    bodies = there(lambda: where.rules().dump(nft.GET_CHAIN, rules.TABLE.named()))
    every = map(nft_rules.parse_chain, bodies or ())  # of all tables of the family
    return {name for table, name, _ in every if table == rules.TABLE.name}
