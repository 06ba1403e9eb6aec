"""Two nodes alike, one with the CNI project's plugins and one with podberth's."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import uuid
from typing import TYPE_CHECKING

import pytest

from tests.netns.standard import lab
from tests.netns.standard.twins import OURS, Node, go

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def twins(tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    """Yield Go's node and ours; each has a link `up0` to stand on, whose other end is `wire0`."""
    with twin_nodes(tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, Node]]:
    """Yield the same for all tests of a module."""
    with twin_nodes(tmp_path_factory.mktemp("twins")) as found:
        yield found


@pytest.fixture(scope="module")
def wired(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, Node]]:
    """Yield twins with the pods of `lab`, which all tests of a module have in common."""
    with twin_nodes(tmp_path_factory.mktemp("lab")) as found:
        for node in found:
            lab.wire(node)
        yield found


@pytest.fixture
def labs(wired: tuple[Node, Node]) -> Iterator[tuple[Node, Node]]:
    """Yield the twins with the pods of `lab`; what a test leaves behind it is gone afterwards."""
    yield wired
    for node in wired:
        node.run("nft", "flush", "ruleset")
        shutil.rmtree(node.state)
        node.state.mkdir()


@contextlib.contextmanager
def twin_nodes(folder: Path) -> Iterator[tuple[Node, Node]]:
    """Make Go's node and ours; each has a link `up0` to stand on, whose other end is `wire0`."""
    mark = uuid.uuid4().hex[:6]  # others may be at it on the same machine
    made = [Node(f"go-{mark}", go(), folder / "go"), Node(f"us-{mark}", OURS, folder / "ours")]
    for node in made:
        node.state.mkdir()
        subprocess.run(["ip", "netns", "add", node.name], check=True)
        for line in (
            "link set lo up", "link add up0 type veth peer name wire0", "link set up0 up", "link set wire0 up",
        ):  # fmt: skip
            subprocess.run(["ip", "-n", node.name, *line.split()], check=True)
    yield made[0], made[1]
    for node in made:
        for name in (*node.pods, node.name):
            subprocess.run(["ip", "netns", "delete", name], check=True)
