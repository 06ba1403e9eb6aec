"""Each check passes a plugin that is right, and finds the same plugin with a fault put in."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from podberth.conformance.checks import all_checks

if TYPE_CHECKING:
    from tests.netns.kubelet import Kubelet

Proof = dict[str, list[str]]


@pytest.fixture(scope="module")
def proof(node: Kubelet) -> Proof:
    """What became of every check on both plugins."""
    command = [*node.at_node, sys.executable, "-m", "tests.netns.conformance.prove", str(node.state.parent)]
    found: Proof = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


@pytest.mark.parametrize("name", [check.name for check in all_checks])
def test_it_passes_what_is_right_and_finds_the_fault(proof: Proof, name: str) -> None:
    right, right_why, faulty, faulty_why = proof[name]
    assert right == "passed", right_why
    assert faulty == "failed", faulty_why


def test_there_are_at_least_120_and_each_names_a_section() -> None:
    assert len(all_checks) >= 120
    assert len({check.name for check in all_checks}) == len(all_checks)
    assert all(check.section[0] in "12345" or check.section.startswith("CONVENTIONS") for check in all_checks)
    assert all(check.says for check in all_checks)
