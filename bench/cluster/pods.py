"""What nodes do with pods: tasks for a crew. A kubelet tries again what was refused for now; so do these."""

from __future__ import annotations

import random
import time
from functools import partial
from typing import TYPE_CHECKING

from bench.cluster.crew import at_once
from podberth.cni.errors import PoolExhausted, TryAgainLater
from podberth.cni.value import value
from podberth.ipam.lease import AddressBoundElsewhere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeVar

    from bench.cluster.crew import Nodes
    from bench.cluster.nodes import Node

    T = TypeVar("T")

PATIENCE = 300.0  # seconds for which something is tried
PAUSE = 0.2  # seconds, at most, before it is tried again


@value
class Pod:
    """A pod's sandbox on a node."""

    name: str
    node: str
    container: str


@value
class Berth:
    """What a pod got, after how long (ms) and how many refusals."""

    pod: Pod
    address: str
    took: float
    refused: int


@value
class Effort:
    """What a process's nodes have asked of the cluster's store, and what it agreed to."""

    attempts: int
    steps: int


def start(pods: Sequence[Pod], sticky: bool, threads: int, nodes: Nodes) -> list[Berth]:
    """Bind an address for each pod that is on one of the nodes, in as many threads for each."""
    return _each(pods, partial(_start, nodes, sticky), threads, nodes)


def end(pods: Sequence[Pod], threads: int, nodes: Nodes) -> int:
    """End the pods that are on one of the nodes; return how many addresses that were."""
    return sum(_each(pods, lambda pod: len(patient(partial(nodes[pod.node].unbind, pod.container))[0]), threads, nodes))


def recreate(pods: Sequence[tuple[Pod, Pod]], threads: int, nodes: Nodes) -> list[Berth]:
    """End each pod and start it again at once, where and as what the second one says."""

    def act(old: Pod, new: Pod) -> Berth:
        patient(partial(nodes[old.node].unbind, old.container))
        return _start(nodes, True, new)

    actions = [partial(act, old, new) for old, new in pods if old.node in nodes]
    return at_once(actions, threads * len(nodes))


def come_back(pods: Sequence[Pod], threads: int, nodes: Nodes) -> list[Berth]:
    """Start pods whose nodes are lost: they take over from what they had there, once that can't run any more."""
    return _each(pods, lambda pod: _take_over(nodes[pod.node], pod), threads, nodes)


def effort(nodes: Nodes) -> Effort:
    """Return what the nodes have asked of the store since they were started."""
    proposers = [node.proposer for node in nodes.values()]
    return Effort(attempts=sum(s.attempts for s in proposers), steps=sum(s.steps for s in proposers))


def replicas(nodes: Nodes) -> list[tuple[str, dict[str, str]]]:
    """Return what each node believes: (name, container by address)."""
    return [(name, _believed(node)) for name, node in nodes.items()]


def patient(action: Callable[[], T]) -> tuple[T, int]:
    """Do it, again and again while it is refused for now; return what came of it, and how often it was refused."""
    until, refused = time.monotonic() + PATIENCE, 0
    while True:
        try:
            return action(), refused
        except (TryAgainLater, PoolExhausted):
            if time.monotonic() > until:
                raise
            refused += 1
            time.sleep(random.uniform(PAUSE / 4, PAUSE))  # noqa: S311 - jitter


def _each(pods: Iterable[Pod], action: Callable[[Pod], T], threads: int, nodes: Nodes) -> list[T]:
    return at_once([partial(action, pod) for pod in pods if pod.node in nodes], threads * len(nodes))


def _start(nodes: Nodes, sticky: bool, pod: Pod) -> Berth:
    began = time.perf_counter()
    bind = partial(nodes[pod.node].bind, pod.name, pod.container, sticky=sticky)
    address, refused = patient(bind)
    return Berth(pod=pod, address=address, took=(time.perf_counter() - began) * 1000, refused=refused)


def _take_over(node: Node, pod: Pod) -> Berth:
    began = time.perf_counter()

    def act() -> str:
        try:
            return node.bind(pod.name, pod.container, sticky=True)
        except AddressBoundElsewhere as held:
            if not node.cluster.elsewhere(node.name).judge(held.lease, None).dead:
                raise
            return node.bind(pod.name, pod.container, sticky=True, takeover=(held.lease.attachment,))

    address, refused = patient(act)
    return Berth(pod=pod, address=address, took=(time.perf_counter() - began) * 1000, refused=refused)


def _believed(node: Node) -> dict[str, str]:
    return {str(lease.address): lease.attachment.container_id for lease in node.ledger.leases()}
