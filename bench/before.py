"""This tree and one of another commit, in turn, A B B A: whole calls, the start of a process, binding.

`python -m bench before TREE [ROUNDS]`; both trees are built. Processor time is what counts on a busy machine; whole
calls of the agent have their time on the wall too. A round's ratio is of its own four samples.
"""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.agent import PARENT, PODS, namespaces, parent, settle
from bench.contest import POOL, Contestant, agent, applied, namespace, ours, processor
from bench.figures import compare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TypeAlias

    from bench.contest import Agent

    Sample: TypeAlias = Mapping[str, float]  # milliseconds, by what they are of
    Take: TypeAlias = Callable[[], Sample]

BINDS = 100  # in a sample
# Rounds of one pair of agents. Where the memory of a process lies makes it a tenth faster or slower for its whole life,
# of the same commit too: so the agents are started anew, in the other order.
LIVES = 4
# Each tree binds by its own bench.scale: it knows its own classes.
BINDER = """
import sys, time
from pathlib import Path
from bench.scale import ACTOR, Store
store = Store(Path(sys.argv[1]))
for line in sys.stdin:
    claims = [store.claim() for _ in range(int(line))]
    began = time.process_time()
    for claim in claims:
        store.ledger.bind(claim, ACTOR, durable=False)
        store.ledger.unbind(claim.attachment, ACTOR, durable=False)
    print(time.process_time() - began, flush=True)
"""


def run(rounds: int, other: str, asked: str = "") -> None:
    """Measure everything inside the node's namespace, and print the table. `asked`: so many rounds instead."""
    parent()
    found: dict[str, list[tuple[float, float]]] = {}
    for begun in range(0, int(asked or rounds), LIVES):
        with tempfile.TemporaryDirectory(prefix="podberth-bench-") as folder, ExitStack() as both:
            trees = [("old", Path(other)), ("new", Path())]
            if begun // LIVES % 2:
                trees.reverse()
            sides = {name: both.enter_context(side(tree.resolve(), Path(folder) / name, name)) for name, tree in trees}
            for what, pairs in in_turn(sides["old"], sides["new"], min(LIVES, int(asked or rounds) - begun)).items():
                found.setdefault(what, []).extend(pairs)
    compare(f"This tree against {other}, A B B A", found)


def in_turn(one: list[Take], other: list[Take], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Take the samples of both sides in turn; return by what they are of a pair for each round.

    The first of each counts for nothing: an agent loads some of its code when it is first needed.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    for before, after in zip(one, other, strict=True):
        before(), after()
        for _ in range(rounds):
            samples = before(), after(), after(), before()
            for what in samples[0]:
                first, second, third, fourth = (sample[what] for sample in samples)
                found.setdefault(what, []).append(((first + fourth) / 2, (second + third) / 2))
    return found


@contextmanager
def side(tree: Path, scratch: Path, name: str, pool: str = POOL) -> Iterator[list[Take]]:
    """Have what takes a tree's samples, each kind of them in the same place of the list; the binder's comes last.

    The stores with that pool are `state`, `alone` and, of the binder, `ledger` in `scratch`.
    """
    python, binary = str(tree / ".venv" / "bin" / "python"), tree / "build" / "cni" / "podberth"
    scratch.mkdir()
    applied(scratch / "alone", pool, python)
    with ExitStack() as stay:
        running = stay.enter_context(agent(scratch / "state", pool, python))
        takes: list[Take] = []
        for shape, links in (("bridge", {"bridge": f"{name}0"}), ("macvlan", {"device": "macvlan", "parent": PARENT})):
            served = Contestant(binary=binary, conf=ours(shape, running.state, **links), socket=running.socket)
            # One pod stays: on a node at work the bridge is there already.
            pod = stay.enter_context(namespace(f"stay-{shape}-{name}"))
            served.call("ADD", pod, pod)
            stay.callback(served.call, "DEL", pod, pod)
            takes.append(partial(calls, f", {shape}", served, running))
        alone = Contestant(binary=binary, conf=ours("alone", scratch / "alone", bridge=f"{name}1"))
        takes += [partial(calls, " without an agent", alone, None), partial(starts, alone)]
        yield [*takes, stay.enter_context(binder(tree, python, scratch / "ledger"))]


def calls(how: str, contestant: Contestant, running: Agent | None) -> Sample:
    """Have a few pods come and go; the DEL's end, after its answer, counts."""
    found: dict[str, float] = {}
    with namespaces(PODS) as names:
        for verb in ("ADD", "DEL"):
            before = processor(running)
            took = sum(contestant.call(verb, name, name) for name in names)
            if running is not None:
                settle()
                found[f"{verb}{how}"] = took / PODS
            found[f"{verb}{how}: CPU"] = (processor(running) - before) * 1000 / PODS
    found[f"ADD + DEL{how}: CPU"] = sum(found[f"{verb}{how}: CPU"] for verb in ("ADD", "DEL"))
    return found


def starts(contestant: Contestant) -> Sample:
    """Ask a plugin without an agent for its version: it starts, and ends."""
    before = processor(None)
    for _ in range(PODS):
        contestant.call("VERSION", "none", "none")
    return {"VERSION without an agent: CPU": (processor(None) - before) * 1000 / PODS}


@contextmanager
def binder(tree: Path, python: str, state: Path) -> Iterator[Take]:
    """Have a process that binds and unbinds in a store of its own."""
    process = subprocess.Popen(
        [python, "-c", BINDER, str(state)], cwd=tree, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        told, heard = process.stdin, process.stdout
        assert told is not None
        assert heard is not None

        def take() -> Sample:
            print(BINDS, file=told, flush=True)
            return {"bind and unbind: CPU": float(heard.readline()) * 1000 / BINDS}

        yield take
        told.close()
