"""Rules that belong to somebody, in tables of podberth's own: put there, looked for and taken away again.

A table is made with the first rule that is somebody's, and goes with the last, in the same transaction.
"""

from __future__ import annotations

import errno
from itertools import chain

from podberth.linux.netlink import nft, nft_rules
from podberth.linux.netlink.socket import NetlinkError
from podberth.linux.transactions import there, transact, transact_if_any
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from podberth.linux.netlink.nft import Request
    from podberth.linux.netlink.nft_rules import Found, Rule, Table
    from podberth.linux.transactions import Rules


def put(namespaces: Rules, table: Table, rules: Sequence[Rule]) -> None:
    """Add the rules; the table is made if it is not there, which is found out about by trying."""
    try:
        namespaces.rules().batch([table.add(rule) for rule in rules])
    except NetlinkError as refused:
        if refused.errno != errno.ENOENT:
            raise
        bring_about(namespaces, table, rules)


def bring_about(namespaces: Rules, table: Table, rules: Sequence[Rule]) -> None:
    """Look what is missing, and put it right: table, chains, and rules.

    If one of the rules is missing all are put there anew: their order counts.
    """

    def wanted() -> list[Request]:
        found = rules_of(namespaces, table)
        mine = _matches(rules, found)
        anew: list[Request] = []
        if None in mine:
            anew = [*(table.remove(one) for one in mine if one is not None), *map(table.add, rules)]
        return [*table.frame(), *_framed(table, found), *anew]

    transact(namespaces, wanted)


def take_away(namespaces: Rules, table: Table, rules: Sequence[Rule]) -> None:
    """Take the rules away, as far as they are there; what is not them is left alone, and the table if it is needed."""

    def wanted() -> list[Request]:
        found = rules_of(namespaces, table)
        mine = [one for one in _matches(rules, found) if one is not None]
        handles = {one.handle for one in mine}
        rest = [one for one in found if one.handle not in handles and not any(map(one.is_one, table.rules))]
        if found and not rest:
            return [table.delete()]
        return [table.remove(one) for one in mine]

    transact_if_any(namespaces, wanted)


def drifts(namespaces: Rules, table: Table, rules: Sequence[Rule], what: str) -> tuple[Drift, ...]:
    """Look for the rules, and for those that lead to them."""
    found = rules_of(namespaces, table)
    gone = [Drift(what=what, field=f"rule in {rule.chain}", wanted="there", found="gone")
            for rule in _missing(rules, found)]  # fmt: skip
    if list(_framed(table, found)):
        gone.append(Drift(what=table.name, field="rules of the table itself", wanted="all, in order", found="not so"))
    return tuple(gone)


def _framed(table: Table, found: Sequence[Found]) -> Iterator[Request]:
    """Yield what brings the table's own rules about: each chain gets them anew that has not all of them in order."""
    for each in table.chains:
        own = [rule for rule in table.rules if rule.chain == each.name]
        now = [one for one in found if any(map(one.is_one, own))]
        if len(now) != len(own) or not all(one.is_one(rule) for one, rule in zip(now, own, strict=True)):
            yield from map(table.remove, now)
            yield from map(table.add, own)


def _missing(rules: Sequence[Rule], found: Sequence[Found]) -> list[Rule]:
    return [rule for rule, one in zip(rules, _matches(rules, found), strict=True) if one is None]


def _matches(rules: Sequence[Rule], found: Sequence[Found]) -> list[Found | None]:
    """Return for each rule one that is it, each at most once; None where there is none.

    The kernel has them mostly in the order they were put there: each is looked for from behind the one before on.
    """
    whose = {rule.comment for rule in rules}
    left, at = [one for one in found if one.comment in whose], 0
    matched: list[Found | None] = []
    for rule in rules:
        order = chain(range(at, len(left)), range(at))
        at = next((i for i in order if left[i].is_one(rule)), -1)
        matched.append(left.pop(at) if at >= 0 else None)
        at = max(at, 0)
    return matched


def rules_of(namespaces: Rules, table: Table) -> list[Found]:
    """Return the rules of a table, those of a chain in order; none if there is no such table."""
    bodies = there(lambda: namespaces.rules().dump(nft.GET_RULE, table.named()))
    return [nft_rules.parse(body) for body in bodies or ()]
