"""Every example of docs/runtime.md runs, in order, and comes to what the text says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.checkout import ROOT
from tests.netns.kubelet import BUILT, Kubelet, kubelet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POOL = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: db}
spec:
  subnets: [{subnet: 10.50.0.0/24}]
"""
EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs/runtime.md").read_text(), re.DOTALL)
CLAIMS = """
assert str(address) == "10.50.0.1/24", address
assert said[:2] == ("podberth", 8), said
assert "1.1.0" in spoken
assert [step[:2] for step in steps] == [("ADD", "podberth"), ("DEL", "podberth")]
assert calls[0].error is None
assert {**in_process, "interfaces": None} == {**json.loads(calls[0].stdout), "interfaces": None}
assert mapped.ifname == "eth0"
print("all of it")
"""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Kubelet]:
    ours = {"type": "podberth", "bridge": "b0", "pool": "db", "stateDir": str(tmp_path / "state")}
    body = {"cniVersion": "1.1.0", "name": "banknet", "plugins": [ours]}
    (tmp_path / "banknet.conflist").write_text(json.dumps(body))
    with kubelet(tmp_path / "state", POOL) as made:
        yield made


def script(node: Kubelet, folder: Path) -> str:
    """Return the examples as one script, with the places of this test for those in the text."""
    places = {
        "/opt/cni/bin": str(BUILT),
        "/etc/cni/net.d": str(folder),
        "/var/lib/cni": str(folder / "cache"),
        "/run/netns/blue": node.pod("mysql-0").path,
    }
    whole = "import json\n" + "\n".join(EXAMPLES) + CLAIMS
    for place, here in places.items():
        whole = whole.replace(f'"{place}"', repr(here))
    return whole


def test_the_examples_run(node: Kubelet, tmp_path: Path) -> None:
    file = tmp_path / "examples.py"
    file.write_text(script(node, tmp_path))
    done = subprocess.run([*node.at_node, sys.executable, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "all of it\n"
    assert node.rows("SELECT * FROM leases") == []


def test_they_are_well_typed_for_who_uses_mypy_strictly(tmp_path: Path) -> None:
    file = tmp_path / "examples.py"
    typed = [example.replace("calls = []", "calls: list[Call] = []") for example in EXAMPLES]
    file.write_text("from podberth.runtime.chain import Call\n" + "\n".join(typed) + "\nreveal_type(address)\n")
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file=",
        "--cache-dir",
        str(tmp_path / "mypy"),
        str(file),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert 'Revealed type is "ipaddress.IPv4Interface | ipaddress.IPv6Interface"' in done.stdout
