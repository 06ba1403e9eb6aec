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
    for name in (UP, GIVEN):
        run(*node.at_node, "ip", "link", "add", name, "type", "veth", "peer", "name", f"{name}-peer")
        for end in (name, f"{name}-peer"):
            run(*node.at_node, "ip", "link", "set", end, "up")
    return node


@pytest.mark.parametrize("name", [name for name in KINDS if name not in VM])
def test_a_standard_type_passes_every_check_that_applies(ground: Kubelet, name: str) -> None:
    passes(ground, name)


def passes(ground: Kubelet, name: str, chosen: Iterable[str] = CHOSEN, least: int = LEAST) -> None:
    """Put a type to the chosen checks; AssertionError for one that it fails, and could pass, or if few apply."""
    wanted = [check.name for check in all_checks if _fits(check.name, chosen)]
    names = [each for each in wanted if not _fits(each, TAKE_AWAY.get(name, ()))]
    only = [word for each in names for word in ("--only", each)]
    code, document = suite(ground, standard(name, ground.state.parent), *only)
    by_nature = BY_NATURE.get(name, frozenset())
    failed = failing(document)
    assert {check: why for check, why in failed.items() if check not in by_nature} == {}
    assert code == (4 if failed else 0)
    assert document["counts"]["passed"] >= least


def _fits(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
