"""What may pass a pod's links, kept in its own network namespace: one table of nf_tables, changed as a whole or not.

While only the members of groups change, only those are sent: the rules stay, and so do all counters and connections.
Otherwise table, rules and groups are put there anew, in the same transaction in which the old ones go.

A link is let alone by everything that does not name it. Connections that are known pass, as does what IPv6 needs of its
neighbours; ARP never gets here.
"""

from __future__ import annotations

from itertools import chain

from podberth.linux.netlink import nft, nft_sets
from podberth.linux.netlink import nft_rules as rules
from podberth.linux.ruleset import rules_of
from podberth.linux.transactions import there, transact, transact_if_any
from podberth.net.policing import PORTS, PROTOCOLS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from podberth.linux.netlink.nft import Request
    from podberth.linux.netlink.nft_rules import Expression, Found, Rule, Table
    from podberth.linux.netlink.nft_sets import Set
    from podberth.linux.transactions import Rules
    from podberth.net.policing import Allow, Group, LinkRules, Policing, Spans

_NAME = "podberth-policy"
_COMMENT = 120  # characters; nft takes 128
_KINDS = {4: nft_sets.IPV4_ADDRESS, 6: nft_sets.IPV6_ADDRESS, PORTS: nft_sets.PORT}
_INGRESS, _EGRESS = "ingress", "egress"
# Where a packet is as it is on the wire: after the connection is known, before any translation on the way in, and with
# the real link, of a VRF too (Documentation/networking/vrf.rst). What is forwarded passes both.
_HOOKS = (
    rules.Chain(name=_INGRESS, kind="filter", hook=rules.PREROUTING, priority=rules.MANGLE),
    rules.Chain(name=_EGRESS, kind="filter", hook=rules.POSTROUTING, priority=rules.MANGLE),
)
# Multicast listeners, and routers and neighbours (RFC 2710, RFC 4861; RFC 3810): ICMPv6 types, first and last.
_NEEDED = ((130, 137), (143, 143))


def level(at: Rules, wanted: Policing) -> bool:
    """Bring about what is wanted; return whether there was anything to do."""
    changed: list[bool] = []

    def requests() -> list[Request]:
        made = _missing(at, wanted)
        changed.append(bool(made))
        return made

    # A kernel without nf_tables has none to take away.
    (transact if wanted.links else transact_if_any)(at, requests)
    return any(changed)


def _missing(at: Rules, wanted: Policing) -> list[Request]:
    """Return what brings it about, as things are."""
    table = _table(wanted)
    found = rules_of(at, table)
    sets = {name: nft_sets.Set(name=name, kind=kind, ranges=ranges) for name, kind, ranges in _sets(at, table)}
    chains = _chains(at, table)
    if not wanted.links:
        return [table.delete()] if found or sets or chains else []
    now = {name: nft_sets.spans(each, _elements(at, table, name)) for name, each in sets.items()}
    mine = {group.name: _set(group) for group in wanted.groups}
    if sets == mine and chains == sorted(one.name for one in table.chains) and _are(found, table.rules):
        changes = (_changed(table, mine[group.name], group, now[group.name]) for group in wanted.groups)
        return list(chain.from_iterable(changes))
    gone = [table.delete()] if found or sets or chains else []
    return [*gone, *_anew(table, mine, wanted.groups, now)]


def _anew(
    table: Table, mine: Mapping[str, Set], groups: Sequence[Group], now: Mapping[str, Spans]
) -> Iterator[Request]:
    yield from table.frame()
    for identity, group in enumerate(groups, 1):
        each = mine[group.name]
        yield nft_sets.add(table, each, identity)
        yield from nft_sets.add_elements(table, each, now.get(group.name, ()) if group.spans is None else group.spans)
    yield from map(table.add, table.rules)


def _changed(table: Table, each: Set, group: Group, now: Spans) -> Iterator[Request]:
    """Yield what the set lacks, and what it has too much: ranges go first, as none may touch another."""
    if group.spans is None or group.spans == now:
        return
    had, wanted = set(now), set(group.spans)
    yield from nft_sets.delete_elements(table, each, sorted(had - wanted))
    yield from nft_sets.add_elements(table, each, sorted(wanted - had))


def _are(found: Sequence[Found], wanted: Sequence[Rule]) -> bool:
    """Say whether these are the rules, each chain's in order."""

    def by_chain(every: Iterable[Found | Rule]) -> dict[str, list[Found | Rule]]:
        made: dict[str, list[Found | Rule]] = {}
        for one in every:
            made.setdefault(one.chain, []).append(one)
        return made

    here, there_too = by_chain(found), by_chain(wanted)
    return here.keys() == there_too.keys() and all(
        len(here[name]) == len(each) and all(map(_is, here[name], each)) for name, each in there_too.items()
    )


def _is(found: Found | Rule, wanted: Found | Rule) -> bool:
    return isinstance(found, rules.Found) and isinstance(wanted, rules.Rule) and found.is_one(wanted)


def _sets(at: Rules, table: Table) -> list[tuple[str, tuple[int, int], bool]]:
    return [nft_sets.parse(body) for body in there(lambda: at.rules().dump(nft.GET_SET, table.named())) or ()]


def _elements(at: Rules, table: Table, name: str) -> Iterator[tuple[int, bool]]:
    bodies = there(lambda: at.rules().dump(nft.GET_ELEMENT, nft_sets.elements(table, name)))
    return chain.from_iterable(map(nft_sets.parse_elements, bodies or ()))


def _chains(at: Rules, table: Table) -> list[str]:
    bodies = there(lambda: at.rules().dump(nft.GET_CHAIN, bytes([table.family, 0, 0, 0]))) or ()
    every = map(rules.parse_chain, bodies)
    return sorted(name for whose, name, _ in every if whose == table.name)


def _set(group: Group) -> Set:
    return nft_sets.Set(name=group.name, kind=_KINDS[group.version], ranges=group.ranges)


def _table(wanted: Policing) -> Table:
    own: list[rules.Chain] = []
    made: list[Rule] = []
    for hook in _HOOKS:
        made.append(rules.Rule(chain=hook.name, expressions=(*rules.of_known(), *rules.accept())))
        made += (
            rules.Rule(chain=hook.name, expressions=(*rules.of_icmpv6(*types), *rules.accept())) for types in _NEEDED
        )
    for link in wanted.links:
        for hook_name, key, way, allowed in _ways(link):
            own.append(rules.Chain(name=way))
            through = rules.through(key, link.ifname)
            made.append(rules.Rule(chain=hook_name, expressions=(*through, *rules.jump(way))))
            made += (rules.Rule(chain=way, expressions=(*_passing(one, key), *rules.accept())) for one in allowed)
            made.append(rules.Rule(chain=way, expressions=rules.drop(), comment=_named(link.policies)))
    return rules.Table(family=rules.INET, name=_NAME, chains=(*own, *_HOOKS), rules=tuple(made))


def _named(policies: Sequence[str]) -> str:
    """Return the first of the policies' names, and how many more there are, as a comment that nft(8) takes."""
    for count in range(len(policies), 0, -1):
        more = len(policies) - count
        text = ", ".join((*policies[:count], *((f"and {more} more",) if more else ())))
        if len(text) <= _COMMENT:
            return text
    return f"{len(policies)} policies" if policies else ""


def _ways(link: LinkRules) -> Iterator[tuple[str, int, str, tuple[Allow, ...]]]:
    """Yield for each direction that is closed: the chain that leads there, by which key, its chain, what passes."""
    if link.ingress is not None:
        yield _INGRESS, rules.IIFNAME, f"in-{link.ifname}", link.ingress
    if link.egress is not None:
        yield _EGRESS, rules.OIFNAME, f"out-{link.ifname}", link.egress


def _passing(allow: Allow, key: int) -> tuple[Expression, ...]:
    """Return what chooses the packets that an Allow is about; with a source address on the way in."""
    found: tuple[Expression, ...] = ()
    if allow.group:
        found += rules.of_version(allow.version)
        found += (*rules.load_address(allow.version, source=key == rules.IIFNAME), nft_sets.lookup(allow.group))
    if allow.protocol:
        found += rules.of_transport(PROTOCOLS[allow.protocol])
    if allow.ports:
        found += (*rules.load_port(), nft_sets.lookup(allow.ports))
    return found
