"""What keeps a cluster's store from being asked, in one word: Away; and the refusal of a node that never read it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from podberth.cni.errors import DiskFull, TryAgainLater
from podberth.ipam.outlook import sentence
from podberth.stores.replica.shared import Away, Busy, NeverRead, Unknown, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator


def never_read(why: str, remedy: str = "") -> NeverRead:
    """Return the refusal of a node that knows nothing of its cluster yet."""
    because = f": {why}" if why else ""
    return NeverRead(
        f"this node has not read the cluster's store yet{because}",
        remedy or "`podberth doctor` says what keeps it from that; what is declared there comes into force with it",
    )


@contextmanager
def reaching() -> Iterator[None]:
    """Turn what says that the cluster's store can't be reached into Away."""
    try:
        yield
    except (Away, Busy, DiskFull, Unknown):
        raise
    except (TryAgainLater, Unreachable) as failure:
        raise Away(sentence(failure.message), failure.details) from failure
