"""What is forwarded between pods: rules in podberth's tables of nf_tables, of the node's routing and of its bridges.

What is accepted here may still be dropped by a chain of somebody else's: a verdict is of its own chain alone.
"""

from __future__ import annotations

from podberth.linux import ruleset
from podberth.linux.netlink import nft_rules as nft
from podberth.linux.netlink.nft_rules import IIFNAME, OIFNAME
from podberth.net.ops import AllowForwarding, KeepApart

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.linux.ground import Ground
    from podberth.linux.netlink.nft_rules import Expression, Rule, Table
    from podberth.net.facts import NetnsId
    from podberth.net.ops import IsolatePort
    from podberth.net.ops.filtering import Op
    from podberth.net.step import Drift, Step

_FORWARD, _APART, _ELSEWHERE, _PODS = "forward", "apart", "elsewhere", "pods"
ROUTED = nft.Table(
    family=nft.INET,
    name="podberth-firewall",
    chains=(
        *(nft.Chain(name=name) for name in (_APART, _ELSEWHERE, _PODS)),
        nft.Chain(name=_FORWARD, kind="filter", hook=nft.FORWARD, priority=nft.FILTER),
    ),
    rules=tuple(nft.Rule(chain=_FORWARD, expressions=nft.jump(chain)) for chain in (_APART, _PODS)),
)
BRIDGED = nft.Table(
    family=nft.BRIDGE,
    name="podberth-firewall",
    chains=(nft.Chain(name=_FORWARD, kind="filter", hook=nft.FORWARD, priority=nft.BRIDGE_FILTER),),
)


def before(at: Ground, op: Op) -> Iterator[tuple[str, str]]:
    """Yield nothing: a rule says whose it is."""
    del at, op
    yield from ()


def do(at: Ground, op: Op) -> None:
    """Add the rules."""
    ruleset.put(at.namespaces, *_rules(op))


def undo(at: Ground, op: Op, step: Step, netns: NetnsId | None) -> None:
    """Take the rules away, and the table with the last of them."""
    del step, netns
    ruleset.take_away(at.namespaces, *_rules(op))


def check(at: Ground, op: Op, step: Step) -> tuple[Drift, ...]:
    """Look for the rules."""
    del step
    what = op.address if isinstance(op, AllowForwarding) else op.link if isinstance(op, KeepApart) else op.port
    return ruleset.drifts(at.namespaces, *_rules(op), str(what))


def repair(at: Ground, op: Op, step: Step, netns: NetnsId) -> None:
    """Put right what is missing, where it is: others share it."""
    del step, netns
    ruleset.bring_about(at.namespaces, *_rules(op))


def _rules(op: Op) -> tuple[Table, tuple[Rule, ...]]:
    if isinstance(op, AllowForwarding):
        return ROUTED, _allowed(op)
    return (ROUTED, _apart(op)) if isinstance(op, KeepApart) else (BRIDGED, _isolated(op))


def _allowed(op: AllowForwarding) -> tuple[Rule, ...]:
    family = nft.of_version(op.address.version)
    return (
        _rule(_PODS, op, *family, *nft.to_address(op.address), *nft.of_known(), *nft.accept()),
        _rule(_PODS, op, *family, *nft.from_address(op.address), *nft.accept()),
    )


def _apart(op: KeepApart) -> tuple[Rule, ...]:
    here, there = nft.through(IIFNAME, op.link), nft.through(OIFNAME, op.link)
    alone = (_rule(_APART, op, *here, *there, *nft.drop()),) if op.alone else ()
    return (
        _rule(_APART, op, *here, *nft.through(OIFNAME, op.link, but=True), *nft.jump(_ELSEWHERE)),
        _rule(_ELSEWHERE, op, *there, *nft.drop()),
        *alone,
    )


def _isolated(op: IsolatePort) -> tuple[Rule, ...]:
    ways = (nft.through(key, op.port) for key in (OIFNAME, IIFNAME))
    return tuple(_rule(_FORWARD, op, *way, *nft.drop()) for way in ways)


def _rule(chain: str, op: Op, *expressions: Expression) -> Rule:
    return nft.Rule(chain=chain, expressions=expressions, comment=op.comment)
