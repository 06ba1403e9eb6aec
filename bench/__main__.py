"""`python -m bench`: every benchmark, or those named: agent, standard, networks, runtime, scale, year,
vf, cluster.

After `cluster` come its own arguments: `python -m bench cluster --help`. `python -m bench before TREE [ROUNDS]`
holds this tree against another commit's, and `python -m bench features [ROUNDS]` a store that has much against one that
has nothing but a pool.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from tests.seclusion import private_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

INSIDE = "PODBERTH_BENCH_NODE"
ROUNDS = 60
OFTEN = "PODBERTH_BENCH_ROUNDS"  # another number of them


def on_a_node(name: str, *more: str) -> None:
    """Run one benchmark in a process whose network namespace is a node of its own; `more` are its arguments."""
    if INSIDE in os.environ:
        import_module(f"bench.{name}").run(int(os.environ.get(OFTEN) or ROUNDS), *more)
        return
    node = f"podberth-bench-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", node], check=True)
    try:
        again = ["ip", "netns", "exec", node, sys.executable, "-m", "bench", name, *more]
        subprocess.run(again, env={**os.environ, INSIDE: node}, check=True)
    finally:
        subprocess.run(["ip", "netns", "delete", node], check=True)


def scale() -> None:
    """Measure the store with few and with very many leases and events."""
    from bench.scale import run

    run()


def year() -> None:
    """Measure a year of a pod that restarts each minute."""
    from bench.year import run

    run()


def vf() -> None:
    """Measure pods on virtual functions, in the VM."""
    from bench.vf import run

    run()


def cluster(arguments: Sequence[str] = ()) -> bool:
    """Measure many nodes on one ledger, and judge it; say whether it held."""
    from bench.cluster.command import run

    return run(arguments)


def main() -> int:
    """Run what is named on the command line, in private paths: no agent of this machine is called."""
    private_paths()
    if sys.argv[1:2] == ["cluster"]:
        return 0 if cluster(sys.argv[2:]) else 1
    if sys.argv[1:2] in (["before"], ["features"]):
        on_a_node(*sys.argv[1:4])
        return 0
    known: dict[str, Callable[[], object]] = {
        "agent": partial(on_a_node, "agent"),
        "standard": partial(on_a_node, "standard"),
        "networks": partial(on_a_node, "networks"),
        "runtime": partial(on_a_node, "runtime"),
        "scale": scale,
        "year": year,
        "vf": vf,
    }
    named = sys.argv[1:] or list(known)
    unknown = [name for name in named if name not in known]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    for name in named:
        known[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
