"""A LAN for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.netns.probe.namespaces import Lan

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def lan() -> Iterator[Lan]:
    made = Lan.make()
    try:
        yield made
    finally:
        made.delete()
