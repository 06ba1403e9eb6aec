"""Results of every version, in and out."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni import version as versions
from podberth.cni.errors import IncompatibleVersion, InvalidConfig
from podberth.cni.fields import Fields
from podberth.cni.reply import result_json
from podberth.cni.result import Dns, Interface, IPConfig, Result, Route, encode
from podberth.cni.value import replace
from tests.unit.cni.examples import example

GOLDEN: dict[str, Any] = example("results")
NEW_IN_1_1_0 = {"mtu", "socketPath", "pciID", "advmss", "priority", "table", "scope"}


def parse(raw: object, version: str = "1.1.0") -> Result:
    return Result.parse(Fields(raw, "prevResult"), version)


def keys(document: object) -> set[str]:
    if isinstance(document, dict):
        return set(document) | {key for member in document.values() for key in keys(member)}
    return {key for member in document for key in keys(member)} if isinstance(document, list) else set()


FULL = parse(GOLDEN["1.1.0"])


@pytest.mark.parametrize("version", versions.SUPPORTED)
def test_one_result_is_written_in_every_versions_words(version: str) -> None:
    assert encode(FULL, version) == GOLDEN[version]


@pytest.mark.parametrize("version", versions.SUPPORTED)
def test_what_a_version_says_is_read_and_said_again(version: str) -> None:
    assert encode(parse(GOLDEN[version]), version) == GOLDEN[version]


@pytest.mark.parametrize("version", versions.SUPPORTED)
def test_a_result_without_version_is_of_the_configurations(version: str) -> None:
    anonymous = {key: member for key, member in GOLDEN[version].items() if key != "cniVersion"}
    assert (
        parse(anonymous, version) == parse(anonymous | {"cniVersion": ""}, version) == parse(GOLDEN[version], "1.1.0")
    )


def test_a_result_keeps_its_own_version_under_another_configuration() -> None:
    assert len(parse(GOLDEN["0.2.0"], "1.1.0").ips) == 2


@pytest.mark.parametrize("version", ["0.1.0", "0.2.0"])
def test_old_versions_keep_the_first_address_of_each_family(version: str) -> None:
    assert [str(ip.address) for ip in parse(GOLDEN[version]).ips] == ["10.1.0.5/16", "fd00:1::5/64"]


@pytest.mark.parametrize("version", ["0.1.0", "0.2.0"])
def test_old_versions_need_an_address(version: str) -> None:
    with pytest.raises(IncompatibleVersion, match=f"a result without addresses can't be told in {version}$"):
        encode(replace(FULL, ips=()), version)
    only_six = encode(replace(FULL, ips=FULL.ips[2:]), version)
    assert "ip4" not in only_six
    assert only_six["ip6"] == GOLDEN[version]["ip6"]


def test_an_unknown_version_is_code_1_in_and_out() -> None:
    with pytest.raises(IncompatibleVersion, match=r"^prevResult\.cniVersion: '9\.9\.9' is not a supported version"):
        parse({"cniVersion": "9.9.9"})
    with pytest.raises(IncompatibleVersion, match=r"^cniVersion: '9\.9\.9' is not a supported version"):
        encode(FULL, "9.9.9")


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"interfaces": None, "ips": None, "routes": None, "dns": None, "cniVersion": None},
        {"interfaces": [], "ips": [], "routes": [], "dns": {}},
        {"dns": {"nameservers": None, "domain": None, "search": None, "options": None}},
        {"ip4": {"ip": "nothing of this version"}, "unknown": [1, {"x": None}]},
    ],
)
def test_nulls_and_empty_members_are_nothing(raw: object) -> None:
    assert parse(raw) == Result()


def test_an_empty_result_is_its_version_alone() -> None:
    assert result_json(Result(), "1.1.0") == '{"cniVersion":"1.1.0"}'


def test_what_go_writes_for_nothing_is_nothing() -> None:
    raw = {
        "interfaces": [{"name": "eth0", "mac": "", "sandbox": "", "socketPath": "", "pciID": "", "mtu": None}],
        "ips": [{"version": "", "address": "10.0.0.5/24", "gateway": "", "interface": None}],
        "routes": [{"dst": "10.0.0.7/8", "gw": "", "mtu": None, "table": None}],
        "dns": {"nameservers": None, "domain": "", "search": None, "options": None},
    }
    assert parse(raw) == Result(
        interfaces=(Interface(name="eth0"),),
        ips=(IPConfig(address=ip_interface("10.0.0.5/24")),),
        routes=(Route(dst=ip_network("10.0.0.0/8")),),
    )


@pytest.mark.parametrize("index", [0, 3, -1, None])
@pytest.mark.parametrize("none", [{}, {"interfaces": None}, {"interfaces": []}])
def test_an_index_where_there_are_no_interfaces_is_none(none: dict[str, object], index: int | None) -> None:
    """Of an IPAM plugin: programs in Go leave the index for the main plugin to set, and its zero is 0 (-1 in 0.3.0)."""
    found = parse({**none, "ips": [{"address": "10.0.0.5/24", "interface": index}]})
    assert found.ips == (IPConfig(address=ip_interface("10.0.0.5/24")),)


def test_of_the_addresses_of_no_interface_the_index_is_that_of_no_interface() -> None:
    found = parse({"interfaces": [{"name": "", "sandbox": ""}], "ips": [{"address": "::1/64", "interface": -1}]})
    assert found.ips[0].interface is None
    assert found.interfaces == (Interface(name=""),)


def test_zero_is_a_value() -> None:
    raw = {
        "cniVersion": "1.1.0",
        "interfaces": [{"name": "eth0"}],
        "ips": [{"interface": 0, "address": "10.0.0.5/24"}],
        "routes": [{"dst": "0.0.0.0/0", "priority": 0, "table": 0, "scope": 0}],
    }
    assert encode(parse(raw), "1.1.0") == raw


def test_macs_of_other_plugins_pass_as_they_are() -> None:
    example_mac = "55:44:33:22:11:11"  # the specification's own, a multicast address
    assert parse({"interfaces": [{"name": "veth3243", "mac": example_mac}]}).interfaces[0].mac == example_mac


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        ({"cniVersion": 1}, "prevResult.cniVersion: expected a string, got 1"),
        ({"interfaces": {}}, "prevResult.interfaces: expected a list, got an object of 0 fields"),
        ({"interfaces": [None]}, "prevResult.interfaces[0]: expected an object, got null"),
        ({"interfaces": [{}]}, "prevResult.interfaces[0].name: required field is missing"),
        (
            {"interfaces": [{"name": "a", "mtu": -1}]},
            "prevResult.interfaces[0].mtu: expected a whole number 0..4294967295",
        ),
        ({"interfaces": [{"name": "a", "mtu": "1"}]}, "prevResult.interfaces[0].mtu: expected a whole number"),
        ({"interfaces": [{"name": "a\x00"}]}, "prevResult.interfaces[0].name: expected a string of printable"),
        ({"interfaces": [{"name": "a", "sandbox": 5}]}, "prevResult.interfaces[0].sandbox: expected a string, got 5"),
        ({"ips": [{}]}, "prevResult.ips[0].address: required field is missing"),
        ({"ips": [{"address": "10.0.0.5"}]}, "prevResult.ips[0].address: expected an IP address with prefix length"),
        ({"ips": [{"address": "10.0.0.5/24", "gateway": "x"}]}, "prevResult.ips[0].gateway: expected an IP address"),
        (
            {"interfaces": [{"name": "a"}], "ips": [{"address": "10.0.0.5/24", "interface": 1}]},
            "prevResult.ips[0].interface: expected an index into the 1",
        ),
        (
            {"ips": [{"address": "10.0.0.5/24", "interface": -2}]},
            "prevResult.ips[0].interface: expected a whole number",
        ),
        ({"ips": [{"address": "10.0.0.5/24", "version": "6"}]}, "prevResult.ips[0].version: expected '4' beside"),
        (
            {"ips": [{"address": "10.0.0.5/24", "version": 4}]},
            "prevResult.ips[0].version: expected one of '4', '6', got 4",
        ),
        ({"routes": [{"gw": "10.0.0.1"}]}, "prevResult.routes[0].dst: required field is missing"),
        ({"routes": [{"dst": "10.0.0.0"}]}, "prevResult.routes[0].dst: expected a network in CIDR notation"),
        ({"routes": [{"dst": "::/0", "gw": "10.0.0.1"}]}, "prevResult.routes[0].gw: expected an IPv6 address, got"),
        ({"routes": [{"dst": "::/0", "scope": 256}]}, "prevResult.routes[0].scope: expected a whole number 0..255"),
        ({"dns": []}, "prevResult.dns: expected an object, got a list of 0 members"),
        ({"dns": {"nameservers": "10.0.0.1"}}, "prevResult.dns.nameservers: expected a list, got '10.0.0.1'"),
        ({"dns": {"search": [1]}}, "prevResult.dns.search[0]: expected a string, got 1"),
        ({"cniVersion": "0.2.0", "ip4": {}}, "prevResult.ip4.ip: required field is missing"),
        ({"cniVersion": "0.2.0", "ip4": {"ip": "::1/64"}}, "prevResult.ip4.ip: expected an IPv4 address, got '::1/64'"),
        ({"cniVersion": "0.1.0", "ip6": "x"}, "prevResult.ip6: expected an object, got 'x'"),
    ],
)
def test_a_malformed_result_is_code_7_and_names_the_path(raw: object, complaint: str) -> None:
    with pytest.raises(InvalidConfig) as raised:
        parse(raw)
    assert raised.value.code == 7
    assert raised.value.message.startswith(complaint)


ADDRESSES = st.ip_addresses().filter(lambda a: a.version == 4 or a.ipv4_mapped is None)
NAMES = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=15)
UINTS = st.none() | st.integers(0, 2**32 - 1)
MAYBE_TEXT = st.just("") | NAMES


def networks(version: int) -> st.SearchStrategy[Any]:
    return st.tuples(st.ip_addresses(v=4 if version == 4 else 6), st.integers(0, 32)).map(
        lambda pair: ip_network(pair, strict=False)
    )


def routes(version: int) -> st.SearchStrategy[Route]:
    return st.builds(
        Route,
        dst=networks(version).filter(lambda n: n.version == 4 or n.network_address.ipv4_mapped is None),
        gw=st.none() | ADDRESSES.filter(lambda a: a.version == version),
        mtu=UINTS,
        advmss=UINTS,
        priority=UINTS,
        table=UINTS,
        scope=st.none() | st.integers(0, 255),
    )


@st.composite
def results(draw: st.DrawFn) -> Result:
    interface = st.builds(
        Interface, name=NAMES, mac=MAYBE_TEXT, mtu=UINTS, sandbox=MAYBE_TEXT, socket_path=MAYBE_TEXT, pci_id=MAYBE_TEXT
    )
    interfaces = draw(st.lists(interface, max_size=3))
    index = st.none() | st.integers(0, len(interfaces) - 1) if interfaces else st.none()
    address = ADDRESSES.map(lambda a: ip_interface(f"{a}/24"))
    ip = st.builds(IPConfig, address=address, gateway=st.none() | ADDRESSES, interface=index)
    words = st.lists(NAMES, max_size=2).map(tuple)
    return Result(
        interfaces=tuple(interfaces),
        ips=tuple(draw(st.lists(ip, max_size=3))),
        routes=tuple(draw(st.lists(routes(4) | routes(6), max_size=3))),
        dns=draw(st.builds(Dns, nameservers=words, domain=MAYBE_TEXT, search=words, options=words)),
    )


@given(results())
def test_what_was_written_in_the_latest_version_is_read_back(result: Result) -> None:
    assert parse(encode(result, "1.1.0")) == result


@given(results(), st.sampled_from(versions.SUPPORTED[2:-1]))
def test_no_older_version_says_what_came_later(result: Result, version: str) -> None:
    said = encode(result, version)
    assert not keys(said) & NEW_IN_1_1_0
    assert ("version" in keys(said)) == (bool(result.ips) and version != "1.0.0")
    assert encode(parse(said), version) == said
    assert [ip.address for ip in parse(said).ips] == [ip.address for ip in result.ips]


@given(results(), st.sampled_from(["0.1.0", "0.2.0"]))
def test_the_oldest_versions_say_one_address_a_family_and_its_routes(result: Result, version: str) -> None:
    if not result.ips:
        return
    said = encode(result, version)
    assert set(said) <= {"cniVersion", "ip4", "ip6", "dns"}
    assert not keys(said) & (NEW_IN_1_1_0 | {"interface", "version"})
    again = parse(said)
    families = {ip.address.version for ip in result.ips}
    assert {ip.address.version for ip in again.ips} == families
    assert all(ip in [replace(own, interface=None) for own in result.ips] for ip in again.ips)
    assert {route.dst for route in again.routes} == {r.dst for r in result.routes if r.dst.version in families}


def test_addresses_are_values_not_text() -> None:
    assert FULL.ips[0].gateway == ip_address("10.1.0.1")
    assert FULL.routes[2].dst == ip_network("::/0")
