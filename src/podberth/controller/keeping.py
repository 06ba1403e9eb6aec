"""How long reservations are kept once their owner was deleted: `retention` and `stickyRetention`. Pure.

An owner that never had its address has not been deleted: what is declared beforehand waits for ever. So the time runs
from the event by which the last pod gave the address back, which is in the ledger, whoever restarts meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cni.value import value
from podberth.ipam.lifecycle import Kind
from podberth.ipam.owner import is_deployment
from podberth.ipam.pool import FOREVER
from podberth.policy.podnetwork import WITH_STATEFUL_SET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from podberth.cni.pod import PodRef
    from podberth.ipam.lease import Event, Reservation
    from podberth.ipam.moment import Moment
    from podberth.policy.podnetwork import PodNetwork

    Owner = tuple[str, str, str]  # kind, namespace, name

WHY = "retention"  # what the reason of a release begins with, in the ledger
_SECOND = 10**9


@value
class Kept:
    """A reservation, what its declaration or pool says of its retention, and the last event of its address."""

    reservation: Reservation
    retention: str | int
    owner: Owner
    last: Event | None


def owner_of(pod: PodRef, podnetwork: PodNetwork | None) -> Owner:
    """Return whose deletion counts for what is reserved for `pod`, which may be a Deployment (`ipam.owner`)."""
    namespace, name = pod.namespace, pod.name
    if is_deployment(pod):
        return "Deployment", namespace, name.partition("/")[2]
    if podnetwork is not None and podnetwork.retention == WITH_STATEFUL_SET and podnetwork.stateful_set is not None:
        return "StatefulSet", namespace, podnetwork.stateful_set
    return "Pod", namespace, name


def sightings(kept: Iterable[Kept], before: Mapping[Event, int], now: int) -> dict[Event, int]:
    """Return the last events of the addresses, each with the uptime (ns) at which it was first seen, `now` for news."""
    return {one.last: before.get(one.last, now) for one in kept if one.last is not None}


def expired(
    kept: Iterable[Kept], exists: Callable[[Owner], bool], now: Moment, seen: Mapping[Event, int]
) -> tuple[Kept, ...]:
    """Return the reservations whose time has come; `seen` has what `sightings` returns."""
    return tuple(one for one in kept if _is_over(one, now, seen) and not exists(one.owner))


def lapsed(last: Event | None, retention: str | int) -> bool:
    """Say whether a declared address is free because its time had come: until its owner is there again."""
    return retention != FOREVER and last is not None and last.kind == Kind.RELEASED and last.actor.why.startswith(WHY)


def _is_over(one: Kept, now: Moment, seen: Mapping[Event, int]) -> bool:
    """Say whether its retention is over: by two clocks that somebody vouches for, or by how long we have seen it.

    A clock that nobody vouches for may be behind by years. Then the retention begins when the controller sees it.
    """
    if one.retention == FOREVER or one.last is None or one.last.kind != Kind.UNBOUND:
        return False
    if one.retention == WITH_STATEFUL_SET:
        return True
    asked = int(one.retention) * _SECOND
    if now.uptime.ns - seen.get(one.last, now.uptime.ns) >= asked:
        return True
    return now.proven and one.last.proven and now.true - one.last.true >= asked
