"""The standard types that not every kernel has links for: they pass the conformance suite too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.netns.conformance.conftest import node
from tests.netns.conformance.standard import VM
from tests.netns.conformance.test_standard import CHOSEN as ALL
from tests.netns.conformance.test_standard import LEAST as MOST
from tests.netns.conformance.test_standard import ground, passes
from tests.sizes import size

if TYPE_CHECKING:
    from tests.netns.kubelet import Kubelet

__all__ = ["ground", "node"]  # the fixtures


# Of one type; each call costs the emulated machine a second. In a soak all there are, of all types.
SHORT = ("add-makes-the-interface", "del-leaves-the-node-as-it-was", "check-finds-the-interface-gone")
CHOSEN, LEAST = ((SHORT, len(SHORT)), (ALL, MOST))[size(0, 1)]


@pytest.mark.parametrize("name", VM[: size(1, len(VM))])
def test_a_standard_type_passes_every_check_that_applies(ground: Kubelet, name: str) -> None:
    passes(ground, name, CHOSEN, LEAST)
