"""The stores under test: a suite that asks for `backend` runs on each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.ledgers import BACKENDS, pool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from podberth.ipam.ledger import Ledger
    from tests.contract.ledgers import Backend


@pytest.fixture(params=BACKENDS, ids=lambda kind: kind.__name__)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    kind: Callable[[Path], Backend] = request.param
    return kind(tmp_path / "store")


@pytest.fixture
def ledger(backend: Backend) -> Ledger:
    """A ledger with one pool, `db`: 10.20.0.0/24."""
    backend.define(pool("db", "10.20.0.0/24"))
    return backend.open()
