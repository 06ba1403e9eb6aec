"""The commands of the other pages run in order, each page on a private machine that begins where README's tour is."""

from __future__ import annotations

import pytest

from tests.documents.pages import scenes
from tests.documents.performance import fault, page

# The tour's first steps: the build and PATH, the pool and the PodNetwork, the network.
BEGUN = scenes(page("README.md"))[:3]


@pytest.mark.parametrize("name", ["docs/agent.md", "docs/cluster.md", "docs/install.md"])
def test_the_commands_of_a_page_come_to_what_it_shows(name: str) -> None:
    shown = scenes(page(name))
    assert shown
    assert fault([*BEGUN, *shown]) is None
