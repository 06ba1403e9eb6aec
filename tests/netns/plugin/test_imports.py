"""What a real ADD imports: the plugin starts from nothing each time, and its budget is spent on imports first."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from tests.netns.kubelet import BUILT

if TYPE_CHECKING:
    from tests.netns.kubelet import Kubelet

DEAR = (
    "contextlib",
    "dataclasses",
    "datetime",
    "hashlib",
    "importlib.util",
    "inspect",
    "logging",
    "pathlib",
    "random",
    "shutil",
    "socket",
    "subprocess",
    "tempfile",
    "threading",
    "typing",
    "yaml",
)


def test_an_add_imports_nothing_dear_and_only_the_rooms_it_needs(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    launcher = BUILT / ".podberth" / "bin" / "podberth"
    shebang = launcher.read_text().splitlines()[0].removeprefix("#!").split()
    done = subprocess.run(
        ["ip", "netns", "exec", node.node, *shebang, "-X", "importtime", str(launcher)],
        env=node.env("ADD", pod),
        input=json.dumps(node.config()),
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "podberth.linux.host" in imported
    assert sorted(imported.intersection(DEAR)) == []
    assert [name for name in imported if name.startswith(("podberth.cli", "podberth.agent", "podberth.kube"))] == []
