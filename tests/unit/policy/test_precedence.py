"""Which declaration wins, for every field and every pair of sources."""

from __future__ import annotations

from ipaddress import ip_network
from itertools import combinations

import pytest

from podberth.cni.errors import InvalidConfig, Refused
from podberth.cni.pod import PodRef
from podberth.cni.value import replace
from podberth.net.settings import Dns, Rates, Route, Settings, Vlan
from podberth.policy import precedence
from podberth.policy.authorise import undeclared
from podberth.policy.layer import Share
from podberth.policy.precedence import NetworkDefaults, Question, RuntimeRequest, resolve
from tests.unit.policy.declared import (
    Pools,
    attachment,
    for_deployment,
    for_pod,
    for_set,
    ip,
    ordinals,
    pool,
    shared,
)

MYSQL_0 = PodRef(namespace="db", name="mysql-0", uid="u")
ASKED = Question(pod=MYSQL_0, network="banknet", ifname="eth0")
PLAIN = Pools(pool("a", "10.20.0.0/24", "fd00:20::/64"), pool("b", "10.30.0.0/24"))

# Two different values of every field; the first is said by the higher source, the second by the lower.
VALUES: dict[str, tuple[object, object]] = {
    "pool": ("a", "b"),
    "ipv4": (ip("10.20.0.11"), ip("10.20.0.12")),
    "ipv6": (ip("fd00:20::11"), ip("fd00:20::12")),
    "sticky": (True, False),
    "device": ("eth1", "eth2"),
    "mac": ("02:00:00:00:00:11", "02:00:00:00:00:12"),
    "mtu": (9000, 1400),
    "vlan": (Vlan(id=100, priority=3), Vlan(id=200)),
    "rates": (Rates(egress=100), Rates(ingress=5)),
    "routes": ((Route(dst=ip_network("10.0.0.0/8")),), ()),
    "dns": (Dns(nameservers=("10.0.0.53",)), Dns(domain="bank.example")),
    "sysctls": ((("net.ipv4.tcp_sack", "1"),), (("net.core.somaxconn", "9"),)),
}
SETTINGS = ("mac", "mtu", "vlan", "rates", "routes", "dns", "sysctls")
# What each source is able to say.
SAYS: dict[str, tuple[str, ...]] = {
    precedence.POD: tuple(VALUES),
    precedence.STATEFUL_SET: tuple(VALUES),
    precedence.DEPLOYMENT: tuple(field for field in VALUES if field not in ("ipv4", "ipv6")),  # those are shared
    precedence.ANNOTATION: tuple(VALUES),
    precedence.REQUEST: ("ipv4", "ipv6", "mac"),
    precedence.POOL: SETTINGS,
    precedence.NETWORK: ("pool", "sticky", "device", *SETTINGS),
}
CASES = [
    (field, higher, lower)
    for field in VALUES
    for higher, lower in combinations(SAYS, 2)
    if field in SAYS[higher] and field in SAYS[lower]
]


def said(question: Question, pools: Pools, source: str, field: str, what: object) -> tuple[Question, Pools]:
    """Let one source say one thing."""
    settings = Settings(**{field: what}) if field in SETTINGS else Settings()  # type: ignore[arg-type]
    addresses = (str(what),) if field in ("ipv4", "ipv6") else ()
    own = {field: what} if field in ("pool", "sticky", "device") else {}
    policy = replace(attachment(*addresses), settings=settings, **own)
    if source == precedence.POD:
        return replace(question, declared=(for_pod("mysql-0", policy), *question.declared)), pools
    if source == precedence.STATEFUL_SET:
        policy = replace(policy, addresses=(), ordinals=tuple(ordinals(a) for a in addresses))
        return replace(question, declared=(*question.declared, for_set("mysql", policy))), pools
    if source == precedence.DEPLOYMENT:
        return replace(question, declared=(for_deployment("mysql", policy), *question.declared)), pools
    if source == precedence.ANNOTATION:
        return replace(question, annotation=(policy,)), pools
    if source == precedence.REQUEST:
        return replace(question, request=RuntimeRequest(addresses=policy.addresses, mac=settings.mac)), pools
    if source == precedence.POOL:
        return question, Pools(*(replace(p, settings=settings) for p in pools.pools()))
    network = question.defaults
    return replace(question, defaults=replace(network, settings=settings, **own)), pools


def with_pool(question: Question) -> Question:
    return replace(question, defaults=replace(question.defaults, pool=question.defaults.pool or "a"))


@pytest.mark.parametrize(("field", "higher", "lower"), CASES)
def test_the_higher_source_wins_and_the_lower_is_kept_as_overridden(field: str, higher: str, lower: str) -> None:
    question, pools = said(ASKED, PLAIN, higher, field, VALUES[field][0])
    question, pools = said(question, pools, lower, field, VALUES[field][1])
    origin = resolve(with_pool(question), pools).origin(field)
    assert (origin.value, origin.source) == (VALUES[field][0], higher)
    assert (VALUES[field][1], lower) in [(c.value, c.source) for c in origin.overridden]


@pytest.mark.parametrize(("source", "field"), [(source, field) for source in SAYS for field in SAYS[source]])
def test_a_source_alone_gives_the_value(source: str, field: str) -> None:
    question, pools = said(ASKED, PLAIN, source, field, VALUES[field][0])
    found = resolve(with_pool(question), pools)
    origin = found.origin(field)
    assert (origin.value, origin.source) == (VALUES[field][0], source)
    shown = {
        "pool": found.pool.name,
        "ipv4": found.addresses[0] if found.addresses else None,
        "ipv6": found.addresses[0] if found.addresses else None,
        "sticky": found.sticky,
        "device": found.device,
    }
    assert (shown[field] if field in shown else getattr(found.settings, field)) == VALUES[field][0]


def test_what_nobody_says_is_the_built_in_default() -> None:
    found = resolve(with_pool(ASKED), PLAIN)
    assert (found.addresses, found.sticky, found.device, found.settings) == ((), False, None, Settings())
    assert not found.declared
    assert {p.source for p in found.provenance if p.field not in ("pool", "ipv4", "ipv6")} == {precedence.BUILT_IN}
    assert found.origin("ipv4").source == precedence.POOL


def test_families_are_merged_one_by_one() -> None:
    question = replace(
        ASKED,
        declared=(for_pod("mysql-0", attachment("fd00:20::5", pool="a")),),
        request=RuntimeRequest(addresses=(ip("10.20.0.7"), ip("fd00:20::7"))),
    )
    found = resolve(question, PLAIN)
    assert found.addresses == (ip("10.20.0.7"), ip("fd00:20::5"))
    assert [c.value for c in found.origin("ipv6").overridden] == [ip("fd00:20::7")]


def test_an_address_without_a_pool_brings_the_pool_it_lies_in() -> None:
    question = replace(ASKED, declared=(for_pod("mysql-0", attachment("10.20.0.5")),))
    found = resolve(replace(question, defaults=NetworkDefaults(pool="b")), PLAIN)
    assert found.pool.name == "a"
    assert found.origin("pool").source == precedence.POD
    assert [c.value for c in found.origin("pool").overridden] == ["b"]


def test_provenance_names_the_document_and_its_file() -> None:
    document = replace(for_pod("mysql-0", attachment(pool="a"), name="mysql"), source="apply: db.yaml")
    origin = resolve(replace(ASKED, declared=(document,)), PLAIN).origin("pool")
    assert origin.detail == "db/mysql (apply: db.yaml)"


def test_an_attachment_for_the_network_by_name_goes_before_one_for_any() -> None:
    document = for_pod(
        "mysql-0",
        attachment("10.20.0.1", network="other"),
        attachment("10.20.0.2"),
        attachment("10.20.0.3", network="banknet"),
    )
    assert resolve(replace(ASKED, declared=(document,)), PLAIN).addresses == (ip("10.20.0.3"),)


@pytest.mark.parametrize("policy", [attachment("10.20.0.1", ifname="eth1"), attachment("10.20.0.1", network="other")])
def test_an_attachment_of_another_interface_or_network_says_nothing(policy: object) -> None:
    question = replace(with_pool(ASKED), declared=(for_pod("mysql-0", policy),))  # type: ignore[arg-type]
    found = resolve(question, PLAIN)
    assert found.addresses == ()
    assert not found.declared


@pytest.mark.parametrize(("number", "address"), [(2, "10.20.0.12"), (3, "10.20.0.13")])
def test_a_replica_gets_the_address_of_its_ordinal(number: int, address: str) -> None:
    policy = attachment(ordinals=(ordinals("10.20.0.12", "10.20.0.13", start=2),))
    pod = PodRef(namespace="db", name=f"mysql-{number}")
    found = resolve(replace(ASKED, pod=pod, declared=(for_set("mysql", policy),)), PLAIN)
    assert found.addresses == (ip(address),)
    assert found.declared


@pytest.mark.parametrize("number", [0, 1, 4, 10])
def test_a_replica_beyond_those_declared_is_refused_and_told_how_to_extend(number: int) -> None:
    policy = attachment(ordinals=(ordinals("10.20.0.12", "10.20.0.13", start=2),))
    pod = PodRef(namespace="db", name=f"mysql-{number}")
    with pytest.raises(Refused, match=f"ordinals 2 to 3 of StatefulSet mysql, none for db/mysql-{number}") as refused:
        resolve(replace(ASKED, pod=pod, declared=(for_set("mysql", policy),)), PLAIN)
    assert "extend" in refused.value.details


def test_a_replica_beyond_those_declared_may_have_an_address_of_its_own() -> None:
    of_set = for_set("mysql", attachment(ordinals=(ordinals("10.20.0.12"),)))
    pod = PodRef(namespace="db", name="mysql-5")
    question = replace(ASKED, pod=pod, declared=(for_pod("mysql-5", attachment("10.20.0.50")), of_set))
    assert resolve(question, PLAIN).addresses == (ip("10.20.0.50"),)


WEB = for_deployment("web", shared("10.20.0.21", "10.20.0.22", "10.20.0.24", pool=None))
OF_WEB = replace(ASKED, pod=PodRef(namespace="db", name="web-7d4b9-x2x9k"), declared=(WEB,))


def test_a_pod_of_a_deployment_gets_one_of_those_that_its_pods_share() -> None:
    found = resolve(replace(OF_WEB, request=RuntimeRequest(addresses=(ip("10.20.0.99"), ip("fd00:20::9")))), PLAIN)
    (share,) = found.shares
    assert share == Share(
        owner=PodRef(namespace="db", name="deployment/web"),
        addresses=tuple(ip(f"10.20.0.{n}") for n in (21, 22, 24)),
    )
    assert str(share) == "one of 10.20.0.21-10.20.0.22, 10.20.0.24"
    assert (found.pool.name, found.addresses, found.declared) == ("a", (ip("fd00:20::9"),), True)
    assert found.origin("ipv4").source == precedence.DEPLOYMENT
    assert [other.source for other in found.origin("ipv4").overridden] == [precedence.REQUEST]


def test_a_pods_own_address_goes_before_its_share() -> None:
    own = for_pod("web-7d4b9-x2x9k", attachment("10.20.0.50"))
    found = resolve(replace(OF_WEB, declared=(WEB, own)), PLAIN)
    assert (found.addresses, found.shares) == ((ip("10.20.0.50"),), ())


def test_a_share_outside_the_pool_is_refused() -> None:
    own = for_pod("web-7d4b9-x2x9k", attachment(pool="b"))
    with pytest.raises(InvalidConfig, match=r"10.20.0.21, which the PodNetwork .Deployment. db/web names, is not in"):
        resolve(replace(OF_WEB, declared=(WEB, own)), PLAIN)


def test_how_long_an_address_is_kept_is_said_by_what_declares_it() -> None:
    def retention(question: Question, pools: Pools = PLAIN) -> list[tuple[object, str]]:
        return [(p.value, p.source) for p in resolve(question, pools).provenance if p.field == "retention"]

    assert retention(with_pool(ASKED)) == []
    assert retention(OF_WEB) == [("forever", precedence.DEPLOYMENT)]
    assert retention(replace(OF_WEB, declared=(replace(WEB, retention=60),))) == [(60, precedence.DEPLOYMENT)]
    sticky = replace(ASKED, defaults=NetworkDefaults(pool="a", sticky=True))
    day = Pools(replace(pool("a", "10.20.0.0/24"), sticky_retention=86400))
    assert retention(sticky, day) == [(86400, precedence.POOL)]


@pytest.mark.parametrize(
    ("question", "complaint"),
    [
        (ASKED, "nothing names the pool for eth0 of db/mysql-0"),
        (replace(ASKED, defaults=NetworkDefaults(pool="zz")), "no pool 'zz', which the network configuration banknet"),
        (replace(ASKED, annotation=(attachment("10.99.0.1"),)), "no pool contains 10.99.0.1"),
        (
            replace(ASKED, request=RuntimeRequest(addresses=(ip("10.20.0.1"), ip("fd00:20::1"), ip("10.20.0.2")))),
            "addresses: the runtime request names 10.20.0.1 and 10.20.0.2",
        ),
        (replace(ASKED, annotation=(attachment("10.30.0.1", pool="a"),)), "10.30.0.1, .* is not in pool a"),
        (
            replace(ASKED, declared=(for_pod("mysql-0", attachment(pool="b")),), annotation=(attachment("10.20.0.1"),)),
            "10.20.0.1, which the pod annotation db/mysql-0 names, is not in pool b",
        ),
    ],
)
def test_a_pool_that_does_not_fit_is_refused(question: Question, complaint: str) -> None:
    with pytest.raises(InvalidConfig, match=complaint):
        resolve(question, PLAIN)


def test_a_container_without_a_pod_gets_the_networks_defaults() -> None:
    question = replace(with_pool(ASKED), pod=None, request=RuntimeRequest(addresses=(ip("10.20.0.7"),)))
    assert resolve(question, PLAIN).addresses == (ip("10.20.0.7"),)


def test_the_refusal_of_an_undeclared_pod_says_how_to_declare_it() -> None:
    refusal = undeclared(replace(ASKED, declared=(for_pod("mysql-0", attachment(ifname="eth1")),)))
    assert refusal.code == 102
    assert "no PodNetwork declares eth0 of db/mysql-0 (PodNetwork db/mysql-0 declares other" in refusal.message
    assert "`pod: mysql-0`" in refusal.details
    assert "`deployment: {name: web}`" in undeclared(replace(OF_WEB, declared=())).details
    assert "K8S_POD_NAME" in undeclared(replace(ASKED, pod=None)).details
