"""What the type `portmap` plans, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.call import Call, Verb
from podberth.cni.errors import CniError, InvalidConfig, UnsupportedField
from podberth.cni.fields import Fields
from podberth.cni.netconf import NetConf
from podberth.net import ops
from podberth.net.endpoint import Endpoint
from podberth.net.ops.ports import parsed, written
from podberth.net.seen import see
from podberth.net.settings import Settings
from podberth.plugins.standard import portmap
from tests.hosts import FakeHost

if TYPE_CHECKING:
    from podberth.net.ops import Address, Op

WEB = {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}
INTERFACES = [{"name": "br0"}, {"name": "veth0"}, {"name": "eth0", "sandbox": "/run/netns/pod"}]
IPS = [
    {"address": "10.0.0.1/24", "interface": 0},
    {"address": "10.0.0.2/24", "interface": 2},
    {"address": "10.0.0.3/24", "interface": 2},
    {"address": "fd00::2/64", "interface": 2},
]


def planned(*mappings: object, **keys: Any) -> tuple[Op, ...]:
    document = {
        "cniVersion": "1.0.0",
        "name": "net",
        "type": "portmap",
        "prevResult": {"interfaces": INTERFACES, "ips": IPS},
        "runtimeConfig": {"portMappings": list(mappings)},
        **keys,
    }
    conf = NetConf.parse(Fields(document))
    call = Call(verb=Verb.ADD, conf=conf, container_id="c1", netns="/run/netns/pod", ifname="eth0")
    end = Endpoint(
        attachment=call.attachment, netns=call.netns, addresses=(), gateways=(), settings=Settings(),
    )  # fmt: skip
    read = portmap.configure(conf.fields)
    seen = see(FakeHost(), lambda seen: portmap.asks(read, call, end, seen))
    return portmap.plan(read, call, end, seen).ops


def mapped(plan: tuple[Op, ...]) -> list[tuple[str, tuple[str, ...]]]:
    return [(str(op.address), op.ports) for op in plan if isinstance(op, ops.MapPorts)]


def test_the_pods_first_address_of_each_version_is_reached() -> None:
    assert mapped(planned(WEB)) == [("10.0.0.2/24", ("8080:80/tcp",)), ("fd00::2/64", ("8080:80/tcp",))]


def test_addresses_without_an_interface_are_the_pods() -> None:
    ips = [{"address": "10.0.0.2/24"}]
    assert mapped(planned(WEB, prevResult={"ips": ips})) == [("10.0.0.2/24", ("8080:80/tcp",))]


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        ("192.0.2.1", [("10.0.0.2/24", ("192.0.2.1:8080:80/tcp",))]),
        ("2001:db8::1", [("fd00::2/64", ("[2001:db8::1]:8080:80/tcp",))]),
        ("0.0.0.0", [("10.0.0.2/24", ("8080:80/tcp",))]),
        ("::", [("fd00::2/64", ("8080:80/tcp",))]),
    ],
)
def test_an_address_of_the_node_is_for_those_of_its_version(host: str, wanted: list[tuple[str, tuple[str]]]) -> None:
    assert mapped(planned({**WEB, "hostIP": host})) == wanted


@given(st.sampled_from(portmap.PROTOCOLS), st.none() | st.ip_addresses(), st.integers(1, 65535), st.integers(1, 65535))
def test_a_mapping_is_read_as_it_was_written(protocol: str, host: Address | None, host_port: int, port: int) -> None:
    assert parsed(written(protocol, host, host_port, port)) == (protocol, host, host_port, port)


def test_with_snat_the_loopback_is_routed_and_what_is_marked_is_masqueraded() -> None:
    plan = planned(WEB)
    assert [op.link for op in plan if isinstance(op, ops.RouteLoopback)] == ["bank0"]
    assert [(str(op.address), op.mark) for op in plan if isinstance(op, ops.MasqueradeMapped)] == [
        ("10.0.0.2", 0x2000),
        ("fd00::2", 0x2000),
    ]


def test_without_snat_nothing_is_but_the_ports() -> None:
    plan = planned(WEB, snat=False, masqAll=True)
    assert {type(op) for op in plan} == {ops.MapPorts}
    assert {op.mark for op in plan if isinstance(op, ops.MapPorts)} == {0}


@pytest.mark.parametrize("bit", [0, 14, 31])
def test_the_bit_is_the_configurations(bit: int) -> None:
    assert {op.mark for op in planned(WEB, markMasqBit=bit) if isinstance(op, ops.MapPorts)} == {1 << bit}


def test_without_mappings_nothing_is_done_and_nothing_asked() -> None:
    assert planned() == ()
    assert planned(runtimeConfig=None) == ()


def test_a_mapping_said_twice_is_one() -> None:
    assert mapped(planned(WEB, WEB)) == mapped(planned(WEB))


def test_a_protocol_may_be_written_in_capitals() -> None:
    assert mapped(planned({**WEB, "protocol": "SCTP"}))[0] == ("10.0.0.2/24", ("8080:80/sctp",))


@pytest.mark.parametrize(
    ("keys", "error", "path"),
    [
        ({"backend": "iptables"}, UnsupportedField, "backend"),
        ({"externalSetMarkChain": "X"}, UnsupportedField, "externalSetMarkChain"),
        ({"conditionsV4": ["-d", "1.2.3.4"]}, UnsupportedField, "conditionsV4"),
        ({"conditionsV6": ["ip6 daddr ::1"]}, UnsupportedField, "conditionsV6"),
        ({"backend": "nft"}, InvalidConfig, "backend"),
        ({"markMasqBit": 32}, InvalidConfig, "markMasqBit"),
        ({"snat": "maybe"}, InvalidConfig, "snat"),
        ({"runtimeConfig": {"portMappings": [{**WEB, "hostPort": 0}]}}, InvalidConfig,
         "runtimeConfig.portMappings[0].hostPort"),
        ({"runtimeConfig": {"portMappings": [WEB, {**WEB, "containerPort": 65536}]}}, InvalidConfig,
         "runtimeConfig.portMappings[1].containerPort"),
        ({"runtimeConfig": {"portMappings": [{**WEB, "protocol": "icmp"}]}}, InvalidConfig,
         "runtimeConfig.portMappings[0].protocol"),
        ({"runtimeConfig": {"portMappings": [{**WEB, "hostIP": "here"}]}}, InvalidConfig,
         "runtimeConfig.portMappings[0].hostIP"),
    ],
)  # fmt: skip
def test_an_error_names_the_key(keys: dict[str, object], error: type[CniError], path: str) -> None:
    with pytest.raises(error) as refused:
        planned(WEB, **keys)
    assert refused.value.message.startswith(f"{path}: ")


def test_conditions_that_say_nothing_are_none() -> None:
    assert planned(WEB, conditionsV4=[], conditionsV6=None, externalSetMarkChain="", backend="nftables")
