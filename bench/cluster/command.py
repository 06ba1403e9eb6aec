"""`python -m bench cluster [SCENARIO ...] [--store etcd|kubernetes] [--seconds N] [--processes N]`: run, and print."""

from __future__ import annotations

import argparse
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from bench.cluster import cost, crowds, faults, servers
from bench.figures import p99

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.cluster.crowds import Run

SCENARIOS = ("full", "back", "storms", "faults", "cost")
SECONDS = 300.0
SHOWN = 10  # complaints
_SHM = Path("/dev/shm")  # noqa: S108 - replicas of a hundred nodes would measure one machine's disk


def run(arguments: Sequence[str] = ()) -> bool:
    """Run what is asked for; say whether the ledger held."""
    parser = argparse.ArgumentParser(prog="python -m bench cluster", description=__doc__)
    parser.add_argument("scenario", nargs="*", choices=[*SCENARIOS, []], help="all, if none is named")
    parser.add_argument("--store", choices=servers.KINDS, help="both, if it isn't said")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of faults")
    parser.add_argument("--processes", type=int, default=2, help="that the nodes are divided among")
    parser.add_argument("--back-processes", type=int, default=10, help="the same, for the 100 nodes of `back`")
    asked = parser.parse_args(arguments)
    kinds = [asked.store] if asked.store else list(servers.KINDS)
    held = True
    for scenario in asked.scenario or SCENARIOS:
        if scenario == "cost":
            cost.show_all(kinds)
            continue
        for kind in kinds:
            held = _one(scenario, kind, asked) and held
    return held


def _one(scenario: str, kind: str, asked: argparse.Namespace) -> bool:
    if scenario == "faults":
        with servers.server(kind, proxied=True) as running, _scratch() as folder:
            made, done = faults.under_faults(running, folder, seconds=asked.seconds, nodes=8, processes=asked.processes)
        return show(kind, made, ", ".join(f"{name} {times}" for name, times in done.items()))
    with servers.server(kind) as running, _scratch() as folder:
        if scenario == "full":
            made = crowds.full_pool(running.store, folder, count=1000, nodes=10, processes=asked.processes)
        elif scenario == "back":
            made = crowds.coming_back(running.store, folder, count=500, nodes=100, processes=asked.back_processes)
        else:
            made = crowds.storms(running.store, folder, count=300, nodes=30, processes=max(2, asked.processes))
    return show(kind, made)


def show(kind: str, run: Run, more: str = "") -> bool:
    """Print what was done and what the judge says; say whether the ledger held."""
    table = Table(title=f"{kind}: {run.title}", title_justify="left", title_style="bold")
    table.add_column("")
    for heading in ("seconds", "pods", "median ms", "p99 ms", "told to come again", "attempts a step"):
        table.add_column(heading, justify="right")
    for phase in run.phases:
        took = sorted(berth.took for berth in phase.berths) or [0.0]
        ratio = phase.effort.attempts / phase.effort.steps if phase.effort.steps else 0.0
        table.add_row(
            phase.name, f"{phase.seconds:.2f}", str(len(phase.berths)), f"{took[len(took) // 2]:.0f}",
            f"{p99(took):.0f}", str(phase.refused), f"{ratio:.3f}",
        )  # fmt: skip
    console = Console()
    console.print(table)
    attempts = sum(phase.effort.attempts for phase in run.phases)
    steps = sum(phase.effort.steps for phase in run.phases)
    v = run.verdict
    console.print(
        f"{sum(phase.seconds for phase in run.phases):.1f} s in all; {attempts / max(steps, 1):.3f} attempts a step;"
        f" {v.operations} operations, {v.refused} refused, {v.unknown} of unknown end; {v.events} events, {v.moves}"
        f" moves; left: {v.leases} leases, {v.reservations} reservations{'; ' * bool(more)}{more}"
    )
    for complaint in run.wrong[:SHOWN]:
        console.print(f"WRONG: {complaint}", markup=False)
    if len(run.wrong) > SHOWN:
        console.print(f"... and {len(run.wrong) - SHOWN} more")
    console.print("the ledger does not hold" if run.wrong else "the ledger holds")
    return not run.wrong


@contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="podberth-bench-", dir=_SHM if _SHM.is_dir() else None) as folder:
        yield Path(folder)
