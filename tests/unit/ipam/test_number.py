"""A number in a store that no node's database can keep, or that is none, is refused by the name of its field."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cni.errors import StoreFailed
from podberth.ipam.address_record import parse_event, parse_record
from podberth.ipam.number import COUNT, SPAN, TIME, digits, whole

if TYPE_CHECKING:
    from collections.abc import Callable

AT = ip_address("10.20.0.9")
EVENT: dict[str, Any] = {
    "time": 1, "kind": "Bound", "state": "LEASED", "pool": "db", "ifname": "eth0", "network": "n",
    "containerID": "c", "who": "w", "why": "y", "node": "n1",
}  # fmt: skip
LEASE = {"network": "n", "containerID": "c", "ifname": "eth0", "netns": "/n", "node": "n1", "since": 1}
KEPT = {"namespace": "db", "pod": "a", "ifname": "eth0", "origin": "manual", "since": 1}
RECORD: dict[str, Any] = {"address": str(AT), "pool": "db", "sequence": 5, "time": 1, "restUntil": 0}
UPTIME = {"boot": "b", "uptime": 1}
MARK = {"operation": "o", "primary": str(AT), "record": RECORD, "addresses": 1}
CORRECTION = {"first": 1, "last": 2, "ahead": -5}


def event(form: dict[str, Any]) -> object:
    return parse_event(AT, 7, {**EVENT, **form})


def record(form: dict[str, Any]) -> object:
    return parse_record({**RECORD, **form})


FIELDS: dict[str, tuple[Callable[[dict[str, Any]], object], Callable[[object], dict[str, Any]], tuple[int, int]]] = {
    "time": (event, lambda raw: {"time": raw}, TIME),
    "ahead": (event, lambda raw: {"ahead": raw}, SPAN),
    "corrects.first": (event, lambda raw: {"corrects": {**CORRECTION, "first": raw}}, COUNT),
    "corrects.last": (event, lambda raw: {"corrects": {**CORRECTION, "last": raw}}, COUNT),
    "corrects.ahead": (event, lambda raw: {"corrects": {**CORRECTION, "ahead": raw}}, SPAN),
    "sequence": (record, lambda raw: {"sequence": raw}, COUNT),
    "restUntil": (record, lambda raw: {"restUntil": raw}, TIME),
    "rest.length": (record, lambda raw: {"rest": {**UPTIME, "length": raw}}, COUNT),
    "rest.uptime": (record, lambda raw: {"rest": {"boot": "b", "length": 1, "uptime": raw}}, COUNT),
    "written.uptime": (record, lambda raw: {"written": {"boot": "b", "uptime": raw}}, COUNT),
    "lease.since": (record, lambda raw: {"lease": {**LEASE, "since": raw}}, TIME),
    "reservation.since": (record, lambda raw: {"reservation": {**KEPT, "since": raw}}, TIME),
    "mark.addresses": (record, lambda raw: {"mark": {**MARK, "addresses": raw}}, COUNT),
    "mark.documents": (record, lambda raw: {"mark": {**MARK, "documents": raw}}, COUNT),
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_number_within_its_bounds_is_read(field: str) -> None:
    read, made, (least, most) = FIELDS[field]
    lowest, highest = read(made(least)), read(made(most))
    assert lowest != highest
    assert str(most) in repr(highest)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("raw", ["beyond", "below", 10**400, "5", "x", "", 1.5, True, [], {}, float("inf")])
def test_what_is_no_number_of_a_store_is_refused_by_its_field(field: str, raw: object) -> None:
    read, made, (least, most) = FIELDS[field]
    raw = {"beyond": most + 1, "below": least - 1}.get(str(raw), raw) if isinstance(raw, str) else raw
    with pytest.raises(StoreFailed) as refused:
        read(made(raw))
    assert f"{field}: expected a whole number" in refused.value.message
    assert str(AT) in refused.value.message
    assert len(refused.value.message) < 300


@pytest.mark.parametrize("text", ["", "x", "-1", "1" * 400, str(1 << 62)])
def test_a_key_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a whole number"):
        digits(text)
    assert digits("000000000012") == 12


def test_a_switch_is_no_number() -> None:
    with pytest.raises(ValueError, match="got true"):
        whole(True)
