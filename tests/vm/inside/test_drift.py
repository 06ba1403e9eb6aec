"""What somebody changes by hand is found and repaired; what an operator declares anew, running pods follow."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cli.main import main as podberth
from tests.netns.kubelet import run
from tests.sizes import spread
from tests.vm.inside import card
from tests.vm.inside.card import DOCUMENTS, PF, Node, as_it_was, declared, node_with_card

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.netns.kubelet import Pod

FULL: dict[str, Any] = {
    "vlan": {"id": 100, "priority": 2},
    "rates": {"egress": 50},
    "trust": "on",
    "mac": "02:50:00:00:00:31",
    "mtu": 1400,
    "routes": [{"dst": "10.99.0.0/16", "gw": "10.60.0.1"}],
}
PODS = declared("full-0", "10.60.0.31", **FULL) + declared("peer-0", "10.60.0.32", vlan=100)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """The VM, with its card."""
    with node_with_card(tmp_path_factory.mktemp("node") / "state", PODS) as made:
        yield made


@pytest.fixture
def node(whole: Node) -> Iterator[Node]:
    """The node, which has to be in the end as it was."""
    with as_it_was(whole):
        yield whole


def command(node: Node, *argv: str) -> int:
    """Run the command line in this process: it takes seconds to start in an emulated machine."""
    return podberth(["--state", str(node.kubelet.state), *argv])


def apply(node: Node, folder: Path, documents: str) -> int:
    file = folder / "changed.yaml"
    file.write_text(documents)
    return command(node, "apply", "-f", str(file))


def outside(pod: Pod) -> None:
    node_name = "moved-away"
    run("ip", "-n", pod.netns, "link", "set", "eth0", "netns", "1", "name", node_name)


def to_another(pod: Pod) -> None:
    run("ip", "netns", "add", "elsewhere")
    run("ip", "-n", pod.netns, "link", "set", "eth0", "netns", "elsewhere", "name", "eth7")


def inside(*words: str) -> Callable[[Pod], object]:
    return lambda pod: run("ip", "-n", pod.netns, *words)


def on_card(*words: str) -> Callable[[Pod], object]:
    return lambda _: run("ip", "link", "set", PF, "vf", "0", *words)


DRIFTS: dict[str, tuple[Callable[[Pod], object], str]] = {
    "VLAN on the PF": (on_card("vlan", "200"), f"{PF} vf 0: vlan: expected 100, found 200"),
    "priority on the PF": (on_card("vlan", "100", "qos", "5"), f"{PF} vf 0: qos: expected 2, found 5"),
    "MAC on the PF": (on_card("mac", "02:00:00:00:00:66"), f"{PF} vf 0: mac: expected 02:50:00:00:00:31, found 02:00:"),
    "rate on the PF": (on_card("max_tx_rate", "10"), f"{PF} vf 0: max_tx_rate: expected 50, found 10"),
    "trust on the PF": (on_card("trust", "off"), f"{PF} vf 0: trust: expected yes, found no"),
    "spoofchk, which nobody declared": (on_card("spoofchk", "off"), f"{PF} vf 0: spoofchk: expected yes, found no"),
    "MTU in the pod": (inside("link", "set", "eth0", "mtu", "1300"), "mtu: expected 1400, found 1300"),
    "link down in the pod": (inside("link", "set", "eth0", "down"), "eth0: state: expected up, found down"),
    "address in the pod": (
        inside("address", "flush", "dev", "eth0"),
        "eth0: address: expected 10.60.0.31/24, found none",
    ),
    "route in the pod": (inside("route", "del", "10.99.0.0/16"), "eth0: route: expected 10.99.0.0/16"),
    "function moved to the node": (outside, "found on the node, as moved-away"),
    "function moved to another namespace": (to_another, "found elsewhere"),
}


@pytest.mark.parametrize("name", spread(DRIFTS, 5))
def test_a_drift_is_named_by_check_and_repaired(node: Node, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    change, words = DRIFTS[name]
    pod, shown = node.added("full-0")
    peer, _ = node.added("peer-0")
    change(pod)
    answer = node.call("CHECK", pod, prevResult=shown)
    assert answer.result["code"] == 105
    assert words in answer.result["msg"]
    capsys.readouterr()
    assert command(node, "check", "--repair", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["drifted"], told["repaired"]) == (1, 1)
    assert node.call("CHECK", pod, prevResult=shown).code == 0
    assert node.reaches(peer, "10.60.0.31")
    command(node, "history", "10.60.0.31", "--json")
    last = json.loads(capsys.readouterr().out)["events"][-1]
    assert last["kind"] == "Repaired"
    assert words.rsplit(": ", 1)[-1].split(",")[0] in last["why"]
    node.deleted(pod, peer)
    if name.endswith("another namespace"):
        run("ip", "netns", "delete", "elsewhere")


def test_what_a_pod_that_never_got_its_del_has_is_taken_back_by_repair(node: Node) -> None:
    pod, _ = node.added("full-0")
    node.kubelet.remove_namespace(pod.netns)
    assert command(node, "check") == 4
    assert command(node, "check", "--repair") == 0
    assert node.left_behind() == []


def test_a_running_pod_follows_its_declaration(node: Node, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pod, shown = node.added("full-0")
    changed = {**FULL, "vlan": {"id": 100, "priority": 6}, "rates": {"egress": 80}, "trust": "off"}
    assert apply(node, tmp_path, declared("full-0", "10.60.0.31", **changed)) == 0
    assert "adjusted  bank/full-0: qos 2 -> 6; max_tx_rate 50 -> 80; trust on -> off" in capsys.readouterr().out
    told = card.vf(0)
    assert (told["vlan_list"][0]["qos"], told["rate"]["max_tx"], told["trust"]) == (6, 80, False)
    assert node.call("CHECK", pod, prevResult=shown).code == 0
    command(node, "history", "10.60.0.31", "--json")
    last = json.loads(capsys.readouterr().out)["events"][-1]
    assert (last["kind"], "max_tx_rate 50 -> 80" in last["why"]) == ("Adjusted", True)
    without = {key: said for key, said in changed.items() if key not in ("rates", "trust")}
    assert apply(node, tmp_path, declared("full-0", "10.60.0.31", **without)) == 0
    assert card.vf(0)["rate"]["max_tx"] == 0
    assert node.call("CHECK", pod, prevResult=shown).code == 0
    node.deleted(pod)
    assert node.left_behind() == []
    assert apply(node, tmp_path, DOCUMENTS + PODS) == 0


def test_what_the_driver_refuses_changes_nothing(
    node: Node, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pod, shown = node.added("full-0")
    changed = {**FULL, "rates": {"egress": 80}, "linkState": "enable"}
    assert apply(node, tmp_path, declared("full-0", "10.60.0.31", **changed)) == 1
    assert "igb refused link_state enable" in capsys.readouterr().out
    assert card.vf(0)["rate"]["max_tx"] == 50
    assert node.call("CHECK", pod, prevResult=shown).code == 0
    node.deleted(pod)
    assert apply(node, tmp_path, DOCUMENTS + PODS) == 0


def test_a_changed_vlan_waits_for_the_next_start(
    node: Node, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pod, _ = node.added("full-0")
    assert apply(node, tmp_path, declared("full-0", "10.60.0.31", **{**FULL, "vlan": {"id": 200, "priority": 2}})) == 0
    assert "at its next start  bank/full-0: vlan" in capsys.readouterr().out
    assert card.vf(0)["vlan_list"][0]["vlan"] == 100
    node.deleted(pod)
    assert apply(node, tmp_path, DOCUMENTS + PODS) == 0
