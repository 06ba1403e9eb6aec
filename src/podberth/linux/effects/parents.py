"""Who may send over a link that ipvlans stand on: sets at the link, that all its attachments share.

Every change is one transaction that follows from a look (`linux.transactions`): two agents at once lose nothing of each
other's. Sets, chains and rules are there with the first attachment that is pinned, and go with the last.
"""

from __future__ import annotations

import os
from ipaddress import ip_address
from itertools import chain

from podberth.cni.value import value
from podberth.linux import parent_rules as rules
from podberth.linux.netlink import nft, nft_rules, nft_sets
from podberth.linux.netlink.socket import NetlinkError
from podberth.linux.ruleset import rules_of
from podberth.linux.sender_rules import TABLE
from podberth.linux.transactions import NONE_HERE, there, transact, transact_if_any
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from podberth.linux.ground import Ground
    from podberth.linux.netlink.nft import Request
    from podberth.linux.netlink.nft_rules import Found, Table
    from podberth.linux.parent_rules import Sender
    from podberth.linux.transactions import Rules
    from podberth.net.facts import NetnsId
    from podberth.net.ops import Address
    from podberth.net.ops.parents import Op
    from podberth.net.step import Step


@value
class _Known:
    """What is there for a link: of our names, the chains of each family, and the sets; rules; who is listed.

    `ranges`: the subnets, by IP version.
    """

    chains: tuple[str, ...]
    arp_chains: tuple[str, ...]
    sets: tuple[nft_sets.Set, ...]
    rules: tuple[Found, ...]
    arp_rules: tuple[Found, ...]
    listed: Mapping[Address, Sender]
    ranges: Mapping[int, tuple[tuple[int, int], ...]]

    def is_whole(self, parent: str) -> bool:
        """Say whether all but the sets' elements is just as it was made."""
        token = self.token
        if token is None or (set(self.chains), set(self.sets)) != (set(rules.names(parent)), set(rules.sets(parent))):
            return False
        wanted = rules.rules(parent, token)
        by_chain = ([one for one in self.rules if one.chain == name] for name in rules.names(parent))
        mine = list(chain.from_iterable(by_chain))
        order = sorted(wanted, key=lambda rule: rules.names(parent).index(rule.chain))
        return (
            len(self.arp_rules) == 1
            and self.arp_rules[0].is_one(rules.arp_rule(parent, token))
            and len(mine) == len(order)
            and all(one.is_one(rule) for one, rule in zip(mine, order, strict=True))
        )

    @property
    def token(self) -> bytes | None:
        """By which number the node's own ARP is known."""
        return next((found for one in self.arp_rules if (found := rules.token_of(one.comment))), None)


def before(at: Ground, op: Op) -> Iterator[tuple[str, str]]:
    """Yield nothing: an element says whose it is."""
    del at, op
    yield from ()


def do(at: Ground, op: Op) -> None:
    """List the addresses, and see to it that nothing but what is listed passes; one who is not pinned is let pass."""
    where = at.namespaces
    (transact if op.pinned else transact_if_any)(where, lambda: _coming(where, op))


def undo(at: Ground, op: Op, step: Step, netns: NetnsId | None) -> None:
    """Take the owner's elements away, and all there is with the last that is pinned."""
    del step, netns
    transact_if_any(at.namespaces, lambda: _leaving(at.namespaces, op))


def check(at: Ground, op: Op, step: Step) -> tuple[Drift, ...]:
    """Look for the op's elements, and whether rules and subnets are just as they should be."""
    del step
    return tuple(_differences(_look(at.namespaces, op.parent), op))


def repair(at: Ground, op: Op, step: Step, netns: NetnsId) -> None:
    """Put elements back, and all else anew unless it is whole."""
    del step, netns
    do(at, op)


def checks(at: Rules, parent: str) -> bool:
    """Say whether senders are checked at the link now."""
    try:
        return rules.names(parent)[0] in _chains(at, TABLE)
    except NetlinkError as refused:
        if refused.errno not in NONE_HERE:
            raise
        return False


def _coming(at: Rules, op: Op) -> list[Request]:
    known = _look(at, op.parent)
    if not op.pinned and not known.sets:
        return []
    wanted = rules.coming(known.listed, op)
    if known.is_whole(op.parent) or not op.pinned:
        return list(rules.changed(op.parent, known.listed, wanted, known.ranges))
    token = os.urandom(rules.TOKEN)
    return [*_framed(), *_cleared(known), *rules.anew(op.parent, token, wanted)]


def _leaving(at: Rules, op: Op) -> list[Request]:
    known = _look(at, op.parent)
    wanted = rules.leaving(known.listed, op.owner)
    if wanted and known.sets:
        return list(rules.changed(op.parent, known.listed, wanted, known.ranges))
    gone = _cleared(known)
    for table, mine in ((TABLE, known.chains), (rules.ARP_TABLE, known.arp_chains)):
        if mine and set(_chains(at, table)) <= set(mine):
            gone.append(table.delete())
    return gone


def _framed() -> list[Request]:
    return [*TABLE.frame(), *rules.ARP_TABLE.frame()]


def _cleared(known: _Known) -> list[Request]:
    """Return what takes all there is away: rules first, for they lead to chains and look into sets."""
    return [
        *map(TABLE.remove, known.rules),
        *map(rules.ARP_TABLE.remove, known.arp_rules),
        *map(TABLE.remove_chain, known.chains),
        *map(rules.ARP_TABLE.remove_chain, known.arp_chains),
        *(nft_sets.remove(TABLE, each.name) for each in known.sets),
    ]


def _differences(known: _Known, op: Op) -> Iterator[Drift]:
    if not op.pinned and not known.sets:
        return
    if op.pinned and not known.is_whole(op.parent):
        yield Drift(what=op.parent, field="rules for its ipvlans", wanted="as made", found="not so")
    for address, wanted in rules.own(op).items():
        found = known.listed.get(address)
        if found != wanted:
            owner = "nobody" if found is None else found.comment
            name = rules.addresses(op.parent, address.version).name
            yield Drift(what=op.parent, field=f"{address} in {name}", wanted=wanted.comment, found=owner)
    for version in (4, 6) if op.pinned else ():
        if known.ranges.get(version, ()) != rules.spans({**known.listed, **rules.own(op)}, version):
            name = rules.subnets(op.parent, version).name
            yield Drift(what=op.parent, field=f"subnets in {name}", wanted="those of its pods", found="others")


def _look(at: Rules, parent: str) -> _Known:
    own = rules.names(parent)
    mine = {each.name for each in rules.sets(parent)}
    bodies = there(lambda: at.rules().dump(nft.GET_SET, TABLE.named()))
    read = (nft_sets.parse(body) for body in bodies or ())
    sets = tuple(nft_sets.Set(name=name, kind=kind, ranges=has) for name, kind, has in read if name in mine)
    listed: dict[Address, Sender] = {}
    ranges: dict[int, tuple[tuple[int, int], ...]] = {}
    for version in (4, 6):
        addresses, subnets = rules.addresses(parent, version), rules.subnets(parent, version)
        if addresses in sets:
            listed |= {ip_address(key): rules.sender(said) for key, said in _elements(at, addresses)}
        if subnets in sets:
            ranges[version] = nft_sets.spans(subnets, _spans(at, subnets))
    return _Known(
        chains=tuple(name for name in _chains(at, TABLE) if name in own),
        arp_chains=tuple(name for name in _chains(at, rules.ARP_TABLE) if name == own[0]),
        sets=sets,
        rules=tuple(one for one in rules_of(at, TABLE) if one.chain in own),
        arp_rules=tuple(one for one in rules_of(at, rules.ARP_TABLE) if one.chain == own[0]),
        listed=listed,
        ranges=ranges,
    )


def _elements(at: Rules, of: nft_sets.Set) -> Iterator[tuple[bytes, str]]:
    bodies = there(lambda: at.rules().dump(nft.GET_ELEMENT, nft_sets.elements(TABLE, of.name)))
    return chain.from_iterable(map(nft.parse_elements, bodies or ()))


def _spans(at: Rules, of: nft_sets.Set) -> Iterator[tuple[int, bool]]:
    bodies = there(lambda: at.rules().dump(nft.GET_ELEMENT, nft_sets.elements(TABLE, of.name)))
    return chain.from_iterable(map(nft_sets.parse_elements, bodies or ()))


def _chains(at: Rules, table: Table) -> list[str]:
    bodies = there(lambda: at.rules().dump(nft.GET_CHAIN, table.named()))
    every = map(nft_rules.parse_chain, bodies or ())  # of all tables of the family
    return [name for whose, name, _ in every if whose == table.name]
