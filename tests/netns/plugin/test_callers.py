"""What real callers send is served, by exec: by Multus, podman's CNI back end, programs in Go with their defaults."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.netns.kubelet import Kubelet, Pod

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
