"""Pods that run with what was declared when they started: `apply`, `check` and `explain` say so, each value by name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.netns.cli.conftest import Shell
    from tests.netns.kubelet import Kubelet, Pod


def changed(podberth: Shell, folder: Path, name: str, **spec: object) -> str:
    """Return a file with the pool as it is in force, and `spec` in it."""
    document = podberth("pool", "show", name, "--json").json["document"]
    document["spec"].update(spec)
    file = folder / "changed.json"
    file.write_text(json.dumps(document))
    return str(file)


def test_a_pod_that_keeps_an_older_value_is_named_by_apply_check_and_explain(
    podberth: Shell, pod: Pod, tmp_path: Path
) -> None:
    name = "db"
    before = podberth("check", "--json")
    assert before.json["attachments"][0]["outdated"] == []
    file = changed(podberth, tmp_path, name, dns={"nameservers": ["10.99.0.53"]})
    applied = podberth("apply", "-f", file, "--json")
    assert applied.code == 0, applied
    assert applied.json["started_before"] == {f"Pool {name}": 1}
    (kept,) = applied.json["outdated"]
    assert (kept["pod"], [value["field"] for value in kept["values"]]) == ("bank/mysql-0", ["dns"])
    checked = podberth("check", "--json")
    assert checked.code == 0, checked
    assert [value["now"] for value in checked.json["attachments"][0]["outdated"]] == ["10.99.0.53"]
    assert "a pod that starts now gets 10.99.0.53" in podberth("check").out
    explained = podberth("explain", "bank/mysql-0", "--json")
    assert [value["field"] for one in explained.json["interfaces"] for value in one["outdated"]] == ["dns"]


def test_the_gateway_that_a_running_pod_was_told_goes_to_no_other(
    podberth: Shell, node: Kubelet, pod: Pod, tmp_path: Path
) -> None:
    name = "db"
    subnet = podberth("pool", "show", name, "--json").json["document"]["spec"]["subnets"][0]
    former = subnet["gateway"]
    moved = former.rpartition(".")[0] + ".254"
    file = changed(podberth, tmp_path, name, subnets=[{"subnet": subnet["subnet"], "gateway": moved}])
    applied = podberth("apply", "-f", file)
    assert applied.code == 0, applied
    assert f"gateway {former}, until it restarts; then {moved}" in applied.out
    other = node.pod("other")
    answer = node.call("ADD", other)
    assert answer.code == 0, answer
    assert [one["address"] for one in json.loads(answer.stdout)["ips"]] == ["10.50.0.2/24"]
    assert former == "10.50.0.1"
    assert f"via {former}" in node.inside(pod.netns, "ip", "route")


def declared(folder: Path, **attachment: object) -> str:
    """Return a file with the PodNetwork of the pod, and `attachment` in it instead of what is in force."""
    own = {"pool": "db", "ordinals": [{"range": "10.50.0.11-10.50.0.12"}], "mac": "fromAddress", "mtu": 1400}
    spec = {"statefulSet": {"name": "mysql", "replicas": 2}, "attachments": [{**own, **attachment}]}
    document = {"kind": "PodNetwork", "metadata": {"namespace": "bank", "name": "mysql"}, "spec": spec}
    file = folder / "declared.json"
    file.write_text(json.dumps({"apiVersion": "podberth.io/v1alpha1", **document}))
    return str(file)


VALUES: dict[str, tuple[dict[str, object], str, str]] = {
    "rates": ({"rates": {"egress": 60}}, "egress 100 Mbit/s", "egress 60 Mbit/s"),
    "mtu": ({"mtu": 1300, "rates": {"egress": 100}}, "1400", "1300"),
    "routes": (
        {"routes": [{"dst": "192.0.2.0/24", "gw": "10.50.0.9"}], "rates": {"egress": 100}},
        "0.0.0.0/0 via 10.50.0.1",
        "192.0.2.0/24 via 10.50.0.9",
    ),
    "dns": ({"dns": {"nameservers": ["192.0.2.53"]}, "rates": {"egress": 100}}, "-", "192.0.2.53"),
}


@pytest.mark.parametrize("field", VALUES)
def test_a_pod_that_is_as_it_was_made_and_not_as_it_is_declared_is_no_quiet_answer(
    podberth: Shell, pod: Pod, tmp_path: Path, field: str
) -> None:
    changes, told, now = VALUES[field]
    assert podberth("apply", "-f", declared(tmp_path, **changes)).code == 0
    (checked,) = podberth("check", "--json").json["attachments"]
    assert (checked["pod"], checked["drifts"]) == (f"bank/{pod.name}", [])
    found = {one["field"]: (one["told"], one["now"]) for one in checked["outdated"]}
    assert found.keys() == {field}
    assert (told in found[field][0], now in found[field][1]) == (True, True)


def test_a_prefix_that_running_pods_were_told_otherwise_is_named(podberth: Shell, pod: Pod, tmp_path: Path) -> None:
    subnet = podberth("pool", "show", "db", "--json").json["document"]["spec"]["subnets"][0]
    wider = {**subnet, "subnet": "10.50.0.0/23"}
    assert podberth("apply", "-f", changed(podberth, tmp_path, "db", subnets=[wider])).code == 0
    (checked,) = podberth("check", "--json").json["attachments"]
    assert (checked["pod"], checked["outdated"]) == (
        f"bank/{pod.name}",
        [{"field": "prefix", "told": "/24", "now": "/23"}],
    )
