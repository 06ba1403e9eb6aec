"""A pod with several networks, by a real API server's definitions and annotations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.netns.kubelet import BUILT, run
from tests.netns.networks.conftest import leg

if TYPE_CHECKING:
    from tests.netns.networks.conftest import Site


def test_a_pod_without_an_annotation_has_the_clusters_network_alone(served: Site) -> None:
    pod = served.pod("web-0")
    added = served.added(pod)
    assert added.code == 0, added.stdout
    assert added.address.startswith("10.80.0.")
    assert set(served.node.links(pod.netns)) == {"lo", "eth0"}
    assert served.call("CHECK", pod, prevResult=added.result).code == 0
    assert [(one["name"], one["interface"], one["default"]) for one in served.told(pod, 1)] == [
        ("cluster", "eth0", True),
    ]  # fmt: skip
    assert served.call("DEL", pod).code == 0
    assert served.gone(pod)


def test_a_pod_has_a_leg_for_each_network_that_it_selects_and_they_go_with_it(served: Site) -> None:
    served.define("storage", leg(served.folder))
    pod = served.pod("mysql-0", "storage, bank/storage@backup")
    added = served.added(pod)
    assert added.code == 0, added.stdout
    links = served.node.links(pod.netns)
    assert set(links) == {"lo", "eth0", "net1", "backup"}
    told = served.told(pod, 3)
    assert [(one["name"], one["interface"]) for one in told] == [
        ("cluster", "eth0"), ("bank/storage", "net1"), ("bank/storage", "backup"),
    ]  # fmt: skip
    assert all(one["mac"] == links[one["interface"]]["address"] for one in told)
    assert [ip for one in told[1:] for ip in one["ips"]] == ["10.81.0.2", "10.81.0.3"]
    assert served.call("CHECK", pod, prevResult=added.result).code == 0
    run("ip", "-n", pod.netns, "address", "delete", "10.81.0.2/24", "dev", "net1")
    refused = served.call("CHECK", pod, prevResult=added.result)
    assert (refused.code, "10.81.0.2/24" in refused.stdout) == (1, True)
    assert served.call("DEL", pod).code == 0
    assert served.call("DEL", pod).code == 0
    assert served.gone(pod)


def test_a_pod_has_all_its_networks_or_none(served: Site) -> None:
    served.define("storage", leg(served.folder))
    served.define("broken", leg(served.folder, bridge=None, device="macvlan", parent="no-such-link"))
    pod = served.pod("mysql-0", "storage,broken")
    refused = served.call("ADD", pod)
    assert (refused.code, "no-such-link" in refused.stdout) == (1, True)
    assert served.gone(pod)
    assert served.call("DEL", pod).code == 0


@pytest.mark.parametrize(
    "config",
    [
        {"cniVersion": "1.1.0", "type": "podberth", "bridge": "legs0", "pool": "nowhere"},
        {"cniVersion": "1.1.0", "type": "macvlan", "master": "no-such-link"},
        {"cniVersion": "1.1.0", "type": "no-such-plugin"},
    ],
    ids=["podberths own", "a standard type", "not there"],
)
def test_an_error_names_the_network_and_the_interface_that_it_is_about(served: Site, config: dict[str, object]) -> None:
    served.define("storage", leg(served.folder))
    served.define("broken", {**config, "stateDir": str(served.folder / "state")})
    refused = served.call("ADD", served.pod("mysql-0", "storage,broken"))
    assert refused.result["msg"].startswith("bank/broken (net2): "), refused.stdout


def test_who_asks_for_an_interface_that_is_there_is_told_to_name_another(served: Site) -> None:
    served.define("storage", leg(served.folder))
    refused = served.call("ADD", served.pod("mysql-0", "storage@lo"))
    assert (refused.code, "name another in its annotation" in refused.stdout) == (1, True), refused.stdout


def test_a_fixed_address_of_the_pods_name_is_on_its_second_leg(served: Site) -> None:
    served.define("storage", leg(served.folder))
    served.node.apply(
        "{apiVersion: podberth.io/v1alpha1, kind: PodNetwork, metadata: {namespace: bank, name: mysql},"
        " spec: {pod: mysql-0, attachments: [{ifname: net1, pool: legs, addresses: [10.81.0.77]}]}}"
    )
    for _ in range(2):
        pod = served.pod("mysql-0", "storage")
        assert served.added(pod).code == 0
        assert served.told(pod, 2)[1]["ips"] == ["10.81.0.77"]
        assert served.call("DEL", pod).code == 0
        served.remove_pod(pod)


def test_a_pod_asks_for_no_more_than_the_operators_rules_let_it_and_is_refused_before_any_call(served: Site) -> None:
    served.define("storage", leg(served.folder, capabilities={"ips": True, "mac": True}))
    rules = [{"namespaces": ["bank"], "networks": ["bank/storage"], "requests": ["ips"]}]
    pod = served.pod("mysql-0", '[{"name": "storage", "ips": ["10.81.0.9/24"]}]')
    assert served.added(pod, allow=rules).code == 0
    assert served.told(pod, 2)[1]["ips"] == ["10.81.0.9"]
    assert served.call("DEL", pod).code == 0
    served.remove_pod(pod)
    other = served.pod("mysql-1", '[{"name": "storage", "mac": "02:00:00:00:00:09"}]')
    refused = served.call("ADD", other, allow=rules)
    assert (refused.code, refused.result["code"]) == (1, 102)
    assert "bank/storage: the annotation of pod bank/mysql-1 asks for `mac`" in refused.stdout
    assert served.gone(other)


@pytest.mark.parametrize(
    ("wish", "complaint"),
    [
        ({"ips": ["10.81.0.9/24"]}, "asks for ips, which no plugin"),
        ({"mac": "02:00:00:00:00:09"}, "asks for mac, which no plugin"),
        ({"name": "nowhere"}, "no NetworkAttachmentDefinition bank/nowhere"),
        ({"interface": "eth0"}, "would both have the interface eth0"),
        ({"ips": ["10.81.0.9/24"], "ipam-claim-reference": "c"}, "ipam-claim-reference"),
        ({"namespace": "kube system"}, "namespace"),
    ],
)
def test_what_a_pod_can_not_have_is_refused_before_any_plugin_is_called(
    site: Site, wish: dict[str, object], complaint: str
) -> None:
    site.define("storage", leg(site.folder))
    refused = site.call("ADD", site.pod("mysql-0", [{"name": "storage", **wish}]))
    assert (refused.code, complaint in json.loads(refused.stdout)["msg"]) == (1, True), refused.stdout
    assert not (site.folder / "host-local").exists()


def test_wishes_reach_the_plugins_that_take_them(site: Site) -> None:
    site.define("storage", leg(site.folder, capabilities={"ips": True, "mac": True}))
    pod = site.pod("mysql-0", [{"name": "storage", "ips": ["10.81.0.9"], "mac": "02:00:00:00:00:09"}])
    added = site.added(pod)
    assert added.code == 0, added.stdout
    assert [(one["ips"], one["mac"]) for one in site.status(pod)[1:]] == [(["10.81.0.9"], "02:00:00:00:00:09")]


@pytest.mark.parametrize(
    ("gateways", "hops"),
    [([], [("10.81.0.1", "net1")]), (["10.81.0.254"], [("10.81.0.254", "net1")])],
    ids=["of the network", "of the pod"],
)
def test_the_default_route_is_of_the_network_that_the_pod_names(
    served: Site, gateways: list[str], hops: list[tuple[str, str]]
) -> None:
    served.define("storage", leg(served.folder))
    pod = served.pod("mysql-0", [{"name": "storage", "default-route": gateways}])
    added = served.added(pod)
    assert added.code == 0, added.stdout
    shown = json.loads(run("ip", "-n", pod.netns, "-json", "route", "show", "default"))
    assert [(route["gateway"], route["dev"]) for route in shown] == hops
    assert [one["default"] for one in served.told(pod, 2)] == [True, False]
    assert served.call("CHECK", pod, prevResult=added.result).code == 0
    assert served.call("DEL", pod).code == 0


VENDORS = """#!/bin/sh
# Tells what it was called with, and passes the result on.
conf="$(cat)"
echo "$CNI_COMMAND $CNI_IFNAME $conf" >> "$0.calls"
[ "$CNI_COMMAND" != ADD ] || echo "$conf" | sed 's/.*"prevResult": *\\({.*}\\)}$/\\1/'
"""


def test_the_plugins_of_an_auxiliary_chain_are_called_for_each_pod_and_have_no_status(served: Site) -> None:
    vendor = served.folder / "bin" / "vendor"
    chain = served.folder / "net.d" / "vendors"
    for folder in (vendor.parent, chain):
        folder.mkdir()
    vendor.write_text(VENDORS)
    vendor.chmod(0o755)
    (chain / "10-vendor.conf").write_text('{"type": "vendor"}')
    served.define("storage", leg(served.folder))
    pod = served.pod("mysql-0", "storage")
    said = {
        "clusterNetwork": str(served.folder / "net.d" / "10-cluster.conflist"), "auxiliaryCNIChainName": "vendors",
    }  # fmt: skip
    served.path = f"{BUILT}:{vendor.parent}"
    added = served.added(pod, **said)
    assert added.code == 0, added.stdout
    assert served.call("CHECK", pod, prevResult=added.result, **said).code == 0
    assert [one["interface"] for one in served.told(pod, 2)] == ["eth0", "net1"]
    (chain / "20-broken.conf").write_text("{")
    assert served.call("DEL", pod, **said).code == 0
    calls = [line.split(" ", 2) for line in (vendor.parent / "vendor.calls").read_text().splitlines()]
    assert [(verb, ifname) for verb, ifname, _ in calls] == [("ADD", "net2"), ("CHECK", "net2"), ("DEL", "net2")]
    assert json.loads(calls[0][2])["prevResult"] == {"cniVersion": "1.1.0"}
    refused = served.call("ADD", served.pod("mysql-1"), **said)
    assert (refused.code, "20-broken.conf" in refused.stdout) == (1, True)
