"""ADD and DEL of a pod on a virtual function, in the VM with the real drivers: by exec, and where the time goes.

In one process the time is split: inside netlink and sysfs calls (the kernel's), waiting for the carrier, inside the
store (its commits are on disk before they return), and the rest, which is ours.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from bench.figures import timed
from podberth.linux import pci
from podberth.linux.effects import vf_links
from podberth.linux.netlink.socket import Rtnl
from podberth.stores.sqlite.attachments import SqliteAttachments
from podberth.stores.sqlite.ledger import SqliteLedger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.netns.kubelet import Pod
    from tests.vm.inside.card import Node

ROUNDS = 30
INSIDE = "PODBERTH_BENCH_VM"
SILENCE = 300  # seconds without a word of the machine's, after which it is taken to hang
KERNEL, WAITING, STORE = "kernel", "carrier", "store"
SYSFS = ("boot_id", "vfs", "vf", "exists", "link", "pf_link", "driver", "mac_chosen_by", "unbind", "bind", "reset")


class Clock:
    """Time spent inside calls, by kind; of calls inside calls only the outermost counts."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._inside = False

    def around(self, kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, with its time (milliseconds) added to `kind`."""

        def timed_call(*args: Any, **kwargs: Any) -> Any:
            if self._inside:
                return function(*args, **kwargs)
            self._inside, began = True, perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self._inside = False
                self.spent[kind] += (perf_counter() - began) * 1000

        return timed_call

    def install(self) -> None:
        """Measure in this process from now on."""
        for owner, kind, names in (
            (Rtnl, KERNEL, ("do", "get", "dump")),
            (pci, KERNEL, SYSFS),
            (vf_links, WAITING, ("await_carrier",)),
            (SqliteLedger, STORE, ("bind", "unbind", "reservations")),
            (SqliteAttachments, STORE, ("open", "done", "find", "close", "all", "holder", "labels")),
        ):
            for name in names:
                setattr(owner, name, self.around(kind, getattr(owner, name)))


def run() -> None:
    """Measure in the VM, which is booted for it, and print."""
    if INSIDE in os.environ:
        _measure()
        return
    from tests.vm import machine

    with tempfile.TemporaryDirectory(prefix="podberth-bench-") as folder:
        command = [sys.executable, "-m", "bench", "vf"]
        environment = {INSIDE: "1", "HOME": "/root"}
        with machine.Machine(command, exchange=Path(folder), environment=environment, silence=SILENCE) as booted:
            outcome = booted.outcome()
    print(outcome.output if outcome.status == 0 else outcome.why())
    if outcome.status:
        raise SystemExit(1)


def _measure() -> None:
    from tests.vm.inside.card import declared, node_with_card

    shapes: dict[str, dict[str, Any]] = {
        "VLAN, rate": {"vlan": 100, "rates": {"egress": 50}},
        "VLAN, rate, MAC": {"vlan": 100, "rates": {"egress": 50}, "mac": "fromAddress"},
    }
    documents = "".join(declared(f"pod-{i}", f"10.60.0.{10 + i}", **said) for i, said in enumerate(shapes.values()))
    exec_times: dict[str, list[float]] = defaultdict(list)
    parts: dict[str, list[dict[str, float]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, node_with_card(Path(folder) / "state", documents) as node:
        for i, shape in enumerate(shapes):
            for _ in range(ROUNDS):
                _by_exec(node, f"pod-{i}", shape, exec_times)
        clock = Clock()
        clock.install()
        for i, shape in enumerate(shapes):
            for _ in range(ROUNDS):
                _in_process(node, f"pod-{i}", shape, clock, parts)
    _show_exec(exec_times)
    _show_parts(parts)
    print("sriov-cni is not packaged in Debian: it was not run beside this.")


def _by_exec(node: Node, name: str, shape: str, times: dict[str, list[float]]) -> None:
    pod = node.kubelet.pod(name)
    for verb in ("ADD", "DEL"):
        times[f"{verb}: {shape}"].append(timed(partial(_exec, node, verb, pod)))
    node.kubelet.remove_namespace(pod.netns)


def _exec(node: Node, verb: str, pod: Pod) -> None:
    subprocess.run(
        [Path("build/cni/podberth").absolute()],
        env=node.kubelet.env(verb, pod),
        input=json.dumps(node.kubelet.config()).encode(),
        stdout=subprocess.DEVNULL,
        check=True,
    )


def _in_process(node: Node, name: str, shape: str, clock: Clock, parts: dict[str, list[dict[str, float]]]) -> None:
    pod = node.kubelet.pod(name)
    for verb in ("ADD", "DEL"):
        clock.spent.clear()
        began = perf_counter()
        answer = node.call(verb, pod)
        whole = (perf_counter() - began) * 1000
        assert answer.code == 0, answer
        spent = dict(clock.spent)
        parts[f"{verb}: {shape}"].append({**spent, "whole": whole, "ours": whole - sum(spent.values())})
    node.kubelet.remove_namespace(pod.netns)


def _show_exec(times: Mapping[str, list[float]]) -> None:
    table = Table(title="A pod on a virtual function, by exec (emulated machine)", title_justify="left")
    for heading in ("", "median ms", "p90 ms", "runs"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, samples in times.items():
        p90 = sorted(samples)[int(len(samples) * 0.9)]
        table.add_row(name, f"{statistics.median(samples):.1f}", f"{p90:.1f}", str(len(samples)))
    Console(width=100).print(table)


def _show_parts(parts: Mapping[str, list[dict[str, float]]]) -> None:
    table = Table(title="The same in a process that is there already: where the time goes", title_justify="left")
    for heading in ("", "whole ms", "kernel ms", "carrier ms", "store ms", "ours ms", "ours / kernel"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, samples in parts.items():

        def median(part: str, of: list[dict[str, float]] = samples) -> float:
            return statistics.median(sample.get(part, 0.0) for sample in of)

        figures = [median(part) for part in ("whole", KERNEL, WAITING, STORE, "ours")]
        table.add_row(name, *(f"{figure:.1f}" for figure in figures), f"{median('ours') / median(KERNEL):.2f}")
    Console(width=100).print(table)
