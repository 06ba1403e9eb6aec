"""One function says who may do what: by role, door and kind of change."""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.errors import Refused
from podberth.cni.ipam_claim import IpamClaim
from podberth.cni.pod import PodRef
from podberth.cni.value import replace
from podberth.ipam.lease import Reservation
from podberth.ipam.pool import Grant, Pool
from podberth.net.requests import Request, Rule
from podberth.policy.documents import API_VERSION, Document, parse_document
from podberth.policy.permit import (
    ADD,
    ANNOTATION,
    APPLY,
    CONTROLLER,
    DOORS,
    FEED,
    IMPORT,
    OPERATOR,
    RELEASE,
    RESERVE,
    RULES,
    TENANT,
    WEBHOOK,
    Attaching,
    Declaring,
    Releasing,
    Reserving,
    Selecting,
    Speaking,
    Using,
    door_of,
    limit,
    permit,
    role_of,
    role_of_object,
)
from podberth.policy.precedence import NetworkDefaults, Question, resolve
from podberth.policy.reserves import reserved_by
from podberth.policy.use import Use
from tests.checkout import ROOT
from tests.unit.policy.declared import Pools, attachment, ip, pool, span

if TYPE_CHECKING:
    import random

    from podberth.policy.permit import Change

BANK = pool(
    "bank", "10.20.0.0/24",
    grants=(Grant(namespaces=("pay",), addresses=(span("10.20.0.10-10.20.0.29"),), macs=("02:aa",), reservations=5),),
)  # fmt: skip
OPEN = pool("open", "10.10.0.0/24")
EVERY = pool("every", "10.40.0.0/24", grants=(Grant(namespaces=("*",), reservations=50),))
POOLS = (BANK, OPEN, EVERY)


def document(*addresses: str, name: str = "web", namespace: str = "pay", **attachment: Any) -> Document:
    raw = {"apiVersion": API_VERSION, "kind": "PodNetwork", "metadata": {"namespace": namespace, "name": name}}
    attachments = [{"ifname": f"eth{n}", "addresses": [one], **attachment} for n, one in enumerate(addresses)]
    spec = {"pod": name, "attachments": attachments}
    return parse_document({**raw, "spec": spec}, "test")


def attaching(*addresses: str, which: Pool = BANK, namespace: str = "pay", sticky: bool = False) -> Attaching:
    asked = Question(
        pod=PodRef(namespace=namespace, name="a"), network="n", ifname="eth0",
        annotation=(attachment(*addresses),) if addresses else (),
        defaults=NetworkDefaults(pool=which.name, sticky=sticky),
    )  # fmt: skip
    return Attaching(question=asked, resolved=resolve(asked, Pools(*POOLS)))


def request(*keys: str, namespace: str = "pay", network: str = "pay/storage", rules: Any = None) -> Request:
    rule = Rule(namespaces=("pay",), networks=("pay/*",), requests=("ips", "mac"))
    asked = rules if rules is not None else (rule,)
    return Request(pod=PodRef(namespace=namespace, name="a"), network=network, keys=keys, rules=asked)


KEPT = Reservation(address=ip("10.20.0.11"), pool="bank", pod=PodRef(namespace="pay", name="a"), ifname="eth0",
                   origin="manual", since=0)  # fmt: skip
CHANGES: tuple[Change, ...] = (
    Declaring(document=document("10.20.0.11"), pools=POOLS),
    Speaking(document=document("10.20.0.11")),
    Using(pool=BANK, use=Use(who="pay", namespace="pay", addresses=(ip("10.20.0.11"),))),
    Reserving(pool=BANK, namespace="pay", address=ip("10.20.0.11")),
    Releasing(kept=KEPT),
    attaching(),
    Selecting(request=request("ips")),
)
DOCUMENTS: set[type[Any]] = {Declaring, Speaking, Using}
MAY: dict[tuple[str, str], set[type[Any]]] = {
    (OPERATOR, APPLY): DOCUMENTS,
    (OPERATOR, IMPORT): {Reserving},
    (OPERATOR, RESERVE): {Reserving},
    (OPERATOR, RELEASE): {Releasing},
    (OPERATOR, WEBHOOK): {*DOCUMENTS, Reserving},
    (OPERATOR, CONTROLLER): {*DOCUMENTS, Reserving},
    (OPERATOR, FEED): DOCUMENTS,
    (TENANT, APPLY): DOCUMENTS,
    (TENANT, WEBHOOK): {*DOCUMENTS, Reserving},
    (TENANT, CONTROLLER): {*DOCUMENTS, Reserving},
    (TENANT, FEED): DOCUMENTS,
    (TENANT, ANNOTATION): {Attaching, Selecting},
    (TENANT, ADD): {Attaching},
}


@pytest.mark.parametrize(("role", "door"), list(product((OPERATOR, TENANT, "approver", ""), (*DOORS, "window"))))
def test_a_role_makes_its_changes_by_its_doors_and_no_other(role: str, door: str) -> None:
    for change in CHANGES:
        may = type(change) in MAY.get((role, door), set())
        refusal = permit("pay", role, door, change)
        assert (refusal is None) == may, (role, door, change)
        assert may or f"as {role or 'nobody'}, may change nothing by {door}" in str(refusal and refusal.message)


PAGE = ROOT / "docs/tenancy.md"


def rows(section: str) -> list[list[str]]:
    """Return the rows of the first table of a section of docs/tenancy.md, without its titles."""
    text = PAGE.read_text().split(f"## {section}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_page_shows_the_table_by_which_is_judged() -> None:
    shown = {
        (role, door.strip(" `"), kind.strip())
        for door, *kinds in rows("Kinds of change")
        for role, cell in zip((OPERATOR, TENANT), kinds, strict=True)
        for kind in cell.split(",")
        if kind.strip() != "nothing"
    }
    assert shown == {(role, door, kind.__name__.lower()) for role, door, kind in RULES}
    assert {door for _, door, _ in RULES} == set(DOORS)


BEHIND: dict[str, tuple[tuple[str, ...], type[Any]]] = {  # what the page calls a door, and what that is
    "ConfigMap": ((WEBHOOK, CONTROLLER, FEED), Declaring),
    "PodNetwork": ((WEBHOOK, CONTROLLER, FEED), Declaring),
    "AddressReservation": ((WEBHOOK, CONTROLLER), Reserving),
    "podberth apply": ((APPLY,), Declaring),
    "reserve": ((RESERVE, IMPORT), Reserving),
    "release": ((RELEASE,), Releasing),
    "annotation": ((ANNOTATION,), Attaching),
    "start of a pod": ((ADD,), Attaching),
    "IPAMClaim": ((ADD,), Attaching),
}


def test_what_the_page_says_of_each_door_has_a_row_and_what_it_denies_has_none() -> None:
    said = rows("Doors")
    assert len(said) == len(BEHIND)
    for of, operator, *tenant in said:
        (behind,) = (what for name, what in BEHIND.items() if of.replace("*", "").replace("`", "").startswith(name))
        for door in behind[0]:
            assert ((OPERATOR, door, behind[1]) in RULES) == (operator != "has none."), of
            assert ((TENANT, door, behind[1]) in RULES) == (set(tenant) != {"Not a tenant's."}), of


@pytest.mark.parametrize("door", [IMPORT, RESERVE])
def test_what_a_pool_keeps_for_others_is_reserved_by_hand_with_a_reason_only(door: str) -> None:
    wanted = Reserving(pool=BANK, namespace="web", address=ip("10.20.0.11"))
    refusal = permit("uid 0", OPERATOR, door, wanted)
    assert isinstance(refusal, Refused)
    assert "pool bank does not let namespace web use it" in refusal.message
    assert "--override" in refusal.details
    assert permit("uid 0", OPERATOR, door, replace(wanted, override="CHG-7")) is None
    beyond = permit("uid 0", OPERATOR, door, replace(wanted, namespace="pay", address=ip("10.20.0.99")))
    assert "10.20.0.99" in str(beyond)
    assert permit("uid 0", OPERATOR, door, Reserving(pool=OPEN, namespace="web", address=ip("10.10.0.9"))) is None


def test_an_operator_s_reservation_is_not_counted_against_a_quota() -> None:
    assert (
        permit("x", OPERATOR, RESERVE, Reserving(pool=BANK, namespace="pay", address=ip("10.20.0.11"), taken=9)) is None
    )


@pytest.mark.parametrize(
    ("which", "namespace", "address", "taken", "named"),
    [
        (BANK, "pay", "10.20.0.11", 4, ""),
        (BANK, "pay", "10.20.0.11", 5, "may have 5 addresses of pool bank reserved"),
        (BANK, "pay", "10.20.0.99", 0, "10.20.0.99"),
        (BANK, "web", "10.20.0.11", 0, "no rule under `allow` of pool bank names namespace web"),
        (OPEN, "pay", "10.10.0.11", 0, "no rule under `allow` of pool open names namespace pay"),
        (EVERY, "pay", "10.40.0.11", 0, "names namespace pay (`*` names nobody)"),
    ],
)
@pytest.mark.parametrize("door", [WEBHOOK, CONTROLLER])
def test_a_tenant_s_reservation_needs_a_rule_that_names_it(
    door: str, which: Pool, namespace: str, address: str, taken: int, named: str
) -> None:
    wanted = Reserving(pool=which, namespace=namespace, address=ip(address), taken=taken)
    refusal = permit(namespace, TENANT, door, wanted)
    assert (refusal is None) == (not named)
    assert refusal is None or named in refusal.message
    assert permit("other", TENANT, door, wanted) is not None
    assert permit(namespace, TENANT, door, replace(wanted, override="mine")) is not None or not named


@pytest.mark.parametrize(("reserved", "more", "may"), [(4, 1, True), (5, 0, True), (5, 1, False), (4, 2, False)])
def test_an_address_that_would_stay_with_a_pod_is_counted(reserved: int, more: int, *, may: bool) -> None:
    refusal = permit("pay", TENANT, ADD, replace(attaching(sticky=True), reserved=reserved, more=more))
    assert (refusal is None) == may
    assert may or "`reservations`" in str(refusal)


def test_a_pod_comes_by_its_annotation_if_anything_of_that_counts() -> None:
    assert door_of(attaching().resolved) == ADD
    assert door_of(attaching("10.20.0.11").resolved) == ANNOTATION


def test_the_most_generous_rule_that_names_a_namespace_is_its_quota() -> None:
    def quota(*grants: Grant) -> int | None:
        return limit(pool("a", "10.0.0.0/24", grants=grants), "pay")

    assert quota() is None
    assert quota(Grant(namespaces=("*",), reservations=3), Grant(namespaces=("web",), reservations=4)) is None
    assert quota(Grant(namespaces=("pay",), reservations=3), Grant(namespaces=("p*",), reservations=0)) == 3
    assert quota(Grant(namespaces=("pay",), reservations=3), Grant(namespaces=("p*",))) is None


def test_whose_word_an_object_is_follows_from_where_it_is_and_from_the_setting() -> None:
    assert (role_of("podberth-system", "podberth-system"), role_of("db", "podberth-system")) == (OPERATOR, TENANT)
    assert (role_of_object(tenants=False), role_of_object(tenants=True)) == (OPERATOR, TENANT)


FIELDS: dict[str, Any] = {
    "trust": "on", "spoofchk": "off", "device": "eth9", "vf": {"pf": "e"}, "mac": "02:bb:00:00:00:01", "mtu": 9000,
    "vlan": 7, "sticky": True,
}  # fmt: skip
ADDRESSES = [f"10.20.0.{n}" for n in range(8, 32)] + ["10.10.0.9", "10.40.0.9"]


def in_force(documents: list[Document], which: tuple[Pool, ...] = POOLS) -> tuple[set[str], list[Document]]:
    """Return what a namespace's words, the oldest first, have reserved; and those that may not be."""
    taken: dict[str, set[Any]] = {}
    refused = []
    for one in documents:
        if permit("pay", TENANT, FEED, Declaring(document=one, pools=which, taken=taken)) is not None:
            refused.append(one)
            continue
        for name, addresses in reserved_by(one.body, which).items():  # type: ignore[arg-type]
            taken.setdefault(name, set()).update(addresses)
    return {str(address) for addresses in taken.values() for address in addresses}, refused


@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(ADDRESSES), min_size=1, max_size=4, unique=True),
            st.sampled_from(("bank", "open", "every", None)),
            st.sampled_from(("", *FIELDS)),
        ),
        max_size=8,
    ),
    st.randoms(),
)
def test_a_tenant_gets_nothing_more_by_splitting_renaming_or_ordering_documents(
    said: list[tuple[list[str], str | None, str]], chance: random.Random
) -> None:
    whole, parts = [], []
    for number, (addresses, of, field) in enumerate(said):
        more = {"pool": of} if of else {}
        more |= {field: FIELDS[field]} if field else {}
        whole.append(document(*addresses, name=f"w{number}", **more))
        parts += [document(one, name=f"x{chance.randrange(10**6)}", **more) for one in addresses]
    chance.shuffle(parts)
    alone = {str(a) for one in whole + parts for a in in_force([one])[0]}
    for order in (whole, list(reversed(whole)), parts, whole + parts, parts + whole):
        got, refused = in_force(order)
        assert got <= alone <= {f"10.20.0.{n}" for n in range(10, 30)}  # what no document gets alone, none gets
        assert len(got) <= 5
        for one in order:
            if one not in refused:
                assert not any(f".{field} " in str(permit("pay", TENANT, FEED, Declaring(document=one, pools=POOLS)))
                               for field in FIELDS)  # fmt: skip
        # And what was there first is not put out of force by what comes later.
        assert in_force(order[: len(order) // 2])[0] <= got


@given(st.lists(st.sampled_from(ADDRESSES[:22]), min_size=1, max_size=8, unique=True), st.integers(0, 8))
def test_a_narrower_rule_lets_nothing_through_that_a_wider_one_refuses(addresses: list[str], most: int) -> None:
    (grant,) = BANK.grants
    narrow = replace(BANK, grants=(replace(grant, reservations=most, addresses=(span("10.20.0.10-10.20.0.19"),)),))
    wide = replace(BANK, grants=(replace(grant, reservations=None),))
    one = document(*addresses, pool="bank")
    if permit("pay", TENANT, FEED, Declaring(document=one, pools=(narrow,))) is None:
        assert permit("pay", TENANT, FEED, Declaring(document=one, pools=(wide,))) is None
    assert permit("pay", TENANT, APPLY, Declaring(document=one, pools=(replace(BANK, grants=()),))) is not None
    assert permit("root", OPERATOR, RELEASE, Releasing(kept=KEPT)) is None


EVERYTHING = Rule(namespaces=("*",), networks=("*",), requests=("*",))
ROUTES = Rule(namespaces=("team-?",), networks=("default/wan",), requests=("default-route",))


@pytest.mark.parametrize(
    ("asked", "unlet"),
    [
        (request("ips", "mac"), ""),
        (request("ips", "cni-args", "default-route"), "`cni-args`, `default-route`"),
        (request("ips", namespace="web"), "`ips`"),
        (request("ips", network="default/storage"), "`ips`"),
        (request("ips", "bandwidth", rules=(EVERYTHING,)), ""),
        (request("default-route", namespace="team-a", network="default/wan", rules=(ROUTES,)), ""),
        (request("default-route", namespace="team-ab", network="default/wan", rules=(ROUTES,)), "`default-route`"),
        (request("ips", "default-route", rules=(ROUTES, request("ips").rules[0])), "`default-route`"),
    ],
)
def test_a_pods_annotation_asks_for_what_a_rule_lets_it_and_for_no_more(asked: Request, unlet: str) -> None:
    refusal = permit(asked.pod.namespace, TENANT, ANNOTATION, Selecting(request=asked))
    assert bool(refusal) == bool(unlet)
    if refusal is not None:
        assert f"pod {asked.pod} asks for {unlet}, which no rule under `allow`" in refusal.message
        rule = json.loads(str(refusal.details).partition(" adds ")[2].removesuffix(" under `allow`"))
        more = Rule(**{key: tuple(said) for key, said in rule.items()})
        assert permit("", TENANT, ANNOTATION, Selecting(request=replace(asked, rules=(*asked.rules, more)))) is None


def claiming(*ips: str, which: Pool = BANK, namespace: str = "pay", reserved: int = 0, more: int = 1) -> Refused | None:
    """Return what a pod is told that refers to an IPAMClaim, which names these addresses."""
    claim = IpamClaim(name="vm.net1", uid="5f0d", ips=tuple(map(ip, ips)))
    asked = Question(
        pod=PodRef(namespace=namespace, name="a"), network="n", ifname="eth0", claim=claim,
        defaults=NetworkDefaults(pool=which.name),
    )  # fmt: skip
    resolved = resolve(asked, Pools(*POOLS))
    change = Attaching(question=asked, resolved=resolved, claimed=claim.ips, reserved=reserved, more=more)
    return permit(namespace, TENANT, ADD, change)


def test_a_claim_is_the_word_of_a_namespace_that_a_rule_names() -> None:
    assert claiming() is None
    assert claiming("10.20.0.11") is None
    assert "names namespace web" in str(claiming(namespace="web", which=OPEN))
    assert "(`*` names nobody)" in str(claiming(namespace="web", which=EVERY))
    assert "lets addresses 10.20.0.10-10.20.0.29 be named, not 10.20.0.99" in str(claiming("10.20.0.99"))
    assert claiming(reserved=4) is None
    assert "has 5 and asks for 1 more" in str(claiming(reserved=5))
    assert claiming(reserved=5, more=0) is None
