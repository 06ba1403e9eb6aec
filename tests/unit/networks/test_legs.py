"""The networks of one pod: their interfaces, their default routes, and what their plugins are told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cni.errors import Refused
from podberth.cni.fields import Fields
from podberth.networks import settings
from podberth.networks.legs import (
    ANNOTATIONS,
    Leg,
    args,
    capabilities,
    configured,
    named,
    require_reachable,
    sheds,
)
from podberth.networks.selection import parse
from tests.unit.networks.described import listed

if TYPE_CHECKING:
    from podberth.cni.netlist import NetworkList
    from podberth.networks.selection import Selection

TAKES: dict[str, Any] = {"capabilities": {"ips": True, "mac": True, "portMappings": True, "bandwidth": False}}


def selected(name: str = "storage", **said: Any) -> Selection:
    return parse(json.dumps([{"name": name, **said}]), "bank")[0]


def routed(*gateways: str, name: str = "storage") -> Selection:
    said: dict[str, Any] = {"default-route": gateways}
    return selected(name, **said)


def leg(network: NetworkList | None = None, **said: Any) -> Leg:
    return Leg(label="bank/storage", network=network or listed("storage"), ifname="net1", selection=selected(**said))


def legs(*selections: Selection | None) -> tuple[Leg, ...]:
    every = (Leg(label=str(one or "cluster"), network=listed("net"), selection=one) for one in (None, *selections))
    return named(every, "eth0")


def interfaces(*selections: Selection | None) -> list[str]:
    return [each.ifname for each in legs(*selections)]


def test_the_first_has_the_runtimes_name_and_the_others_are_counted_by_their_place() -> None:
    assert interfaces(selected(), None, selected()) == ["eth0", "net1", "net2", "net3"]


def test_a_name_that_the_pod_gives_moves_no_other() -> None:
    assert interfaces(selected(), selected(interface="data0"), selected()) == ["eth0", "net1", "data0", "net3"]


def test_the_first_has_the_runtimes_name_whatever_the_pod_gives() -> None:
    chosen = Leg(label="kube-system/a", network=listed("a"), selection=selected("a", interface="data0"))
    (only,) = named([chosen], "eth0")
    assert only.ifname == "eth0"


@pytest.mark.parametrize(
    ("selections", "first", "second", "name"),
    [
        ((selected("a", interface="eth0"),), "cluster", "bank/a", "eth0"),
        ((selected("a", interface="x0"), selected("b", interface="x0")), "bank/a", "bank/b", "x0"),
        ((selected("a", interface="net2"), selected("b")), "bank/a", "bank/b", "net2"),
    ],
)
def test_two_networks_of_one_interface_are_refused_by_their_names(
    selections: tuple[Selection, ...], first: str, second: str, name: str
) -> None:
    with pytest.raises(Refused, match=f"^the networks {first} and {second} would both have the interface {name}$"):
        legs(*selections)


@pytest.mark.parametrize(
    ("selections", "shed"),
    [
        ((selected(),), [(), ()]),
        ((routed(),), [("4", "6"), ()]),
        ((routed("10.0.0.1"),), [("4",), ("4",)]),
        ((routed("fd00::1"),), [("6",), ("6",)]),
        ((routed("fd00::1", "10.0.0.1"),), [("4", "6"), ("4", "6")]),
        ((selected(), routed("10.0.0.1")), [("4",), ("4",), ("4",)]),
        (
            (routed("10.0.0.1"), routed("fd00::1")),
            [("4", "6"), ("4", "6"), ("4", "6")],
        ),
    ],
)
def test_default_routes_are_taken_of_the_ip_versions_that_another_has(
    selections: tuple[Selection, ...], shed: list[tuple[str, ...]]
) -> None:
    every = legs(*selections)
    assert [sheds(each, every) for each in every] == shed


def test_a_network_gets_the_gateways_that_the_pod_names_for_it() -> None:
    every = legs(routed("10.0.0.1", "fd00::1"), selected())
    assert [each.gateways for each in every] == [(), ("10.0.0.1", "fd00::1"), ()]


@pytest.mark.parametrize(
    ("first", "second", "version"),
    [([], [], "4"), (["10.0.0.1"], ["10.1.0.1"], "4"), (["fd00::1"], ["fd01::1"], "6"), ([], ["fd00::1"], "6")],
)
def test_two_default_routes_of_one_ip_version_are_refused(first: list[str], second: list[str], version: str) -> None:
    with pytest.raises(Refused, match=rf"both bank/a \(net1\) and bank/b \(net2\) .* of IPv{version}$"):
        legs(routed(*first, name="a"), routed(*second, name="b"))


def test_what_the_runtime_offers_is_about_the_first_network() -> None:
    said = {"portMappings": [{"hostPort": 80}], "ips": ["10.0.0.5"], ANNOTATIONS: {"a": "b"}}
    first, second = legs(None)
    assert capabilities(first, said, first=True) == said
    assert capabilities(second, said, first=False) == {ANNOTATIONS: {"a": "b"}}


def test_what_the_pod_wishes_is_offered_to_plugins_that_take_it() -> None:
    wished = {"ips": ["10.0.0.5/24"], "mac": "02:00:00:00:00:01", "portMappings": [{"hostPort": 80}]}
    assert capabilities(leg(listed("a", "bridge", **TAKES), **wished), {}, first=False) == wished


def test_what_the_pod_wishes_of_the_first_goes_before_what_the_runtime_offers() -> None:
    found = capabilities(leg(listed("a", **TAKES), ips=["10.0.0.5"]), {"ips": ["10.0.0.9"], "x": 1}, first=True)
    assert found == {"ips": ["10.0.0.5"], "x": 1}


def test_a_device_is_offered_whether_a_plugin_declares_it_or_not() -> None:
    assert capabilities(leg(deviceID="0000:03:02.1"), {}, first=False) == {"deviceID": "0000:03:02.1"}


@pytest.mark.parametrize(
    ("wished", "lacking"),
    [
        ({"ips": ["10.0.0.5"]}, "ips"),
        ({"mac": "02:00:00:00:00:01"}, "mac"),
        ({"portMappings": [{"hostPort": 80}]}, "portMappings"),
        ({"bandwidth": {"ingressRate": 8}}, "bandwidth"),
        ({"infiniband-guid": "c2"}, "infinibandGUID"),
        ({"mac": "02:00:00:00:00:01", "ips": ["10.0.0.5"]}, "ips, mac"),
    ],
)
def test_what_no_plugin_takes_is_refused_and_not_left_out(wished: dict[str, Any], lacking: str) -> None:
    with pytest.raises(Refused, match=f"^bank/storage: the pod asks for {lacking}, which no plugin"):
        capabilities(leg(**wished), {}, first=False)


def test_a_capability_that_is_declared_false_is_not_taken() -> None:
    with pytest.raises(Refused, match="asks for bandwidth"):
        capabilities(leg(listed("a", **TAKES), bandwidth={"egressRate": 8}), {}, first=False)


def test_one_plugin_of_a_list_that_takes_it_is_enough() -> None:
    network = listed("a", "bridge", "tuning")
    plugins = (network.plugins[0], listed("a", "tuning", **TAKES).plugins[0])
    both = type(network)(name="a", cni_version="1.0.0", plugins=plugins)
    assert capabilities(leg(both, mac="02:00:00:00:00:01"), {}, first=False) == {"mac": "02:00:00:00:00:01"}


def test_arguments_of_the_call_go_to_each_network_but_for_wishes_about_the_first() -> None:
    said = {"K8S_POD_NAME": "web-0", "IP": "10.0.0.9", "MAC": "02:00:00:00:00:09", "GATEWAY": "10.0.0.1"}
    first, second = legs(None)
    assert args(first, said, first=True) == tuple(f"{key}={text}" for key, text in said.items())
    assert args(second, said, first=False) == ("K8S_POD_NAME=web-0",)


def test_addresses_that_the_pod_wishes_are_among_the_arguments_too() -> None:
    wishing = leg(ips=["10.0.0.5/24", "fd00::5"], mac="02:00:00:00:00:01")
    assert args(wishing, {"IP": "10.0.0.9"}, first=False) == ("IP=10.0.0.5/24,fd00::5", "MAC=02:00:00:00:00:01")


def test_a_networks_configuration_is_as_it_stands_where_the_pod_says_nothing_of_it() -> None:
    assert json.loads(configured(leg(listed("storage", "bridge", "tuning", mtu=9000)))) == {
        "cniVersion": "1.0.0", "name": "storage",
        "plugins": [{"type": "bridge", "mtu": 9000}, {"type": "tuning", "mtu": 9000}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"cni": {"a": 1}}),
        ({"args": None}, {"cni": {"a": 1}}),
        ({"args": {"cni": {"a": 0, "b": 2}, "else": 3}}, {"cni": {"a": 1, "b": 2}, "else": 3}),
        ({"args": {"cni": "x"}}, {"cni": {"a": 1}}),
    ],
)
def test_arguments_of_the_pod_go_into_those_of_each_plugin(before: dict[str, Any], after: dict[str, Any]) -> None:
    found = json.loads(configured(leg(listed("storage", "bridge", "tuning", **before), **{"cni-args": {"a": 1}})))
    assert [plugin["args"] for plugin in found["plugins"]] == [after, after]


def test_arguments_of_one_pod_are_not_those_of_the_next() -> None:
    network = listed("storage", args={"cni": {"b": 2}})
    configured(leg(network, **{"cni-args": {"a": 1}}))
    assert json.loads(configured(leg(network)))["plugins"][0]["args"] == {"cni": {"b": 2}}


def test_a_device_is_named_to_each_plugin_in_both_ways() -> None:
    found = json.loads(configured(leg(listed("storage", "sriov", "tuning", deviceID="old"), deviceID="0000:03:02.1")))
    assert [(plugin["deviceID"], plugin["pciBusID"]) for plugin in found["plugins"]] == [("0000:03:02.1",) * 2] * 2


def test_a_lists_flags_go_with_it() -> None:
    plain = listed("storage")
    network = type(plain)(
        name="storage", cni_version="1.1.0", plugins=plain.plugins, disable_check=True, disable_gc=True
    )
    found = json.loads(configured(leg(network)))
    assert (found["cniVersion"], found["disableCheck"], found["disableGC"]) == ("1.1.0", True, True)


@pytest.mark.parametrize(
    ("said", "namespace", "reachable"),
    [
        ({}, "other", True),
        ({"namespaceIsolation": True}, "bank", True),
        ({"namespaceIsolation": True}, "default", True),
        ({"namespaceIsolation": True}, "other", False),
        ({"namespaceIsolation": True, "globalNamespaces": "other, more"}, "other", True),
        ({"namespaceIsolation": True, "globalNamespaces": "other, more"}, "default", False),
    ],
)
def test_isolation_leaves_a_pod_its_own_namespace_and_the_global_ones(
    said: dict[str, Any], namespace: str, reachable: bool
) -> None:
    conf = settings.read(Fields({"clusterNetwork": "cluster", **said}))
    if reachable:
        require_reachable(conf, [selected(namespace=namespace)], "bank")
        return
    with pytest.raises(Refused, match=f"^namespaceIsolation: a pod of bank may not select {namespace}/storage$"):
        require_reachable(conf, [selected(), selected(namespace=namespace)], "bank")
