"""Second opinions on a node's clock: the API server's Date, other nodes' events, and none."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from podberth.cni.value import replace
from podberth.ipam.address_record import AddressRecord
from podberth.ipam.lease import Actor, Event
from podberth.ipam.moment import Uptime
from podberth.kube.client import http_date
from podberth.stores.clock import NodeClock, uptime
from podberth.stores.replica.peer_clocks import PeerClocks

NS = 10**9
NOON = 1_800_000_000 * NS
ADDRESS = ip_address("10.20.0.1")
EVENT = Event(
    seq=7, time=NOON, kind="Bound", address=ADDRESS, pool="db", pod=None, ifname="eth0", attachment=None,
    actor=Actor(who="plugin", why="ADD", node="other"), state="LEASED", clock="proven",
)  # fmt: skip
RECORD = AddressRecord(address=ADDRESS, pool="db", seq=7, time=NOON, last=EVENT)


def at(seconds: int) -> Uptime:
    return Uptime(boot="b", ns=seconds * NS)


def test_a_date_is_read_and_nothing_else_is() -> None:
    assert http_date("Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777 * NS
    assert http_date("Sunday, 06-Nov-94 08:49:37 GMT") is None
    assert http_date("") is None


def test_what_others_wrote_is_an_opinion_that_goes_on_with_the_uptime() -> None:
    heard = PeerClocks("me")
    assert heard(at(5)) is None
    heard.hear([RECORD], at(5))
    opinion = heard(at(65))
    assert opinion is not None
    assert opinion.time == NOON + 60 * NS
    heard.hear([RECORD], at(100))  # the same again, late: it tells nothing new
    assert heard(at(65)) == opinion
    assert heard(Uptime(boot="another", ns=1)) is None


@pytest.mark.parametrize(
    "event",
    [
        replace(EVENT, clock="unproven"),
        replace(EVENT, clock=""),
        replace(EVENT, seq=6),
        replace(EVENT, actor=Actor(who="plugin", why="ADD", node="me")),
        None,
    ],
)
def test_what_nobody_vouched_for_or_was_not_the_last_event_is_none(event: Event | None) -> None:
    heard = PeerClocks("me")
    heard.hear([replace(RECORD, last=event)], at(5))
    assert heard(at(6)) is None


def test_a_node_behind_what_others_wrote_is_behind_and_one_far_ahead_is_unproven() -> None:
    heard = PeerClocks("me")
    heard.hear([RECORD], at(5))
    readings = {}
    for skew in (-86_400, 30, 86_400):
        moment = NodeClock((heard,), wall=lambda skew=skew: NOON + skew * NS, running=lambda: at(5))()  # type: ignore[misc]
        readings[skew] = moment.proven, moment.true
    assert readings == {
        -86_400: (True, NOON),
        30: (True, NOON + 30 * NS),
        86_400: (False, NOON + 86_400 * NS),
    }


def test_the_machine_s_uptime_grows_and_names_its_boot() -> None:
    one, other = uptime(), uptime()
    assert one.boot == other.boot != ""
    assert one.ns <= other.ns
