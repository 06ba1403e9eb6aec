"""Each check finds a fault that is put into a plugin which it passes.

That it passes the plugin without the fault is test_plugins.py's; in `make soak` both are judged, one after the other.
`make test` takes every third check, and `make soak` all.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from podberth.conformance.checks import all_checks
from tests.sizes import evenly, size

if TYPE_CHECKING:
    from tests.netns.kubelet import Kubelet

Proof = dict[str, list[tuple[str, str]]]  # the outcome on each plugin, and why
SHARES = 6  # so many processes prove the checks; a share's tests are one worker's
PLUGINS = size(1, 2)  # the one with the fault; the one without it too
NAMES = evenly([check.name for check in all_checks], size(len(all_checks) // 3, len(all_checks)))


@pytest.fixture(scope="module")
def proof(node: Kubelet, request: pytest.FixtureRequest) -> Proof:
    """What became of a share of the checks on both plugins."""
    program = [sys.executable, "-m", "tests.netns.conformance.prove", str(node.state.parent), str(PLUGINS)]
    command = [*node.at_node, *program, *NAMES[request.param :: SHARES]]
    found: Proof = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


def by_share() -> list[object]:
    """Return each check with its share, as parameters of a test."""
    shares = {name: number % SHARES for number, name in enumerate(NAMES)}
    return [pytest.param(share, name, id=f"{share}-{name}") for name, share in shares.items()]


@pytest.mark.parametrize(("proof", "name"), by_share(), indirect=["proof"], scope="module")
def test_it_finds_the_fault_and_nothing_without_it(proof: Proof, name: str) -> None:
    *right, (faulty, why) = proof[name]
    assert faulty == "failed", why
    assert len(right) == PLUGINS - 1
    assert all(outcome == "passed" for outcome, _ in right), right


def test_there_are_at_least_120_and_each_names_a_section() -> None:
    assert len(all_checks) >= 120
    assert len({check.name for check in all_checks}) == len(all_checks)
    assert all(check.section[0] in "12345" or check.section.startswith("CONVENTIONS") for check in all_checks)
    assert all(check.says for check in all_checks)
