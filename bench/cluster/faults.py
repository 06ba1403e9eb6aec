"""A cluster under faults, while nodes contend for too few addresses: servers and clients are killed, answers lost,
history compacted, for as long as one likes. One node's clock steps by a day, and another node is copied while it
lives. Then all ends, and the judge speaks."""

from __future__ import annotations

import random
import time
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from bench.cluster import copies, crowds, times
from bench.cluster.copies import Copies
from bench.cluster.crew import Crew, at_once
from bench.cluster.crowds import FIRST, Run, Stage
from bench.cluster.history import OK
from bench.cluster.judge import read, verdict
from bench.cluster.nodes import CERTAIN
from bench.cluster.pods import patient
from podberth.cni.errors import CniError
from podberth.ipam.lease import AddressBoundElsewhere

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from bench.cluster.crew import Nodes, Team
    from bench.cluster.history import Operation
    from bench.cluster.nodes import Node, Store
    from bench.cluster.servers import Server
    from podberth.cni.pod import Attachment

FAULTS = ("server", "answers", "clients", "clocks", "compaction", *copies.KINDS)
SIZE = 48  # addresses: too few
REST = 1  # seconds that a released address rests
NAMES = 16  # pods that more than one node believes to have
HOUR, DAY = 3600 * 10**9, 86_400 * 10**9  # ns
PAUSE = 0.02  # seconds, at most, between two things that a thread of a node does
THREADS = 2  # of each node
GAP = 1.5  # seconds, at least, between two faults
DOWN = 1.0  # seconds, at most, for which a server is away


class Churn:
    """One thread of one node, which does with pods whatever comes to its mind."""

    def __init__(self, node: Node, number: int, seed: str, *, clocks: bool) -> None:
        self._node = node
        self._prefix = f"{node.name}-{number}-{seed}"
        self._chance = random.Random(self._prefix)  # noqa: S311 - a simulation
        self._mine: list[str] = []
        self._made = 0
        self._clocks = clocks
        node.disciplined = not clocks

    def go_on(self, over: Path) -> None:
        """Do things until that file is there, and bind once at least: a copy that did nothing was never refused."""
        actions: tuple[tuple[int, Callable[[], None]], ...] = (
            (30, self._bind), (15, self._bind_fixed), (10, self._bind_named), (40, self._unbind), (5, self._reserve),
        )  # fmt: skip
        weights = [weight for weight, _ in actions]
        while not (self._made and over.exists()):
            self._node.prove()
            if self._clocks and self._chance.random() < 0.02:
                self._node.skew = self._chance.choice((-DAY, -HOUR, 0, HOUR, DAY))
            (_, act), = self._chance.choices(actions, weights)  # fmt: skip
            try:
                act()
            except CniError:
                pass  # it is in the history
            time.sleep(self._chance.uniform(0, PAUSE))

    def _bound(
        self, name: str, *, takeover: tuple[Attachment, ...] = (), sticky: bool = False, address: str = ""
    ) -> None:
        self._made += 1
        container = f"{self._prefix}-{self._made}"
        self._mine.append(container)
        try:
            self._node.bind(name or f"of-{container}", container, address=address, sticky=sticky, takeover=takeover)
        except CERTAIN:
            self._mine.remove(container)
            raise

    def _bind(self) -> None:
        self._bound("")

    def _bind_fixed(self) -> None:
        name = f"fixed-{self._chance.randrange(NAMES)}"
        try:
            self._bound(name, sticky=True)
        except AddressBoundElsewhere as held:
            if held.lease.node == self._node.name:  # it knows best what has ended here
                self._bound(name, sticky=True, takeover=(held.lease.attachment,))

    def _bind_named(self) -> None:
        self._bound("", address=self._some())

    def _unbind(self) -> None:
        if self._mine:
            container = self._chance.choice(self._mine)
            self._node.unbind(container)
            self._mine.remove(container)

    def _reserve(self) -> None:
        address = self._some()
        if self._chance.random() < 0.5:
            self._node.reserve(address, f"kept-{self._chance.randrange(NAMES)}")
        else:
            self._node.release(address)

    def _some(self) -> str:
        return str(FIRST + self._chance.randrange(8))


def churn(over: Path, threads: int, seed: str, clocks: str, nodes: Nodes) -> None:
    """Have all nodes do things until that file is there; the clock of the one that is named steps."""
    each = [
        Churn(node, number, seed, clocks=node.name == clocks) for node in nodes.values() for number in range(threads)
    ]
    at_once([partial(one.go_on, over) for one in each], len(each))


def sweep(containers: Mapping[str, list[str]], nodes: Nodes) -> int:
    """End all of these containers, of each node its own, as its runtime does when it is back; return how many.

    A machine that is not its node any more ends nothing: the one that is does.
    """
    for node in nodes.values():
        node.identity.refresh()
    still = {name: node for name, node in nodes.items() if not node.identity.refusal}
    own = [(node, container) for name, node in still.items() for container in containers.get(name, ())]
    at_once([partial(patient, partial(node.unbind, container)) for node, container in own], 4 * len(nodes))
    return len(own)


def under_faults(
    server: Server, folder: Path, *, seconds: float, nodes: int, processes: int, faults: tuple[str, ...] = FAULTS,
    gap: float = GAP,
) -> tuple[Run, dict[str, int]]:  # fmt: skip
    """Run it for so many seconds, or longer, until there was one fault of each kind; return the verdict, and how many
    faults there were of each kind."""
    chance = random.Random(f"{seconds}")  # noqa: S311 - a simulation
    crowds.declare(server.store, SIZE, folder, REST)
    names = crowds.reported(server.store, nodes)
    done = {kind: 0 for kind in faults if kind != "clocks"}  # those step all the time
    if not server.store.register:
        done.pop("twin", None)  # a kubelet can't report two of one boot
    with Crew(server.store, folder, names, processes) as crew:
        stage = Stage(crew, THREADS)
        breaking = Breaking(server, crew, chance, names[0] if "clocks" in faults else "")
        for number, team in enumerate(crew.teams):
            breaking.begin(team, f"0.{number}")
        breaking.go_on(monotonic() + seconds, gap, done)
        for team in crew.teams:
            team.result()
        left = partial(sweep, _perhaps_left(crew.history()))
        stage.do("sweep", left)
        breaking.copies.then(left)
        complaints = crowds.left_over(crew, {})
        breaking.copies.end()
    operations = crew.history()
    complaints += [*copies.complaints(operations), *copies.lingering(operations)]
    if "clone" in done and not copies.refused(operations):
        complaints.append("no clone was ever refused")
    complaints += _by_the_clock(server.store, operations)
    run = Run(
        title=f"{seconds:.0f} s of faults on {nodes} nodes",
        phases=tuple(stage.phases),
        verdict=verdict(server.store, operations),
        complaints=tuple(complaints),
    )
    return run, done


def _perhaps_left(operations: Sequence[Operation]) -> dict[str, list[str]]:
    """Return of each node the containers whose end nobody was told."""
    ended = {one.attachment for one in operations if one.kind == "unbind" and one.outcome == OK}
    left: dict[str, list[str]] = {}
    for one in operations:
        if one.kind == "bind" and one.attachment not in ended:
            left.setdefault(one.node, []).append(one.attachment)
            ended.add(one.attachment)
    return left


def _by_the_clock(store: Store, operations: Sequence[Operation]) -> list[str]:
    """Return what is wrong about the ledger's times, once nothing moves any more."""
    epoch = time.time_ns() - time.monotonic_ns()
    events = read(store).events
    lives = times.happened(events, operations).values()
    return [*times.short_rests(lives, REST * 10**9), *times.wrong_answers(events, lives, epoch, store.precision)]


class Breaking:
    """Whatever breaks a server and its nodes while they work; the file `over` tells them to end.

    The last team has the node that is copied, and is not killed: a node that is dead can't object to its copy.
    """

    def __init__(self, server: Server, crew: Crew, chance: random.Random, clocks: str) -> None:
        self.copies = Copies(server.store, crew.folder, crew.teams[-1])
        self._server = server
        self._teams = crew.teams[:-1] or crew.teams
        self._chance = chance
        self._over = crew.folder / "over"
        self._clocks = clocks

    def begin(self, team: Team, seed: str) -> None:
        """Have a team's nodes do things."""
        team.begin(partial(churn, self._over, THREADS, seed, self._clocks))

    def go_on(self, until: float, gap: float, done: dict[str, int]) -> None:
        """Break things until then, each kind as often as any other and once at least. All run again afterwards."""
        ahead: list[str] = []
        while done and (monotonic() < until - 2 * gap or not all(done.values())):
            time.sleep(self._chance.uniform(gap, 2 * gap))
            ahead = ahead or self._chance.sample(list(done), len(done))
            kind = ahead.pop()
            done[kind] += 1
            self._break(kind, f"{done[kind]}.{self._chance.random()}")
        time.sleep(max(gap, until - monotonic()))
        self._over.touch()

    def _break(self, kind: str, seed: str) -> None:
        server = self._server
        if kind == "server":
            server.kill()
            time.sleep(self._chance.uniform(0, DOWN))
            server.start()
        elif kind == "answers" and server.proxy is not None:
            server.proxy.muted = True
            time.sleep(self._chance.uniform(0.01, 0.1))
            server.proxy.cut()
            server.proxy.muted = False
        elif kind == "compaction":
            server.compact()
        elif kind in copies.KINDS:
            self.copies.start(kind, partial(churn, self._over, THREADS, f"{kind}-{seed}", ""))
        elif kind == "clients":
            team = self._chance.choice(self._teams)
            team.kill()
            team.start()
            team.result()
            self.begin(team, seed)
