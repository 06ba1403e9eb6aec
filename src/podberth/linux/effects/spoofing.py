"""Frames of a pod under another MAC than its own: dropped where they come into the bridge.

The rules are in a table that others use too, of the names that the CNI project's plugin gives them: rules that it left
for the same interface are replaced, and taken away with the pod. The table goes with the last rule if podberth has made
it, and nobody has put anything else into it.
"""

from __future__ import annotations

from podberth.linux import ruleset
from podberth.linux.netlink import nft
from podberth.linux.netlink import nft_rules as rules
from podberth.linux.transactions import there, transact, transact_if_any
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.linux.ground import Ground
    from podberth.linux.namespaces import Namespaces
    from podberth.linux.netlink.nft import Request
    from podberth.linux.netlink.nft_rules import Found, Rule
    from podberth.net.facts import NetnsId
    from podberth.net.ops.spoofing import Op
    from podberth.net.step import Step

_BASE = rules.Chain(name="PREROUTING", kind="filter", hook=rules.PREROUTING, priority=rules.RAW)
_TABLE = rules.Table(family=rules.BRIDGE, name="nat", chains=())


def before(at: Ground, op: Op) -> Iterator[tuple[str, str]]:
    """Yield nothing: a rule says whose it is."""
    del at, op
    yield from ()


def do(at: Ground, op: Op) -> None:
    """Put the rules there, all of them or none; what was left for the same interface goes."""
    transact(at.namespaces, lambda: _coming(at.namespaces, op))


def undo(at: Ground, op: Op, step: Step, netns: NetnsId | None) -> None:
    """Take the rules and their chains away, whatever they say by now, and the table if it was made for such alone."""
    del step, netns
    stop(at.namespaces, op.owner)


def check(at: Ground, op: Op, step: Step) -> tuple[Drift, ...]:
    """Look whether the chains say just what they should."""
    del step
    mine = _mine(ruleset.rules_of(at.namespaces, _TABLE), op.owner)
    wrong = dict.fromkeys(rule.chain for rule in _rules(op) if not _is_whole(rule.chain, mine, op))
    return tuple(Drift(what=op.port, field=f"rules in {chain}", wanted="as made", found="not so") for chain in wrong)


def repair(at: Ground, op: Op, step: Step, netns: NetnsId) -> None:
    """Put all of the rules there anew: their order counts."""
    del step, netns
    do(at, op)


def stop(namespaces: Namespaces, owner: str) -> None:
    """Take away the owner's chains and what leads to them, also those that the CNI project's plugin has made."""
    transact_if_any(namespaces, lambda: _leaving(namespaces, owner))


def _rules(op: Op) -> tuple[Rule, ...]:
    frame, mac = _chains(op.owner)
    by_chain = (
        (_BASE.name, (*rules.through(rules.IIFNAME, op.port), *rules.jump(frame))),
        (frame, rules.jump(mac)),
        (mac, (*rules.from_mac(op.mac), *rules.back())),
        (mac, rules.drop()),
    )
    return tuple(rules.Rule(chain=chain, expressions=made, comment=_comment(op.owner)) for chain, made in by_chain)


def _chains(owner: str) -> tuple[str, str]:
    return f"cni-br-iface-{owner}", f"cni-br-iface-{owner}-mac"


def _comment(owner: str) -> str:
    return f"macspoofchk-{owner}"


def _mine(found: list[Found], owner: str) -> list[Found]:
    """Return what is the interface's of the rules that were found: all of its chains, and what leads to them."""
    chains = _chains(owner)
    return [one for one in found if one.chain in chains or (one.chain, one.comment) == (_BASE.name, _comment(owner))]


def _is_whole(chain: str, mine: list[Found], op: Op) -> bool:
    wanted = [rule for rule in _rules(op) if rule.chain == chain]
    now = [one for one in mine if one.chain == chain]
    return len(now) == len(wanted) and all(one.is_one(rule) for one, rule in zip(now, wanted, strict=True))


def _coming(namespaces: Namespaces, op: Op) -> list[Request]:
    made, chains = _TABLE.frame(), _there(namespaces)
    mine = _mine(ruleset.rules_of(namespaces, _TABLE), op.owner)
    # One at the hook that is another's is left as it is, also what it does with the rest.
    needed = (_BASE, *(rules.Chain(name=name) for name in _chains(op.owner)))
    missing = [chain for chain in needed if chain.name not in chains]
    return [*made, *map(_TABLE.add_chain, missing), *map(_TABLE.remove, mine), *map(_TABLE.add, _rules(op))]


def _leaving(namespaces: Namespaces, owner: str) -> list[Request]:
    found, chains = ruleset.rules_of(namespaces, _TABLE), _there(namespaces)
    mine, own = _mine(found, owner), [name for name in _chains(owner) if name in chains]
    if len(mine) == len(found) and _is_only_ours(namespaces, chains, own):
        return [_TABLE.delete()]
    return [*map(_TABLE.remove, mine), *map(_TABLE.remove_chain, own)]


def _is_only_ours(namespaces: Namespaces, chains: dict[str, bool], own: list[str]) -> bool:
    """Say whether podberth has made the table, and it has nothing but these chains, and an empty one that lets pass."""
    body = namespaces.rules().get(nft.GET_TABLE, _TABLE.named())
    if body is None or not rules.is_own(body) or chains.get(_BASE.name, False):
        return False
    sets = there(lambda: namespaces.rules().dump(nft.GET_SET, _TABLE.named()))
    return not sets and set(chains) <= {*own, _BASE.name}


def _there(namespaces: Namespaces) -> dict[str, bool]:
    """Return the table's chains, and of each whether what gets to its end is dropped."""
    bodies = there(lambda: namespaces.rules().dump(nft.GET_CHAIN, _TABLE.named()))
    every = map(rules.parse_chain, bodies or ())  # of all tables of the family
    return {name: drops for table, name, drops in every if table == _TABLE.name}
