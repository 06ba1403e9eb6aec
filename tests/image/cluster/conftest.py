"""One cluster of one node with podberth, and databases and web servers that run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.image.building import NAME
from tests.image.cluster.site import Site, watched
from tests.image.cluster.worker import worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.image.building import Image


@pytest.fixture
def site(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with worker(image.archive, NAME) as made:
        running = Site(worker=made, folder=tmp_path_factory.mktemp("site"))
        running.install(NAME)
        with watched(running):
            running.all_run(web=2)
            yield running
