"""Whose an address in CNI_ARGS is to answer: ours, or that of the IPAM plugin that gives the addresses."""

from __future__ import annotations

from ipaddress import ip_address
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from podberth.cni.args import Args
from podberth.cni.call import Call, Verb
from podberth.cni.fields import Fields
from podberth.cni.netconf import NetConf
from podberth.plugins import sriov
from podberth.verbs.network import question, read_network

if TYPE_CHECKING:
    from podberth.policy.store import Policies

CONF: dict[str, Any] = {"cniVersion": "1.0.0", "name": "n", "type": "sriov", "deviceID": "0000:01:00.1"}
WISH = Args.parse("IP=10.20.0.15/24,fd00:20::15;MAC=02:00:00:00:00:01")
NOBODY = cast("Policies", SimpleNamespace(find=lambda _: ()))


@pytest.mark.parametrize(
    ("keys", "wished"),
    [
        ({"pool": "bank"}, (ip_address("10.20.0.15"), ip_address("fd00:20::15"))),
        ({"ipam": {"type": "host-local"}}, ()),
    ],
    ids=["ours", "host-local's"],
)
def test_an_address_that_is_asked_for_is_answered_by_who_gives_addresses(
    keys: dict[str, Any], wished: tuple[object, ...]
) -> None:
    conf = NetConf.parse(Fields({**CONF, **keys}))
    network = read_network(conf, sriov)
    asked = question(network, Call(verb=Verb.ADD, conf=conf, ifname="eth0", pod_args=WISH), NOBODY)
    assert (asked.request.addresses, asked.request.mac) == (wished, "02:00:00:00:00:01")
