"""The protocol's corners, by exec: no command at all, VERSION, directories of documents, sticky addresses."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from tests.netns.kubelet import BUILT, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.netns.kubelet import Kubelet

DECLARED = """\
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: late}
spec:
  pod: late
  attachments: [{pool: db, addresses: [10.50.0.42]}]
"""


def test_a_person_who_calls_it_is_told_what_it_is_on_stderr() -> None:
    done = subprocess.run([BUILT / "podberth"], env={}, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert "CNI protocol versions supported: 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0" in done.stderr


def test_version_is_answered_with_dummies_for_everything_else() -> None:
    dummies = dict.fromkeys(("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"), "dummy")
    for stdin in ("", '{"cniVersion": "1.0.0"}'):
        done = subprocess.run(
            [BUILT / "podberth"],
            env={**dummies, "CNI_COMMAND": "VERSION"},
            input=stdin,
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(done.stdout)["supportedVersions"][-1] == "1.1.0"


def test_a_directory_of_documents_is_in_force_as_soon_as_it_changes(node: Kubelet, tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "late.yaml").write_text(DECLARED)
    pod = node.pod("late")
    assert node.call("ADD", pod, policyDir=str(folder)).address == "10.50.0.42/24"
    assert node.call("DEL", pod, policyDir=str(folder)).code == 0
    (folder / "late.yaml").write_text(DECLARED.replace("10.50.0.42", "10.50.0.43"))
    assert node.call("ADD", pod, policyDir=str(folder)).address == "10.50.0.43/24"


def test_a_broken_file_refuses_the_undeclared_and_serves_the_declared(node: Kubelet, tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "broken.yaml").write_text(DECLARED.replace("10.50.0.42", "10.50.0.420"))
    refused = node.call("ADD", node.pod("late"), policyDir=str(folder))
    assert refused.result["code"] == 102
    assert "broken.yaml" in refused.result["msg"]
    assert "addresses[0]" in refused.result["msg"]
    assert node.call("ADD", node.pod("mysql-0"), policyDir=str(folder)).address == "10.50.0.11/24"


def test_a_sticky_address_comes_back_although_lower_ones_are_free(node: Kubelet) -> None:
    first, second = node.pod("a", namespace="web"), node.pod("b", namespace="web")
    assert node.call("ADD", first, sticky=True).address == "10.50.0.100/24"
    assert node.call("ADD", second, sticky=True).address == "10.50.0.101/24"
    for pod in (first, second):
        assert node.call("DEL", pod).code == 0
    again = node.pod("b", namespace="web", uid="another")
    assert node.call("ADD", again, sticky=True).address == "10.50.0.101/24"


def test_two_interfaces_of_one_pod_live_and_go_apart(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    node.remember()
    assert node.call("ADD", pod).code == 0
    node.apply(
        "apiVersion: podberth.io/v1alpha1\nkind: Pool\nmetadata: {name: named}\n"
        "spec: {subnets: [{subnet: 10.69.0.0/24}], routes: [{dst: 0.0.0.0/0, gw: 10.69.0.1}]}\n"
    )
    both = node.call("ADD", pod, ifname="net1", pool="named")
    assert both.result["code"] == 103
    assert "`routes: []`" in both.result["details"]
    node.apply(
        "apiVersion: podberth.io/v1alpha1\nkind: Pool\nmetadata: {name: second}\n"
        "spec: {subnets: [{subnet: 10.70.0.0/24, gateway: 10.70.0.1}], routes: []}\n"
    )
    assert node.call("ADD", pod, ifname="net1", pool="second").code == 0
    assert node.call("DEL", pod).code == 0
    assert "net1" in node.inside(pod.netns, "ip", "-o", "link")
    assert "eth0@" not in node.inside(pod.netns, "ip", "-o", "link")
    assert node.call("DEL", pod, ifname="net1").code == 0
    assert node.left_behind() == []


def test_a_link_that_no_interface_can_stand_on_is_named_with_what_is_wrong(node: Kubelet) -> None:
    for argv in (
        ("link", "add", "below0", "type", "veth", "peer", "name", "below1"),
        ("link", "add", "taken0", "type", "bridge"),
        ("link", "set", "below0", "up"),
    ):
        run(*node.at_node, "ip", *argv)
    pod = node.pod("leg-0")
    macvlan: dict[str, Any] = {"device": "macvlan", "parent": "below0", "pool": "db", "bridge": None}
    larger = node.call("ADD", pod, **macvlan, mtu=9000)
    assert larger.result["code"] == 7
    assert larger.result["msg"] == "mtu: expected at most 1500, which below0 has, got 9000"
    run(*node.at_node, "ip", "link", "set", "below0", "master", "taken0")
    port = node.call("ADD", pod, **macvlan)
    assert port.result["code"] == 103
    assert "the link below is a port of a bridge" in port.result["details"]
    assert "`ip -d link show PARENT`" in port.result["details"]


def test_the_plugins_own_namespace_is_taken_only_if_told_so(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    own = f"/var/run/netns/{node.node}"
    refused = node.call("ADD", pod, netns=own)
    assert refused.result["code"] == 8
    assert "CNI_NETNS_OVERRIDE=1" in refused.result["details"]
    assert node.call("ADD", pod, netns=own, env={"CNI_NETNS_OVERRIDE": "1"}).code == 0
    assert node.call("DEL", pod, netns=own, env={"CNI_NETNS_OVERRIDE": "1"}).code == 0


def test_a_reservation_of_a_sheet_is_no_declaration_and_the_refusal_says_how_it_would_count(
    node: Kubelet, tmp_path: Path
) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("address,namespace,pod\n10.50.0.77,bank,stray\n")
    node.podberth("import", "csv", str(sheet))
    pod = node.pod("stray")
    refused = node.call("ADD", pod, undeclared="refuse").result
    assert (refused["code"], "10.50.0.77 of pool db is reserved for it, which is no declaration" in refused["msg"]) == (
        102,
        True,
    )
    assert "`addresses: [10.50.0.77]`" in refused["details"]
    assert node.call("ADD", pod).address == "10.50.0.77/24"


def test_a_pod_that_another_store_knows_keeps_all_it_has_when_its_repetition_is_refused(node: Kubelet) -> None:
    wanted: dict[str, Any] = {"isGateway": True, "ipMasq": True, "rates": {"egress": 10}}
    other = node.state.with_name("other")
    shutil.copytree(node.state, other)  # it has the same declarations, and does not know of the pod
    pod = node.pod("mysql-0")
    added = node.call("ADD", pod, **wanted)
    assert added.code == 0
    again = node.call("ADD", pod, **wanted, stateDir=str(other))
    assert (again.code, again.result["code"]) == (1, 103)
    assert node.call("DEL", pod, **wanted, stateDir=str(other)).code == 0
    assert node.call("CHECK", pod, **wanted, prevResult=added.result).code == 0
