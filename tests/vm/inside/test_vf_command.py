"""`podberth vf` on a real card: functions come, are shown, labelled, counted, and never go while somebody has one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cli.main import main as podberth
from tests.vm.inside import card
from tests.vm.inside.card import PF, Node, as_it_was, declared, node_with_card

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Command = Callable[..., tuple[int, dict[str, Any]]]

PODS = declared("red-0", "10.60.0.41", vlan=100, vf={"label": "chosen"}) + declared("red-1", "10.60.0.42", vlan=100)


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


@pytest.fixture
def command(whole: Node, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command with --json; return its exit code and document."""

    def run(*argv: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = podberth(["--state", str(whole.kubelet.state), *argv, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


def test_the_list_is_what_the_kernel_has(node: Node, command: Command) -> None:
    code, told = command("vf", "list")
    assert code == 0
    assert [vf["address"] for vf in told["vfs"]] == card.functions()
    for index, vf in enumerate(told["vfs"]):
        assert (vf["pf"], vf["index"], vf["driver"], vf["vendor"], vf["device"]) == (PF, index, "igbvf", "8086", "10ca")
        assert (vf["link"], vf["state"], vf["mode"]) == (card.interface(vf["address"]), "free", "legacy")
    pod, shown = node.added("red-1")
    held = next(vf for vf in command("vf", "list")[1]["vfs"] if vf["state"] == "held")
    assert (held["address"], held["pod"]) == (shown["interfaces"][0]["pciID"], "bank/red-1")
    node.deleted(pod)


def test_a_label_chooses_the_function(node: Node, command: Command) -> None:
    _, refused = node.add("red-0")
    assert refused.result["code"] == 106
    assert "fits (labels chosen)" in refused.result["msg"]
    chosen = card.functions()[5]
    assert command("vf", "label", chosen, "chosen") == (0, {"address": chosen, "labels": ["chosen"]})
    pod, shown = node.added("red-0")
    assert shown["interfaces"][0]["pciID"] == chosen
    node.deleted(pod)
    assert command("vf", "label", chosen, "--remove")[1]["labels"] == []


def test_counters_count_the_pods_own_frames(node: Node, command: Command) -> None:
    first, _ = node.added("red-1")
    other = node.kubelet.pod("other-0")
    assert node.call("ADD", other, vlan={"id": 100}, pool="db").code == 0
    assert node.reaches(other, "10.60.0.42")
    before = command("vf", "stats", "bank/red-1")[1]["vfs"][0]
    node.kubelet.inside(other.netns, "ping", "-c", "3", "-i", "0.2", "-W", "2", "-s", "1000", "10.60.0.42")
    after = command("vf", "stats", "bank/red-1")[1]["vfs"][0]
    assert after["counted_by"] == "interface"
    assert after["rx_packets"] - before["rx_packets"] >= 3
    assert after["tx_bytes"] - before["tx_bytes"] >= 3000
    node.deleted(first, other)


def test_functions_are_not_destroyed_while_somebody_has_one_nor_unasked(node: Node, command: Command) -> None:
    pod, _ = node.added("red-1")
    code, refused = command("vf", "create", PF, "3", "--yes")
    assert (code, "is held by bank/red-1" in refused["msg"]) == (1, True)
    node.deleted(pod)
    code, undecided = command("vf", "create", PF, "3")
    assert (code, "destroys the 7 virtual functions" in undecided["msg"]) == (1, True)
    assert command("vf", "create", PF, "8")[0] == 2
    assert command("vf", "create", PF, "3", "--dry-run")[1]["dry_run"] is True
    assert len(card.functions()) == card.COUNT
    assert command("vf", "create", PF, str(card.COUNT))[1]["before"] == card.COUNT


def test_another_number_is_made_with_drivers_and_interfaces(whole: Node, command: Command) -> None:
    try:
        assert command("vf", "create", PF, "2", "--yes")[1]["count"] == 2
        assert all(card.interface(function) for function in card.functions())
        assert len(command("vf", "list")[1]["vfs"]) == 2
        assert command("vf", "create", PF, "0", "--yes")[0] == 0
        (empty,) = command("vf", "list")[1]["pfs_without_vfs"]
        assert (empty["link"], empty["total"]) == (PF, card.COUNT)
        assert command("vf", "create", empty["address"], str(card.COUNT))[0] == 0
    finally:
        card.bring_up()
