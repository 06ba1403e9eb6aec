"""`podberth explain`, `plan` and `doctor` of a pod with several networks say before the fact what its ADD then does."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.networks.conftest import leg

if TYPE_CHECKING:
    from pathlib import Path

    from tests.netns.kubelet import Pod
    from tests.netns.networks.conftest import Site

DECLARED = """
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: mysql}
spec:
  pod: mysql-0
  attachments: [{ifname: data0, pool: legs, addresses: [10.81.0.77]}]
"""

CLAIMING = """
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: legs}
spec:
  subnets: [{subnet: 10.81.0.0/24, gateway: 10.81.0.1}]
  allow: [{namespaces: [bank], reservations: 5}]
"""


def asked(site: Site, command: str, pod: Pod, **changes: Any) -> dict[str, Any]:
    """Ask about the pod by the runtime's file of all networks."""
    file = written(site, **changes)
    return dict(json.loads(site.node.podberth(command, f"{pod.namespace}/{pod.name}", "--config", str(file), "--json")))


def written(site: Site, **changes: Any) -> Path:
    """Write the runtime's file of all networks."""
    plugin = {key: said for key, said in site.conf(**changes).items() if said is not None}
    file = site.folder / "00-networks.conflist"
    file.write_text(json.dumps({"cniVersion": "1.1.0", "name": plugin["name"], "plugins": [plugin]}))
    return file


def test_each_leg_is_explained_with_who_gives_its_addresses_and_gets_what_was_said(site: Site) -> None:
    site.node.apply(DECLARED)
    site.define("storage", leg(site.folder, capabilities={"ips": True}))
    wishes: list[dict[str, Any]] = [
        {"name": "storage", "interface": "data0"},
        {"name": "storage", "ips": ["10.81.0.9"]},
    ]
    pod = site.pod("mysql-0", json.dumps(wishes))
    explained = asked(site, "explain", pod)
    assert [(one["ifname"], one["name"], one["plugins"], one["addresses_by"]) for one in explained["legs"]] == [
        ("eth0", "cluster", ["bridge"], "host-local"),
        ("data0", "bank/storage", ["podberth"], "podberth"),
        ("net2", "bank/storage", ["podberth"], "podberth"),
    ]
    addresses = {one["ifname"]: [a["address"] for a in one["addresses"]] for one in explained["interfaces"]}
    assert addresses == {"data0": ["10.81.0.77"], "net2": ["10.81.0.9"]}
    assert site.added(pod).code == 0
    assert [one["ips"] for one in site.told(pod, 3)[1:]] == [["10.81.0.77"], ["10.81.0.9"]]
    assert site.call("DEL", pod).code == 0


def test_the_address_of_a_claim_is_explained_as_the_claims_before_while_and_after_a_pod_has_it(site: Site) -> None:
    site.node.apply(CLAIMING)
    site.define("storage", leg(site.folder))
    site.claim("disk")
    claiming = '[{"name": "storage", "ipam-claim-reference": "disk"}]'
    pod = site.pod("vm-a", claiming)

    def foreseen(of: Pod) -> tuple[str, str]:
        (interface,) = asked(site, "explain", of)["interfaces"]
        (expected,) = interface["addresses"]
        return expected["address"], expected["why"]

    assert foreseen(pod)[1] == "any free address for IPAMClaim disk, for example this one"
    assert site.added(pod).code == 0
    has = site.told(pod, 2)[1]["ips"][0]
    assert foreseen(pod) == (has, "IPAMClaim disk")
    assert site.call("DEL", pod).code == 0
    assert foreseen(site.pod("vm-b", claiming)) == (has, "IPAMClaim disk")


def test_a_plan_has_the_call_of_each_network_and_does_nothing(site: Site) -> None:
    site.define("storage", leg(site.folder))
    pod = site.pod("mysql-0", "storage@data0")
    planned = asked(site, "plan", pod)
    assert [one["command"] for one in planned["ops"]] == [
        "CNI_IFNAME=eth0 cnitool add cluster /var/run/netns/POD",
        "CNI_IFNAME=data0 cnitool add legs /var/run/netns/POD",
    ]
    assert site.left() == []


def doctored(site: Site, **changes: Any) -> dict[str, dict[str, Any]]:
    """Ask the doctor about the runtime's folder of networks."""
    written(site, **changes)
    words = (sys.executable, "-m", "podberth.cli.main", "--state", str(site.node.state), "doctor", "--json")
    done = subprocess.run((*words, "--net-dir", str(site.folder)), capture_output=True, text=True, check=False)
    return {one["name"]: one for one in json.loads(done.stdout)["findings"]}


@pytest.mark.parametrize("kind", [{}, {"type": "multus-shim", "daemonConfig": "/proc/none"}], ids=["own", "thick"])
def test_the_doctor_says_which_networks_each_pod_has_and_that_the_account_has_its_rights(
    site: Site, kind: dict[str, str]
) -> None:
    found = doctored(site, **kind)
    assert found["00-networks.conflist networks"]["text"] == "each pod has cluster (bridge)"
    assert found["00-networks.conflist API"]["level"] == "ok"


def test_the_doctor_says_why_no_pod_of_the_node_would_start(site: Site) -> None:
    found = doctored(site, clusterNetwork="/host/etc/cni/net.d/10-cluster.conflist")
    assert found["00-networks.conflist networks"]["level"] == "fail"
    assert "no network at /host/etc" in found["00-networks.conflist networks"]["text"]
    delegate = {"name": "n", "cniVersion": "1.0.0", "type": "no-such-plugin"}
    found = doctored(site, clusterNetwork=None, kubeconfig=None, delegates=[delegate])
    assert "there is no plugin 'no-such-plugin'" in found["00-networks.conflist networks"]["text"]
    found = doctored(site, kubeconfig="/nowhere/kubeconfig")
    assert found["00-networks.conflist API"]["level"] == "fail"
    assert "/nowhere/kubeconfig can't be read" in found["00-networks.conflist API"]["text"]


def test_the_doctor_names_the_right_that_is_missing(site: Site) -> None:
    site.server.allow(
        "half", ("", "pods", ["get", "list", "watch"]),
        ("k8s.cni.cncf.io", "network-attachment-definitions", ["get", "list", "watch"]),
    )  # fmt: skip
    found = doctored(site, kubeconfig=str(site.server.user("half")))["00-networks.conflist API"]
    assert (found["level"], found["text"].endswith("may not patch pods/status")) == ("fail", True), found
