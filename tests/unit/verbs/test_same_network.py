"""A configuration that comes again and again is read once; what differs in anything but one pod's own is read anew."""

from __future__ import annotations

from typing import Any

import pytest

from podberth.cni.errors import CniError, UnsupportedField
from podberth.cni.fields import Fields
from podberth.cni.netconf import NetConf
from podberth.plugins import podberth, sriov
from podberth.verbs.network import network_of, read_network

CONF: dict[str, Any] = {"cniVersion": "1.0.0", "name": "bank", "type": "podberth", "bridge": "b0", "pool": "db"}


def conf(**more: Any) -> NetConf:
    return NetConf.parse(Fields({**CONF, **more}, "", CniError))


def test_what_is_of_one_pod_says_nothing_about_the_network() -> None:
    first = network_of(conf(), podberth)
    assert network_of(conf(runtimeConfig={"mac": "02:00:00:00:00:01"}), podberth) is first
    assert network_of(conf(prevResult={"cniVersion": "1.0.0", "interfaces": []}), podberth) is first


@pytest.mark.parametrize(
    "more", [{"pool": "web"}, {"bridge": "b1"}, {"sticky": True}, {"mtu": 1400}, {"name": "other"}]
)
def test_another_configuration_is_read(more: dict[str, Any]) -> None:
    network_of(conf(), podberth)
    assert network_of(conf(**more), podberth) == read_network(conf(**more), podberth) != read_network(conf(), podberth)


def test_what_is_equal_in_python_and_not_in_json_is_another_configuration() -> None:
    network_of(conf(sticky=True), podberth)
    with pytest.raises(CniError, match="sticky"):
        network_of(conf(sticky=1), podberth)


def test_each_plugin_has_its_own() -> None:
    other = conf(type="sriov", bridge=None)
    assert network_of(conf(), podberth) != network_of(other, sriov)
    assert network_of(conf(), podberth) == read_network(conf(), podberth)


@pytest.mark.parametrize(("kind", "plugin"), [("podberth", podberth), ("sriov", sriov)])
def test_policies_that_one_network_of_a_pod_cannot_keep_are_refused(kind: str, plugin: Any) -> None:
    said = {"type": kind, "bridge": "b0" if kind == "podberth" else None}
    read_network(conf(**said, networkPolicies=False), plugin)
    with pytest.raises(UnsupportedField, match="networkPolicies: one network of a pod can't keep them"):
        read_network(conf(**said, networkPolicies=True), plugin)
