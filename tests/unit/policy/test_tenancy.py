"""What a namespace's ConfigMap may declare: addresses of pools that name the namespace, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from podberth.ipam.pool import Grant, Pool
from podberth.policy.authorise import names
from podberth.policy.documents import API_VERSION, parse_document
from podberth.policy.standing import CHOICE, ELSEWHERE, FOREIGN, NO_ADDRESS, REMEDY
from podberth.policy.tenancy import refusal
from tests.unit.policy.declared import pool, span

POOLS = (
    pool("open", "10.10.0.0/24"),
    pool("bank", "10.20.0.0/24", grants=(Grant(namespaces=("payments",)),)),
    pool("teams", "10.30.0.0/24", grants=(Grant(namespaces=("team-*",)),)),
    pool("all", "10.40.0.0/24", grants=(Grant(namespaces=("*",)),)),
    pool("part", "10.50.0.0/24", grants=(Grant(namespaces=("payments",), addresses=(span("10.50.0.10-10.50.0.19"),)),)),
    pool("both", "10.60.0.0/24", grants=(Grant(namespaces=("*",)), Grant(namespaces=("payments",)))),
)


def declared(namespace: str = "payments", *, spec: dict[str, Any] | None = None, **attachment: object) -> Any:
    full = spec or {"pod": "web-0", "attachments": [{"addresses": ["10.20.0.11"], "pool": "bank", **attachment}]}
    raw = {"apiVersion": API_VERSION, "kind": "PodNetwork", "metadata": {"namespace": namespace, "name": "web"}}
    return parse_document({**raw, "spec": full}, "test")


def complaint(document: Any, namespace: str = "payments", pools: tuple[Pool, ...] = POOLS) -> str:
    error = refusal(document, namespace, pools)
    return error.message if error is not None else ""


ALLOWED = [
    declared(),
    declared(pool=None),
    declared(ifname="net1", network="banknet"),
    declared(pool="part", addresses=["10.50.0.10"]),
    declared(pool="both", addresses=["10.60.0.10"]),
    declared(
        spec={
            "statefulSet": {"name": "web", "replicas": 3},
            "attachments": [{"pool": "bank", "ordinals": [{"range": "10.20.0.11-10.20.0.13"}]}],
        }
    ),
    declared(
        spec={"deployment": {"name": "web"}, "attachments": [{"pool": "bank", "addresses": ["10.20.0.11-10.20.0.13"]}]}
    ),
]


@pytest.mark.parametrize("document", ALLOWED)
def test_addresses_of_a_pool_that_names_the_namespace_are_its_own_to_declare(document: Any) -> None:
    assert complaint(document) == ""


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        (None, "no rule under `allow` of pool bank that names namespace payments has `ownPools`"),
        (0, "may have 0 addresses of pool bank in pools of its own"),
        (7, "may have 7 addresses of pool bank in pools of its own"),
        (8, ""),
    ],
)
def test_a_pool_of_its_own_is_asked_for_as_large_as_the_rule_lets_it_be(rule: int | None, named: str) -> None:
    bank = pool("bank", "10.20.0.0/24", grants=(Grant(namespaces=("payments",), own_pools=rule),))
    spec = {"deployment": {"name": "web"}, "attachments": [{"ownPool": {"from": "bank", "addresses": 8}}]}
    text = complaint(declared(spec=spec), pools=(bank,))
    assert (named in text, bool(text)) == (True, bool(named))
    assert ("spec.attachments[0].ownPool" in text) is bool(named)
    assert "there is no pool" in complaint(declared(spec=spec), pools=())


def test_a_rule_for_every_namespace_lets_none_ask_for_a_pool_of_its_own() -> None:
    bank = pool("bank", "10.20.0.0/24", grants=(Grant(namespaces=("*",), own_pools=8),))
    spec = {"deployment": {"name": "web"}, "attachments": [{"ownPool": {"from": "bank", "addresses": 2}}]}
    assert "has `ownPools`" in complaint(declared(spec=spec), pools=(bank,))


def test_a_refusal_has_the_first_complaints_and_how_many_more_there_are() -> None:
    many = [{"ifname": f"eth{n}", "trust": "on"} for n in range(64)]
    said = complaint(declared(spec={"pod": "web-0", "attachments": many}))
    assert said.startswith("PodNetwork payments/web: spec.attachments[0].trust is the operator's choice; ")
    assert said.endswith("; and 120 more")
    assert len(said) < 600


BEYOND: dict[str, Any] = {
    "trust": "on",
    "spoofchk": "off",
    "antiSpoofing": False,
    "device": "eth9",
    "vf": {"pf": "ens1f0"},
    "vlan": 100,
    "rates": {"egress": 1},
    "routes": [{"dst": "10.0.0.0/8"}],
    "dns": {"nameservers": ["10.0.0.53"]},
    "sysctls": {"net.ipv4.ip_forward": 1},
    "mtu": 9000,
    "linkState": "enable",
    "sticky": True,
}


@pytest.mark.parametrize("field", BEYOND)
def test_every_other_field_is_the_operator_s(field: str) -> None:
    text = complaint(declared(**{field: BEYOND[field]}))
    assert text == f"PodNetwork payments/web: spec.attachments[0].{field} is the operator's choice"


def test_retention_is_the_operator_s_too() -> None:
    spec = {"pod": "a", "retention": "1h", "attachments": [{"pool": "bank", "addresses": ["10.20.0.11"]}]}
    assert "spec.retention" in complaint(declared(spec=spec))


@pytest.mark.parametrize(
    ("mac", "macs", "named"),
    [
        ("fromAddress", (), ""),
        ("02:00:00:00:00:11", (), "has no `macs`, so `fromAddress` alone, not 02:00:00:00:00:11"),
        ("02:00:00:00:00:11", ("02:00:01",), "lets MACs 02:00:01 be chosen, not 02:00:00:00:00:11"),
        ("02:00:00:00:00:11", ("02:00:00",), ""),
        ("02:AB:00:00:00:11", ("02:ab",), ""),
    ],
)
def test_a_mac_follows_from_the_address_or_begins_as_the_rule_says(mac: str, macs: tuple[str, ...], named: str) -> None:
    bank = pool("bank", "10.20.0.0/24", grants=(Grant(namespaces=("payments",), macs=macs),))
    text = complaint(declared(mac=mac), pools=(bank,))
    assert (named in text, bool(text)) == (True, bool(named))


@pytest.mark.parametrize(
    ("attachment", "named"),
    [
        ({"pool": "open", "addresses": ["10.10.0.11"]}, "no rule under `allow` of pool open names namespace payments"),
        ({"pool": None, "addresses": ["10.10.0.11"]}, "no rule under `allow` of pool open names namespace payments"),
        ({"pool": "teams", "addresses": ["10.30.0.11"]}, "pool teams names namespace payments"),
        ({"pool": "all", "addresses": ["10.40.0.11"]}, "pool all names namespace payments (`*` names nobody)"),
        ({"pool": "part", "addresses": ["10.50.0.20"]}, "10.50.0.10-10.50.0.19"),
        ({"pool": "bank", "addresses": ["10.10.0.11"]}, "10.10.0.11 is outside pool bank"),
        ({"pool": "bank", "addresses": []}, "spec.attachments[0] names no address"),
        ({"pool": "nowhere"}, "there is no pool 'nowhere'"),
        ({"pool": None, "addresses": ["10.99.0.1"]}, "no single pool contains 10.99.0.1"),
    ],
)
def test_no_other_pool_s_addresses_are(attachment: dict[str, Any], named: str) -> None:
    assert named in complaint(declared(**attachment))


def test_one_attachment_beyond_the_right_refuses_the_whole_document() -> None:
    own = {"pool": "bank", "addresses": ["10.20.0.11"]}
    spec = {"pod": "a", "attachments": [own, {"ifname": "net1", "pool": "open", "addresses": ["10.10.0.1"]}]}
    assert "spec.attachments[1]" in complaint(declared(spec=spec))


def test_pools_and_pods_of_other_namespaces_are_never_a_namespace_s_to_declare() -> None:
    raw = {"apiVersion": API_VERSION, "kind": "Pool", "metadata": {"name": "mine"}}
    mine = parse_document({**raw, "spec": {"subnets": [{"subnet": "10.90.0.0/24"}]}}, "test")
    assert "Pool mine: can't be declared in namespace payments" in complaint(mine)
    assert "can't be declared in namespace tenant" in complaint(declared(), "tenant")


@pytest.mark.parametrize(
    ("patterns", "by_name"),
    [
        (("payments",), True), (("pay*",), True), (("*ments",), True), (("*a*",), True), (("*", "payments"), True),
        (("*",), False), (("**",), False), (("*-*",), False), (("pay",), False), (("*", "other"), False),
    ],
)  # fmt: skip
def test_a_pattern_of_wildcards_alone_names_nobody(patterns: tuple[str, ...], *, by_name: bool) -> None:
    assert names(Grant(namespaces=patterns), "payments") == by_name


def remedy(document: Any, **more: Any) -> str:
    error = refusal(document, "payments", POOLS, **more)
    assert error is not None
    return error.details


def test_each_kind_of_complaint_has_its_own_remedy() -> None:
    assert remedy(declared(trust="on")) == CHOICE
    assert remedy(declared(pool="none")) == ELSEWHERE
    assert remedy(declared(pool="open", addresses=["10.10.0.10"])) == REMEDY
    assert "under `allow` of pool part" in remedy(declared(pool="part", addresses=["10.50.0.99"]))
    assert remedy(declared("other")) == FOREIGN
    assert remedy(declared(addresses=[])) == NO_ADDRESS
    assert remedy(declared(trust="on", pool="none")) == f"{CHOICE}; {ELSEWHERE}"
    quota = (pool("bank", "10.20.0.0/24", grants=(Grant(namespaces=("payments",), reservations=0),)),)
    error = refusal(declared(), "payments", quota, taken={})
    assert error is not None
    assert "raises `reservations` under `allow` of pool bank" in error.details
