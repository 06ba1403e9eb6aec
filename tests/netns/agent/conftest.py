"""A node with a pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.netns.agent.running import DOCUMENTS
from tests.netns.kubelet import Kubelet, kubelet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Kubelet]:
    with kubelet(tmp_path / "state", DOCUMENTS) as made:
        yield made
