"""Operations (`staging`): begun, those of others waited for while under way, and ended if they were left half-way."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from podberth.cni.errors import CniError
from podberth.ipam.versions import Feature
from podberth.process.jitter import Backoff
from podberth.process.reason import reason
from podberth.stores.sqlite.minimum import allows, require

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from podberth.ipam.address_record import Mark
    from podberth.stores.replica.replica import Replica
    from podberth.stores.replica.shared import Cluster, Proposal, Seen

_BACKOFF = Backoff(0.04, 0.5, least=0.5)  # between two looks
_RETRY = 60.0  # seconds


class Tending:
    """`take` gets what is written, as it is."""

    def __init__(self, cluster: Cluster, replica: Replica, take: Callable[[Seen], object]) -> None:
        self._cluster = cluster
        self._replica = replica
        self._take = take
        self._again: dict[str, float] = {}  # operations that could not be ended, and when they are tried again

    def carries(self, proposal: Proposal) -> bool:
        """Say whether the ledger may have operations, and one can make the change."""
        from podberth.stores.replica import staging

        with self._replica.database.read() as connection:
            return allows(connection, Feature.OPERATIONS) and staging.carries(self._cluster, proposal)

    def perform(self, proposal: Proposal, by: str, told: Callable[[int], object]) -> None:
        """Make a change that is larger than a step. Refused while agents may be there that don't know of marks."""
        from podberth.stores.replica import staging

        with self._replica.database.read() as connection:
            require(connection, Feature.OPERATIONS)
        staging.perform(self._cluster, proposal, by, self._take, told)

    def meet(self, marks: Sequence[Mark], attempt: int, patience: int) -> None:
        """See to operations that are in the way: carry through what is committed, undo what was left, else wait.

        TryAgainLater names one that is still under way after so many attempts.
        """
        from podberth.stores.replica import staging

        for mark in marks:
            if mark.committed:
                staging.carry_over(self._cluster, mark, self._take)
            elif self._replica.is_silent(mark.operation):
                staging.settle(self._cluster, mark, self._take, abandon=True)
            elif attempt + 1 >= patience:
                raise staging.unfinished(mark)
            else:
                time.sleep(_BACKOFF.pause(attempt + 1))

    def tend(self) -> tuple[str, ...]:
        """End the operations whose commands were killed; return in words what became of each."""
        said = []
        for mark in self._replica.operations():
            again = self._again.get(mark.operation, 0.0)
            if time.monotonic() < again or not self._replica.is_silent(mark.operation):
                continue
            try:
                what = "was carried through" if self.end(mark) else "was undone"
            except CniError as failure:  # others may do what this process may not
                self._again[mark.operation] = time.monotonic() + _RETRY
                if again:
                    continue
                what = f"can't be ended: {reason(failure)}"
            said.append(f"operation {mark.operation} ({mark.by}), which was left half-way, {what}")
        return tuple(said)

    def end(self, mark: Mark) -> bool:
        """Carry the operation through if it is committed, else undo it, whoever is at it; say which."""
        from podberth.stores.replica import staging

        return staging.settle(self._cluster, mark, self._take, abandon=True)
