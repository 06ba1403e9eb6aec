"""A call as spans: the shape, what they are named and whose children they are."""

from __future__ import annotations

import itertools
import json
from ipaddress import IPv4Interface
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from podberth.agent.calls import Served
from podberth.agent.frame import Call
from podberth.agent.spans.encode import encode, request, size
from podberth.agent.trace import Did, Trace, Wrote
from podberth.net.ops import AddAddress
from podberth.net.step import Step

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
ENV = {
    "CNI_COMMAND": "ADD",
    "CNI_CONTAINERID": "c1",
    "CNI_IFNAME": "eth0",
    "CNI_NETNS": "/run/netns/x",
    "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=bank;K8S_POD_NAME=mysql-0;K8S_POD_UID=u1",
}
RESULT = {"cniVersion": "1.1.0", "ips": [{"address": "10.0.0.7/24"}]}


def served(code: int = 0, stdout: str = json.dumps(RESULT), **env: str) -> Served:
    trace = Trace(whole=True)
    trace.began, trace.clock = 1_700_000_000_000_000_000, 50.0
    op = AddAddress(netns="/run/netns/x", ifname="eth0", address=IPv4Interface("10.0.0.7/24"))
    trace.ops += [
        Did("do", Step(op=op), 50.25, 0.125, ""),
        Did("undo", Step(op=op), 50.5, 0.125, "no such device"),
    ]
    trace.store.append(Wrote("ledger.bind", 50.0, 0.125, ""))
    call = Call(plugin_type="podberth", env={**ENV, **env}, stdin=b'{"name": "banknet"}')
    return Served(call=call, began=trace.began / 1e9, seconds=1.0, trace=trace, code=code, stdout=stdout)


def spans(of: Served) -> list[dict[str, Any]]:
    numbers = itertools.count(1)
    return list(json.loads(f"[{encode(of, lambda length: f'{next(numbers):0{length * 2}x}')}]"))


def attributes(span: dict[str, Any]) -> dict[str, Any]:
    return {each["key"]: each["value"] for each in span["attributes"]}


def test_a_call_is_its_callers_child_and_the_parts_are_its_own() -> None:
    of = served(TRACEPARENT=f"00-{TRACE}-{SPAN}-01", TRACESTATE="a=1")
    own, *parts = spans(of)
    assert (own["traceId"], own["parentSpanId"], own["traceState"], own["flags"]) == (TRACE, SPAN, "a=1", 0x301)
    assert {part["parentSpanId"] for part in parts} == {own["spanId"]}
    assert {(part["traceId"], part["flags"], part["kind"]) for part in parts} == {(TRACE, 0x101, 1)}
    assert [span["name"] for span in (own, *parts)] == ["CNI ADD", "AddAddress", "undo AddAddress", "ledger.bind"]
    assert size(of) == 4


def test_without_a_caller_that_says_so_a_trace_begins() -> None:
    own, *parts = spans(served())
    assert "parentSpanId" not in own
    assert (len(own["traceId"]), len(own["spanId"]), own["flags"]) == (32, 16, 0x101)
    assert {part["traceId"] for part in parts} == {own["traceId"]}


def test_times_are_nanoseconds_in_strings() -> None:
    own, op, *_ = spans(served())
    assert (own["startTimeUnixNano"], own["endTimeUnixNano"]) == ("1700000000000000000", "1700000001000000000")
    assert (op["startTimeUnixNano"], op["endTimeUnixNano"]) == ("1700000000250000000", "1700000000375000000")


def test_attributes_are_named_by_the_conventions() -> None:
    own, op, *_ = spans(served())
    assert attributes(own) == {
        "k8s.namespace.name": {"stringValue": "bank"},
        "k8s.pod.name": {"stringValue": "mysql-0"},
        "k8s.pod.uid": {"stringValue": "u1"},
        "container.id": {"stringValue": "c1"},
        "cni.command": {"stringValue": "ADD"},
        "cni.ifname": {"stringValue": "eth0"},
        "cni.netns": {"stringValue": "/run/netns/x"},
        "cni.network": {"stringValue": "banknet"},
        "cni.plugin": {"stringValue": "podberth"},
        "cni.addresses": {"arrayValue": {"values": [{"stringValue": "10.0.0.7/24"}]}},
    }
    assert "10.0.0.7/24" in attributes(op)["cni.op"]["stringValue"]


def test_a_failure_has_the_code_and_the_message() -> None:
    own, _, undone, _ = spans(served(code=7, stdout='{"code": 7, "msg": "vlan: expected 0..4094"}'))
    assert own["status"] == {"code": 2, "message": "vlan: expected 0..4094"}
    assert attributes(own)["cni.code"] == {"intValue": "7"}
    assert attributes(own)["error.type"] == {"stringValue": "7"}
    assert undone["status"] == {"code": 2, "message": "no such device"}
    assert "status" not in spans(served())[0]


def test_a_verb_that_is_none_makes_no_name() -> None:
    assert spans(served(CNI_COMMAND="x" * 500))[0]["name"] == "CNI call"


@given(st.text(st.characters(), max_size=50), st.text(st.characters(), max_size=50))
def test_whatever_a_caller_says_the_body_is_utf8_without_lone_surrogates(said: str, args: str) -> None:
    of = served(CNI_CONTAINERID=said + "\udcff", CNI_ARGS=f"K8S_POD_NAME={args}\udc80;;=", CNI_COMMAND=said)
    text = json.dumps(json.loads(request({}, [encode(of, lambda n: "1" * n * 2)])), ensure_ascii=False)
    assert "\udcff" not in text
    assert text.encode()


def test_a_value_of_any_length_is_cut() -> None:
    own = spans(served(CNI_CONTAINERID="x" * 1_000_000))[0]
    assert len(attributes(own)["container.id"]["stringValue"]) == 1024
