"""Leader election through one coordination.k8s.io/v1 Lease, as client-go's leaderelection does it.

Candidates compare no clocks (`kube.lease`). A leader that can't renew stops leading at `deadline`, before any other may
begin.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from podberth.kube import lease as lock
from podberth.kube.errors import NotFound
from podberth.kube.resources import LEASES
from podberth.process.jitter import between
from podberth.process.loop import Loop, report
from podberth.process.reason import reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.kube.client import Client, Object


class Candidate:
    """A thread that runs for leader and tells `changed` when it has become leader (True), or is no longer (False).

    `identity` must be one process's alone. Seconds: `duration` of a lease, `deadline` until which a leader must have
    renewed it, `retry` between tries.
    """

    def __init__(
        self, client: Client, namespace: str, name: str, identity: str, changed: Callable[[bool], None], *,
        duration: int = 15, deadline: float = 10.0, retry: float = 2.0,
    ) -> None:  # fmt: skip
        if not retry < deadline < duration:
            raise ValueError(f"expected retry < deadline < duration, got {retry}, {deadline}, {duration}")
        self._client = client
        self._key = (name, namespace)
        self._changed = changed
        self._duration, self._deadline, self._retry = duration, deadline, retry
        # What fails is tried again as often as what goes well: a leader has until the deadline.
        self._loop = Loop(f"leader {name}", self._turn, lambda _: None, family="leader", first=retry, longest=retry)
        self._observed = lock.Observed()
        self._until = 0.0  # monotonic seconds until which this candidate leads
        self._told = False
        self.identity = identity
        self.leader = ""  # the holder, as last seen
        self.term = 0  # how often the leader has changed, as last seen: a fencing token
        self.trouble = ""  # why the lease could not be read or written the last time

    @property
    def leading(self) -> bool:
        """Whether this candidate leads now: its last renewal is younger than the deadline."""
        return time.monotonic() < self._until

    def start(self) -> None:
        """Begin to run."""
        self._loop.start()

    def close(self) -> None:
        """Stop running; a leader gives the lease back, so that another can lead at once."""
        self._loop.end()
        if self._told:
            self._try(self._release)
        self._until = 0.0
        self._tell()

    def _turn(self) -> float:
        self._tell()
        try:
            self._acquire()
        except Exception as failure:  # another was faster, the server is away, or the lease is odd
            self.trouble = reason(failure)
            raise
        finally:
            self._tell()
        self.trouble = ""
        return self._retry * between(1, 1.2)  # so that candidates seldom collide

    def _try(self, step: Callable[[], None]) -> None:
        try:
            step()
            self.trouble = ""
        except Exception as failure:  # noqa: BLE001 - another was faster, the server is away, or the lease is odd
            self.trouble = reason(failure)

    def _tell(self) -> None:
        if self.leading != self._told:
            self._told = not self._told
            report(self._changed, self._told)

    def _acquire(self) -> None:
        """Take the lease, or renew it, if it is nobody else's."""
        began = time.monotonic()
        try:
            lease = self._client.get(LEASES, *self._key)
        except NotFound:
            self._take(began, {"metadata": {"name": self._key[0], "namespace": self._key[1]}, "spec": {}})
            return
        held = self._observed.holder(lease)
        self.leader, self.term = lock.spec_of(lease).get("holderIdentity") or "", lock.transitions(lease)
        if held in ("", self.identity):
            self._take(began, lease)
        else:
            self._until = 0.0

    def _take(self, began: float, lease: Object) -> None:
        mine = lock.spec_of(lease).get("holderIdentity") == self.identity
        lease = (lock.renewed if mine else lock.taken)(lease, self.identity, self._duration)
        if "resourceVersion" in lease["metadata"]:
            lease = self._client.replace(LEASES, lease)
        else:
            lease = self._client.create(LEASES, lease, self._key[1])
        self._until = began + self._deadline
        self.leader, self.term = self.identity, lock.transitions(lease)

    def _release(self) -> None:
        lease = self._client.get(LEASES, *self._key)
        if lock.spec_of(lease).get("holderIdentity") == self.identity:
            self._client.replace(LEASES, lock.freed(lease))
