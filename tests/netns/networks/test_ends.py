"""How a pod's networks end: when much is gone, when a call was killed, and when Multus had made them."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cni.netlist import parse
from podberth.kube.resources import NETWORK_ATTACHMENTS
from podberth.runtime.cache import Cache
from podberth.runtime.chain import Runtime
from podberth.runtime.conf import RuntimeConf
from tests.checkout import ROOT
from tests.netns.kubelet import BUILT
from tests.netns.networks.conftest import NAMESPACE, cluster_network, leg
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.netns.kubelet import Pod
    from tests.netns.networks.conftest import Site

AWAY = {"kubeconfig": "/nowhere/kubeconfig"}  # whatever is asked of that API server fails


def pairs_of(pod: Pod) -> tuple[tuple[str, str], ...]:
    """Return CNI_ARGS as a runtime has them."""
    return tuple((key, text) for key, _, text in (each.partition("=") for each in pod.args.split(";")))


def added(site: Site, name: str = "mysql-0") -> Pod:
    """Have a pod with two networks."""
    pod = site.pod(name, "storage")
    answer = site.added(pod)
    assert answer.code == 0, answer.stdout
    return pod


def by_multus(site: Site, pod: Pod, remembers: Callable[[dict[str, Any]], dict[str, Any]] = dict) -> Pod:
    """Have what Multus leaves of a pod with two networks: its own file, and libcni's below the same folder.

    Up to Multus 4.3.0 the first has what `known` returns of the cluster's network, whose list is a file of the node.
    """
    folder = site.folder / "cni"
    lists = [cluster_network(site.folder), leg(site.folder)]
    runtime = Runtime((str(ROOT / "build" / "cni-standard"), str(BUILT)), cache=Cache(str(folder)))
    for ifname, network in zip(("eth0", "net1"), lists, strict=True):
        conf = RuntimeConf(container_id=pod.container_id, ifname=ifname, netns=pod.path, args=pairs_of(pod))
        runtime.add(parse(json.dumps(network).encode()), conf)
    names = ("cluster", f"{NAMESPACE}/storage")
    remembered = [
        {
            "Conf": {"cniVersion": one["cniVersion"], "name": one["name"], "ipam": {}, "dns": {}},
            "ConfList": known(one),
            "Name": name,
            "IsFilterV4Gateway": False,
            "IsFilterV6Gateway": False,
            "Bytes": base64.b64encode(json.dumps(one).encode()).decode(),
        }
        for name, one in zip(names, (remembers(lists[0]), *lists[1:]), strict=True)
    ]
    (folder / pod.container_id).write_text(json.dumps(remembered))
    return pod


def known(network: dict[str, Any]) -> dict[str, Any]:
    """Return what libcni's own types know of a list, as Go writes them."""
    plugins = [
        {"type": each["type"], "ipam": {"type": each["ipam"]["type"]} if "ipam" in each else {}, "dns": {}}
        for each in network["plugins"]
    ]
    return {"cniVersion": network["cniVersion"], "name": network["name"], "plugins": plugins}


def test_a_del_needs_neither_the_api_server_nor_definition_nor_namespace(served: Site) -> None:
    served.define("storage", leg(served.folder))
    pod = added(served)
    served.client.delete(NETWORK_ATTACHMENTS, "storage", "bank")
    (served.folder / "net.d" / "10-cluster.conflist").unlink()
    served.node.remove_namespace(pod.netns)
    assert served.call("DEL", pod, clusterNetwork="other", **AWAY).code == 0
    assert served.all_ended()


def test_gc_takes_all_networks_of_what_is_not_valid_and_leaves_the_others(served: Site) -> None:
    served.define("storage", leg(served.folder))
    stays, goes = added(served, "mysql-0"), added(served, "mysql-1")
    lost = served.node.pod("mysql-9")
    leak = RuntimeConf(container_id=lost.container_id, ifname="eth0", netns=lost.path, args=pairs_of(lost))
    network = parse(json.dumps(cluster_network(served.folder)).encode())
    runtime = Runtime((str(ROOT / "build" / "cni-standard"),), cache=Cache(str(served.folder / "elsewhere")))
    runtime.add(network, leak)
    assert served.collect(stays).code == 0
    query = "SELECT DISTINCT container_id FROM leases"
    until(lambda: served.node.rows(query) == [(stays.container_id,)])
    assert set(served.node.links(stays.netns)) == {"lo", "eth0", "net1"}
    assert served.call("DEL", stays).code == 0
    assert served.gone(goes)
    assert served.gone(stays)


def test_status_fails_for_the_nodes_own_reasons_alone(served: Site) -> None:
    pod = served.pod("web-0", "no-such-definition")
    assert served.call("STATUS", pod).code == 0
    assert served.call("STATUS", pod, **AWAY).code == 0
    ready = served.folder / "ready"
    assert served.call("STATUS", pod, readinessindicatorfile=str(ready)).code == 1
    ready.touch()
    assert served.call("STATUS", pod, readinessindicatorfile=str(ready)).code == 0


def test_nothing_is_left_of_an_add_that_was_killed_at_any_effect(site: Site) -> None:
    site.define("storage", leg(site.folder))
    first = site.pod("mysql-0", "storage")
    effects = site.call("ADD", first, tripwire="-1:before:kill").effects
    assert [effect for effect in effects if "CallPlugins" in effect] == ["host.do CallPlugins"] * 2
    assert site.call("DEL", first).code == 0
    for index in range(len(effects)):
        for when in ("before", "after"):
            pod = site.node.pod("mysql-0", namespace="bank", uid=first.uid)
            site.call("ADD", pod, tripwire=f"{index}:{when}:kill")
            assert site.call("DEL", pod).code == 0
            assert site.gone(pod), (effects[index], when)


def test_an_add_after_one_that_was_killed_makes_all_networks(site: Site) -> None:
    site.define("storage", leg(site.folder))
    pod = site.pod("mysql-0", "storage")
    site.call("ADD", pod, tripwire="2:after:kill")
    again = site.call("ADD", pod)
    assert again.code == 0, again.stdout
    assert set(site.node.links(pod.netns)) == {"lo", "eth0", "net1"}
    assert site.call("DEL", pod).code == 0
    assert site.gone(pod)


@pytest.mark.parametrize("config", [{"cniVersion": "0.1.0"}, {"type": "no-such-plugin"}, {"bridge": 7}])
def test_a_definition_that_nobody_can_serve_keeps_no_pod_from_going_away(
    served: Site, config: dict[str, object]
) -> None:
    """Whoever may write definitions may write any."""
    own = {"cniVersion": "1.1.0", "type": "bridge", "bridge": "legs0", **config}
    served.define("odd", {"cniVersion": own.pop("cniVersion"), "name": "odd", "plugins": [own]})
    pod = served.pod("mysql-0", "odd")
    assert served.call("ADD", pod).code == 1
    assert served.call("DEL", pod).code == 0
    assert served.gone(pod)


@pytest.mark.parametrize(
    "wish",
    [
        {"cni-args": json.loads('{"x":' * 62 + "1" + "}" * 62)},
        {"name": "long"},
        {"name": "n" * 240},
        {"name": "inner"},
    ],
    ids=["too deep", "too long", "of a long name", "a meta plugin's"],
)
def test_what_could_not_be_taken_back_is_not_made(served: Site, wish: dict[str, object]) -> None:
    served.define("storage", leg(served.folder))
    served.define("long", leg(served.folder, more="y" * 300_000))
    served.define("n" * 240, {**leg(served.folder), "name": None})
    served.define("inner", {"cniVersion": "1.1.0", "type": "podberth-networks", "clusterNetwork": "cluster"})
    pod = served.pod("mysql-0", [{"name": "storage", **wish}])
    refused = served.call("ADD", pod)
    assert (refused.code, json.loads(refused.stdout)["code"]) == (1, 102), refused.stdout
    assert not (served.folder / "host-local").exists()
    assert served.call("DEL", pod).code == 0
    assert served.gone(pod)


def test_gc_is_not_told_by_a_definition_whose_pods_are_whose(served: Site) -> None:
    """A definition's author chooses its network's name."""
    served.define("storage", leg(served.folder, name="cluster") | {"name": "cluster"})
    pod = added(served)
    lone = served.node.pod("mysql-1")
    runtime = Runtime((str(ROOT / "build" / "cni-standard"),), cache=Cache(str(served.folder / "runtimes")))
    conf = RuntimeConf(container_id=lone.container_id, ifname="eth0", netns=lone.path, args=pairs_of(lone))
    runtime.add(parse(json.dumps(cluster_network(served.folder)).encode()), conf)
    assert served.collect(pod, lone).code == 0
    assert "eth0" in served.node.links(lone.netns)


def test_of_a_memory_of_multus_that_is_damaged_what_can_be_read_is_taken_back(served: Site) -> None:
    pod = by_multus(served, served.pod("mysql-0", "storage"))
    file = served.folder / "cni" / pod.container_id
    file.write_text(json.dumps([*json.loads(file.read_text()), {"Name": "odd", "Bytes": "!"}]))
    assert served.call("DEL", pod, **AWAY).code == 0
    assert served.all_ended()
    assert file.with_suffix(".unread").exists()


def test_gc_leaves_a_valid_pod_that_multus_has_made_and_takes_another(served: Site) -> None:
    served.define("storage", leg(served.folder))
    own = added(served, "mysql-0")
    stays, goes = (by_multus(served, served.pod(name, "storage")) for name in ("mysql-1", "mysql-2"))
    assert served.collect(own, stays).code == 0
    assert set(served.node.links(stays.netns)) == {"lo", "eth0", "net1"}
    rows = served.node.rows("SELECT container_id FROM leases")
    assert {own.container_id, stays.container_id} <= {row[0] for row in rows}
    assert "eth0" not in served.node.links(goes.netns)
    assert served.call("DEL", goes).code == 0
    until(lambda: goes.container_id not in {row[0] for row in served.node.rows("SELECT container_id FROM leases")})


@pytest.mark.parametrize("remembers", [dict, known])
@pytest.mark.parametrize("namespace_is_there", [True, False])
def test_a_pod_that_multus_has_made_is_taken_down_by_what_multus_has_remembered(
    served: Site, remembers: Callable[[dict[str, Any]], dict[str, Any]], *, namespace_is_there: bool
) -> None:
    """Multus keeps a file of its own for each pod, and libcni's files of results below the same folder."""
    pod = by_multus(served, served.pod("mysql-0", "storage"), remembers)
    if not namespace_is_there:
        served.node.remove_namespace(pod.netns)
    assert served.call("DEL", pod, **AWAY).code == 0
    assert served.all_ended()
    assert not (served.folder / "cni" / pod.container_id).exists()
    assert served.call("DEL", pod, **AWAY).code == 0
