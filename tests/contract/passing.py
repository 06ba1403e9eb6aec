"""A replica for one example of a test: its files and descriptors go with it, or those of thousands would add up."""

from __future__ import annotations

import tempfile
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from podberth.stores.replica.replica import Replica

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def passing(told: list[str] | None = None) -> Iterator[Replica]:
    """Have an empty replica, whose lines go to `told`."""
    with tempfile.TemporaryDirectory(prefix="podberth-passing-") as folder:
        replica = Replica(folder, told=(told if told is not None else []).append)
        with closing(replica.database):
            yield replica
