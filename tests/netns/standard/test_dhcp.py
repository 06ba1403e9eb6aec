"""`dhcp` beside the CNI project's, each with its own daemon, by a server that is in use elsewhere too: dnsmasq."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.standard.dhcp_site import ADDRESS, NET, QUICK, ROUTER, Site, identifier, wire
from tests.netns.standard.twins import Node, comparable, unlike
from tests.sizes import spread
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

CLASSLESS = "--dhcp-option=121,10.7.0.0/16,10.9.0.2,0.0.0.0/0,10.9.0.3"
ON_LINK = "--dhcp-option=121,10.7.0.0/16,0.0.0.0,10.8.4.0/23,10.9.0.3"
STATIC = "--dhcp-option=33,10.0.0.0,10.9.0.2,172.20.0.0,10.9.0.3,192.168.5.0,10.9.0.4"
NOT_DEFAULT = {"skipDefault": True}


def asks(*options: str, default: bool = True) -> dict[str, object]:
    return {"request": [*({"option": name} for name in options), *([] if default else [NOT_DEFAULT])]}


def says(option: str, value: str = "", by: str = "") -> dict[str, object]:
    return {"provide": [{"option": option, "value": value, "fromArg": by}]}


# The section `ipam`, what the server is told, and what else the call says.
SAME: dict[str, tuple[dict[str, object], tuple[str, ...], dict[str, Any]]] = {
    "nothing said": ({}, (), {}),
    "nothing asked for": ({"request": [NOT_DEFAULT]}, (), {}),
    "the mask alone": (asks("subnet-mask", default=False), (), {}),
    "options by numbers": (asks("1", "3", "42", default=False), ("--dhcp-option=42,10.9.0.7",), {}),
    "classless routes": (asks("121"), (CLASSLESS,), {}),
    "classless routes of one on the link": (asks("121"), (ON_LINK,), {}),
    "the same in an older version": (asks("121"), (ON_LINK,), {"conf": {"cniVersion": "1.0.0"}}),
    "classless routes and static ones": (asks("121", "33"), (CLASSLESS, STATIC), {}),
    "classless routes that nobody asks for": ({}, (CLASSLESS,), {}),
    "static routes": (asks("33"), (STATIC,), {}),
    "a priority": ({"priority": 77}, (), {}),
    "a priority of all routes": ({"priority": 77, **asks("33")}, (STATIC,), {}),
    "no router": ({}, ("--dhcp-option=3",), {}),
    "two routers": ({}, ("--dhcp-option=3,10.9.0.5,10.9.0.6",), {}),
    "a host's name": (says("host-name", "mysql-1"), (), {}),
    "a name by CNI_ARGS": (
        says("host-name", "other", "K8S_POD_NAME"), (), {"args": "IgnoreUnknown=1;K8S_POD_NAME=mysql-1"},
    ),
    "a name that CNI_ARGS have not": (says("12", "other", "K8S_POD_NAME"), (), {"args": "IgnoreUnknown=1"}),
    "a vendor's class": (
        says("vendor-class-identifier", "pods"),
        ("--dhcp-vendorclass=set:pods,pods", "--dhcp-option=tag:pods,3,10.9.0.9"), {},
    ),
    "an identifier of one's own": (says("dhcp-client-identifier", "db"), ("--dhcp-host=id:db,10.9.0.30",), {}),
    "a long identifier": (
        {}, (f"--dhcp-host=id:{identifier('c' * 200, 'n' * 60)},10.9.0.31",),
        {"container": "c" * 200, "conf": {"name": "n" * 60}},
    ),
    "version 0.4.0": ({}, (), {"conf": {"cniVersion": "0.4.0"}}),
    "version 0.3.1": ({}, (), {"conf": {"cniVersion": "0.3.1"}}),
    "version 0.2.0": ({}, (), {"conf": {"cniVersion": "0.2.0"}}),
    "macvlan": ({}, (), {"conf": {"type": "macvlan", "master": "up0"}}),
    "an option without such a name": (asks("no-such-option"), (), {}),
    "a number that is none": (asks("256"), (), {}),
    "a value that is too long": (says("host-name", "x" * 256), (), {}),
    "no such daemon": ({"daemonSocketPath": "{state}/none.sock"}, (), {}),
}  # fmt: skip


@pytest.fixture(scope="module")
def wired_sites(lasting: tuple[Node, Node]) -> tuple[Site, Site]:
    return wire(lasting[0]), wire(lasting[1])


@pytest.fixture
def sites(wired_sites: tuple[Site, Site]) -> Iterator[tuple[Site, Site]]:
    yield wired_sites
    for site in wired_sites:
        for kind in ("bridge", "macvlan"):
            site.call("DEL", conf={"type": kind, "master": "up0"})
        site.clear()


@pytest.mark.parametrize("case", spread(SAME, 5))
def test_both_give_the_same(sites: tuple[Site, Site], case: str) -> None:
    ipam, told, how = SAME[case]
    go, ours = sites
    added = []
    for site in sites:
        site.dnsmasq(*told)
        site.daemon()
        added.append(site.call("ADD", ipam, **how))
    assert [ended.status for ended in added] in ([0, 0], [1, 1]), (added, ours.log("daemon"))
    if added[0].status:
        assert ours.kept() == []
        return
    results = [comparable(ended.said, site.node) for ended, site in zip(added, sites, strict=True)]
    for result in results:
        result.pop("dns", None)  # test_dns_search_and_mtu_have_a_place
        for route in result.get("routes", ()) if result["cniVersion"] != "1.1.0" else ():
            route.pop("scope", None)  # older versions have no such key, and the other says it in all
    assert results[0] == results[1]
    assert unlike(go.node, ours.node) == ""
    assert go.leased() == ours.leased() != []
    if how.get("conf", {}).get("cniVersion") not in ("0.3.1", "0.2.0"):  # the other's own finds no route on the link
        checked = ours.call("CHECK", ipam, previous=added[1].said, **how)
        assert checked.status == 0, checked
    for site, ended in zip(sites, added, strict=True):
        assert site.call("DEL", ipam, previous=ended.said, **how).status == 0
    until(lambda: ours.leased() == [], ours.leased)  # the server is told, and nobody waits for it
    assert ours.kept() == []


def test_dns_search_and_mtu_have_a_place(sites: tuple[Site, Site]) -> None:
    _, ours = sites
    ours.dnsmasq(
        "--dhcp-option=6,10.9.0.53,10.9.0.54", "--domain=db.example", "--dhcp-option=119,db.example,example",
        "--dhcp-option=26,1400",
    )  # fmt: skip
    ours.daemon()
    added = ours.call("ADD", asks("interface-mtu"))
    assert added.status == 0, added
    assert added.said["dns"] == {
        "nameservers": ["10.9.0.53", "10.9.0.54"], "domain": "db.example", "search": ["db.example", "example"],
    }  # fmt: skip
    assert [route["mtu"] for route in added.said["routes"]] == [1400]
    assert "mtu 1400" in ours.node.run("ip", "route", inside="pod")
    assert ours.call("CHECK", asks("interface-mtu"), previous=added.said).status == 0


def test_each_plugin_says_whose_daemon_it_has_met(sites: tuple[Site, Site]) -> None:
    go, ours = sites
    go.daemon()
    ours.daemon(*QUICK)
    crossed = {"daemonSocketPath": str(go.socket)}
    added = ours.call("ADD", crossed)
    assert (added.status, added.said["code"]) == (1, 5)
    assert "is the CNI project's" in added.said["msg"]
    assert "stop it and start podberth's" in added.said["details"]
    assert ours.call("STATUS", crossed).status == 0
    assert ours.call("DEL", crossed).status == 0
    refused = go.call("ADD", {"daemonSocketPath": str(ours.socket)})
    assert refused.status == 1
    assert "this is podberth's dhcp daemon" in str(refused.said)


def test_an_error_names_the_field(sites: tuple[Site, Site]) -> None:
    _, ours = sites
    for ipam, field in (
        (asks("routers", "routerz"), "ipam.request[1].option"),
        (says("53", "x"), "ipam.provide[0].option"),
        (says("host-name", "x" * 256), "ipam.provide[0].value"),
        ({"priority": -1}, "ipam.priority"),
        ({"daemonSocketPath": "dhcp.sock"}, "ipam.daemonSocketPath"),
    ):
        refused = ours.call("ADD", ipam)
        assert (refused.said["code"], refused.said["msg"].partition(":")[0]) == (7, field), refused


def test_an_address_of_the_reserved_client(sites: tuple[Site, Site]) -> None:
    _, ours = sites
    ours.dnsmasq()
    ours.daemon()
    added = ours.call("ADD")
    assert added.said["ips"] == [{"address": f"{ADDRESS}/24", "gateway": ROUTER, "interface": 2}]
    assert ours.leased() == [(ADDRESS, "*", identifier("c0ffee", NET))]


def test_a_static_route_to_a_host_is_one_to_its_network(sites: tuple[Site, Site]) -> None:
    told = "--dhcp-option=33,172.20.1.1,10.9.0.2"
    for site in sites:
        site.dnsmasq(told)
        site.daemon()
    go, ours = (site.call("ADD", asks("33")) for site in sites)
    assert go.status == 1  # the kernel takes no route whose destination has bits of a host
    assert ours.said["routes"][0] == {"dst": "172.20.0.0/16", "gw": "10.9.0.2"}
    assert "172.20.0.0/16 via 10.9.0.2" in sites[1].node.run("ip", "route", inside="pod")
