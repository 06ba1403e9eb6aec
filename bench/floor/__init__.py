"""In C: the least kernel work of an ADD and a DEL, which a plugin's time is measured against, and a crowd of calls."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.contest import Contestant


class Floor:
    """The compiled program; its answers are milliseconds of kernel work, without the start of its process."""

    def __init__(self, folder: Path) -> None:
        self._program = compiled("floor", folder)

    def add(self, shape: str, parent: str, netns: str, address: str, gateway: str, name: str) -> float:
        """Give the namespace its eth0: `shape` is bridge (a veth pair, `name` on the node), masquerade, or macvlan."""
        return self._run("add", shape, parent, netns, address, gateway, name)

    def delete(self, shape: str, parent: str, netns: str, address: str, name: str) -> float:
        """Delete that link, and what there is for the address."""
        return self._run("del", shape, parent, netns, address, name)

    def _run(self, *words: str) -> float:
        done = subprocess.run([self._program, *words], check=True, capture_output=True, text=True)
        return int(done.stdout) / 1000


class Crowd:
    """Calls of a contestant, so many at a time, made by a process that takes next to nothing itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program = compiled("crowd", folder)

    def call(self, contestant: Contestant, verb: str, prefix: str, count: int, at_once: int) -> float:
        """Make `count` calls for the namespaces `prefix`0 and on; return seconds. CalledProcessError if one fails."""
        conf = self._folder / "crowd.json"
        conf.write_text(json.dumps(contestant.conf))
        words = [str(at_once), verb, str(count), prefix, str(contestant.binary), str(conf), str(contestant.socket)]
        done = subprocess.run([self._program, *words], check=True, stdout=subprocess.PIPE, text=True)
        return float(done.stdout) / 1000


def compiled(name: str, folder: Path) -> str:
    """Compile a program of this folder; return where it is."""
    source = Path(__file__).parent / f"{name}.c"
    subprocess.run(["gcc", "-std=c11", "-O2", str(source), "-o", str(folder / name)], check=True)
    return str(folder / name)
