"""A node with a pool and two declared pods, and its command line."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.ended import Ended
from tests.netns.kubelet import kubelet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.netns.kubelet import Kubelet, Pod

DOCUMENTS = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: db}
spec:
  subnets:
  - {subnet: 10.50.0.0/24, gateway: 10.50.0.1, hold: [10.50.0.2-10.50.0.99]}
---
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: mysql}
spec:
  statefulSet: {name: mysql, replicas: 2}
  attachments:
  - {pool: db, ordinals: [{range: 10.50.0.11-10.50.0.12}], mac: fromAddress, mtu: 1400, rates: {egress: 100}}
"""


# The one capability left lets the user read this checkout, wherever root keeps it; it does not let it write.
READING = "-all,+dac_read_search"
UNPRIVILEGED = ("setpriv", "--clear-groups", f"--inh-caps={READING}", f"--ambient-caps={READING}")


@dataclass(frozen=True)
class Shell:
    """Runs podberth inside the node's network namespace."""

    node: Kubelet

    def __call__(self, *argv: str, user: int = 0) -> Ended:
        podberth = (sys.executable, "-m", "podberth.cli.main", "--state", str(self.node.state))
        becoming = (*UNPRIVILEGED, f"--reuid={user}") if user else ()
        command = ["ip", "netns", "exec", self.node.node, *becoming, *podberth, *argv]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "TZ": "UTC"})
        return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Kubelet]:
    with kubelet(tmp_path / "state", DOCUMENTS) as made:
        yield made


@pytest.fixture
def podberth(node: Kubelet) -> Shell:
    return Shell(node)


@pytest.fixture
def pod(node: Kubelet) -> Pod:
    """A pod that has its interface."""
    made = node.pod("mysql-0")
    answer = node.call("ADD", made)
    assert answer.code == 0, answer
    return made
