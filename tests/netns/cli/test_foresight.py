"""`podberth plan` and `explain` say before the fact what an ADD then does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.netns.cli.conftest import Shell
    from tests.netns.kubelet import Kubelet


def test_a_plan_does_nothing_and_names_what_the_add_then_makes(podberth: Shell, node: Kubelet, tmp_path: Path) -> None:
    file = tmp_path / "net.conf"
    file.write_text(json.dumps(node.config()))
    pod = node.pod("mysql-0")
    before = node.inventory()
    asked = ("--config", str(file), "--netns", pod.path, "--container-id", pod.container_id, "--json")
    planned = podberth("plan", "bank/mysql-0", *asked)
    assert planned.code == 0, planned
    assert node.inventory() == before
    answer = node.call("ADD", pod)
    assert answer.code == 0, answer
    assert answer.address == f"{planned.json['addresses'][0]['address']}/24"
    links = {link["ifname"] for link in json.loads(node.inside(node.node, "ip", "-json", "link"))} - {"lo"}
    text = " ".join(op["command"] for op in planned.json["ops"])
    assert links
    assert {link for link in links if link not in text} == set()


def test_the_address_and_mac_explained_are_those_of_the_add(podberth: Shell, node: Kubelet) -> None:
    (explained,) = podberth("explain", "bank/mysql-1", "--json").json["interfaces"]
    pod = node.pod("mysql-1")
    assert node.call("ADD", pod).address == f"{explained['addresses'][0]['address']}/24"
    link = json.loads(node.inside(pod.netns, "ip", "-json", "link", "show", "eth0"))[0]
    assert (link["address"], link["mtu"]) == (explained["effective"]["mac"], 1400)
