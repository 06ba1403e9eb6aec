"""When a reservation's retention is over."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from podberth.cni.pod import PodRef
from podberth.cni.value import replace
from podberth.controller.keeping import Kept, expired, lapsed, owner_of, sightings
from podberth.ipam.lease import Actor, Event, Reservation
from podberth.ipam.moment import Moment, Uptime
from podberth.ipam.owner import of_deployment
from podberth.policy.podnetwork import PodNetwork

ADDRESS, POD = ip_address("10.20.0.11"), PodRef(namespace="db", name="mysql-0")
SECOND = 10**9


def event(kind: str, *, ahead: int = 0, why: str = "DEL") -> Event:
    return Event(
        seq=1, time=ahead, clock="proven", ahead=ahead, kind=kind, address=ADDRESS, pool="db", pod=POD, ifname="eth0",
        attachment=None, actor=Actor(who="x", why=why, node="n"), state="RESERVED",
    )  # fmt: skip


def moment(seconds: int) -> Moment:
    return Moment(time=seconds * SECOND, uptime=Uptime(boot="b", ns=seconds * SECOND), proven=True)


def kept(retention: str | int, last: Event | None) -> Kept:
    made = Reservation(address=ADDRESS, pool="db", pod=POD, ifname="eth0", origin="declared", since=0)
    return Kept(reservation=made, retention=retention, owner=("Pod", "db", "mysql-0"), last=last)


@pytest.mark.parametrize(
    ("retention", "last", "seconds", "over"),
    [
        (60, event("Unbound"), 59, False),
        (60, event("Unbound"), 60, True),
        (60, event("Unbound", ahead=-86400 * SECOND), 59, False),  # its node's clock was behind, and that is known
        (60, event("Unbound", ahead=86400 * SECOND), 60, True),
        (60, event("Reserved"), 10**6, False),  # nobody had it yet
        (60, None, 10**6, False),
        ("forever", event("Unbound"), 10**9, False),
        ("withStatefulSet", event("Unbound"), 0, True),
        ("withStatefulSet", event("Reserved"), 10**6, False),
    ],
)
def test_it_ends_when_the_time_since_its_pod_left_is_over(
    retention: str | int, last: Event | None, seconds: int, over: bool
) -> None:
    one = kept(retention, last)
    assert expired([one], lambda _: False, moment(seconds), {}) == ((one,) if over else ())
    assert expired([one], lambda _: True, moment(seconds), {}) == ()


@pytest.mark.parametrize("clock", ["unproven", ""])
@pytest.mark.parametrize("behind", [0, 86400, 56 * 365 * 86400])
def test_what_a_clock_says_that_nobody_vouches_for_ends_nothing(clock: str, behind: int) -> None:
    one = kept(60, replace(event("Unbound", ahead=-behind * SECOND), clock=clock, ahead=0))
    seen = sightings([one], {}, moment(100).uptime.ns)
    assert expired([one], lambda _: False, moment(159), seen) == ()
    assert sightings([one], seen, moment(159).uptime.ns) == seen
    assert expired([one], lambda _: False, moment(160), seen) == (one,)  # seen for so long: by no clock


def test_a_controller_whose_own_clock_nobody_vouches_for_ends_what_it_has_seen_for_so_long() -> None:
    one = kept(60, event("Unbound"))
    far = replace(moment(100), time=10**18, proven=False)
    assert expired([one], lambda _: False, far, sightings([one], {}, far.uptime.ns)) == ()
    assert expired([one], lambda _: False, far, {one.last: moment(40).uptime.ns} if one.last else {}) == (one,)


def test_an_event_that_is_no_longer_the_last_is_forgotten() -> None:
    first, second = event("Unbound"), replace(event("Unbound"), seq=9)
    assert sightings([kept(60, second)], {first: 1}, 7) == {second: 7}


def test_whose_deletion_counts() -> None:
    of_set = PodNetwork(namespace="db", name="m", stateful_set="mysql", retention="withStatefulSet")
    assert owner_of(POD, of_set) == ("StatefulSet", "db", "mysql")
    assert owner_of(POD, PodNetwork(namespace="db", name="m", stateful_set="mysql", retention=9)) == (
        "Pod", "db", "mysql-0",
    )  # fmt: skip
    assert owner_of(of_deployment("db", "web"), None) == ("Deployment", "db", "web")
    assert owner_of(POD, None) == ("Pod", "db", "mysql-0")


def test_only_what_retention_has_ended_stays_ended() -> None:
    ended = event("Released", why="retention 60: Pod db/mysql-0 is gone")
    assert lapsed(ended, 60)
    assert not lapsed(ended, "forever")
    assert not lapsed(event("Released", why="apply db.yaml"), 60)
    assert not lapsed(event("Unbound", why="retention"), 60)
    assert not lapsed(None, 60)
