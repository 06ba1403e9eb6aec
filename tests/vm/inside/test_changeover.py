"""A node changes over from Multus and sriov-cni under a running pod, whose files and links are as those leave them.

The pod's first network is made by the CNI project's own `bridge` and `host-local`. That of sriov-cni is made by its
commands (test_sriov_cni_pods). Multus keeps a list of what it has called, and libcni's files of results.
"""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cni.netlist import parse
from podberth.entry import Kept, handle
from podberth.runtime.cache import Cache
from podberth.runtime.chain import Runtime
from podberth.runtime.conf import RuntimeConf
from tests.checkout import ROOT
from tests.netns.kubelet import BUILT, Answer, run
from tests.netns.standard.twins import go
from tests.vm.inside.test_sriov_cni_pods import NETWORK, device, made_by_sriov_cni, node, result, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TypeAlias

    from tests.netns.kubelet import Pod
    from tests.vm.inside.card import Node

    Serve: TypeAlias = Callable[[Mapping[str, str], bytes, str], tuple[int, str]]

__all__ = ["node", "whole"]  # the fixtures
LEASES = Path("/var/lib/cni/networks")
CLUSTER: dict[str, Any] = {
    "cniVersion": "1.0.0",
    "name": "cluster",
    "plugins": [
        {
            "type": "bridge",
            "bridge": "cluster0",
            "isGateway": True,
            "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.80.0.0/24"}]]},
        }
    ],
}
STORAGE: dict[str, Any] = {
    **NETWORK, "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.56.217.0/24"}]]},
}  # fmt: skip
ADDRESS = "10.56.217.5"


@pytest.fixture
def agent() -> Iterator[Serve]:
    """What serves the calls, as an agent does: it keeps no namespace open."""
    kept = Kept()
    yield lambda env, stdin, plugin_type: handle(env, stdin, plugin_type, kept.node)
    kept.close()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where Multus keeps what it knows."""
    yield tmp_path / "multus"
    run("ip", "link", "delete", "cluster0")
    shutil.rmtree(LEASES, ignore_errors=True)


def made_by_multus(node: Node, folder: Path) -> Pod:
    """Start a pod with both networks, as Multus with sriov-cni does it."""
    pod, cache = made_by_sriov_cni(node, "web-0"), Cache(str(folder))
    conf = RuntimeConf(container_id=pod.container_id, ifname="eth0", netns=pod.path)
    Runtime((str(go()),), cache=cache).add(parse(json.dumps(CLUSTER).encode()), conf)
    lease = LEASES / "storage" / ADDRESS
    lease.parent.mkdir(parents=True)
    lease.write_text(f"{pod.container_id}\r\nnet1")
    storage = {**STORAGE, "deviceID": device(), "pciBusID": device()}
    conf = RuntimeConf(container_id=pod.container_id, ifname="net1", netns=pod.path)
    told = {**result(pod), "ips": [{"address": f"{ADDRESS}/24", "interface": 0}]}
    run("ip", "-n", pod.netns, "address", "add", f"{ADDRESS}/24", "dev", "net1")
    cache.put("storage", conf, json.dumps(storage).encode(), told)
    (folder / pod.container_id).write_text(json.dumps([delegate(CLUSTER), delegate(storage)]))
    return pod


def delegate(network: dict[str, Any]) -> dict[str, Any]:
    """What Multus remembers of a network (multus-cni, pkg/types: DelegateNetConf)."""
    is_list = "plugins" in network
    return {
        "Conf": {} if is_list else network,
        "ConfList": network if is_list else {},
        "Name": network["name"],
        "ResourceName": "" if is_list else "example.com/vf",
        "DeviceID": network.get("deviceID", ""),
        "ConfListPlugin": is_list,
        "Bytes": base64.b64encode(json.dumps(network).encode()).decode(),
    }


def call(agent: Serve, node: Node, folder: Path, verb: str, pod: Pod, **changes: Any) -> Answer:
    """Call the plugin that has taken Multus' place, with Multus' own configuration."""
    conf = {
        "cniVersion": "1.0.0", "name": "multus-cni-network", "type": "multus", "clusterNetwork": "cluster",
        "cniDir": str(folder), "confDir": str(folder / "none"), "binDir": str(ROOT / "build" / "cni-standard"),
        "kubeconfig": "/nowhere/kubeconfig", "stateDir": str(node.kubelet.state),
    }  # fmt: skip
    env = {**node.kubelet.env(verb, pod), "CNI_PATH": str(BUILT)}
    return Answer(*agent(env, json.dumps({**conf, **changes}).encode(), "multus"), "")


@pytest.mark.parametrize("namespace_is_there", [True, False])
def test_a_pod_that_runs_stays_and_its_del_leaves_nothing(
    agent: Serve, node: Node, folder: Path, *, namespace_is_there: bool
) -> None:
    pod = made_by_multus(node, folder)
    (first,) = Cache(str(folder)).all("cluster")
    checked = call(agent, node, folder, "CHECK", pod, prevResult=dict(first.result or ()))
    assert checked.code == 0, checked
    valid = [{"containerID": pod.container_id, "ifname": "eth0"}]
    collected = call(agent, node, folder, "GC", pod, cniVersion="1.1.0", **{"cni.dev/valid-attachments": valid})
    assert collected.code == 0, collected
    assert set(node.kubelet.links(pod.netns)) == {"lo", "eth0", "net1"}
    assert sorted(path.name for path in LEASES.glob("*/10.*")) == [ADDRESS, "10.80.0.2"]
    if not namespace_is_there:
        node.kubelet.remove_namespace(pod.netns)
    for _ in range(2):
        assert call(agent, node, folder, "DEL", pod).code == 0
    assert [path.name for path in LEASES.glob("*/10.*")] == []
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    assert not [link for link in json.loads(run("ip", "-json", "link")) if link["ifname"].startswith("veth")]
