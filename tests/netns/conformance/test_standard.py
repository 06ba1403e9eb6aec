"""Each standard type passes the suite: some checks in `make test`, all of them in a soak."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import pytest

from podberth.conformance.checks import all_checks
from tests.netns.conformance.conftest import failing, suite
from tests.netns.conformance.standard import BY_NATURE, GIVEN, KINDS, TAKE_AWAY, UP, VM, standard
from tests.netns.kubelet import run
from tests.sizes import size

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.netns.conformance.plugins import Subject
    from tests.netns.kubelet import Kubelet

# One of each matter; in a soak all there are.
SHORT = (
    "version-succeeds", "add-makes-the-interface", "chain-keeps-*", "result-addresses-are-set", "refuses-empty-stdin",
    "del-leaves-the-node-as-it-was", "del-four-times", "check-succeeds", "gc-then-del", "status-succeeds",
)  # fmt: skip
CHOSEN, LEAST = ((SHORT, 6), (("*",), 150))[size(0, 1)]


@pytest.fixture(scope="module")
def ground(node: Kubelet) -> Kubelet:
    """Give the node links to stand on, and one to give away."""
    lay(node)
    return node


def lay(node: Kubelet) -> None:
    """Make links to stand on, and one to give away."""
    for name in (UP, GIVEN):
        run(*node.at_node, "ip", "link", "add", name, "type", "veth", "peer", "name", f"{name}-peer")
        for end in (name, f"{name}-peer"):
            run(*node.at_node, "ip", "link", "set", end, "up")


@pytest.mark.parametrize("name", [name for name in KINDS if name not in VM])
def test_a_standard_type_passes_every_check_that_applies(ground: Kubelet, name: str) -> None:
    chosen = [each for each in named(CHOSEN) if each not in named(TAKE_AWAY.get(name, ()))]
    passes(ground, standard(name, ground.state.parent), chosen, LEAST, BY_NATURE.get(name, frozenset()))


def named(patterns: Iterable[str]) -> list[str]:
    """Return the names of the checks that one of the patterns fits."""
    return [check.name for check in all_checks if any(fnmatchcase(check.name, each) for each in patterns)]


def passes(
    node: Kubelet, subject: Subject, chosen: Iterable[str], least: int, by_nature: frozenset[str], *more: str
) -> None:
    """Put a plugin to the chosen checks; AssertionError for one that it fails, and could pass, or if few apply."""
    code, document = suite(node, subject, *(word for name in chosen for word in ("--only", name)), *more)
    failed = failing(document)
    assert {check: why for check, why in failed.items() if check not in by_nature} == {}
    assert code == (4 if failed else 0)
    assert document["counts"]["passed"] >= least
