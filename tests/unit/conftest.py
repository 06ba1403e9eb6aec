"""What holds for each unit test: no default path of a real node is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.default_paths import forbidden

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _own_paths_alone() -> Iterator[None]:
    with forbidden():
        yield
