"""What happens to an attachment over time: many DELs, vanished namespaces, restarts, drift, collection."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.kubelet import run
from tests.waiting import until

if TYPE_CHECKING:
    from tests.netns.kubelet import Kubelet, Pod


def test_four_deletes_in_a_row_succeed_three_without_a_namespace(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    node.remember()
    added = node.call("ADD", pod)
    assert node.call("DEL", pod, prevResult=added.result).code == 0
    for _ in range(3):
        again = node.call("DEL", pod, netns="")
        assert (again.code, again.stdout) == (0, "")
    assert node.left_behind() == []


def test_a_delete_after_the_namespace_vanished_releases_the_lease(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    assert node.call("ADD", pod).code == 0
    node.remove_namespace(pod.netns)
    assert node.call("DEL", pod).code == 0
    assert node.rows("SELECT * FROM leases") == []
    assert not any("pb" in name for name in node.links(node.node))


def test_a_delete_with_a_broken_configuration_still_succeeds(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    node.remember()
    assert node.call("ADD", pod).code == 0
    assert node.call("DEL", pod, device="teapot", vlan={"id": 9999}, prevResult=17).code == 0
    assert node.left_behind() == []


def test_a_recreated_pod_takes_its_address_over_once_the_old_namespace_is_gone(node: Kubelet) -> None:
    old = node.pod("mysql-0", uid="old")
    assert node.call("ADD", old).code == 0
    new = node.pod("mysql-0", uid="new")
    waiting = node.call("ADD", new)
    assert waiting.code == 1
    assert waiting.result["code"] == 11
    assert old.container_id in str(waiting.result["msg"])
    node.remove_namespace(old.netns)
    moved = node.call("ADD", new)
    assert moved.code == 0, moved
    assert moved.address == "10.50.0.11/24"
    history = json.loads(node.podberth("history", "bank/mysql-0", "--json"))["events"]
    assert [event["kind"] for event in history] == ["Reserved", "Bound", "Moved"]


def test_the_old_delete_that_comes_late_touches_nothing_of_the_new_one(node: Kubelet) -> None:
    old = node.pod("mysql-0", uid="old")
    assert node.call("ADD", old).code == 0
    node.remove_namespace(old.netns)
    new = node.pod("mysql-0", uid="new")
    assert node.call("ADD", new).code == 0
    before = node.inventory()
    assert node.call("DEL", old).code == 0
    assert node.inventory() == before


def test_a_new_sandbox_of_the_same_pod_takes_over_and_the_old_interface_goes(node: Kubelet) -> None:
    old = node.pod("mysql-0", uid="same")
    assert node.call("ADD", old).code == 0
    new = node.pod("mysql-0", uid="same")
    assert node.call("ADD", new).code == 0
    assert "eth0" not in node.inside(old.netns, "ip", "-o", "link")
    assert "10.50.0.11" in node.inside(new.netns, "ip", "-o", "address")
    assert len(node.rows("SELECT * FROM leases")) == 1


def test_check_passes_as_made_and_names_what_somebody_changed(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    result = node.call("ADD", pod).result
    assert node.call("CHECK", pod, prevResult=result).code == 0
    node.inside(pod.netns, "ip", "address", "del", "10.50.0.11/24", "dev", "eth0")
    node.inside(pod.netns, "ip", "address", "add", "10.50.0.66/24", "dev", "eth0")
    drifted = node.call("CHECK", pod, prevResult=result)
    assert drifted.code == 1
    assert drifted.result["code"] == 105
    assert "10.50.0.11" in str(drifted.result["msg"])


def test_check_of_what_was_never_added_says_so(node: Kubelet) -> None:
    answer = node.call("CHECK", node.pod("mysql-0"), prevResult={"cniVersion": "1.1.0"})
    assert answer.result["code"] == 3


def test_collection_takes_back_what_is_not_valid_and_leaves_the_rest(node: Kubelet) -> None:
    kept, stale = node.pod("mysql-0"), node.pod("mysql-1")
    assert node.call("ADD", kept).code == 0
    node.remember()
    assert node.call("ADD", stale).code == 0
    assert node.collect(stale, kept).code == 0
    assert node.left_behind() == []


def test_status_is_fine_with_a_pool_that_is_full_deleted_or_not_there(node: Kubelet) -> None:
    node.apply(
        "apiVersion: podberth.io/v1alpha1\nkind: Pool\nmetadata: {name: tiny}\n"
        "spec: {subnets: [{subnet: 10.70.0.0/30, gateway: 10.70.0.1}]}\n"
    )
    pod = node.pod("one", namespace="web")
    assert node.call("STATUS", pod, pool="tiny").code == 0
    assert node.call("ADD", pod, pool="tiny").address == "10.70.0.2/30"
    refused = node.call("ADD", node.pod("two", namespace="web"), pool="tiny").result
    assert (refused["code"], "tiny" in refused["msg"]) == (100, True)
    assert node.call("STATUS", pod, pool="tiny").code == 0
    assert node.call("STATUS", pod, pool="nowhere").code == 0
    node.podberth("delete", "podnetwork", "bank/mysql")
    node.podberth("delete", "podnetwork", "bank/tagged")
    node.podberth("delete", "pool", "db")
    assert node.call("STATUS", pod, pool="db").code == 0


def test_a_host_that_answers_for_the_address_is_recorded_and_another_taken(node: Kubelet) -> None:
    node.apply(
        "apiVersion: podberth.io/v1alpha1\nkind: Pool\nmetadata: {name: shared}\nspec:\n"
        "  subnets: [{subnet: 10.80.0.0/24, gateway: 10.80.0.1}]\n"
        "  conflictDetection: {onConflict: next, probes: 2, intervalMilliseconds: 100}\n"
    )
    legacy = node.namespace(f"legacy-{node.mark}")
    node.inside(node.node, "ip", "link", "add", "bank0", "type", "bridge")
    node.inside(node.node, "ip", "link", "set", "bank0", "up")
    node.inside(node.node, "ip", "link", "add", "wire0", "type", "veth", "peer", "name", "eth0", "netns", legacy)
    node.inside(node.node, "ip", "link", "set", "wire0", "master", "bank0", "up")
    node.inside(legacy, "ip", "address", "add", "10.80.0.2/24", "dev", "eth0")
    node.inside(legacy, "ip", "link", "set", "eth0", "up")
    pod = node.pod("one", namespace="web")
    answer = node.call("ADD", pod, pool="shared")
    assert answer.code == 0, answer
    assert answer.address == "10.80.0.3/24"
    history = json.loads(node.podberth("history", "10.80.0.2", "--json"))["events"]
    assert "Conflicted" in [event["kind"] for event in history]
    node.podberth("reserve", "web/two", "10.80.0.2")
    refused = node.call("ADD", node.pod("two", namespace="web"), pool="shared")
    assert refused.result["code"] == 101
    assert "10.80.0.2" in str(refused.result["msg"])


def test_neighbours_learn_the_new_mac_without_asking(node: Kubelet) -> None:
    first = node.pod("one", namespace="web")
    assert node.call("ADD", first).address == "10.50.0.100/24"
    neighbour = node.namespace(f"neighbour-{node.mark}")
    node.inside(node.node, "ip", "link", "add", "wire0", "type", "veth", "peer", "name", "eth0", "netns", neighbour)
    node.inside(node.node, "ip", "link", "set", "wire0", "master", "bank0", "up")
    node.inside(neighbour, "ip", "address", "add", "10.50.0.200/24", "dev", "eth0")
    node.inside(neighbour, "ip", "link", "set", "eth0", "up")
    node.inside(neighbour, "ping", "-c", "1", "-w", "60", "-q", "10.50.0.100")
    before = json.loads(node.inside(neighbour, "ip", "-json", "neighbour", "show", "10.50.0.100"))[0]["lladdr"]
    assert node.call("DEL", first).code == 0
    second = node.pod("two", namespace="web")
    answer = node.call("ADD", second)
    assert answer.address == "10.50.0.100/24"
    mac = json.loads(node.inside(second.netns, "ip", "-json", "link", "show", "eth0"))[0]["address"]
    assert mac != before
    shown = ("ip", "-json", "neighbour", "show", "10.50.0.100")
    until(
        lambda: json.loads(node.inside(neighbour, *shown))[0]["lladdr"] == mac,
        lambda: f"the neighbour knows {node.inside(neighbour, *shown)}",
    )


def renamed(node: Kubelet, pod: Pod) -> None:
    """Do in the pod as KubeVirt's bridge binding does: its link gets another name, and another link the pod's."""
    for line in (
        "link set eth0 down", "link set eth0 name k6t-eth0", "link set k6t-eth0 up",
        "link add eth0 type veth peer name other", "link set eth0 mtu 1300",
    ):  # fmt: skip
        node.inside(pod.netns, "ip", *line.split())


@pytest.mark.parametrize("device", [{}, {"device": "macvlan", "parent": "uplink", "bridge": None}])
def test_a_link_that_has_the_pods_name_by_now_is_another_and_is_left_alone(
    node: Kubelet, device: dict[str, Any]
) -> None:
    run("ip", "-n", node.node, "link", "add", "uplink", "type", "veth", "peer", "name", "far")
    run("ip", "-n", node.node, "link", "set", "uplink", "up")
    pod = node.pod("mysql-0")
    added = node.call("ADD", pod, **device)
    assert added.code == 0, added
    renamed(node, pod)
    checked = node.call("CHECK", pod, prevResult=added.result, **device)
    assert checked.code == 1
    assert "eth0: identity: expected link " in str(checked.result["msg"])
    before = node.inside(pod.netns, "ip", "address", "show", "dev", "eth0")
    with pytest.raises(AssertionError, match="another one"):
        node.podberth("check", "--repair")
    assert node.inside(pod.netns, "ip", "address", "show", "dev", "eth0") == before
    assert node.call("DEL", pod, **device).code == 0
    assert set(node.links(pod.netns)) == {"lo", "eth0", "other"}
    assert node.rows("SELECT * FROM leases") == []


@pytest.mark.parametrize("change", ["mtu 1300", "advmss 1200", "table 100"])
def test_a_route_that_a_later_plugin_has_changed_is_still_the_one_that_was_made(node: Kubelet, change: str) -> None:
    pod = node.pod("mysql-0")
    added = node.call("ADD", pod)
    (default,) = [route for route in added.result["routes"] if route["dst"] == "0.0.0.0/0"]
    by = ("default", "via", default["gw"], "dev", "eth0")
    node.inside(pod.netns, "ip", "route", "delete", *by)
    assert "eth0: route" in str(node.call("CHECK", pod, prevResult=added.result).result["msg"])
    node.inside(pod.netns, "ip", "route", "add", *by, *change.split())
    assert node.call("CHECK", pod, prevResult=added.result).code == 0
    node.podberth("check", "--repair")
    assert change.rsplit(maxsplit=1)[-1] in node.inside(pod.netns, "ip", "route", "show", "table", "all", "default")
    assert node.call("DEL", pod).code == 0
