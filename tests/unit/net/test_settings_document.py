"""An interface's settings: every field read, written back the same, and refused by its path."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import Fields
from podberth.cni.result import Dns, Route
from podberth.net.settings import Rates, Settings, Vlan
from podberth.net.settings_document import parse_settings, settings_document

FULL: dict[str, object] = {
    "mac": "02:00:00:00:00:11",
    "mtu": 9000,
    "vlan": {"id": 100, "priority": 3},
    "rates": {"egress": 1000, "ingress": 500},
    "routes": [
        {"dst": "10.0.0.0/8", "gw": "10.20.0.1", "mtu": 1500, "advmss": 1400, "priority": 100, "table": 254, "scope": 0}
    ],
    "dns": {"nameservers": ["10.0.0.53"], "domain": "bank.example", "search": ["bank.example"], "options": ["ndots:2"]},
    "sysctls": {"net.ipv4.tcp_keepalive_time": "60"},
}


def test_every_field_is_read_and_written_back_the_same() -> None:
    settings = parse_settings(Fields(FULL))
    assert settings == Settings(
        mac="02:00:00:00:00:11",
        mtu=9000,
        vlan=Vlan(id=100, priority=3),
        rates=Rates(egress=1000, ingress=500),
        routes=(
            Route(
                dst=ip_network("10.0.0.0/8"),
                gw=ip_address("10.20.0.1"),
                mtu=1500,
                advmss=1400,
                priority=100,
                table=254,
                scope=0,
            ),
        ),
        dns=Dns(
            nameservers=("10.0.0.53",), domain="bank.example", search=("bank.example",), options=("ndots:2",)
        ),
        sysctls=(("net.ipv4.tcp_keepalive_time", "60"),),
    )  # fmt: skip
    assert settings_document(settings) == FULL


def test_what_is_not_said_is_none_and_not_written() -> None:
    assert parse_settings(Fields({"pool": "db"})) == Settings()
    assert settings_document(Settings()) == {}


def test_empty_lists_are_said() -> None:
    said = Settings(routes=(), sysctls=())
    assert parse_settings(Fields(settings_document(said))) == said


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        ({"mac": "01:00:5e:00:00:01"}, "mac: "),
        ({"mac": "from-address"}, "mac: expected a MAC or 'fromAddress'"),
        ({"mtu": 67}, "mtu: "),
        ({"vlan": {"id": 4095}}, r"vlan\.id: "),
        ({"vlan": {"id": 1, "priority": 8}}, r"vlan\.priority: "),
        ({"vlan": {"priority": 1}}, r"vlan\.id: required"),
        ({"vlan": "100"}, "vlan: expected an object"),
        ({"rates": {"egress": -1}}, r"rates\.egress: "),
        ({"rates": {"up": 1}}, r"rates\.up: "),
        ({"routes": [{"dst": "10.0.0.1/8"}]}, r"routes\[0\]\.dst: "),
        ({"routes": [{"dst": "10.0.0.0/8", "via": "10.0.0.1"}]}, r"routes\[0\]\.via: "),
        ({"routes": {"dst": "10.0.0.0/8"}}, "routes: expected a list"),
        ({"dns": {"nameservers": "10.0.0.53"}}, r"dns\.nameservers: "),
        ({"sysctls": {"../etc": "1"}}, "sysctls: "),
        ({"sysctls": {"net.core.somaxconn": None}}, "sysctls"),
    ],
)
def test_what_is_wrong_names_its_path(raw: dict[str, object], complaint: str) -> None:
    with pytest.raises(InvalidConfig, match=rf"^spec\.{complaint}"):
        parse_settings(Fields(raw, "spec"))


@given(
    st.builds(
        Settings,
        mac=st.none() | st.sampled_from(["fromAddress", "02:00:00:00:00:11"]),
        mtu=st.none() | st.integers(68, 65535),
        vlan=st.none() | st.just(Vlan(id=0)) | st.builds(Vlan, id=st.integers(1, 4094), priority=st.integers(0, 7)),
        rates=st.none() | st.builds(Rates, egress=st.none() | st.integers(0, 10**6), ingress=st.none()),
        routes=st.none()
        | st.lists(
            st.builds(
                Route,
                dst=st.sampled_from([ip_network("0.0.0.0/0"), ip_network("fd00::/8")]),
                priority=st.none() | st.integers(0, 2**31),
            ),
            max_size=3,
        ).map(tuple),
    )
)
def test_any_settings_written_read_the_same(settings: Settings) -> None:
    assert parse_settings(Fields(settings_document(settings))) == settings
