"""worker-1 with the store that a release wrote; its pods' network namespaces are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.released.versions import Release, named, of
from tests.released.worker import Worker, worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=of("sqlite"), ids=named)
def release(request: pytest.FixtureRequest) -> Release:
    of_version: Release = request.param
    return of_version


@pytest.fixture
def node(release: Release, tmp_path: Path) -> Iterator[Worker]:
    with worker(tmp_path / "lib") as made:
        release.restore(made.state, "podberth.db")
        release.copy("run", made.state.parent / "run")
        release.copy("results", made.state.parent / "cni" / "results")
        yield made
