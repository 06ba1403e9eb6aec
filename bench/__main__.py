"""`python -m bench`: every benchmark, or those named: agent, plugins, runtime, scale, vf."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

INSIDE = "PODBERTH_BENCH_NODE"
BUILT = Path(__file__).parents[1] / "build" / "cni"
ROUNDS = 60


def agent() -> None:
    """Measure the shim and the agent, on a node of its own."""
    if INSIDE in os.environ:
        from bench.agent import run

        run(ROUNDS)
        return
    on_a_node("agent")


def plugins() -> None:
    """Measure the plugins, on a node that is a network namespace of its own."""
    if INSIDE in os.environ:
        from bench.plugins import run

        run(BUILT, ROUNDS)
        return
    on_a_node("plugins")


def runtime() -> None:
    """Measure the caller's side, on a node of the same kind."""
    if INSIDE in os.environ:
        from bench.runtime import run

        run(ROUNDS)
        return
    on_a_node("runtime")


def on_a_node(name: str) -> None:
    """Run one benchmark in a process whose network namespace is a node of its own."""
    node = f"podberth-bench-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", node], check=True)
    try:
        again = ["ip", "netns", "exec", node, sys.executable, "-m", "bench", name]
        subprocess.run(again, env={**os.environ, INSIDE: node}, check=True)
    finally:
        subprocess.run(["ip", "netns", "delete", node], check=True)


def scale() -> None:
    """Measure the store with few and with very many leases and events."""
    from bench.scale import run

    run()


def vf() -> None:
    """Measure pods on virtual functions, in the VM."""
    from bench.vf import run

    run()


def main() -> int:
    """Run what is named on the command line."""
    known = {"agent": agent, "plugins": plugins, "runtime": runtime, "scale": scale, "vf": vf}
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
