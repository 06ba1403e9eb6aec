"""Addresses that leave with the node's own: elements of sets in podberth's table of nf_tables.

A set has the addresses of one network and subnet, and one rule. It is made with its first element and goes with its
last, in the same transaction; the table goes with the last set. Nobody's lock is needed: what was looked at is named
by its generation, and the kernel refuses a transaction that comes too late for it.
"""

from __future__ import annotations

import errno

from podberth.linux.netlink import nft
from podberth.linux.netlink.nfnl import Nfnl
from podberth.linux.netlink.socket import NetlinkError
from podberth.linux.transactions import there, transact, transact_if_any
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.linux.ground import Ground
    from podberth.linux.namespaces import Namespaces
    from podberth.linux.netlink.nft import Request, Rule
    from podberth.net.facts import NetnsId
    from podberth.net.ops import Masquerade
    from podberth.net.step import Step


def before(at: Ground, op: Masquerade) -> Iterator[tuple[str, str]]:
    """Yield nothing: an element says whose it is."""
    del at, op
    yield from ()


def do(at: Ground, op: Masquerade) -> None:
    """Add the element; what it needs is made if it is not there, and found out about by trying."""
    try:
        at.namespaces.rules().batch([nft.new_element(op.group, op.address.ip, op.comment, only_new=True)])
    except NetlinkError as refused:
        if refused.errno not in (errno.ENOENT, errno.EEXIST):
            raise
        _bring_about(at.namespaces, op)


def undo(at: Ground, op: Masquerade, step: Step, netns: NetnsId | None) -> None:
    """Take the element away if it is the op's, and its set, rule and table if nobody else needs them."""
    del step, netns
    transact_if_any(at.namespaces, lambda: _leaving(at.namespaces, op))


def check(at: Ground, op: Masquerade, step: Step) -> tuple[Drift, ...]:
    """Look for the element, and for the rule that makes something of it."""
    del step
    return _check(at.namespaces, op)


def repair(at: Ground, op: Masquerade, step: Step, netns: NetnsId) -> None:
    """Put right what is missing or different, where it is: others share it."""
    del step, netns
    _bring_about(at.namespaces, op)


def _bring_about(namespaces: Namespaces, op: Masquerade) -> None:
    """Look what is missing or different, and put it right: table, chain, set, rule and element.

    An element of another's for the same address is replaced: within a network, who has an address is the ledger's word.
    """

    def wanted() -> list[Request]:
        socket = namespaces.rules()
        of_group = [rule for rule in _rules(socket) if rule.group == op.group]
        requests = list(nft.frame(op.group, op.address.version))
        if [rule.shape for rule in of_group] != [nft.shape_of(op.group, op.address.network)]:
            requests += [nft.delete_rule(rule.handle) for rule in of_group]
            requests.append(nft.rule(op.group, op.address.network))
        if _holder(socket, op) not in (None, op.comment):
            requests.append(nft.delete_element(op.group, op.address.ip))
        requests.append(nft.new_element(op.group, op.address.ip, op.comment, only_new=False))
        return requests

    transact(namespaces, wanted)


def _check(namespaces: Namespaces, op: Masquerade) -> tuple[Drift, ...]:
    socket, found = namespaces.rules(), []
    holder, wanted = _holder(socket, op), f"in the set {op.group}"
    if holder != op.comment:
        said = "gone" if holder is None else f"there for {holder or 'somebody else'}"
        found.append(Drift(what=str(op.address.ip), field="masquerade", wanted=wanted, found=said))
    shapes = [rule.shape for rule in _rules(socket) if rule.group == op.group]
    if shapes != [nft.shape_of(op.group, op.address.network)]:
        said = "another one" if shapes else "gone"
        what = f"inet {nft.TABLE} {nft.CHAIN}"
        found.append(Drift(what=what, field="rule", wanted=f"masquerade of @{op.group}", found=said))
    return tuple(found)


def _leaving(namespaces: Namespaces, op: Masquerade) -> list[Request]:
    socket = namespaces.rules()
    holder = _holder(socket, op)
    if holder not in (None, op.comment):
        return []
    mine = [nft.delete_element(op.group, op.address.ip)] if holder is not None else []
    others = _others(namespaces, op)
    if others is None or others:
        return mine
    groups = set(map(nft.parse_set, there(lambda: socket.dump(nft.GET_SET, nft.table())) or ()))
    rules = _rules(socket)
    if groups == {op.group} and all(rule.group == op.group for rule in rules):
        return [nft.delete_table()]
    handles = [rule.handle for rule in rules if rule.group == op.group]
    return [*map(nft.delete_rule, handles), nft.delete_set(op.group)]


def _rules(socket: Nfnl) -> list[Rule]:
    return [nft.parse_rule(body) for body in there(lambda: socket.dump(nft.GET_RULE, nft.table())) or ()]


def _holder(socket: Nfnl, op: Masquerade) -> str | None:
    """Return whose the address's element is, by its comment; None if there is no such element."""
    body = socket.get(nft.GET_ELEMENT, nft.element(op.group, op.address.ip))
    return next((comment for _, comment in nft.parse_elements(body)), None) if body is not None else None


def _others(namespaces: Namespaces, op: Masquerade) -> bool | None:
    """Say whether the set has another element than the op's; None if there is no such set."""
    own = op.address.ip.packed
    socket = namespaces.opened(None, Nfnl)
    try:
        return there(
            lambda: socket.any_of(
                nft.GET_ELEMENT,
                nft.elements(op.group),
                lambda body: any(address != own for address, _ in nft.parse_elements(body)),
            )
        )
    finally:
        socket.close()
