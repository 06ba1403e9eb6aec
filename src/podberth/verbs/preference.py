"""Which of several pools serves an interface: the first, in order of preference, that is for it and not full.

A pool is passed over for two reasons alone: its affinity leaves this node, namespace, pod or network out, or it has no
address left. Whatever else is wrong with it is an error, as it is with a pool that is named alone.
The reasons: docs/decisions/054-a-pool-is-passed-over-for-two-reasons.md.
"""

from __future__ import annotations

from podberth.cni.errors import PoolExhausted, Refused
from podberth.cni.fields import joined
from podberth.cni.value import replace, value
from podberth.ipam.lease import SetExhausted
from podberth.policy.precedence import has_choice, named_pools
from podberth.verbs.network import decide

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from podberth.cni.pod import Attachment
    from podberth.ipam.affinity import Place
    from podberth.ipam.lease import Reservation
    from podberth.ipam.pool import Pool
    from podberth.policy.precedence import Question, Resolved
    from podberth.verbs.network import Network
    from podberth.verbs.node import Node

    T = TypeVar("T")

NODE, NAMESPACE, POD = "Node", "Namespace", "Pod"  # whose labels a node is asked for
_ELSEWHERE = "start the pod where the pool is for it, change the pool's `affinity`, or name another pool"


@value
class Passed:
    """A pool that did not serve, and why not, as a sentence."""

    pool: str
    why: str


def serve(
    node: Node,
    network: Network,
    asked: Question,
    attachment: Attachment,
    take: Callable[[Resolved], T],
    passed: Callable[[Passed], object] = lambda _: None,
) -> T:
    """Return what `take` makes of what is resolved for the first pool that serves; `passed` is told of others.

    `take` raises PoolExhausted, and has changed nothing then, if the pool is full. Raises that of the last pool, or
    Refused if none is for the interface; TryAgainLater if the labels that tell are not known.
    """
    if not has_choice(asked):
        resolved = decide(network, asked, node.policies, node.ledger)
        _require_fit(node, asked, resolved)
        return take(resolved)
    over: list[Passed] = []
    full: PoolExhausted | None = None
    names, kept = _candidates(node, asked, attachment)
    for name in names:
        why = "" if kept else _unfit(node, asked, node.policies.pool(name))
        if not why:
            resolved = decide(network, replace(asked, only=name), node.policies, node.ledger)
            if kept:
                _require_fit(node, asked, resolved, kept.get(name))
            try:
                return take(resolved)
            except SetExhausted:
                raise
            except PoolExhausted as exhausted:
                full, why = exhausted, exhausted.message
        over.append(Passed(pool=name, why=why))
        passed(over[-1])
    raise _none(over, full)


def _candidates(
    node: Node, asked: Question, attachment: Attachment
) -> tuple[tuple[str, ...], Mapping[str, Reservation | None]]:
    """Return the pools to try, and those in which the pod has its address already: then these alone, with what it is.

    A pod whose name has an address keeps it, also while a pool before that one has others free.
    """
    names = named_pools(asked, node.policies)
    kept: dict[str, Reservation | None] = {lease.pool: None for lease in node.ledger.of(attachment)}
    if asked.pod is not None:
        found = node.ledger.reservations(pod=asked.pod)
        kept.update({each.pool: each for each in found if each.ifname == asked.ifname})
    own = tuple(name for name in names if name in kept)
    return (own[:1], {own[0]: kept[own[0]]}) if own else (names, {})


def _require_fit(node: Node, asked: Question, resolved: Resolved, kept: Reservation | None = None) -> None:
    """Raise Refused if the pool is for others: with the address that the pod would have there, if there is one."""
    pool = resolved.pool
    why = _unfit(node, asked, pool)
    if not why:
        return
    pod, ifname = asked.pod, asked.ifname
    if kept is None and pod is not None:
        own = (one for one in node.ledger.reservations(pod=pod) if one.pool == pool.name and one.ifname == ifname)
        kept = next(own, None)
    if kept is not None:
        advice = f"start the pod where the pool is for it; or `podberth release {kept.address}`"
        if kept.origin == "declared":
            advice = "start the pod where the pool is for it; or declare another address"
        raise Refused(f"{kept.address} is reserved for {kept.pod} ({ifname}, {kept.origin}), and {why}", advice)
    raise Refused(why, _ELSEWHERE)


def _unfit(node: Node, asked: Question, pool: Pool | None) -> str:
    """Return why the pool is for others, in words; '' if it is for the interface, or for any."""
    if pool is None or pool.affinity is None:
        return ""
    from podberth.ipam.affinity import mismatch  # most pools are for everybody

    why = mismatch(pool.affinity, _place(node, asked))
    return f"pool {pool.name} is for {why}" if why else ""


def _place(node: Node, asked: Question) -> Place:
    from podberth.ipam.affinity import Place

    pod = asked.pod

    def labels(kind: str) -> Callable[[], Mapping[str, str]]:
        return lambda: node.labels(kind, pod) if pod is not None or kind == NODE else {}

    return Place(
        node=node.name,
        namespace=pod.namespace if pod is not None else "",
        pod=str(pod or ""),
        network=asked.network,
        node_labels=labels(NODE),
        namespace_labels=labels(NAMESPACE),
        pod_labels=labels(POD),
    )


def _none(over: list[Passed], full: PoolExhausted | None) -> Refused | PoolExhausted:
    """Return the error of an interface that none of its pools serves."""
    if full is None:
        return Refused(f"none of the pools is for it: {joined(each.why for each in over)}", _ELSEWHERE)
    if len(over) == 1:
        return full
    return PoolExhausted(f"none of the pools has an address for it: {joined(each.why for each in over)}", full.details)
