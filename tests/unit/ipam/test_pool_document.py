"""Pool documents are read into pools and written back; what is wrong names its path (more of that in `hostile`)."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import Fields
from podberth.ipam.pool import ConflictDetection, Grant, Pool, Span, Subnet
from podberth.ipam.pool_document import parse_pool, pool_document, pool_needs
from podberth.ipam.versions import Feature
from podberth.net.settings import Rates, Settings, Vlan

if TYPE_CHECKING:
    from podberth.net.ops import Network


def document(*subnets: object, **spec: object) -> Fields:
    return Fields({"metadata": {"name": "db"}, "spec": {"subnets": list(subnets), **spec}}, "db.yaml[0]")


def span(first: str, last: str = "") -> Span:
    return Span(first=ip_address(first), last=ip_address(last or first))


FULL = document(
    {
        "subnet": "10.20.0.0/24",
        "gateway": "10.20.0.1",
        "ranges": ["10.20.0.10-10.20.0.100", "10.20.0.128/26", "10.20.0.250"],
        "exclude": ["10.20.0.50", "10.20.0.64/28"],
        "hold": ["10.20.0.10 - 10.20.0.20"],
    },
    {"subnet": "fd00:20::/64"},
    allocation="leastRecentlyUsed",
    quarantine="10m",
    conflictDetection={"onConflict": "next"},
    allow=[
        {
            "namespaces": ["db", "team-*"],
            "vlans": [100, "200-299", "300"],
            "addresses": ["10.20.0.10"],
            "podRequests": True,
        }
    ],
    mtu=9000,
    vlan={"id": 100, "priority": 3},
    rates={"egress": 1000},
    mac="fromAddress",
)  # fmt: skip


def test_every_field_is_read() -> None:
    assert parse_pool(FULL) == Pool(
        name="db",
        subnets=(
            Subnet(
                network=IPv4Network("10.20.0.0/24"),
                gateway=ip_address("10.20.0.1"),
                ranges=(
                    span("10.20.0.10", "10.20.0.100"), span("10.20.0.128", "10.20.0.191"), span("10.20.0.250")
                ),
                exclude=(span("10.20.0.50"), span("10.20.0.64", "10.20.0.79")),
                hold=(span("10.20.0.10", "10.20.0.20"),),
            ),
            Subnet(network=IPv6Network("fd00:20::/64")),
        ),
        allocation="leastRecentlyUsed",
        quarantine=600,
        conflict_detection=ConflictDetection(on_conflict="next", probes=3, interval_ms=200),
        grants=(
            Grant(
                namespaces=("db", "team-*"),
                vlans=((100, 100), (200, 299), (300, 300)),
                addresses=(span("10.20.0.10"),),
                pod_requests=True,
            ),
        ),
        settings=Settings(
            mac="fromAddress", mtu=9000, vlan=Vlan(id=100, priority=3), rates=Rates(egress=1000)
        ),
    )  # fmt: skip


def test_what_is_written_back_reads_the_same() -> None:
    pool = parse_pool(FULL)
    assert parse_pool(Fields(pool_document(pool))) == pool
    assert pool_document(pool)["kind"] == "Pool"


def test_a_bare_pool_gives_all_of_its_subnet_the_lowest_first() -> None:
    pool = parse_pool(document({"subnet": "10.20.0.0/24"}))
    assert pool == Pool(name="db", subnets=(Subnet(network=IPv4Network("10.20.0.0/24")),))
    assert pool_document(pool)["spec"] == {"subnets": [{"subnet": "10.20.0.0/24"}]}


@pytest.mark.parametrize(
    ("told", "seconds"),
    [(0, 0), (90, 90), ("90", 90), ("90s", 90), ("10m", 600), ("2h", 7200), ("1d", 86400), ("366d", 366 * 86400)],
)
def test_quarantine_is_seconds_or_a_duration(told: object, seconds: int) -> None:
    assert parse_pool(document({"subnet": "10.20.0.0/24"}, quarantine=told)).quarantine == seconds


@pytest.mark.parametrize("network", ["10.0.0.0/8", "10.20.0.8/31", "10.20.0.8/32", "fd00::/64", "fd00::8/128"])
def test_subnets_of_all_allowed_sizes_are_read(network: str) -> None:
    assert str(parse_pool(document({"subnet": network})).subnets[0].network) == network


@pytest.mark.parametrize(
    ("subnet", "complaint"),
    [
        ({"gateway": "10.21.0.1"}, r"gateway: 10\.21\.0\.1 is not in 10\.20\.0\.0/24"),
        ({"gateway": "fe80::1"}, r"gateway: fe80::1 is not an IPv4 address, as 10\.20\.0\.0/24 is"),
        ({"gateway": "224.0.0.1", "onLink": True}, r"gateway: 224\.0\.0\.1 is in 224\.0\.0\.0/4, which is for multi"),
        ({"gateway": "10.20.0.255", "onLink": True}, r"gateway: 10\.20\.0\.255 is the network or broadcast address"),
        ({"subnet": "fd00:20::/64", "gateway": "fe80::"}, r"gateway: fe80:: is every router's address"),
        ({"onLink": True}, r"onLink: has no meaning without a gateway"),
        ({"onLink": "yes"}, r"onLink: expected true or false"),
        ({"ranges": ["10.20.0.9-10.20.1.9"]}, r"ranges\[0\]: .* is not inside 10\.20\.0\.0/24"),
        ({"ranges": ["10.20.0.9", "10.20.0.0/30"]}, r"ranges\[1\]: .* network or broadcast address 10\.20\.0\.0"),
        ({"ranges": ["10.20.0.9-10.20.0.12", "10.20.0.12"]}, r"ranges\[1\]: 10\.20\.0\.12 overlaps ranges\[0\]"),
        ({"exclude": ["10.20.0.9-10.20.0.8"]}, r"exclude\[0\]: expected the first and last address"),
        ({"hold": ["fd00::1"]}, r"hold\[0\]: fd00::1 is not inside"),
    ],
)
def test_what_is_wrong_with_a_subnet_names_its_path(subnet: dict[str, object], complaint: str) -> None:
    with pytest.raises(InvalidConfig, match=rf"^db\.yaml\[0\]\.spec\.subnets\[1\]\.{complaint}"):
        parse_pool(document({"subnet": "10.30.0.0/24"}, {"subnet": "10.20.0.0/24", **subnet}))


@pytest.mark.parametrize(
    "subnet",
    [
        {"subnet": "10.20.0.0/32", "gateway": "192.0.2.1", "onLink": True},
        {"subnet": "fd00:20::/64", "gateway": "fe80::1"},
        {"subnet": "fd00:20::/128", "gateway": "2001:db8::1", "onLink": True},
        {"subnet": "10.20.0.0/24", "gateway": "10.20.0.1", "onLink": True},
    ],
)
def test_a_gateway_outside_its_subnet_is_read_and_needs_a_ledger_of_today(subnet: dict[str, object]) -> None:
    pool = parse_pool(document(subnet))
    assert str(pool.subnets[0].gateway) == subnet["gateway"]
    assert parse_pool(Fields(pool_document(pool))) == pool
    assert pool_needs(pool) == {Feature.GATEWAYS}
    assert pool_needs(parse_pool(document({"subnet": "10.20.0.0/24", "gateway": "10.20.0.1"}))) == frozenset()


def within(network: Network) -> st.SearchStrategy[Span]:
    ends = st.tuples(st.ip_addresses(network=network), st.ip_addresses(network=network))
    return ends.map(lambda pair: Span(first=min(pair, key=int), last=max(pair, key=int)))


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    networks: list[Network] = [IPv4Network("10.20.0.0/16"), IPv6Network("fd00:20::/64"), IPv4Network("10.31.7.8/31")]
    subnets = tuple(
        Subnet(
            network=network,
            exclude=tuple(draw(st.lists(within(network), max_size=3))),
            hold=tuple(draw(st.lists(within(network), max_size=3))),
        )
        for network in draw(st.sets(st.sampled_from(networks), min_size=1))
    )
    vlans = st.tuples(st.integers(0, 4094), st.integers(0, 4094)).map(lambda pair: (min(pair), max(pair)))
    grants = st.builds(
        Grant,
        namespaces=st.lists(st.sampled_from(["db", "team-*", "*"]), min_size=1, max_size=2).map(tuple),
        vlans=st.lists(vlans, max_size=2).map(tuple),
        addresses=st.lists(within(networks[0]), max_size=2).map(tuple),
        pod_requests=st.booleans(),
    )
    return Pool(
        name=draw(st.sampled_from(["db", "a.b-c"])),
        subnets=subnets,
        allocation=draw(st.sampled_from(["lowest", "leastRecentlyUsed"])),
        quarantine=draw(st.integers(0, 366 * 86400)),
        conflict_detection=draw(
            st.none()
            | st.builds(
                ConflictDetection,
                on_conflict=st.sampled_from(["refuse", "next"]),
                probes=st.integers(1, 10),
                interval_ms=st.integers(10, 2000),
            )
        ),
        grants=tuple(draw(st.lists(grants, max_size=2))),
        settings=Settings(mtu=draw(st.none() | st.integers(68, 65535))),
    )


@given(pools())
def test_any_pool_written_reads_the_same(pool: Pool) -> None:
    assert parse_pool(Fields(pool_document(pool))) == pool


@pytest.mark.parametrize(("said", "read"), [("forever", "forever"), ("24h", 86400), (60, 60)])
def test_how_long_a_sticky_reservation_is_kept_is_read_and_written(said: object, read: object) -> None:
    raw = {
        "metadata": {"name": "db"},
        "spec": {"subnets": [{"subnet": "10.20.0.0/24"}], "stickyRetention": said},
    }
    pool = parse_pool(Fields(raw))
    assert pool.sticky_retention == read
    assert parse_pool(Fields(pool_document(pool))) == pool


@pytest.mark.parametrize(("said", "read"), [(None, None), (0, 0), (200, 200), (1 << 20, 1 << 20)])
def test_how_many_sticky_reservations_there_may_be_is_read_and_written(said: object, read: object) -> None:
    spec: dict[str, object] = {"subnets": [{"subnet": "10.20.0.0/24"}]}
    pool = parse_pool(Fields({"metadata": {"name": "db"}, "spec": spec | ({} if said is None else {KEY: said})}))
    assert pool.sticky_reservations == read
    assert parse_pool(Fields(pool_document(pool))) == pool


@pytest.mark.parametrize("said", [-1, (1 << 20) + 1, "200", 1.5, True, []])
def test_a_number_of_sticky_reservations_that_can_not_be_is_refused_by_its_path(said: object) -> None:
    raw = {"metadata": {"name": "db"}, "spec": {"subnets": [{"subnet": "10.20.0.0/24"}], KEY: said}}
    with pytest.raises(InvalidConfig, match=KEY):
        parse_pool(Fields(raw))


KEY = "stickyReservations"
