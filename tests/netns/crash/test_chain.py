"""Standard types, seven of them in a chain, are killed at each of their effects: after DEL nothing is left."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING

import pytest

from tests.checkout import ROOT
from tests.netns.crash.chain import CHAINS
from tests.netns.kubelet import run
from tests.sizes import seed, size

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLACES = size(2, 1000)  # of about a hundred for each verb
LEAST = {"ADD": 38, "DEL": 20}  # effects that the chain of seven has
LINKS = ("up0", "given0")  # to stand on, and to give away


@pytest.fixture
def spaces() -> Iterator[tuple[str, str]]:
    """Give the namespaces of a node and of a pod."""
    mark = uuid.uuid4().hex[:8]
    names = (f"chain-node-{mark}", f"chain-pod-{mark}")
    for name in names:
        run("ip", "netns", "add", name)
        run("ip", "-n", name, "link", "set", "lo", "up")
    for link in LINKS:
        run("ip", "-n", names[0], "link", "add", link, "type", "veth", "peer", "name", f"{link}-peer")
        for end in (link, f"{link}-peer"):
            run("ip", "-n", names[0], "link", "set", end, "up")
    yield names
    for name in names:
        run("ip", "netns", "delete", name)


@pytest.mark.parametrize("verb", LEAST)
@pytest.mark.parametrize("name", CHAINS)
def test_nothing_is_left_of_what_was_killed(spaces: tuple[str, str], tmp_path: Path, name: str, verb: str) -> None:
    node, pod = spaces
    program = [sys.executable, "-m", "tests.netns.crash.chain", name, verb, str(tmp_path), pod]
    program += [str(PLACES), str(seed(7))]
    done = subprocess.run(
        ["ip", "netns", "exec", node, *program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert name != "seven" or len(found["effects"]) >= LEAST[verb], found["effects"]
    assert {at: lines for at, lines in found["left"].items() if lines} == {}
