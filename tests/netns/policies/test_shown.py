"""What `explain`, `doctor` and the metrics say of policies, beside what passes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.agent.test_desk import page
from tests.netns.policies.conftest import ONE, OTHER
from tests.netns.policies.test_cases import SERVER, named
from tests.servers.multi_network_policies import V1BETA1
from tests.waiting import until

if TYPE_CHECKING:
    from tests.netns.kubelet import Pod
    from tests.netns.policies.conftest import Town

TYPO = {"matchExpressions": [{"key": "name", "operator": "is"}]}


def written(town: Town, **changes: Any) -> str:
    """Write the runtime's configuration; return its folder."""
    folder = town.folder / "shown"
    folder.mkdir(exist_ok=True)
    said = {"stateDir": str(town.node.state), **town.conf(**changes)}
    plugin = {key: one for key, one in said.items() if one is not None}
    conf = {"cniVersion": "1.1.0", "name": plugin["name"], "plugins": [plugin]}
    (folder / "00-networks.conflist").write_text(json.dumps(conf))
    return str(folder)


def explained(town: Town, pod: Pod, *flags: str, **changes: Any) -> str:
    config = f"{written(town, **changes)}/00-networks.conflist"
    return town.node.podberth("explain", f"{pod.namespace}/{pod.name}", "--config", config, *flags)


def policed(town: Town, pod: Pod, **changes: Any) -> dict[str, Any]:
    return dict(json.loads(explained(town, pod, "--json", **changes)).get("policed", {}))


def diagnosed(town: Town, **changes: Any) -> dict[str, tuple[str, str]]:
    words = ["--state", str(town.node.state), "doctor", "--net-dir", written(town, **changes), "--json"]
    command = [*town.node.at_node, sys.executable, "-m", "podberth.cli.main", *words]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # 5: what else the node lacks
    found = json.loads(told)["findings"]
    return {one["name"]: (one["level"], one["text"]) for one in found if one["area"] == "policies"}


def test_explain_says_what_passes_each_leg_and_who_the_peers_are_by_address(town: Town) -> None:
    spec = {
        "podSelector": SERVER,
        "ingress": [
            {"from": [named("a"), {"ipBlock": {"cidr": "10.9.0.0/30", "except": ["10.9.0.0/32"]}}],
             "ports": [{"port": 5555}, {"protocol": "UDP", "port": "service"}]},
        ],
    }  # fmt: skip
    town.policy(spec)
    town.policy({"podSelector": {"matchLabels": {"name": "nobody"}}}, name="others")
    server, a, b = (town.started(name, networks=f"{ONE},{OTHER}") for name in ("server", "a", "b"))
    assert town.settled({(a, server): True, (b, server): False})
    found = policed(town, server)
    assert [(one["policy"], one["state"], one["chooses"]) for one in found["policies"]] == [
        ("blue/others", "in force", False), ("blue/policy", "in force", True),
    ]  # fmt: skip
    passing = {(one["ifname"], one["direction"]): one for one in found["passing"]}
    assert {key: one["open"] for key, one in passing.items()} == {
        ("net1", "ingress"): False, ("net1", "egress"): True, ("net2", "ingress"): True, ("net2", "egress"): True,
    }  # fmt: skip
    blocks, peers = passing["net1", "ingress"]["allowed"]
    assert (blocks["peers"], blocks["addresses"]) == ("10.9.0.1-10.9.0.3", None)
    assert peers["peers"] == "pods name=a in namespace blue"
    assert sorted(peers["addresses"]) == sorted([town.address(a), town.address(a, version=6)])
    assert peers["ports"] == "tcp 5555, udp service"
    drawn = explained(town, server)
    assert "pods name=a in namespace blue" in drawn
    assert town.address(a) in drawn
    assert "no policy speaks of it" in drawn


def test_explain_says_why_a_policy_does_not_hold_and_what_holds_in_its_place(town: Town) -> None:
    server = town.started("server")
    town.policy({"podSelector": SERVER, "ingress": []}, name="kept")
    town.policy({"podSelector": TYPO, "ingress": []}, name="wrong")
    assert town.running is not None
    town.running.wait_for("policy not in force")
    town.client.merge_patch(V1BETA1, "kept", {"spec": {"podSelector": TYPO}}, "blue")
    town.running.wait_for("policy with mistakes")
    found = until(lambda: (now := policed(town, server))["passing"] and now)
    by_name = {one["policy"]: one for one in found["policies"]}
    assert by_name["blue/kept"]["state"] == "the text before holds"
    assert by_name["blue/wrong"]["state"] == "not in force"
    assert "spec.podSelector.matchExpressions[0].operator" in by_name["blue/kept"]["mistakes"][0]
    assert found["passing"][0] == {
        "ifname": "net1", "network": ONE, "direction": "ingress", "open": False, "allowed": [],
    }  # fmt: skip
    off = policed(town, server, networkPolicies=False)
    assert "does not say networkPolicies" in off["why"]


def test_doctor_names_policies_that_nobody_can_read_that_choose_nobody_and_that_nobody_keeps(town: Town) -> None:
    assert diagnosed(town) == {"00-networks.conflist policies": ("ok", "none; read as k8s.cni.cncf.io/v1beta1")}
    assert diagnosed(town, networkPolicies=False) == {}
    town.started("server")
    town.policy({"podSelector": SERVER}, name="good")
    town.policy({"podSelector": TYPO}, name="typo")
    town.policy({"podSelector": {"matchLabels": {"name": "nobody"}}}, name="idle")
    town.policy({"podSelector": SERVER}, name="elsewhere", networks="default/nowhere")
    town.policy({"podSelector": SERVER}, name="nowhere", networks=None)
    found = diagnosed(town)
    assert found.pop("00-networks.conflist policies") == (
        "ok", "4 in force, 1 not in force; read as k8s.cni.cncf.io/v1beta1",
    )  # fmt: skip
    assert {name: level for name, (level, _) in found.items()} == dict.fromkeys(
        ("blue/typo", "blue/idle", "blue/elsewhere", "blue/nowhere"), "warn"
    )
    assert "spec.podSelector" in found["blue/typo"][1]
    assert found["blue/idle"][1] == "it chooses no pod"
    assert "default/nowhere" in found["blue/elsewhere"][1]
    assert found["blue/nowhere"][1] == "it is for no network"
    (told,) = diagnosed(town, networkPolicies=False).values()
    assert told == ("warn", "5 MultiNetworkPolicies, and podberth keeps none here")


@pytest.mark.parametrize("right", ["", "pods"])
def test_without_the_rights_explain_says_so_and_answers_all_else(town: Town, right: str) -> None:
    server = town.started("server")
    town.kubeconfig = str(town.server.user(f"looker-{right or 'none'}"))
    rights = [("", "pods", ["get", "list"]), ("k8s.cni.cncf.io", "network-attachment-definitions", ["get"])]
    town.server.allow(f"looker-{right or 'none'}", *rights)
    found = policed(town, server)
    assert "the policies can't be known" in found["why"]
    assert "multi-networkpolicies" in found["why"]
    assert diagnosed(town)["00-networks.conflist policies"][0] == "warn"


def test_the_metrics_have_policies_by_how_they_stand_and_when_the_server_was_heard(town: Town) -> None:
    assert town.running is not None
    assert b"podberth_network_policies" not in page(town.node, "/metrics")[1]
    town.started("server")
    town.policy({"podSelector": SERVER}, name="good")
    town.policy({"podSelector": TYPO}, name="typo")
    town.running.wait_for("policy not in force")
    text = page(town.node, "/metrics")[1].decode()
    assert 'podberth_network_policies{state="in force"} 1.0' in text
    assert 'podberth_network_policies{state="not in force"} 1.0' in text
    assert 'podberth_watch_silence_seconds{resource="multi-networkpolicies"}' in text
