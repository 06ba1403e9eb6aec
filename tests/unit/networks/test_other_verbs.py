"""What STATUS asks of a node, and what is taken over of Multus' pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from podberth.catalogue import find_plugin
from podberth.cni.errors import TryAgainLater
from podberth.net.ops import AdoptCalls
from podberth.net.seen import see
from podberth.plugins import podberth_networks as plugin
from tests.unit.networks.described import (
    CONF_DIR,
    NETNS,
    POD_ARGS,
    DescribedNode,
    call,
    defined,
    listed,
)

if TYPE_CHECKING:
    from podberth.cni.netlist import NetworkList


def status(node: DescribedNode, **said: Any) -> NetworkList | None:
    conf = plugin.configure(call("STATUS", **said).conf.fields)
    return plugin.status(conf, see(node, lambda seen: plugin.status_asks(conf, seen)))


def adopted(**said: Any) -> AdoptCalls:
    (step,) = plugin.adopted(call("DEL", **said))
    assert isinstance(step.op, AdoptCalls)
    return step.op


@pytest.mark.parametrize("kind", ["podberth-networks", "multus", "multus-shim"])
def test_all_types_are_of_one_plugin(kind: str) -> None:
    found: Any = find_plugin(kind)
    assert (found.plan, found.configure, found.TYPES) == (plugin.plan, plugin.configure, (kind,))


def test_a_nodes_status_is_that_of_the_clusters_network() -> None:
    node = DescribedNode(networks={CONF_DIR: [listed("other"), listed("cluster", "ptp")]})
    assert status(node) == listed("cluster", "ptp")


def test_no_api_server_is_asked_for_a_nodes_status() -> None:
    node = DescribedNode(defined("cluster", namespace="kube-system"), networks={})
    assert status(node) is None
    assert node.asked == []


def test_of_a_folder_it_is_the_network_of_the_first_file() -> None:
    files = (listed("b", path="/d/10-b.conflist"), listed("a", path="/d/05-a.conf"))
    assert status(DescribedNode(networks={"/d": files}), clusterNetwork="/d") == files[1]
    assert status(DescribedNode(networks={}), clusterNetwork="/d") is None


def test_of_networks_that_are_written_out_it_is_the_first() -> None:
    said: dict[str, Any] = {
        "clusterNetwork": None,
        "delegates": [{"name": "own", "type": "bridge"}, {"name": "b", "type": "ptp"}],
    }
    found = status(DescribedNode(), **said)
    assert found is not None
    assert found.name == "own"


def test_a_node_is_unready_until_its_readiness_file_is_there() -> None:
    said = {"readinessindicatorfile": "/run/ready"}
    assert status(DescribedNode(files=["/run/ready"]), **said) is not None
    with pytest.raises(TryAgainLater, match="no /run/ready yet"):
        status(DescribedNode(), **said)


def test_the_calls_of_multus_are_those_that_it_has_remembered_of_the_container() -> None:
    assert adopted() == AdoptCalls(
        netns=NETNS, ifname="eth0", container_id="c1", path="/var/lib/cni/multus/c1",
        search=("/opt/cni/bin", "/usr/lib/cni"), cache="/var/lib/cni/multus", args=tuple(POD_ARGS.split(";")),
    )  # fmt: skip


def test_they_are_where_the_configuration_says() -> None:
    found = adopted(cniDir="/c", binDir="/b")
    assert (found.path, found.cache, found.search) == ("/c/c1", "/c", ("/b", "/usr/lib/cni"))


def test_capitals_are_no_matter_in_the_names_of_these_keys_as_in_those_of_an_add() -> None:
    found = adopted(CNIDir="/c", BinDIR="/b")
    assert (found.path, found.search) == ("/c/c1", ("/b", "/usr/lib/cni"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"clusterNetwork": 7}, {"clusterNetwork": None}, {"cniDir": ""}, {"cniDir": 7}, {"cniDir": "here"},
        {"cniDir": "/c", "CNIDir": "/d"}, {"binDir": None},
    ],
)  # fmt: skip
def test_no_configuration_is_in_the_way_of_taking_them_over(wrong: dict[str, object]) -> None:
    assert adopted(**wrong).path == "/var/lib/cni/multus/c1"
