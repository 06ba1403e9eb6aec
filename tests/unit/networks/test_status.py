"""What a pod's network-status says of its networks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from podberth.cni.fields import Fields
from podberth.cni.result import Result
from podberth.net.ops import CallPlugins
from podberth.networks.status import status

POD = {"name": "net1", "mac": "02:00:00:00:00:01", "sandbox": "/run/netns/pod"}
HOST = {"name": "veth0"}


def called(**said: Any) -> CallPlugins:
    own = {"network": "storage", "label": "bank/storage", "ifname": "net1", "config": "{}"}
    return CallPlugins(**{**own, "netns": "/run/netns/pod", "container_id": "c1", "path": (), "cache": "/c", **said})


def answered(**said: Any) -> Result:
    return Result.parse(Fields(said), "1.1.0")


def entries(op: CallPlugins, **said: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(status([(op, answered(**said), ())]))
    return found


def entry(**said: Any) -> dict[str, Any]:
    (found,) = entries(called(), **{"interfaces": [POD], **said})
    return found


def test_an_entry_has_the_network_and_its_first_interface_in_the_pod() -> None:
    assert entry(interfaces=[HOST, POD]) == {
        "name": "bank/storage", "interface": "net1", "ips": [], "mac": "02:00:00:00:00:01", "default": False,
        "dns": {},
    }  # fmt: skip


def test_networks_are_in_the_order_of_their_calls() -> None:
    made = answered(interfaces=[POD])
    every = [(called(label="cluster", ifname="eth0", default=True), made, ()), (called(), made, ())]
    assert [(one["name"], one["default"]) for one in json.loads(status(every))] == [
        ("cluster", True), ("bank/storage", False),
    ]  # fmt: skip


def test_a_chain_that_makes_nothing_has_no_entry() -> None:
    assert status([(called(), answered(), ()), (called(), answered(dns={"domain": "bank"}), ())]) == "[]"


def test_without_networks_it_is_an_empty_list() -> None:
    assert status([]) == "[]"


def test_addresses_are_without_their_prefix_lengths() -> None:
    ips = [{"address": "10.0.0.5/24", "interface": 0}, {"address": "fd00::5/64"}]
    assert entry(ips=ips)["ips"] == ["10.0.0.5", "fd00::5"]


def test_addresses_of_links_outside_the_pod_are_left_out() -> None:
    ips = [{"address": "10.0.0.1/24", "interface": 0}, {"address": "10.0.0.5/24", "interface": 1}]
    assert entry(interfaces=[HOST, POD], ips=ips)["ips"] == ["10.0.0.5"]


def test_a_result_that_knows_no_interfaces_has_the_name_that_was_asked_for() -> None:
    (found,) = entries(called(default=True), ips=[{"address": "10.0.0.5/24"}])
    assert found == {"name": "bank/storage", "interface": "net1", "ips": ["10.0.0.5"], "default": True, "dns": {}}


@pytest.mark.parametrize(
    ("ips", "default"),
    [
        ([], [True, False]),
        ([{"address": "10.0.0.5/24", "interface": 2}], [True, False]),
        ([{"address": "10.0.0.5/24", "interface": 2, "gateway": "10.0.0.1"}], [False, True]),
        ([{"address": "10.0.0.1/24", "interface": 0, "gateway": "10.0.0.1"}], [True, False]),
    ],
)
def test_of_several_interfaces_in_the_pod_one_is_the_default(ips: list[Any], default: list[bool]) -> None:
    other = {**POD, "name": "udn0"}
    found = entries(called(default=True), interfaces=[HOST, POD, other], ips=ips)
    assert [(one["interface"], one["default"]) for one in found] == list(zip(("net1", "udn0"), default, strict=True))


def test_each_of_several_interfaces_has_its_own_addresses_and_the_last_those_of_none() -> None:
    ips = [{"address": f"10.0.0.{i}/24", **said} for i, said in enumerate(({"interface": 1}, {"interface": 0}, {}))]
    found = entries(called(), interfaces=[POD, {**POD, "name": "udn0"}], ips=ips)
    assert [one["ips"] for one in found] == [["10.0.0.1"], ["10.0.0.0", "10.0.0.2"]]


def test_the_mtu_is_said_where_the_plugin_says_it() -> None:
    assert entry(interfaces=[{**POD, "mtu": 9000}])["mtu"] == 9000


def test_a_device_on_the_pci_bus_is_said_with_its_address() -> None:
    info = {"type": "pci", "version": "1.1.0", "pci": {"pci-address": "0000:03:02.1"}}
    assert entry(interfaces=[{**POD, "pciID": "0000:03:02.1"}])["device-info"] == info


@pytest.mark.parametrize(
    ("routes", "wanted"),
    [
        ([{"dst": "0.0.0.0/0", "gw": "10.0.0.254"}], ["10.0.0.254"]),
        ([{"dst": "0.0.0.0/0"}, {"dst": "::/0"}], ["10.0.0.1", "fd00::1"]),
        ([{"dst": "10.1.0.0/16", "gw": "10.0.0.254"}], None),
        ([], None),
    ],
)
def test_gateways_are_those_of_default_routes(routes: list[dict[str, str]], wanted: list[str] | None) -> None:
    ips = [{"address": "10.0.0.5/24", "gateway": "10.0.0.1"}, {"address": "fd00::5/64", "gateway": "fd00::1"}]
    assert entry(ips=ips, routes=routes).get("gateway") == wanted


def test_a_default_route_that_goes_by_no_gateway_has_none() -> None:
    assert "gateway" not in entry(routes=[{"dst": "0.0.0.0/0"}])


def test_dns_is_as_far_as_the_plugin_says_it() -> None:
    dns = {"nameservers": ["10.0.0.53"], "domain": "bank.example", "search": ["bank.example"], "options": ["ndots:2"]}
    assert entry(dns=dns)["dns"] == dns
    assert entry(dns={"nameservers": ["10.0.0.53"]})["dns"] == {"nameservers": ["10.0.0.53"]}


def test_what_a_file_says_of_a_device_goes_before_its_address_in_the_result() -> None:
    info = {"type": "vdpa", "version": "1.1.0", "vdpa": {"driver": "vhost"}}
    result = answered(interfaces=[{**POD, "pciID": "0000:03:02.1"}, {**POD, "name": "net1v"}])
    first, second = json.loads(status([(called(), result, (info,))]))
    assert (first["device-info"], "device-info" in second) == (info, False)
    (only,) = json.loads(status([(called(), answered(), (info,))]))
    assert only["device-info"] == info


def test_of_a_bond_each_member_has_the_file_about_its_own_function_and_the_bond_has_none() -> None:
    addresses = ["0000:03:02.0", "0000:03:0a.0"]
    files = [
        {"type": "pci", "version": "1.1.0", "pci": {"pci-address": each, "pf-pci-address": f"{each[:-4]}00.0"}}
        for each in addresses
    ]
    members = [{**POD, "name": f"net1-{n}", "pciID": each} for n, each in enumerate(addresses)]
    result = answered(interfaces=[POD, *members])
    op = called(info_from="/dp/a,/dp/b")

    bond, *rest = json.loads(status([(op, result, files[::-1])]))
    assert ("device-info" in bond, [one["device-info"] for one in rest]) == (False, files)

    bond, first, second = json.loads(status([(op, result, files[1:])]))  # one could not be read
    assert ("device-info" in bond, second["device-info"]) == (False, files[1])
    assert first["device-info"]["pci"] == {"pci-address": addresses[0]}
