"""`podberth gc` on real links: what is taken back, and what is left alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.netns.cli.conftest import Shell
    from tests.netns.kubelet import Kubelet, Pod


def added(node: Kubelet, name: str) -> Pod:
    pod = node.pod(name)
    answer = node.call("ADD", pod)
    assert answer.code == 0, answer
    return pod


def test_a_pod_whose_namespace_is_gone_is_taken_back_and_the_other_stays(podberth: Shell, node: Kubelet) -> None:
    kept, lost = added(node, "mysql-0"), added(node, "mysql-1")
    node.remove_namespace(lost.netns)
    dry = podberth("gc", "--gone", "--dry-run", "--json")
    assert [one["container_id"] for one in dry.json["collected"]] == [lost.container_id]
    ended = podberth("gc", "--gone", "--yes", "--json")
    assert ended.code == 0, ended
    assert [one["container_id"] for one in ended.json["collected"]] == [lost.container_id]
    assert node.rows("SELECT container_id FROM leases") == [(kept.container_id,)]
    assert node.rows("SELECT container_id FROM attachments") == [(kept.container_id,)]
    assert podberth("check").code == 0
    assert podberth("gc", "--gone", "--yes").out == "nothing to take back\n"


def test_everything_goes_when_nothing_is_valid(podberth: Shell, node: Kubelet, tmp_path: Path) -> None:
    node.remember()
    pods = [added(node, "mysql-0"), added(node, "mysql-1")]
    file = tmp_path / "valid.json"
    file.write_text(json.dumps([]))
    ended = podberth("gc", "--network", "banknet", "--keep-file", str(file), "--yes")
    assert ended.code == 0, ended
    for pod in pods:
        node.remove_namespace(pod.netns)
    assert node.left_behind() == []


def test_what_is_valid_stays_as_it_is(podberth: Shell, node: Kubelet, tmp_path: Path) -> None:
    pod = added(node, "mysql-0")
    before = node.inventory()
    file = tmp_path / "valid.json"
    file.write_text(json.dumps([{"containerID": pod.container_id, "ifname": "eth0"}]))
    assert podberth("gc", "--network", "banknet", "--keep-file", str(file), "--yes").code == 0
    assert node.inventory() == before


def test_without_yes_and_without_a_terminal_nothing_is_taken(podberth: Shell, node: Kubelet) -> None:
    pod = added(node, "mysql-0")
    node.remove_namespace(pod.netns)
    assert podberth("gc", "--gone").code == 1
    assert node.rows("SELECT container_id FROM leases") == [(pod.container_id,)]
    assert node.rows("SELECT container_id FROM attachments") == [(pod.container_id,)]
