"""Simulated nodes in processes of their own, which do what they are told, and can be killed while they do it."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Self

from bench.cluster.history import Recorder, read
from bench.cluster.nodes import BOOT, Node

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from multiprocessing.connection import Connection
    from pathlib import Path
    from types import TracebackType

    from bench.cluster.history import Operation
    from bench.cluster.nodes import Store

    Nodes = Mapping[str, Node]
    Task = Callable[[Nodes], Any]

_SPAWN = multiprocessing.get_context("spawn")  # gRPC does not outlive a fork
ENDING = 30  # seconds that a process has to end by itself


class Team:
    """Some of the nodes, in one process. A task is a function of a module, or a `partial` of one."""

    def __init__(self, store: Store, folder: Path, names: Sequence[str], boot: str = BOOT) -> None:
        self.names = tuple(names)
        self._started_with = store, folder, self.names, boot
        self._process: Any = None
        self._pipe: Connection | None = None
        self.start()

    def start(self) -> None:
        """Start it, on the replicas it had."""
        self._pipe, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_work, args=(theirs, *self._started_with), daemon=True)
        self._process.start()
        theirs.close()

    def begin(self, task: Task) -> None:
        """Let it do the task."""
        assert self._pipe is not None
        self._pipe.send(task)

    def result(self) -> Any:
        """Return what came of the task, or of the start. EOFError if the process was killed meanwhile."""
        assert self._pipe is not None
        failed, result = self._pipe.recv()
        if failed:
            raise RuntimeError(f"{self.names[0]} and others: {failed}")
        return result

    def kill(self) -> None:
        """SIGKILL it, whatever it does."""
        self._process.kill()
        self._process.join()

    def pause(self) -> None:
        """Stop it between two instructions, whatever it does, until it may `go_on`."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        os.kill(self._process.pid, signal.SIGCONT)

    def end(self) -> None:
        """Let it end."""
        if self._process.is_alive():
            self.begin(_nothing_more)
            self._process.join(ENDING)
        if self._process.is_alive():
            self.kill()


class Crew:
    """A context in which nodes run, divided among `processes`; 0: in this process, for a store that is only there."""

    def __init__(self, store: Store, folder: Path, names: Sequence[str], processes: int) -> None:
        self.folder = folder
        self._store = store
        self._names = tuple(names)
        self._count = processes
        self.teams: tuple[Team, ...] = ()
        self._here: dict[str, Node] = {}

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._count:
            parts = [self._names[at :: self._count] for at in range(self._count)]
            self.teams = tuple(Team(self._store, self.folder, part) for part in parts)
            for team in self.teams:
                team.result()
        else:
            self._here = _opened(self._store, self.folder, self._names, BOOT)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        for team in self.teams:
            team.end()
        for node in self._here.values():
            node.stop()

    def do(self, task: Task) -> list[Any]:
        """Have all nodes do the task at once; return what came of it, one for each process."""
        for team in self.teams:
            team.begin(task)
        return [team.result() for team in self.teams] if self.teams else [task(self._here)]

    def history(self) -> tuple[Operation, ...]:
        """Return all that was asked of the ledger so far."""
        return read(sorted(self.folder.rglob("history-*")))


def at_once(actions: Sequence[Callable[[], Any]], threads: int) -> list[Any]:
    """Do all of these in so many threads; return what came of them, in order."""
    with ThreadPoolExecutor(threads) as pool:
        return [future.result() for future in [pool.submit(action) for action in actions]]


def _opened(store: Store, folder: Path, names: Sequence[str], boot: str) -> dict[str, Node]:
    history = next(path for n in itertools.count() if not (path := folder / f"history-{names[0]}-{n}").exists())
    recorder = Recorder(history)
    nodes = {name: Node(name, store, folder, recorder, boot) for name in names}
    for node in nodes.values():
        node.start()
    for node in nodes.values():
        node.ready()
    return nodes


def _work(pipe: Connection, store: Store, folder: Path, names: Sequence[str], boot: str) -> None:
    nodes: dict[str, Node] = {}
    task: Task = _nothing
    while task is not _nothing_more:
        try:
            nodes = nodes or _opened(store, folder, names, boot)
            pipe.send(("", task(nodes)))
        except Exception:  # noqa: BLE001 - the other process says it
            pipe.send((traceback.format_exc(), None))
        task = pipe.recv()
    for node in nodes.values():
        node.stop()


def _nothing(nodes: Nodes) -> None:
    """Begin."""


def _nothing_more(nodes: Nodes) -> None:
    """End."""
