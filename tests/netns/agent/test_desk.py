"""What can be seen of an agent at work: metrics, the state, and its last calls."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from podberth.agent.desk import desk_of
from tests.checkout import ROOT
from tests.netns.agent.running import agent, ask, ended, held
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from tests.netns.kubelet import Kubelet


class Desk(http.client.HTTPConnection):
    """HTTP over the desk's socket."""

    def __init__(self, node: Kubelet) -> None:
        super().__init__("desk", timeout=PATIENCE)
        self._path = str(desk_of(node.socket))

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


def page(node: Kubelet, path: str, method: str = "GET") -> tuple[int, bytes]:
    desk = Desk(node)
    try:
        desk.request(method, path)
        answer = desk.getresponse()
        return answer.status, answer.read()
    finally:
        desk.close()


def samples(node: Kubelet) -> dict[str, float]:
    """Return every sample, by its name and labels."""
    _, text = page(node, "/metrics")
    return {
        f"{sample.name}{json.dumps(sample.labels, sort_keys=True)}": sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def podberth(node: Kubelet, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "podberth.cli.main", *words, "--socket", str(node.socket)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def test_metrics_count_calls_by_verb_plugin_and_code_and_pools_by_state(node: Kubelet) -> None:
    pods = [node.pod(f"web-{number}") for number in range(3)]
    with agent(node):
        for pod in pods:
            assert node.call("ADD", pod).code == 0
        assert node.call("ADD", pods[0], pool="nowhere").code == 1
        assert node.call("DEL", pods[0]).code == 0
        assert ended(node, pods[0])
        # The record goes a moment before the work is over.
        until(lambda: not samples(node)["podberth_agent_begun_dels{}"], "a DEL is still under way")
        found = samples(node)
    assert found['podberth_calls_total{"code": "0", "plugin": "podberth", "verb": "ADD"}'] == 3
    assert found['podberth_call_seconds_count{"plugin": "podberth", "verb": "ADD"}'] == 4
    assert found['podberth_call_kernel_seconds_sum{"verb": "ADD"}'] > 0
    assert found['podberth_pool_addresses{"family": "4", "pool": "db", "state": "leased"}'] == 2
    assert found["podberth_attachments{}"] == 2
    assert found["podberth_agent_workers{}"] == 8
    assert found["podberth_agent_begun_dels{}"] == 0
    assert found["process_resident_memory_bytes{}"] > 0


def test_calls_that_wait_for_a_worker_are_counted(node: Kubelet) -> None:
    with agent(node, "--workers", "1"), contextlib.ExitStack() as callers:
        assert samples(node)["podberth_agent_waiting_calls{}"] == 0
        callers.enter_context(held(node))
        until(lambda: json.loads(page(node, "/v1/state")[1])["busy"] == 1, "no worker took a call")
        for _ in range(2):
            callers.enter_context(socket.socket(socket.AF_UNIX)).connect(str(node.socket))
        state = json.loads(page(node, "/v1/state")[1])
        assert state["waiting"] == 2
        assert "2 calls waiting" in podberth(node, "top").stdout


def test_no_caller_can_make_labels(node: Kubelet) -> None:
    with agent(node):
        for number in range(5):
            ask(node, {"CNI_COMMAND": f"VERB-{number}"}, plugin=f"plugin{number}")
        found = samples(node)
    counted = [name for name in found if name.startswith("podberth_calls_total")]
    assert len(counted) == 1
    assert '"plugin": "other", "verb": "other"' in counted[0]


def test_the_desk_is_for_root_and_gone_with_the_agent(node: Kubelet) -> None:
    with agent(node):
        assert desk_of(node.socket).stat().st_mode & 0o777 == 0o600
        assert page(node, "/healthz") == (200, b"ok\n")
        assert page(node, "/readyz") == (200, b"ok\n")
        assert page(node, "/v2/nothing")[0] == 404
        assert page(node, "/metrics", "POST")[0] == 501
    assert not desk_of(node.socket).exists()


def test_metrics_are_on_tcp_where_that_is_asked_for(node: Kubelet) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    node.inside(node.node, "ip", "link", "set", "lo", "up")
    with agent(node, "--metrics", f"127.0.0.1:{port}"):
        script = f"import urllib.request as u; print(u.urlopen('http://127.0.0.1:{port}/metrics').read().decode())"
        text = node.inside(node.node, sys.executable, "-c", script)
    assert "podberth_build_info" in text or "podberth_build{" in text


@pytest.mark.parametrize("text", ["nowhere", "host:", "host:99999"])
def test_an_address_that_is_none_is_a_usage_error(text: str) -> None:
    command = [sys.executable, "-m", "podberth.cli.main", "agent", "--metrics", text]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, "HOST:PORT" in done.stderr) == (2, True)


def test_trace_shows_each_op_of_the_last_add_with_its_time(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    with agent(node):
        assert podberth(node, "trace", "last").returncode == 3
        assert node.call("ADD", pod).code == 0
        assert node.call("DEL", pod).code == 0
        shown = json.loads(podberth(node, "trace", "last", "--json").stdout)
        people = podberth(node, "trace", "bank/mysql-0").stdout
        by_container = podberth(node, "trace", pod.container_id[:8], "--json")
    assert (shown["verb"], shown["pod"], shown["code"]) == ("ADD", "bank/mysql-0", 0)
    assert shown["ops"][0]["op"].startswith("ip link add pb")
    assert sum(op["milliseconds"] for op in shown["ops"]) == pytest.approx(shown["kernelMilliseconds"], abs=0.1)
    assert people.startswith("DEL bank/mysql-0 (eth0 on banknet): done")
    assert json.loads(by_container.stdout)["verb"] == "DEL"


def test_top_tells_once_what_the_agent_did_in_the_last_minute(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    with agent(node):
        assert node.call("ADD", pod).code == 0
        assert node.call("ADD", pod).code == 1
        found = json.loads(podberth(node, "top", "--once", "--json").stdout)
        people = podberth(node, "top").stdout
    (add,) = found["verbs"]
    assert (add["verb"], add["calls"], add["codes"]) == ("ADD", 2, {"0": 1, "4": 1})
    assert found["pools"][0]["leased"] == 1
    assert "8 workers" in people
    assert "db" in people


def test_without_an_agent_top_says_what_to_start(node: Kubelet) -> None:
    done = podberth(node, "top", "--once")
    assert (done.returncode, "podberth agent" in done.stderr) == (3, True)


def test_the_pages_for_root_answer_as_the_command_line_does(node: Kubelet) -> None:
    with agent(node):
        assert node.call("ADD", node.pod("mysql-0")).code == 0
        for name, words in (
            ("leases", ["leases"]),
            ("pools", ["pool"]),
            ("reservations", ["get", "reservations"]),
            ("attachments", ["get", "attachments"]),
        ):
            status, body = page(node, f"/v1/{name}")
            told = json.loads(body)
            assert (status, told["schema"]) == (200, f"{name}/1")
            assert told == json.loads(node.podberth(*words, "--json"))
