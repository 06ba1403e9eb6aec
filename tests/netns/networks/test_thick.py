"""A node of thick Multus that changes over by its executable alone, with pods of before, and what the daemon left."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.agent.running import agent
from tests.netns.networks.conftest import NODE, leg
from tests.netns.networks.test_ends import by_multus, known
from tests.netns.networks.test_hot_plug import attached, select
from tests.waiting import until

if TYPE_CHECKING:
    from tests.netns.kubelet import Answer, Pod
    from tests.netns.networks.conftest import Site

SHIM = "../cni-standard/multus-shim"
# As the manifests of Multus have it (multus-cni 4.3, deployments/multus-daemonset-thick.yml).
DAEMON: dict[str, object] = {
    "chrootDir": "/hostroot", "cniVersion": "0.3.1", "logLevel": "verbose", "logToStderr": True,
    "cniConfigDir": "/host/etc/cni/net.d", "multusAutoconfigDir": "/host/etc/cni/net.d", "multusConfigFile": "auto",
    "socketDir": "/host/run/multus/",
}  # fmt: skip


def written(site: Site, **changes: object) -> dict[str, object]:
    """Return what the daemon writes for the runtime, and where a test has its folders."""
    by_daemon = {
        "capabilities": {"portMappings": True}, "cniVersion": "0.3.1", "logLevel": "verbose", "logToStderr": True,
        "name": "multus-cni-network", "clusterNetwork": f"/host{site.folder}/net.d/10-cluster.conflist",
        "type": "multus-shim",
    }  # fmt: skip
    own = {
        "cniDir": str(site.folder / "cni"), "binDir": site.conf()["binDir"], "bridge": None, "pool": None,
        "daemonConfig": str(site.folder / "daemon-config.json"),
    }  # fmt: skip
    return {**by_daemon, **own, **changes}


def call(site: Site, verb: str, pod: Pod, **changes: object) -> Answer:
    said: Any = written(site, **changes)
    return site.node.call(verb, pod, plugin=SHIM, env={"CNI_PATH": site.path}, **said)


@pytest.fixture
def thick(served: Site) -> Site:
    """Yield a node that has the daemon's file, in which the operator has named a kubeconfig."""
    told(served)
    return served


def told(site: Site) -> None:
    """Write the daemon's file, and a definition."""
    site.define("storage", leg(site.folder))
    document = {**DAEMON, "kubeconfig": str(site.server.kubeconfig)}
    (site.folder / "daemon-config.json").write_text(json.dumps(document, indent=4))


def test_pods_of_before_end_and_new_ones_have_their_networks(thick: Site) -> None:
    before = by_multus(thick, thick.pod("mysql-0", "storage"), known)
    after = thick.pod("mysql-1", "storage")
    answer = call(thick, "ADD", after)
    assert answer.code == 0, answer.stdout
    assert answer.result["cniVersion"] == "0.3.1"
    assert [entry["name"] for entry in thick.told(after, 2)] == ["cluster", "bank/storage"]
    assert call(thick, "DEL", before).code == 0
    until(lambda: set(thick.node.links(before.netns)) == {"lo"})
    assert not (thick.folder / "cni" / before.container_id).exists()
    assert set(thick.node.links(after.netns)) == {"lo", "eth0", "net1"}
    assert call(thick, "DEL", after).code == 0
    assert thick.gone(after)


def test_a_node_that_is_told_of_no_api_server_gives_no_pod_half_of_its_networks(served: Site) -> None:
    before = by_multus(served, served.pod("mysql-0", "storage"), known)
    pod = served.pod("mysql-1", "storage")
    for verb in ("ADD", "STATUS"):
        refused = call(served, verb, pod, cniVersion="1.1.0")
        assert (refused.code, refused.result["code"]) == (1, 7)
        assert f"neither the network multus-cni-network nor {served.folder}/daemon" in refused.result["msg"]
    for each in (pod, before):
        assert call(served, "DEL", each).code == 0
    assert served.all_ended()


@pytest.mark.parametrize(
    ("text", "code", "named"),
    [("{", 6, "not valid JSON"), ('{"clusterNetwork": 7}', 7, "clusterNetwork"), ("[]", 7, "object")],
)
def test_a_daemons_file_that_is_damaged_is_named_and_is_in_no_dels_way(
    served: Site, text: str, code: int, named: str
) -> None:
    file = served.folder / "daemon-config.json"
    file.write_text(text)
    pod = by_multus(served, served.pod("mysql-0", "storage"), known)
    refused = call(served, "ADD", served.node.pod("mysql-1"))
    assert (refused.code, refused.result["code"]) == (1, code)
    assert str(file) in refused.result["msg"]
    assert named in refused.result["msg"]
    assert call(served, "DEL", pod).code == 0
    assert served.all_ended()


def test_status_and_check_are_those_of_all_networks(thick: Site) -> None:
    pod = thick.pod("mysql-0", "storage")
    answer = call(thick, "ADD", pod, cniVersion="1.1.0")
    assert answer.code == 0, answer.stdout
    assert call(thick, "STATUS", pod, cniVersion="1.1.0").code == 0
    assert call(thick, "CHECK", pod, cniVersion="1.1.0", prevResult=answer.result).code == 0
    thick.node.inside(pod.netns, "ip", "link", "delete", "net1")
    assert call(thick, "CHECK", pod, cniVersion="1.1.0", prevResult=answer.result).code == 1
    assert call(thick, "DEL", pod, cniVersion="1.1.0").code == 0
    assert thick.gone(pod)


def test_a_running_pods_networks_follow_its_annotation_by_what_was_said_at_its_start(site: Site) -> None:
    told(site)
    with agent(site.node, env={"NODE_NAME": NODE}):
        pod = site.pod("mysql-0")
        assert call(site, "ADD", pod).code == 0
        (site.folder / "daemon-config.json").unlink()
        select(site, pod, "storage")
        assert attached(site, pod, "net1")
        assert call(site, "DEL", pod).code == 0
        assert site.gone(pod)
