"""The specification's own examples: every request is read, every result is written as it stands there."""

from __future__ import annotations

from ipaddress import ip_interface
from typing import Any

import pytest

from podberth.cni.call import Call, Verb
from podberth.cni.fields import Fields
from podberth.cni.netconf import NetConf
from podberth.cni.result import Dns, Interface, Result, encode
from tests.unit.cni.examples import GOLDEN, as_bytes, example

ENV = {
    "CNI_CONTAINERID": "c0ffee",
    "CNI_NETNS": "/var/run/netns/blue",
    "CNI_IFNAME": "eth0",
    "CNI_ARGS": "argA=foo;IgnoreUnknown=1",
    "CNI_PATH": "/opt/cni/bin",
}
REQUESTS = sorted(path.stem for path in GOLDEN.glob("spec-*-request.json"))
RESULTS = sorted(path.stem for path in GOLDEN.glob("spec-*-result.json"))


def read(name: str) -> Call:
    verb = name.split("-")[1].upper()
    call = Call.parse({**ENV, "CNI_COMMAND": verb}, as_bytes(example(name)))
    assert isinstance(call, Call)
    return call


def test_there_are_as_many_examples_as_in_the_specification() -> None:
    assert len(REQUESTS) == 9 + 2  # the specification has none for GC and STATUS
    assert len(RESULTS) == 3


@pytest.mark.parametrize("name", REQUESTS)
def test_every_request_is_read(name: str) -> None:
    document = example(name)
    call = read(name)
    conf = call.conf
    assert (conf.cni_version, conf.name, conf.type) == ("1.1.0", "dbnet", document["type"])
    assert call.verb is Verb(name.split("-")[1].upper())
    assert conf.raw == document
    assert (conf.ipam is not None) == ("ipam" in document)
    assert (conf.prev_result is not None) == ("prevResult" in document)
    assert conf.runtime_config.mac == document.get("runtimeConfig", {}).get("mac")


@pytest.mark.parametrize("name", REQUESTS)
def test_a_previous_result_is_passed_on_as_it_came(name: str) -> None:
    document = example(name)
    previous = read(name).conf.prev_result
    if "prevResult" not in document:
        assert previous is None
    else:
        assert previous is not None
        assert encode(previous, "1.1.0") == {"cniVersion": "1.1.0", **document["prevResult"]}


@pytest.mark.parametrize("name", RESULTS)
def test_every_result_is_read_and_written(name: str) -> None:
    document = example(name)
    result = Result.parse(Fields(document), "1.1.0")
    assert encode(result, "1.1.0") == {"cniVersion": "1.1.0", **document}


def test_the_bridges_result_means_what_the_specification_says() -> None:
    result = Result.parse(Fields(example("spec-add-1-bridge-result")), "1.1.0")
    assert result.interfaces[2] == Interface(name="eth0", mac="99:88:77:66:55:44", sandbox="/var/run/netns/blue")
    assert [(ip.address, ip.interface) for ip in result.ips] == [(ip_interface("10.1.0.5/16"), 2)]
    assert result.dns == Dns(nameservers=("10.1.0.1",))


def test_a_delegates_result_has_no_interfaces() -> None:
    result = Result.parse(Fields(example("spec-add-1-host-local-result")), "1.1.0")
    assert result.interfaces == ()
    assert result.ips[0].interface is None


def test_gc_gets_the_valid_attachments() -> None:
    assert read("spec-gc-request").conf.valid_attachments == (("c0ffee", "eth0"), ("c0ffee", "net1"))
    assert read("spec-status-request").conf.valid_attachments is None


def test_the_plugins_of_the_example_list_are_configurations_once_name_and_version_are_inserted() -> None:
    listed: dict[str, Any] = example("spec-list")
    inserted = {"cniVersion": listed["cniVersion"], "name": listed["name"]}
    bridge, tuning, portmap = (NetConf.parse(Fields({**plugin, **inserted})) for plugin in listed["plugins"])
    assert bridge.raw["keyA"] == ["some more", "plugin specific", "configuration"]
    assert bridge.ipam is not None
    assert bridge.ipam.raw["subnet"] == "10.1.0.0/16"
    assert bridge.dns == Dns(nameservers=("10.1.0.1",))
    assert (tuning.capabilities, portmap.capabilities) == (("mac",), ("portMappings",))
