"""Configurations: the protocol's keys as values, everything else untouched, every complaint with its path."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from podberth.cni.errors import IncompatibleVersion, InvalidConfig
from podberth.cni.fields import Fields
from podberth.cni.netconf import NetConf, RuntimeConfig
from podberth.cni.result import Dns, Result
from tests.unit.cni.examples import example

PLAIN: dict[str, Any] = {"cniVersion": "1.1.0", "name": "banknet", "type": "podberth"}
ANNOTATIONS = "io.kubernetes.cri.pod-annotations"


def parse(forgiving: bool = False, /, **more: object) -> NetConf:
    return NetConf.parse(Fields({**PLAIN, **more}), forgiving=forgiving)


def test_a_plain_configuration_is_all_defaults() -> None:
    conf = parse()
    assert conf == NetConf(cni_version="1.1.0", name="banknet", type="podberth", fields=Fields(PLAIN).from_go())
    assert conf.runtime_config == RuntimeConfig()
    assert conf.valid_attachments is None


def test_no_version_means_the_first() -> None:
    assert NetConf.parse(Fields({"name": "n", "type": "t"})).cni_version == "0.1.0"
    assert parse(cniVersion="").cni_version == "0.1.0"
    assert parse(cniVersion=None).cni_version == "0.1.0"


def test_unknown_keys_pass_through_untouched() -> None:
    more: dict[str, object] = {"keyA": ["x", {"y": None}], "cni.dev/future": 1, "args": {"labels": [1]}}
    assert parse(**more).raw == {**PLAIN, **more}


def test_nulls_are_as_good_as_absent() -> None:
    keys = ("ipam", "dns", "args", "runtimeConfig", "capabilities", "prevResult")
    nulls = dict.fromkeys(keys)
    assert parse(**nulls) == NetConf(
        cni_version="1.1.0", name="banknet", type="podberth", fields=Fields({**PLAIN, **nulls}).from_go()
    )


GO_DEFAULTS: dict[str, Any] = {
    "ipam": {"type": "", "subnet": "", "routes": None},
    "dns": {"nameservers": None, "domain": "", "search": [], "options": None},
    "args": {"cni": {"ips": None, "labels": None}},
    "capabilities": {"portMappings": None},
    "prevResult": None,
    "runtimeConfig": {
        "mac": "",
        "ips": None,
        "bandwidth": {"ingressRate": 0, "ingressBurst": 0, "egressRate": 0, "egressBurst": 0},
        "infinibandGUID": "",
        "deviceID": "",
        "aliases": None,
        "portMappings": None,
        "ipRanges": [],
        "dns": {"Servers": None, "Searches": None, "Options": None},
        ANNOTATIONS: None,
    },
}


def test_what_go_programs_write_for_a_field_that_nobody_set_is_not_said() -> None:
    conf = parse(**GO_DEFAULTS)
    assert (conf.ipam is not None and conf.ipam.said("type"), conf.args_ips, conf.capabilities) == (False, (), ())
    assert (conf.dns, conf.prev_result) == (Dns(), None)
    said = conf.runtime_config
    assert (said.mac, said.ips, said.annotations) == (None, (), ())
    assert conf.raw == {**PLAIN, **GO_DEFAULTS}  # an IPAM plugin is called with what came in
    assert parse(runtimeConfig={"ips": [], "mac": None}).runtime_config.ips == ()


@pytest.mark.parametrize("key", GO_DEFAULTS)
def test_an_empty_object_is_as_good_as_none(key: str) -> None:
    empty, none = parse(**{key: {}}), parse()
    assert (empty.args_ips, empty.capabilities, empty.dns or Dns()) == (none.args_ips, none.capabilities, Dns())
    assert (empty.runtime_config.mac, empty.runtime_config.ips) == (None, ())
    assert empty.prev_result in (None, Result())


def test_wishes_are_read_from_both_places_with_and_without_prefix() -> None:
    conf = parse(
        args={"cni": {"ips": ["10.2.2.42/24", "2001:db8::5"], "labels": []}},
        runtimeConfig={"ips": ["10.20.0.11"], "mac": "02:00:00:00:00:1A", "portMappings": [{"hostPort": 1}]},
    )
    assert conf.args_ips == (ip_address("10.2.2.42"), ip_address("2001:db8::5"))
    assert conf.runtime_config.ips == (ip_address("10.20.0.11"),)
    assert conf.runtime_config.mac == "02:00:00:00:00:1a"
    assert conf.runtime_config.raw is not None
    assert conf.runtime_config.raw["portMappings"] == [{"hostPort": 1}]


def test_annotations_may_hold_anything() -> None:
    annotations = {"podberth.io/network": '[{"pool": "db"}]', "note": "two\nlines\t\x00", "": ""}
    runtime = parse(runtimeConfig={ANNOTATIONS: annotations}).runtime_config
    assert dict(runtime.annotations) == annotations
    assert runtime.annotation("podberth.io/network") == '[{"pool": "db"}]'
    assert runtime.annotation("absent") is None


def test_a_declined_capability_is_none() -> None:
    assert parse(capabilities={"ips": True, "mac": False, ANNOTATIONS: "true"}).capabilities == ("ips", ANNOTATIONS)


@pytest.mark.parametrize("version", ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"])
def test_a_previous_result_without_version_is_of_the_configurations(version: str) -> None:
    previous = {key: member for key, member in example("results")[version].items() if key != "cniVersion"}
    found = parse(cniVersion=version, prevResult=previous).prev_result
    assert found is not None
    assert str(found.ips[0].address) == "10.1.0.5/16"
    assert parse(cniVersion=version, prevResult={}).prev_result == Result()


@pytest.mark.parametrize("key", ["cni.dev/valid-attachments", "cni.dev/attachments"])
def test_valid_attachments_are_read_under_both_names(key: str) -> None:
    assert parse(**{key: [{"containerID": "c1", "ifname": "eth0"}]}).valid_attachments == (("c1", "eth0"),)


ONE, TWO = ({"containerID": name, "ifname": "eth0"} for name in ("c1", "c2"))


@pytest.mark.parametrize(
    ("newer", "older"),
    [([ONE], [TWO]), ([ONE, TWO], [ONE]), ([], [ONE]), ([ONE], []), ([ONE], [{**ONE, "ifname": "eth1"}])],
)
def test_two_lists_of_valid_attachments_that_differ_are_none(newer: list[object], older: list[object]) -> None:
    with pytest.raises(InvalidConfig, match=r"^\['cni.dev/attachments'\]: is another list than") as error:
        parse(**{"cni.dev/attachments": older, "cni.dev/valid-attachments": newer})
    assert error.value.code == 7


@pytest.mark.parametrize(
    ("newer", "older", "valid"),
    [
        (None, [ONE], (("c1", "eth0"),)),
        ([ONE], None, (("c1", "eth0"),)),
        ([ONE, TWO], [TWO, ONE], (("c1", "eth0"), ("c2", "eth0"))),
        ([ONE, ONE], [ONE], (("c1", "eth0"), ("c1", "eth0"))),
        (None, None, ()),
        ([], None, ()),
        (None, [], ()),
        ([], [], ()),
    ],
)
def test_null_beside_a_list_of_valid_attachments_says_nothing(newer: object, older: object, valid: object) -> None:
    assert parse(**{"cni.dev/attachments": older, "cni.dev/valid-attachments": newer}).valid_attachments == valid


def test_an_empty_list_of_valid_attachments_is_not_a_missing_one() -> None:
    assert parse(**{"cni.dev/valid-attachments": []}).valid_attachments == ()
    assert parse(**{"cni.dev/valid-attachments": None}).valid_attachments == ()


def test_as_many_attachments_as_a_node_can_have_are_read() -> None:
    many = [{"containerID": f"c{i}", "ifname": "eth0"} for i in range(5000)]
    assert len(parse(**{"cni.dev/valid-attachments": many}).valid_attachments or ()) == 5000


WRONG_IDENTITY: list[tuple[dict[str, object], str]] = [
    ({"cniVersion": 1.1}, "cniVersion: expected a string, got 1.1"),
    ({"cniVersion": []}, "cniVersion: expected a string, got a list of 0 members"),
    ({"cniVersion": "1.1.0\x00"}, "cniVersion: expected a string of printable characters"),
    ({"name": None}, "name: required field is missing"),
    ({"name": ""}, "name: expected a name of 1..253 characters, got ''"),
    ({"name": 5}, "name: expected a name, got 5"),
    ({"name": "../x"}, "name: expected a letter or digit"),
    ({"name": "a/b"}, "name: expected a letter or digit"),
    ({"name": "_a"}, "name: expected a letter or digit"),
    ({"name": "a\x00"}, "name: expected a letter or digit"),
    ({"name": "a" * (1 << 20)}, "name: expected a name of 1..253 characters"),
    ({"type": None}, "type: required field is missing"),
    ({"type": "../sh"}, "type: expected the name of an executable, got '../sh'"),
    ({"type": "a\\b"}, "type: expected the name of an executable"),
    ({"type": ".."}, "type: expected the name of an executable, got '..'"),
    ({"type": {}}, "type: expected a string, got an object of 0 fields"),
]
WRONG_REST: list[tuple[dict[str, object], str]] = [
    ({"ipam": "host-local"}, "ipam: expected an object, got 'host-local'"),
    ({"ipam": {"type": "../x"}}, "ipam.type: expected the name of an executable, got '../x'"),
    ({"ipam": {"type": 1}}, "ipam.type: expected a string, got 1"),
    ({"dns": []}, "dns: expected an object, got a list of 0 members"),
    ({"dns": {"nameservers": [1]}}, "dns.nameservers[0]: expected a string, got 1"),
    ({"args": "x"}, "args: expected an object, got 'x'"),
    ({"args": {"cni": []}}, "args.cni: expected an object, got a list of 0 members"),
    ({"args": {"cni": {"ips": "10.0.0.1"}}}, "args.cni.ips: expected a list, got '10.0.0.1'"),
    ({"args": {"cni": {"ips": ["x"]}}}, "args.cni.ips[0]: expected an IP address, got 'x'"),
    ({"runtimeConfig": 1}, "runtimeConfig: expected an object, got 1"),
    ({"runtimeConfig": {"ips": ["10.0.0.1", None]}}, "runtimeConfig.ips[1]: expected an IP address, got null"),
    ({"runtimeConfig": {"ips": ["::1"] * 65}}, "runtimeConfig.ips: expected at most 64 members, got 65"),
    ({"runtimeConfig": {"mac": "x"}}, "runtimeConfig.mac: expected a MAC address"),
    ({"runtimeConfig": {ANNOTATIONS: []}}, f"runtimeConfig['{ANNOTATIONS}']: expected an object"),
    ({"runtimeConfig": {ANNOTATIONS: {"a": 1}}}, f"runtimeConfig['{ANNOTATIONS}'].a: expected a string, got 1"),
    ({"capabilities": ["ips"]}, "capabilities: expected an object, got a list of 1 members"),
    ({"capabilities": {"ips": 1}}, "capabilities.ips: expected true or false, got 1"),
    ({"prevResult": []}, "prevResult: expected an object, got a list of 0 members"),
    ({"prevResult": {"ips": [{"address": 1}]}}, "prevResult.ips[0].address: expected an IP address with prefix"),
]
WRONG_LIST: list[tuple[dict[str, object], str]] = [
    ({"cni.dev/valid-attachments": {}}, "['cni.dev/valid-attachments']: expected a list"),
    ({"cni.dev/valid-attachments": ["c1"]}, "['cni.dev/valid-attachments'][0]: expected an object, got 'c1'"),
    ({"cni.dev/attachments": [{"containerID": "c1"}]}, "['cni.dev/attachments'][0].ifname: required field is missing"),
    (
        {"cni.dev/attachments": [{"containerID": "../c", "ifname": "a"}]},
        "['cni.dev/attachments'][0].containerID: expec",
    ),
    (
        {"cni.dev/attachments": [{"containerID": "c", "ifname": "a/b"}]},
        "['cni.dev/attachments'][0].ifname: expected an",
    ),
]


@pytest.mark.parametrize(("more", "complaint"), WRONG_IDENTITY + WRONG_REST + WRONG_LIST)
def test_a_malformed_configuration_is_code_7_and_names_the_path(more: dict[str, object], complaint: str) -> None:
    with pytest.raises(InvalidConfig) as raised:
        parse(**more)
    assert raised.value.code == 7
    assert raised.value.message.startswith(complaint)
    assert len(raised.value.message) < 250


@pytest.mark.parametrize("path", [(), ("prevResult",)])
def test_an_unknown_version_is_code_1_and_names_the_path(path: tuple[str, ...]) -> None:
    wrong: dict[str, object] = {"cniVersion": "3.0.0"}
    with pytest.raises(IncompatibleVersion) as raised:
        parse(**({path[0]: wrong} if path else wrong))
    assert raised.value.message.startswith(f"{'.'.join((*path, 'cniVersion'))}: '3.0.0' is not a supported version")


@pytest.mark.parametrize("more", [more for more, _ in WRONG_REST])
def test_forgiving_what_does_not_identify_the_network_counts_as_absent(more: dict[str, object]) -> None:
    plain = parse(True)
    conf = parse(True, **more)
    assert (conf.name, conf.ipam, conf.dns, conf.args_ips) == (plain.name, None, None, ())
    assert (conf.runtime_config, conf.capabilities, conf.prev_result) == (RuntimeConfig(), (), None)


@pytest.mark.parametrize(("more", "complaint"), WRONG_IDENTITY + WRONG_LIST)
def test_forgiving_the_identity_and_the_valid_attachments_still_have_to_be_right(
    more: dict[str, object], complaint: str
) -> None:
    with pytest.raises(InvalidConfig) as raised:
        parse(True, **more)
    assert raised.value.message.startswith(complaint)
