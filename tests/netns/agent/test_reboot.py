"""After a reboot: what the machine's earlier boot had is ended by itself, and what may be of this one is left alone.

A test can't boot its machine. The records are made to speak of another boot, and their namespaces go.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import uuid
from typing import TYPE_CHECKING, Any

from podberth.process.machine import boot_id
from podberth.verbs.rebooted import WHY
from tests.netns.agent.running import agent, ended
from tests.netns.agent.test_calls import LAST_ONE

if TYPE_CHECKING:
    from tests.netns.kubelet import Kubelet, Pod

ASKED = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: asked}
spec:
  subnets: [{subnet: 10.62.0.0/24}]
  allow: [{namespaces: [bank], addresses: [10.62.0.0/24], podRequests: true}]
"""
OFTEN = ("--check-interval", "1")


def rewrite(node: Kubelet, old: str, new: str) -> None:
    """Replace a text in all records."""
    with contextlib.closing(sqlite3.connect(node.state / "podberth.db")) as database, database:
        for (steps,) in database.execute("SELECT steps FROM attachments"):
            assert old in steps
        database.execute("UPDATE attachments SET steps = replace(steps, ?, ?)", (old, new))


def attached(node: Kubelet, name: str, **how: Any) -> Pod:
    pod = node.pod(name)
    assert (answer := node.call("ADD", pod, **how)).code == 0, answer.stdout
    return pod


def test_the_first_agent_after_a_reboot_ends_what_was_before_and_a_late_del_is_answered(node: Kubelet) -> None:
    pods = [attached(node, f"web-{number}") for number in range(2)]
    rewrite(node, boot_id(), str(uuid.uuid4()))
    for pod in pods:
        node.remove_namespace(pod.netns)
    with agent(node) as running:
        assert all(ended(node, pod) for pod in pods)
        told = running.wait_for("upkeep", 2)
        again = node.pod("web-0", uid="u2")
        assert (answer := node.call("ADD", again)).code == 0, answer.stdout
        assert node.call("DEL", pods[0], netns="").code == 0
        assert node.call("CHECK", again, prevResult=answer.result).code == 0
    assert {(each["outcome"], each["message"]) for each in told} == {("ended", WHY)}
    assert node.rows("SELECT container_id FROM leases") == [(again.container_id,)]
    events = json.loads(node.podberth("history", "bank/web-1", "--json"))["events"]
    assert (events[-1]["kind"], events[-1]["who"], events[-1]["why"]) == ("Unbound", "agent", WHY)


def test_a_record_that_does_not_say_its_boot_is_not_taken_for_gone(node: Kubelet) -> None:
    pod = attached(node, "web-0")
    rewrite(node, '"boot":', '"unknown":')
    node.remove_namespace(pod.netns)
    with agent(node, *OFTEN) as running:
        told = running.wait_for("upkeep", 2)
    assert {each["outcome"] for each in told} == {"drifted"}
    assert node.rows("SELECT count(*) FROM leases") == [(1,)]


def test_a_namespace_that_is_there_is_not_taken_for_gone_whatever_the_boot(node: Kubelet) -> None:
    pod = attached(node, "web-0")
    rewrite(node, boot_id(), str(uuid.uuid4()))
    with agent(node):
        other = attached(node, "web-1")
        assert node.call("DEL", other).code == 0
        assert ended(node, other)
        assert "eth0" in node.links(pod.netns)
    assert node.rows("SELECT container_id FROM leases") == [(pod.container_id,)]


def test_without_an_agent_the_first_pod_that_finds_the_pool_full_ends_what_was_before(node: Kubelet) -> None:
    node.apply(LAST_ONE)
    lost = attached(node, "web-0", pool="last")
    node.remove_namespace(lost.netns)
    assert node.call("ADD", node.pod("web-1"), pool="last").result["code"] == 100
    rewrite(node, boot_id(), str(uuid.uuid4()))
    attached(node, "web-2", pool="last")
    assert [row[0] for row in node.rows("SELECT pod FROM leases")] == ["web-2"]


def test_the_refusal_of_an_address_whose_holder_is_gone_names_the_command_that_ends_it(node: Kubelet) -> None:
    node.apply(ASKED)
    lost = node.pod("web-0")
    address = node.call("ADD", lost, pool="asked").address
    asked: dict[str, Any] = {"pool": "asked", "capabilities": {"ips": True}, "runtimeConfig": {"ips": [address]}}
    held = node.call("ADD", node.pod("web-1"), **asked).result
    assert (held["code"], "delete that pod first" in held["details"]) == (101, True)
    node.remove_namespace(lost.netns)
    gone = node.call("ADD", node.pod("web-2"), **asked).result
    assert (gone["code"], "podberth gc --gone" in gone["details"]) == (101, True)
    node.podberth("gc", "--gone", "--yes")
    assert node.call("ADD", node.pod("web-3"), **asked).address == address
