"""The one JSON form: it follows from a value's types, and so does its schema."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Annotated

from podberth.cni.pod import Attachment, PodRef
from podberth.desk.form import LEFT_OUT, UNSAID, Address, Answer, Key, Pod, Time, Was, json_form, placed, row, schema

NS = 10**9


@row
class Part:
    """A part."""

    address: Address
    pod: Pod | None
    ends: tuple[Time | None, ...] | None


@row
class Whole(Answer):
    """A whole."""

    SCHEMA = "whole/1"
    since: Time
    attachment: Key | None
    parts: tuple[Part, ...]
    in_force: Annotated[bool, Was("inForce")]
    effective: dict[str, object]
    from_: str
    remarks: Annotated[tuple[str, ...], LEFT_OUT] = ()
    drawn: Annotated[object, UNSAID] = None


PART = Part(address=IPv6Address("fd00::1"), pod=PodRef(namespace="bank", name="a"), ends=(1, None))
WHOLE = Whole(since=NS, attachment=None, parts=(PART,), in_force=True, effective={"mtu": 1500}, from_="n1", drawn=PART)


def test_a_document_names_its_schema_and_writes_words_as_json_has_them() -> None:
    assert WHOLE.document() == {
        "schema": "whole/1",
        "since": "1970-01-01T00:00:01.000000000Z",
        "attachment": None,
        "parts": [{"address": "fd00::1", "pod": "bank/a", "ends": ["1970-01-01T00:00:00.000000001Z", None]}],
        "in_force": True,
        "inForce": True,
        "effective": {"mtu": 1500},
        "from": "n1",
    }


def test_a_remark_is_there_once_there_is_one_and_an_attachment_is_three_names() -> None:
    key = Attachment(network="banknet", container_id="c", ifname="eth0")
    found = json_form(
        Whole(since=0, attachment=key, parts=(), in_force=False, effective={}, from_="", remarks=("late",))
    )
    assert found["attachment"] == {"network": "banknet", "container_id": "c", "ifname": "eth0"}
    assert found["remarks"] == ["late"]


def test_a_schema_has_every_key_and_requires_those_that_are_always_there() -> None:
    found = schema(Whole)
    properties, required = found["properties"], found["required"]
    assert isinstance(properties, dict)
    assert isinstance(required, list)
    assert set(WHOLE.document()) <= set(properties)
    assert set(properties) - set(required) == {"inForce", "remarks", "as_of", "asOf", "away"}
    assert properties["since"] == {"type": "string", "format": "date-time"}
    assert properties["inForce"] == {"type": "boolean", "deprecated": True}
    assert "drawn" not in properties
    parts = found["$defs"]
    assert isinstance(parts, dict)
    assert set(parts["Part"]["properties"]) == {"address", "pod", "ends", "cluster"}


def test_the_cluster_of_a_pod_stands_beside_it() -> None:
    assert placed({"pods": [{"pod": "b:bank/a", "node": "b:n1"}, {"pod": "bank/a"}]}, "") == {
        "pods": [{"pod": "bank/a", "node": "n1", "cluster": "b"}, {"pod": "bank/a"}]
    }


def test_addresses_of_both_families_are_text() -> None:
    assert json_form(Part(address=IPv4Address("10.0.0.1"), pod=None, ends=None)) == {
        "address": "10.0.0.1", "pod": None, "ends": None,
    }  # fmt: skip
