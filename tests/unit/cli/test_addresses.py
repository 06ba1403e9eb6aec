"""`podberth addresses`: what an application keeps, for a firewall's ticket."""

from __future__ import annotations

from ipaddress import collapse_addresses, ip_address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.pod import PodRef
from podberth.desk.addresses import Kept, is_of, prefixes
from tests.unit.cli.node import POD

if TYPE_CHECKING:
    from tests.unit.cli.node import Operator

WEB = """\
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: front}
spec:
  deployment: {name: web}
  attachments:
  - {pool: db, addresses: [10.20.0.40-10.20.0.43]}
"""


def test_a_stateful_set_s_addresses_are_listed_with_pool_and_vlan(podberth: Operator) -> None:
    ended = podberth("addresses", "--app", "mysql")
    assert ended.code == 0
    assert ended.table[:4] == [
        ["ADDRESS", "NAMESPACE", "POD", "IFNAME", "POOL", "VLAN", "ORIGIN"],
        ["10.20.0.11", "bank", "mysql-0", "eth0", "db", "100", "declared"],
        ["10.20.0.12", "bank", "mysql-1", "eth0", "db", "100", "declared"],
        ["10.20.0.13", "bank", "mysql-2", "eth0", "db", "100", "declared"],
    ]
    assert [row[0] for row in ended.table[4:]] == ["fd00:20::11", "fd00:20::12", "fd00:20::13"]


def test_a_pod_s_own_vlan_goes_before_the_pool_s(podberth: Operator) -> None:
    podberth.apply(POD)
    found = podberth("addresses", "--app", "mysql", "--json").json
    assert {item["pod"]: item["vlan"] for item in found["items"]} == {
        "bank/mysql-0": 200, "bank/mysql-1": 100, "bank/mysql-2": 100,
    }  # fmt: skip


def test_the_list_is_the_same_whether_or_not_pods_run(podberth: Operator) -> None:
    before = podberth("addresses", "--app", "mysql", "-o", "csv").out
    podberth.attach("bank/mysql-0", "10.20.0.11")
    assert podberth("addresses", "--app", "mysql", "-o", "csv").out == before


def test_prefixes_have_the_listed_addresses_and_no_other(podberth: Operator) -> None:
    ended = podberth("addresses", "--app", "mysql", "--cidr", "-o", "csv")
    assert ended.out.splitlines() == [
        "prefix,pool,vlan,addresses",
        "10.20.0.11/32,db,100,1",
        "10.20.0.12/31,db,100,2",
        "fd00:20::11/128,db,100,1",
        "fd00:20::12/127,db,100,2",
    ]


def test_a_deployment_is_found_by_its_name_and_by_its_pod_network_s(podberth: Operator) -> None:
    podberth.apply(WEB)
    for name in ("web", "front"):
        ended = podberth("addresses", "--app", name, "--cidr")
        assert ended.table[1:] == [["10.20.0.40/30", "db", "100", "4"]]


def test_what_may_change_is_named_and_is_not_in_the_list(podberth: Operator) -> None:
    podberth.attach("bank/mysql-7", "10.20.0.77")
    ended = podberth("addresses", "--app", "mysql", "-o", "csv")
    assert "10.20.0.77" not in ended.out
    assert ended.err.startswith("1 address in use may change, and not in the list, as nothing keeps it: 10.20.0.77 of")
    found = podberth("addresses", "--app", "mysql", "--json").json
    assert found["changing"] == [{"address": "10.20.0.77", "pod": "bank/mysql-7", "ifname": "eth0", "pool": "db"}]


@pytest.mark.parametrize("argv", [("--app", "nobody"), ("--app", "mysql", "--namespace", "web"), ("--pool", "none")])
def test_a_name_that_keeps_nothing_is_not_found(podberth: Operator, argv: tuple[str, ...]) -> None:
    ended = podberth("addresses", *argv)
    assert (ended.code, ended.out) == (3, "")


def test_without_a_name_all_that_is_kept_is_listed(podberth: Operator) -> None:
    podberth("reserve", "web/a", "10.20.0.30")
    assert len(podberth("addresses", "--json").json["items"]) == 7
    assert [item["address"] for item in podberth("addresses", "--namespace", "web", "--json").json["items"]] == [
        "10.20.0.30"
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("mysql", True), ("mysql-0", True), ("mysql-12", True), ("mysql-7d4b9c-x2x9k", True), ("deployment/mysql", True),
     ("mysql-a", False), ("mysql-", False), ("mysqld-0", False), ("mysql-0-0", False), ("deployment/mysqld", False)],
)  # fmt: skip
def test_a_pod_is_of_the_application_by_its_names_alone(name: str, expected: bool) -> None:
    assert is_of(PodRef(namespace="bank", name=name), "mysql") is expected


@given(st.sets(st.integers(0, 600), max_size=64))
def test_prefixes_are_the_fewest(numbers: set[int]) -> None:
    members = [ip_address(f"10.{n // 256}.7.{n % 256}") for n in sorted(numbers)]
    pod = PodRef(namespace="bank", name="a")
    kept = [Kept(address=one, pod=pod, ifname="eth0", pool="db", vlan=None, origin="manual") for one in members]
    assert [one.prefix for one in prefixes(kept)] == list(collapse_addresses(members))  # type: ignore[type-var]
