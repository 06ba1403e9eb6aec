"""Spans of calls that came through the shim; and a collector that is slow, away or unwilling."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.checkout import ROOT
from tests.netns.agent.collector import collector
from tests.netns.agent.running import agent, ask, ended
from tests.netns.agent.test_desk import samples

if TYPE_CHECKING:
    from tests.netns.agent.collector import Answer
    from tests.netns.kubelet import Kubelet

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = {"TRACEPARENT": f"00-{TRACE}-{SPAN}-01", "TRACESTATE": "vendor=x"}
VERSION = {"CNI_COMMAND": "VERSION"}
SOON = {"OTEL_BSP_SCHEDULE_DELAY": "10"}
KEYS = {"traceId", "spanId", "parentSpanId", "traceState", "flags", "name", "kind", "attributes", "status"} | {
    *("startTimeUnixNano", "endTimeUnixNano")
}


def attributes(of: dict[str, Any]) -> dict[str, Any]:
    return {each["key"]: next(iter(each["value"].values())) for each in of["attributes"]}


def well_formed(span: dict[str, Any]) -> bool:
    """Whether a span is as OTLP's JSON has it: hex IDs, nanoseconds in strings, enums as numbers."""
    ids = re.fullmatch(r"[0-9a-f]{32}", span["traceId"]) and re.fullmatch(r"[0-9a-f]{16}", span["spanId"])
    times = [span["startTimeUnixNano"], span["endTimeUnixNano"]]
    numbers = all(isinstance(time, str) and time.isdecimal() for time in times) and int(times[0]) <= int(times[1])
    values = {"stringValue", "intValue", "arrayValue"}
    said = all(each.keys() == {"key", "value"} and each["value"].keys() < values for each in span["attributes"])
    return bool(ids) and numbers and said and span.keys() <= KEYS and span["kind"] in (1, 2)


def test_an_add_is_a_span_of_its_callers_trace_with_the_kernel_and_the_store_as_its_children(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    with collector(node) as to:
        headers = {"OTEL_EXPORTER_OTLP_HEADERS": "x-scope=bank", "OTEL_SERVICE_NAME": "cni"}
        with agent(node, "--spans", to.url, env={**SOON, **headers}):
            added = node.call("ADD", pod, env=PARENT)
            assert node.call("DEL", pod).code == 0
            assert ended(node, pod)
    whole = json.loads(to.got[0].body)
    assert (to.got[0].path, to.got[0].headers["Content-Type"]) == ("/v1/traces", "application/json")
    assert to.got[0].headers["x-scope"] == "bank"
    assert attributes(whole["resourceSpans"][0]["resource"])["service.name"] == "cni"
    assert all(well_formed(span) for span in to.spans)
    assert len({span["spanId"] for span in to.spans}) == len(to.spans)
    (add,) = [span for span in to.spans if span["name"] == "CNI ADD"]
    (delete,) = [span for span in to.spans if span["name"] == "CNI DEL"]
    assert (add["traceId"], add["parentSpanId"], add["traceState"], add["kind"]) == (TRACE, SPAN, "vendor=x", 2)
    assert "status" not in add
    assert attributes(add)["k8s.pod.name"] == "mysql-0"
    assert attributes(add)["container.id"] == pod.container_id
    assert attributes(add)["cni.addresses"] == {"values": [{"stringValue": added.address}]}
    parts = [span for span in to.spans if span.get("parentSpanId") == add["spanId"]]
    assert {span["traceId"] for span in parts} == {TRACE}
    assert {"CreateVeth", "AddAddress", "ledger.bind", "attachments.open", "attachments.done"} <= {
        span["name"] for span in parts
    }
    begin, end = int(add["startTimeUnixNano"]), int(add["endTimeUnixNano"])
    # Rounded to whole nanoseconds each.
    assert all(begin <= int(span["startTimeUnixNano"]) and int(span["endTimeUnixNano"]) <= end + 2 for span in parts)
    assert "parentSpanId" not in delete
    assert delete["traceId"] not in (TRACE, "0" * 32)
    assert "attachments.removing" in {span["name"] for span in to.spans if span.get("parentSpanId") == delete["spanId"]}


def test_a_call_that_fails_says_why_with_the_code(node: Kubelet) -> None:
    with collector(node) as to, agent(node, env={"OTEL_EXPORTER_OTLP_ENDPOINT": to.url, **SOON}):
        told = node.call("ADD", node.pod("mysql-0"), pool="nowhere", env=PARENT).result
        to.wait_for(1)
    (failed,) = [span for span in to.spans if span["name"] == "CNI ADD"]
    assert failed["status"] == {"code": 2, "message": told["msg"]}
    assert attributes(failed)["cni.code"] == str(told["code"])


@pytest.mark.parametrize("parent", [f"ff-{TRACE}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01", "x" * 5000])
def test_a_context_that_is_broken_begins_a_trace_and_the_call_is_served(node: Kubelet, parent: str) -> None:
    with collector(node) as to, agent(node, "--spans", to.url):
        assert ask(node, {**VERSION, "TRACEPARENT": parent, "TRACESTATE": "vendor=x"}).code == 0
    (span,) = to.spans
    assert span["traceId"] not in (TRACE, "0" * 32)
    assert not {"parentSpanId", "traceState"} & span.keys()


def test_what_the_caller_does_not_record_is_not_sent(node: Kubelet) -> None:
    with collector(node) as to, agent(node, "--spans", to.url):
        assert ask(node, {**VERSION, "TRACEPARENT": f"00-{'a' * 32}-{SPAN}-00"}).code == 0
        assert ask(node, {**VERSION, **PARENT}).code == 0
    assert [span["traceId"] for span in to.spans] == [TRACE]


def test_a_stop_sends_what_is_left(node: Kubelet) -> None:
    with collector(node) as to, agent(node, "--spans", to.url, env={"OTEL_BSP_SCHEDULE_DELAY": "600000"}) as running:
        assert ask(node, VERSION).code == 0
        assert to.got == []
        assert running.stop() == 0
        assert [span["name"] for span in to.spans] == ["CNI VERSION"]


def test_adds_are_answered_while_the_collector_holds_its_answer(node: Kubelet) -> None:
    pods = [node.pod(f"web-{number}") for number in range(3)]
    with collector(node) as to, agent(node, "--spans", to.url, env=SOON):
        to.open.clear()
        assert ask(node, VERSION).code == 0
        to.wait_for(1)
        assert [node.call("ADD", pod).code for pod in pods] == [0, 0, 0]
        assert len(to.got) == 1
        assert samples(node)["podberth_spans_waiting{}"] > 3
        to.open.set()
        while samples(node)["podberth_spans_waiting{}"]:
            to.wait_for(2)
        assert samples(node)['podberth_spans_total{"outcome": "sent"}'] == len(to.spans)
    assert [span["name"] for span in to.spans].count("CNI ADD") == 3


def test_adds_are_answered_while_there_is_no_collector_and_a_stop_ends_all_the_same(node: Kubelet) -> None:
    with collector(node) as to:
        nowhere = to.url
    with agent(node, "--spans", nowhere, env=SOON) as running:
        assert node.call("ADD", node.pod("mysql-0"), env=PARENT).code == 0
        assert running.stop() == 0
        (lost,) = running.events("spans lost")
    assert "refused" in lost["message"]


def test_what_there_is_no_room_for_is_dropped_and_counted(node: Kubelet) -> None:
    with collector(node) as to, agent(node, "--spans", to.url, env={**SOON, "OTEL_BSP_MAX_QUEUE_SIZE": "4"}):
        to.open.clear()
        assert ask(node, VERSION).code == 0
        to.wait_for(1)
        assert [ask(node, VERSION).code for _ in range(7)] == [0] * 7
        while (found := samples(node))[
            'podberth_calls_total{"code": "0", "plugin": "podberth", "verb": "VERSION"}'
        ] < 8:
            pass
        assert found["podberth_spans_waiting{}"] == 1 + 4
        assert found['podberth_spans_total{"outcome": "overflow"}'] == 3
        to.open.set()
    assert len(to.spans) == 5


def test_what_is_refused_for_now_is_sent_again_and_what_is_refused_for_good_is_not(node: Kubelet) -> None:
    answers: tuple[Answer, ...] = ((503, {"Retry-After": "1"}, b""), (200, {}, b"{}"), (400, {}, b"no"))
    with collector(node, *answers) as to, agent(node, "--spans", to.url, env=SOON) as running:
        assert ask(node, VERSION).code == 0
        to.wait_for(2)
        assert ask(node, VERSION).code == 0
        running.wait_for("spans lost")
        assert ask(node, VERSION).code == 0
        to.wait_for(4)
        while (found := samples(node))["podberth_spans_waiting{}"]:
            pass
    assert to.got[0].body == to.got[1].body
    assert [found[f'podberth_spans_total{{"outcome": "{outcome}"}}'] for outcome in ("sent", "lost")] == [2, 1]


def test_spans_that_the_collector_rejects_of_a_request_it_takes_are_counted(node: Kubelet) -> None:
    partly: Answer = (200, {}, b'{"partialSuccess": {"rejectedSpans": "1", "errorMessage": "too old"}}')
    with collector(node, partly) as to, agent(node, "--spans", to.url, env=SOON) as running:
        assert ask(node, VERSION).code == 0
        running.wait_for("spans lost")
        assert samples(node)['podberth_spans_total{"outcome": "rejected"}'] == 1


def test_a_replaced_agent_does_not_let_calls_wait_for_the_collector(node: Kubelet) -> None:
    with collector(node) as to, agent(node, "--spans", to.url, env=SOON) as running:
        to.open.clear()
        assert ask(node, VERSION).code == 0
        to.wait_for(1)
        running.process.send_signal(signal.SIGHUP)
        assert node.call("ADD", node.pod("mysql-0")).code == 0
        running.wait_for("serving", 2)
        assert not to.open.is_set()
        to.open.set()


def test_an_agent_without_a_collector_loads_nothing_that_sends(node: Kubelet) -> None:
    with agent(node, env={"PYTHONPROFILEIMPORTTIME": "1"}) as running:
        assert ask(node, VERSION).code == 0
        loaded = {line.rpartition("|")[2].strip() for line in running.log.read_text().splitlines()}
    assert {name for name in loaded if name.startswith("podberth.agent.spans.")} == {"podberth.agent.spans.target"}


@pytest.mark.parametrize("text", ["nowhere", "grpc://a:4317", "http://user:secret@a"])
def test_a_collector_that_can_not_be_is_a_usage_error(text: str) -> None:
    command = [sys.executable, "-m", "podberth.cli.main", "agent", "--spans", text]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, "--spans" in done.stderr, "secret" in done.stderr) == (2, True, False)
