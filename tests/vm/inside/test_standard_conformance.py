"""Types whose links not every kernel has, and those of a card's functions, pass the conformance suite too.

An agent serves them, as on a node: an executable takes a second to start in an emulated machine. What an agent ends a
moment after its answer is looked at by exec.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.netns.agent.running import agent
from tests.netns.conformance.conftest import failing, suite
from tests.netns.conformance.plugins import DOCUMENTS, ours
from tests.netns.conformance.standard import BY_NATURE, GIVEN, UP, VM, standard
from tests.netns.conformance.test_plugins import ENDED_LATER, listed
from tests.netns.conformance.test_standard import lay, named, passes
from tests.netns.kubelet import BUILT, Kubelet, kubelet, run
from tests.netns.standard.twins import OURS, go
from tests.sizes import size
from tests.vm.inside.card import bring_up, functions, second_card, seen
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.netns.conformance.plugins import Subject

SOCKET = Path("/run/podberth/agent.sock")  # where executables look for one, and the VM has no other
TYPES = (*VM, "host-device", "sriov", "podberth")
GOS = (*VM, "host-device")
SHORT = ("add-makes-the-interface", "del-leaves-the-node-as-it-was", "check-succeeds", "check-finds-the-interface-gone")
REFUSALS = named(("refuses-*", "error-*", "nothing-after-*"))
ROUNDS = sorted(ENDED_LATER)
OTHERS = [name for name in named(("*",)) if name not in (*REFUSALS, *ROUNDS)]
# By the least that apply. A soak says something after each part: the machine must not seem to hang.
PARTS = {"short": (SHORT, 2)} if not size(0, 1) else {"refusals": (REFUSALS, 70), "others": (OTHERS, 70)}


class Machine(Kubelet):
    """This machine as a node."""

    @property
    def socket(self) -> Path:
        """Where executables find the agent."""
        return SOCKET


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubelet]:
    """Yield the machine as a node, with links to stand on; in a soak with the eight functions that are used at once."""
    bring_up()
    cards = second_card(2) if size(0, 1) else contextlib.nullcontext()
    with cards, kubelet(tmp_path_factory.mktemp("suite") / "state", DOCUMENTS, bare=True, kind=Machine) as made:
        lay(made)
        yield made
        for name in (UP, GIVEN):
            run("ip", "link", "delete", name)


@pytest.fixture(scope="module")
def served(node: Kubelet) -> Iterator[Kubelet]:
    """Yield the node with an agent."""
    SOCKET.parent.mkdir(exist_ok=True)
    with agent(node):
        yield node
    SOCKET.unlink(missing_ok=True)


def subject(name: str, folder: Path, plugins: Path = OURS) -> Subject:
    """Return a type with a configuration that fits this machine."""
    if name == "podberth":
        return ours(folder, device="sriov")
    real: dict[str, dict[str, object]] = {
        "host-device": {"pciBusID": functions()[0]},
        "sriov": {"min_tx_rate": 0},
    }
    return standard(name, folder, BUILT if name == "sriov" else plugins, **real.get(name, {}))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", TYPES)
def test_a_type_passes_every_check_that_applies(served: Kubelet, name: str, part: str) -> None:
    chosen, least = PARTS[part]
    before = seen()
    passes(served, subject(name, served.state.parent), chosen, least, BY_NATURE.get(name, frozenset()), *also())
    until(lambda: seen() == before, lambda: f"before: {before}; now: {seen()}")  # each function as it was


def also() -> tuple[str, ...]:
    """Return the folder of host-local, which plugins of other folders need too."""
    return ("--cni-path", str(OURS))


if size(0, 1):

    @pytest.mark.parametrize("name", TYPES)
    def test_a_type_leaves_nothing_over_and_over(node: Kubelet, name: str, tmp_path: Path) -> None:
        alone = tmp_path / name
        made = subject(name, node.state.parent)
        alone.write_text(f"#!/bin/sh\nPODBERTH_SOCKET=/nowhere exec {made.plugin}\n")
        alone.chmod(0o755)
        passes(node, replace(made, plugin=alone), ROUNDS, 1, BY_NATURE.get(name, frozenset()), *also())

    @pytest.mark.parametrize("name", GOS)
    def test_gos_plugins_fail_what_the_documentation_lists(node: Kubelet, name: str) -> None:
        _, document = suite(node, subject(name, node.state.parent, go()))
        failed = failing(document)
        other = sorted(set(failed) ^ (listed(name) | BY_NATURE.get(name, frozenset())))
        assert other == [], "\n".join(f"{each}: {failed.get(each, 'passes')}" for each in other)
