"""The shim and the agent against Go's plugins and against the floor: single calls, crowds, memory, a large store."""

from __future__ import annotations

import os
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from bench.contest import BUILT, GO, Agent, Contestant, agent, applied, go, namespace, ours, processor
from bench.figures import show
from bench.floor import Crowd, Floor
from bench.plot import bars

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PEER, SHIM, ALONE, FLOOR = "Go", "shim and agent", "without the agent", "floor: the kernel alone"
PARENT = "up0"
PODS = 5  # that come and go in one turn
CROWD, AT_ONCE = 200, 16
ROUTER = {"isGateway": True, "ipMasq": True}
PARENTS = {"bridge": "go0", "masquerade": "go1", "macvlan": PARENT}  # what the floor's links stand on
PICTURE = Path("build/bench/agent.svg")
CYCLES = (1_000, 10_000)
LEASES = 100_000
LARGE = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: db}
spec:
  subnets: [{subnet: 10.0.0.0/8}]
"""


def run(rounds: int) -> None:
    """Measure everything inside the node's namespace, and print the tables."""
    with tempfile.TemporaryDirectory(prefix="podberth-bench-") as folder:
        scratch = Path(folder)
        parent()
        with agent(scratch / "state") as running:
            shapes = contests(scratch, running)
            groups: dict[str, dict[str, float]] = {}
            for shape, kinds in shapes.items():
                groups |= single(shape, kinds, Floor(scratch), rounds)
            PICTURE.parent.mkdir(parents=True, exist_ok=True)
            PICTURE.write_text(bars(groups, PEER))
            crowd(shapes["bridge"], running, Crowd(scratch))
            memory(shapes["bridge"][SHIM], running)
        large(scratch, rounds)


def parent() -> None:
    """Make a parent for macvlans that needs no hardware: one end of a pair that is up."""
    subprocess.run(["ip", "link", "add", PARENT, "type", "veth", "peer", "name", "up1"], check=True)
    for link in (PARENT, "up1"):
        subprocess.run(["ip", "link", "set", link, "up"], check=True)


def contests(scratch: Path, running: Agent) -> dict[str, dict[str, Contestant]]:
    """Return the contestants of each shape."""
    state, found = running.state, {}
    for shape, mine, peer in (
        ("bridge", {"bridge": "ours0"}, {"bridge": "go0"}),
        ("masquerade", {"bridge": "ours1", **ROUTER}, {"bridge": "go1", **ROUTER}),
        ("macvlan", {"device": "macvlan", "parent": PARENT}, {"master": PARENT, "mode": "bridge"}),
    ):
        conf = ours(shape, state, **mine)
        kind = "macvlan" if shape == "macvlan" else "bridge"
        found[shape] = {
            PEER: Contestant(binary=GO / kind, conf=go(shape, kind, scratch / f"host-local-{shape}", **peer)),
            SHIM: Contestant(binary=BUILT / "podberth", conf=conf, socket=running.socket),
            ALONE: Contestant(binary=BUILT / "podberth", conf=conf),
        }
    return found


def single(shape: str, kinds: Mapping[str, Contestant], floor: Floor, rounds: int) -> dict[str, dict[str, float]]:
    """Measure one ADD and one DEL at a time: a few pods come, then go, and the next contestant has its turn.

    Return the medians in milliseconds.
    """
    took: dict[str, dict[str, list[float]]] = {"ADD": defaultdict(list), "DEL": defaultdict(list)}
    with ExitStack() as stay:
        for kind, contestant in kinds.items():
            # One pod of each stays: on a node at work the bridge is there already.
            name = stay.enter_context(namespace(f"stay-{os.getpid()}-{len(kind)}"))
            contestant.call("ADD", name, name)
            stay.callback(contestant.call, "DEL", name, name)
        parent, address = PARENTS[shape], "10.92.0.2/16"
        for _ in range(rounds // PODS):
            for kind, contestant in kinds.items():
                with namespaces(PODS) as names:
                    for verb in ("ADD", "DEL"):
                        took[verb][kind] += [contestant.call(verb, name, name) for name in names]
                    settle()
            with namespaces(PODS) as names:
                for name in names:
                    path = f"/run/netns/{name}"
                    took["ADD"][FLOOR].append(floor.add(shape, parent, path, address, "10.92.0.1", "floor0"))
                    took["DEL"][FLOOR].append(floor.delete(shape, parent, path, address, "floor0"))
    for verb, rows in took.items():
        show(f"One {verb}, {shape}: an address, a route", rows, against=PEER)
    return {
        f"{verb}, {shape}": {kind: statistics.median(samples) for kind, samples in rows.items()}
        for verb, rows in took.items()
    }


@contextmanager
def namespaces(count: int) -> Iterator[list[str]]:
    """Have so many network namespaces."""
    with ExitStack() as all_of_them:
        yield [all_of_them.enter_context(namespace(f"b{number}-{os.getpid()}")) for number in range(count)]


def settle() -> None:
    """Let the kernel finish what a DEL that was answered has left to it: the next one's turn is its own."""
    time.sleep(0.25)


def crowd(kinds: Mapping[str, Contestant], running: Agent, calls: Crowd) -> None:
    """Measure many pods one after another, and many at once: total time, and the processor's."""
    table = Table(title=f"{CROWD} pods on a bridge: ADD all, DEL all", title_justify="left", title_style="bold")
    for heading in ("", "at a time", "ADD s", "DEL s", "all s", "ratio", "CPU s", "ratio"):
        table.add_column(heading, justify="right")
    for at_once in (1, AT_ONCE):
        base: tuple[float, float] | None = None
        for kind in (PEER, SHIM):
            with ExitStack() as all_of_them:
                prefix = f"c{os.getpid()}-"
                for n in range(CROWD):
                    all_of_them.enter_context(namespace(f"{prefix}{n}"))
                before = processor(running)
                spent = {verb: calls.call(kinds[kind], verb, prefix, CROWD, at_once) for verb in ("ADD", "DEL")}
                settle()
                cpu, total = processor(running) - before, sum(spent.values())
            base = base or (total, cpu)
            figures = (spent["ADD"], spent["DEL"], total, total / base[0], cpu, cpu / base[1])
            table.add_row(kind, str(at_once), *(f"{figure:.2f}" for figure in figures))
    Console().print(table)


def memory(contestant: Contestant, running: Agent) -> None:
    """Print what the agent holds after many pods have come and gone."""
    table = Table(title="The agent after ADD and DEL of many pods", title_justify="left", title_style="bold")
    for heading in ("pods", "MiB in memory", "open files"):
        table.add_column(heading, justify="right")
    with ExitStack() as stay:
        names = [stay.enter_context(namespace(f"m{n}-{os.getpid()}")) for n in range(8)]
        done = 0
        for until in CYCLES:
            while done < until:
                name = names[done % len(names)]
                contestant.call("ADD", f"m{done}", name)
                contestant.call("DEL", f"m{done}", name)
                done += 1
            settle()
            table.add_row(f"{done:,}", f"{running.memory():.1f}", str(running.descriptors()))
    Console().print(table)


def large(scratch: Path, rounds: int) -> None:
    """Measure ADD with few and with very many leases in the store, in turn."""
    from bench.scale import Store

    sizes: dict[str, Path] = {"10 leases": scratch / "few", f"{LEASES:,} leases": scratch / "many"}
    for state, leases in zip(sizes.values(), (10, LEASES), strict=True):
        applied(state, LARGE)
        with closing(Store(state, "10.0.0.0/8").fill(range(leases)).database):
            pass
        with closing(sqlite3.connect(state / "podberth.db")) as store:
            store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    took: dict[str, list[float]] = defaultdict(list)
    with ExitStack() as both:
        agents = {size: both.enter_context(agent(state, LARGE)) for size, state in sizes.items()}
        for turn in range(rounds):
            for size, running in agents.items():
                conf = ours(f"scale{len(size)}", running.state, bridge=f"s{len(size)}", pool="db")
                contestant = Contestant(binary=BUILT / "podberth", conf=conf, socket=running.socket)
                with namespace(f"s{turn}-{os.getpid()}") as name:
                    took[size].append(contestant.call("ADD", name, name))
                    contestant.call("DEL", name, name)
                    settle()
    show("One ADD, by the size of the store", took, against="10 leases")
