"""Crowds of pods: as many as there are addresses, all at once; hundreds that are deleted and come back; nodes lost."""

from __future__ import annotations

import itertools
from functools import partial
from ipaddress import ip_address, ip_network
from time import perf_counter, sleep
from typing import TYPE_CHECKING

from bench.cluster import pods
from bench.cluster.crew import Crew
from bench.cluster.judge import verdict
from bench.cluster.nodes import BOOT, POOL, machine_of
from bench.cluster.pods import Berth, Effort, Pod
from podberth.cni.value import value
from podberth.ipam.lease import Actor
from podberth.ipam.pool import Pool, Span, Subnet
from podberth.policy.documents import document_of
from podberth.stores.replica.policies import ClusterPolicies
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from bench.cluster.crew import Task
    from bench.cluster.judge import Verdict
    from bench.cluster.nodes import Store

FIRST = ip_address("10.40.0.1")
OPERATOR = Actor(who="uid 0 (root)", why="apply cluster.yaml", node="admin")


@value
class Phase:
    """One thing that was done to all pods: how long (s), what they got, how often they were told to come again."""

    name: str
    seconds: float
    berths: tuple[Berth, ...]
    effort: Effort

    @property
    def refused(self) -> int:
        """How often a pod was told to come again."""
        return sum(berth.refused for berth in self.berths)

    @property
    def addresses(self) -> dict[str, str]:
        """The address of each pod's name."""
        return {berth.pod.name: berth.address for berth in self.berths}


@value
class Run:
    """What was done, and what the judge says. `complaints` are the scenario's own, beside the verdict's."""

    title: str
    phases: tuple[Phase, ...]
    verdict: Verdict
    complaints: tuple[str, ...]

    @property
    def wrong(self) -> tuple[str, ...]:
        """All complaints."""
        return (*self.complaints, *self.verdict.complaints)


def declare(store: Store, size: int, folder: Path, quarantine: int = 0) -> None:
    """Declare the one pool, of `size` addresses that rest for `quarantine` seconds, as an operator does."""
    cluster = store.open("admin")
    replica = Replica(str(folder / "admin"))
    span = Span(first=FIRST, last=FIRST + (size - 1))
    made = Pool(name=POOL, subnets=(Subnet(network=ip_network("10.40.0.0/16"), ranges=(span,)),), quarantine=quarantine)
    policies = ClusterPolicies(Proposer(replica, cluster, "admin", current=True))
    policies.apply([document_of(made, "bench")], OPERATOR, source="bench")
    replica.database.close()
    cluster.close()


class Stage:
    """A crew on a store with one pool, and what is done with it phase by phase."""

    def __init__(self, crew: Crew, threads: int) -> None:
        self.crew = crew
        self.threads = threads
        self.phases: list[Phase] = []

    def do(self, name: str, task: Task) -> Phase:
        """Have the crew do the task, and remember what came of it."""
        before = self._effort()
        began = perf_counter()
        found = self.crew.do(task)
        took = perf_counter() - began
        after = self._effort()
        spent = Effort(attempts=after.attempts - before.attempts, steps=after.steps - before.steps)
        berths = tuple(itertools.chain.from_iterable(part for part in found if isinstance(part, list)))
        self.phases.append(Phase(name=name, seconds=took, berths=berths, effort=spent))
        return self.phases[-1]

    def start(self, name: str, some: Sequence[Pod], *, sticky: bool = False) -> Phase:
        """Start pods."""
        return self.do(name, partial(pods.start, some, sticky, self.threads))

    def end(self, name: str, some: Sequence[Pod]) -> Phase:
        """End pods."""
        return self.do(name, partial(pods.end, some, self.threads))

    def _effort(self) -> Effort:
        parts = self.crew.do(pods.effort)
        return Effort(attempts=sum(p.attempts for p in parts), steps=sum(p.steps for p in parts))


def full_pool(store: Store, folder: Path, *, count: int, nodes: int, processes: int) -> Run:
    """As many pods as there are addresses, on nodes that share the pool; all end, and all start again."""
    declare(store, count, folder)
    names = reported(store, nodes)
    with Crew(store, folder, names, processes) as crew:
        stage = Stage(crew, threads=max(1, min(8, 80 // nodes)))
        complaints: list[str] = []
        for turn in ("first", "second"):
            some = spread_over(names, count, turn)
            phase = stage.start(f"{turn} start", some)
            complaints += given_once(phase, count)
            stage.end(f"{turn} end", some)
        complaints += left_over(crew, {})
    return _run(f"{count} pods, {count} addresses, {nodes} nodes", store, crew, stage, complaints)


def coming_back(store: Store, folder: Path, *, count: int, nodes: int, processes: int) -> Run:
    """Pods with fixed addresses are deleted and recreated at once, on another node each."""
    declare(store, count + count // 2, folder)
    names = reported(store, nodes)
    with Crew(store, folder, names, processes) as crew:
        stage = Stage(crew, threads=max(1, 40 // nodes))
        first = spread_over(names, count, "a")
        begun = stage.start("start", first, sticky=True)
        again = [(pod, _moved(pod, neighbours(names, processes), "b")) for pod in first]
        back = stage.do("recreate", partial(pods.recreate, again, stage.threads))
        complaints = [*given_once(begun, count), *kept(begun, back)]
        stage.end("end", [new for _, new in again])
        complaints += left_over(crew, {})
    return _run(f"{count} pods on {nodes} nodes come back", store, crew, stage, complaints)


def storms(store: Store, folder: Path, *, count: int, nodes: int, processes: int) -> Run:
    """A rolling restart, a third of the nodes drained at once, and a process of nodes lost with all their pods."""
    declare(store, 2 * count, folder)
    names = reported(store, nodes)
    with Crew(store, folder, names, processes) as crew:
        stage = Stage(crew, threads=max(1, 40 // nodes))
        now = spread_over(names, count, "a")
        begun = stage.start("start", now, sticky=True)
        complaints = given_once(begun, count)
        waves = [now[at::4] for at in range(4)]
        now = []
        for number, wave in enumerate(waves):
            again = [(pod, Pod(name=pod.name, node=pod.node, container=f"r-{pod.name}")) for pod in wave]
            phase = stage.do(f"rolling restart {number + 1}/4", partial(pods.recreate, again, stage.threads))
            complaints += kept(begun, phase)
            now += [new for _, new in again]
        drained = set(names[: nodes // 3])
        rest = [name for name in names if name not in drained]
        leaving = [pod for pod in now if pod.node in drained]
        stage.end("drain", leaving)
        moved = [Pod(name=p.name, node=rest[i % len(rest)], container=f"d-{p.name}") for i, p in enumerate(leaving)]
        complaints += kept(begun, stage.start("start elsewhere", moved, sticky=True))
        now = [pod for pod in now if pod.node not in drained] + moved
        if crew.teams:
            now, wrong = _lose(stage, store, begun, now)
            complaints += wrong
        complaints += left_over(crew, {begun.addresses[pod.name]: pod.container for pod in now})
        stage.end("end", now)
        complaints += left_over(crew, {})
    return _run(f"storms: {count} pods on {nodes} nodes", store, crew, stage, complaints)


def _lose(stage: Stage, store: Store, begun: Phase, now: list[Pod]) -> tuple[list[Pod], list[str]]:
    crew = stage.crew
    lost, left = crew.teams[-1], [name for team in crew.teams[:-1] for name in team.names]
    lost.kill()
    crew.teams = crew.teams[:-1]
    for name in lost.names:
        store.fence(name)
    gone = [pod for pod in now if pod.node in lost.names]
    back = [Pod(name=pod.name, node=left[i % len(left)], container=f"l-{pod.name}") for i, pod in enumerate(gone)]
    phase = stage.do("nodes lost", partial(pods.come_back, back, stage.threads))
    return [pod for pod in now if pod.node not in lost.names] + back, kept(begun, phase)


def reported(store: Store, count: int) -> tuple[str, ...]:
    """Return the names of nodes, once the store has been told which machine each one is."""
    names = tuple(f"node{number:03}" for number in range(count))
    for name in names:
        store.report(name, machine_of(name), BOOT)
    return names


def spread_over(names: Sequence[str], count: int, turn: str) -> list[Pod]:
    """Return pods, the next one always on the next node."""
    return [Pod(name=f"p{n}", node=names[n % len(names)], container=f"{turn}-p{n}") for n in range(count)]


def neighbours(names: Sequence[str], processes: int) -> dict[str, str]:
    """Return for each node another one of the same process, if it has more than one."""
    teams = [names[at :: max(processes, 1)] for at in range(max(processes, 1))]
    return {name: team[(at + 1) % len(team)] for team in teams for at, name in enumerate(team)}


def _moved(pod: Pod, to: dict[str, str], turn: str) -> Pod:
    return Pod(name=pod.name, node=to[pod.node], container=f"{turn}-{pod.name}")


def given_once(phase: Phase, count: int) -> list[str]:
    """Complain unless `count` pods have an address each, and no two the same."""
    different = len(set(phase.addresses.values()))
    fine = different == len(phase.berths) == count
    return [] if fine else [f"{phase.name}: {len(phase.berths)} pods have {different} addresses, not {count}"]


def kept(begun: Phase, back: Phase) -> list[str]:
    """Complain of each pod that came back with another address."""
    return [
        f"{back.name}: {name} has {address}, and had {begun.addresses[name]}"
        for name, address in back.addresses.items()
        if address != begun.addresses[name]
    ]


def left_over(crew: Crew, leases: dict[str, str]) -> list[str]:
    """Complain of each node that does not come to believe in exactly these leases."""
    until = perf_counter() + pods.PATIENCE
    while True:
        believed: Iterable[tuple[str, dict[str, str]]] = itertools.chain.from_iterable(crew.do(pods.replicas))
        wrong = [f"{name} knows {len(own)} leases, not {len(leases)}" for name, own in believed if own != leases]
        if not wrong or perf_counter() > until:
            return wrong
        sleep(1)  # or asking would be most of what they do


def _run(title: str, store: Store, crew: Crew, stage: Stage, complaints: Sequence[str]) -> Run:
    return Run(
        title=title,
        phases=tuple(stage.phases),
        verdict=verdict(store, crew.history()),
        complaints=tuple(complaints),
    )
