"""The least kernel work of an ADD and a DEL, in C: what a plugin's time is measured against."""

from __future__ import annotations

import subprocess
from pathlib import Path

SOURCE = Path(__file__).parent / "floor.c"


class Floor:
    """The compiled program; its answers are milliseconds of kernel work, without the start of its process."""

    def __init__(self, folder: Path) -> None:
        self._program = str(folder / "floor")
        subprocess.run(["gcc", "-std=c11", "-O2", str(SOURCE), "-o", self._program], check=True)

    def add(self, shape: str, parent: str, netns: str, address: str, gateway: str, name: str) -> float:
        """Give the namespace its eth0: `shape` is bridge (a veth pair, `name` on the node) or macvlan."""
        return self._run("add", shape, parent, netns, address, gateway, name)

    def delete(self, shape: str, parent: str, netns: str, name: str) -> float:
        """Delete that link."""
        return self._run("del", shape, parent, netns, name)

    def _run(self, *words: str) -> float:
        done = subprocess.run([self._program, *words], check=True, capture_output=True, text=True)
        return int(done.stdout) / 1000
