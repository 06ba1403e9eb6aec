"""A live migration from node to node, by a real API server and with the ledger in a real etcd."""

from __future__ import annotations

import contextlib
import json
import signal
from typing import TYPE_CHECKING

import pytest

from podberth.kube.resources import PODS
from podberth.networks.migration import JOB, READY
from tests.netns.agent.running import agent
from tests.netns.kubelet import Kubelet, run
from tests.netns.networks.conftest import NAMESPACE, POOL, Site, cluster_network, emptied, leg
from tests.netns.networks.test_migration import NOW, says
from tests.servers.etcd import EtcdServer
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.netns.agent.running import Running
    from tests.servers.kube import KubeServer

CLAIM = {"ipam-claim-reference": "vm.net1"}


@pytest.fixture
def sites(tmp_path: Path, server: KubeServer) -> Iterator[tuple[Site, Site]]:
    """Yield two nodes of one cluster: each has the network of the claim under a definition of its own."""
    made: list[Site] = []
    with EtcdServer() as etcd:
        for name in ("edge-1", "edge-2"):
            folder = tmp_path / name
            node = Kubelet(state=folder / "state", bare=True)
            node.podberth("store", "use", "etcd", "--endpoint", etcd.url, "--node", name)
            site = Site(node=node, server=server, folder=folder, name=name)
            made.append(site)
            (folder / "net.d").mkdir()
            network = json.dumps(cluster_network(folder)).replace("cluster0", f"c-{name}")
            (folder / "net.d" / "10-cluster.conflist").write_text(network)
            site.define(name, leg(folder, bridge=f"l-{name}"))
        made[0].node.podberth("store", "upgrade")
        made[0].node.apply(POOL)
        made[0].claim("vm.net1")
        yield made[0], made[1]
        for site in made:
            for namespace in site.node.namespaces:
                run("ip", "netns", "delete", namespace)
            for bridge in (f"c-{site.name}", f"l-{site.name}"):
                with contextlib.suppress(AssertionError):
                    run("ip", "link", "delete", bridge)
    emptied(made[0].client)


@pytest.fixture
def agents(sites: tuple[Site, Site]) -> Iterator[tuple[Running, Running]]:
    with (
        agent(sites[0].node, env={"NODE_NAME": "edge-1"}) as one,
        agent(sites[1].node, env={"NODE_NAME": "edge-2"}) as other,
    ):
        yield one, other


def holder(site: Site) -> tuple[str, str]:
    """Return which pod has the claim's address by the ledger, and on which node."""
    (lease,) = json.loads(site.node.podberth("leases", "--pool", "legs", "--json"))["leases"]
    return str(lease["pod"]), str(lease["node"])


def test_the_address_goes_over_with_the_guest_and_the_source_has_it_no_more(
    sites: tuple[Site, Site], agents: tuple[Running, Running]
) -> None:
    here, there = sites
    first = here.pod("virt-launcher-a", [{"name": "edge-1", **CLAIM}])
    assert here.added(first).code == 0
    second = there.pod("virt-launcher-b", [{"name": "edge-2", **CLAIM}], labels={JOB: "5f0d"})
    added = there.added(second)
    assert added.code == 0, added.stdout
    assert (says(first), says(second)) == ("something", "nothing")
    assert holder(there) == ("bank/virt-launcher-a", "edge-1")
    there.client.merge_patch(PODS, second.name, {"metadata": {"annotations": {READY: NOW}}}, NAMESPACE)
    agents[1].wait_for("migrated")
    assert holder(here) == holder(there) == ("bank/virt-launcher-b", "edge-2")
    assert says(second) == "something"
    assert until(lambda: "net1" not in here.node.links(first.netns))
    assert until(lambda: here.claim_status("vm.net1")["ownerPod"] == "virt-launcher-b")


def test_a_source_whose_agent_is_away_loses_the_address_by_the_ledger_and_the_link_when_it_is_back(
    sites: tuple[Site, Site], agents: tuple[Running, Running]
) -> None:
    here, there = sites
    first = here.pod("virt-launcher-a", [{"name": "edge-1", **CLAIM}])
    assert here.added(first).code == 0
    second = there.pod("virt-launcher-b", [{"name": "edge-2", **CLAIM}], labels={JOB: "5f0d"})
    assert there.added(second).code == 0
    agents[0].stop(signal.SIGKILL)
    there.client.merge_patch(PODS, second.name, {"metadata": {"annotations": {READY: NOW}}}, NAMESPACE)
    agents[1].wait_for("migrated")
    assert holder(there) == ("bank/virt-launcher-b", "edge-2")
    with agent(here.node, env={"NODE_NAME": "edge-1"}):
        assert until(lambda: "net1" not in here.node.links(first.netns))
