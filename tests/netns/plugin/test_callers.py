"""What real callers send is served, by exec: by Multus, podman's CNI back end, programs in Go with their defaults."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.checkout import ROOT
from tests.netns.kubelet import BUILT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.netns.kubelet import Answer, Kubelet, Pod

POOL = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: shop}
spec:
  subnets: [{subnet: 10.90.0.0/24, gateway: 10.90.0.1}]
  allow: [{namespaces: [bank]}]
"""


def by_multus(pod: Pod) -> str:
    """Return CNI_ARGS as Multus 4.3 sends them on Kubernetes 1.36: those of containerd, then its own."""
    again = f"K8S_POD_INFRA_CONTAINER_ID={pod.container_id};K8S_POD_UID={pod.uid}"
    named = f"K8S_POD_NAMESPACE={pod.namespace};K8S_POD_NAME={pod.name}"
    return f"IgnoreUnknown=true;{named};{again};{again};IgnoreUnknown=1;{named}"


def in_reverse_dns(pod: Pod) -> str:
    return f"com.example/tenant=a=b;{pod.args};com.example/zone="


@pytest.mark.parametrize("args", [by_multus, in_reverse_dns])
def test_a_pod_of_a_caller_with_more_to_say_lives_and_goes(node: Kubelet, args: Callable[[Pod], str]) -> None:
    pod = node.pod("mysql-1")
    env = {"CNI_ARGS": args(pod)}
    added = node.call("ADD", pod, env=env)
    assert added.address == "10.50.0.12/24", added
    leases = json.loads(node.podberth("leases", "--json"))["leases"]
    assert [lease["pod"] for lease in leases] == ["bank/mysql-1"]
    for verb in ("CHECK", "STATUS"):
        assert node.call(verb, pod, env=env, prevResult=added.result).code == 0
    assert node.collect(pod, pod, env=env).code == 0
    assert node.call("CHECK", pod, env=env, prevResult=added.result).code == 0
    assert node.call("DEL", pod, env=env).code == 0
    assert [node.rows(f"SELECT * FROM {table}") for table in ("leases", "attachments")] == [[], []]
    assert "eth0" not in node.links(pod.netns)


def test_two_pods_in_one_call_get_nothing(node: Kubelet) -> None:
    pod = node.pod("mysql-1")
    refused = node.call("ADD", pod, env={"CNI_ARGS": f"{by_multus(pod)};K8S_POD_NAME=mysql-2"}).result
    assert (refused["code"], "'mysql-1' and 'mysql-2' in one call" in refused["msg"]) == (4, True)
    assert node.rows("SELECT * FROM leases") == []


def test_a_pod_that_podman_names_without_a_namespace_is_that_of_the_network(node: Kubelet) -> None:
    pod = node.pod("mysql-1")
    env = {"CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAME=mysql-1"}
    assert node.call("ADD", pod, env=env, podNamespace="bank", undeclared="refuse").address == "10.50.0.12/24"
    assert node.call("DEL", pod, env=env, podNamespace="bank", undeclared="refuse").code == 0


def test_a_pod_of_no_namespace_is_served_as_one_that_nobody_declared(node: Kubelet) -> None:
    node.apply(POOL)
    pod = node.pod("mysql-1")
    env = {"CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAME=mysql-1"}
    refusals = (node.call("ADD", pod, env=env, undeclared="refuse"), node.call("ADD", pod, env=env, pool="shop"))
    for refused in (answer.result for answer in refusals):
        assert (refused["code"], "the pod mysql-1 without a namespace" in refused["msg"]) == (102, True), refused
        assert "`podNamespace` in the network configuration" in refused["details"]
    assert node.call("ADD", pod, env=env).address == "10.50.0.100/24"
    assert node.call("DEL", pod, env=env).code == 0


def test_defaults_that_programs_in_go_write_out_are_not_said(node: Kubelet) -> None:
    pod = node.pod("mysql-1")
    keys: dict[str, Any] = {"mtu": 0, "mac": "", "ipam": {"type": ""}, "runtimeConfig": {"mac": ""}}
    added = node.call("ADD", pod, **keys)
    assert added.address == "10.50.0.12/24", added
    assert node.links(pod.netns)["eth0"]["mtu"] == 1500
    assert node.call("STATUS", pod, **keys).code == 0
    assert node.call("DEL", pod, **keys).code == 0


# Of the Go programs that write each: a struct of netconf, of libcni's or Multus' runtimeConfig.
ZEROS: dict[str, dict[str, Any]] = {
    "main": {"mtu": 0, "mac": "", "vlan": 0, "ipam": {}, "dns": {}, "routes": None, "sysctls": None, "rates": None},
    "bridge": {"hairpin": False, "isGateway": False, "ipMasq": False, "mode": "", "parent": "", "vf": None},
    "rates": {"rates": {"egress": 0, "ingress": 0, "minEgress": 0}, "device": "", "linkState": "", "spoofchk": ""},
    "shared": {"capabilities": {}, "args": None, "prevResult": None, "policyDir": "", "logFile": ""},
    "ipam": {"ipam": {"type": "", "subnet": "", "ranges": None, "mtu": 0, "dns": {}}, "undeclared": "", "logLevel": ""},
    "runtimeConfig": {
        "runtimeConfig": {
            "mac": "", "ips": None, "deviceID": "", "infinibandGUID": "", "aliases": None, "portMappings": None,
            "bandwidth": {"ingressRate": 0, "ingressBurst": 0, "egressRate": 0, "egressBurst": 0},
            "dns": {"Servers": None, "Searches": None, "Options": None}, "io.kubernetes.cri.pod-annotations": None,
        },
        "deviceID": "",
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", ZEROS)
def test_a_pod_whose_configuration_has_every_zero_of_go_is_as_one_without(node: Kubelet, kind: str) -> None:
    plain, zeros = node.pod("mysql-1"), node.pod("mysql-1")
    wanted = node.call("ADD", plain)
    assert node.call("DEL", plain).code == 0

    def call(verb: str, **more: object) -> Answer:
        return node.send(node.env(verb, zeros), json.dumps({**node.config(), **ZEROS[kind], **more}))

    added = call("ADD")
    assert (added.code, added.address) == (0, wanted.address), added
    assert {**added.result, "interfaces": []} == {**wanted.result, "interfaces": []}
    for verb in ("CHECK", "STATUS"):
        assert call(verb, prevResult=added.result).code == 0
    assert call("DEL").code == 0
    assert node.rows("SELECT * FROM attachments") == []


def served(node: Kubelet, entry: dict[str, Any], pod: Pod) -> None:
    """Make the calls of one caller, in order, as it makes them; each is answered as it should be."""
    added: dict[str, Any] = {}
    for call in entry["calls"]:
        verb, stdin = call["env"]["CNI_COMMAND"], call["stdin"]
        if verb == "CHECK":
            stdin = {**stdin, "prevResult": added}  # the one recorded is of another pod's links
        answer = node.send(call["env"], json.dumps(stdin))
        assert (answer.code != 0, answer.result["code"] if answer.code else None) == (
            "refused" in call,
            call.get("refused"),
        ), (call, answer)
        if verb == "VERSION":
            assert stdin["cniVersion"] in answer.result["supportedVersions"]
        if verb == "ADD":
            added = answer.result
            declared = "K8S_POD_NAMESPACE=bank" in call["env"]["CNI_ARGS"] and call["env"]["CNI_IFNAME"] == "eth0"
            assert (answer.address == "10.50.0.12/24") == declared, answer
            assert call["env"]["CNI_IFNAME"] in node.links(pod.netns)


CORPUS = ROOT / "tests" / "golden" / "callers"


@pytest.mark.parametrize("caller", sorted(file.stem for file in CORPUS.glob("*.json")))
def test_every_call_of_a_caller_is_served_and_its_pod_leaves_nothing(node: Kubelet, caller: str) -> None:
    pod = node.pod("mysql-1")
    text = (CORPUS / f"{caller}.json").read_text()
    names = {"@container@": pod.container_id, "@netns@": pod.path, "@uid@": pod.uid, "@state@": str(node.state)}
    names |= {"@bin@": f"{BUILT}:/usr/lib/cni", "@bridge@": "bank0", "@network@": "banknet", "@short@": "c0ff"}
    for name, real in names.items():
        text = text.replace(name, real)
    served(node, json.loads(text), pod)
    assert [node.rows(f"SELECT * FROM {table}") for table in ("leases", "attachments")] == [[], []]
    assert set(node.links(pod.netns)) <= {"lo"}
