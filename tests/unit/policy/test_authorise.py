"""Who may use a pool: the `allow` rules at ADD, and what a pod may ask for itself."""

from __future__ import annotations

from itertools import product

import pytest

from podberth.cni.errors import Refused
from podberth.cni.pod import PodRef
from podberth.cni.value import replace
from podberth.ipam.pool import Grant, Pool
from podberth.net.settings import Rates, Settings, Vlan
from podberth.policy.authorise import authorise, matches, refused
from podberth.policy.precedence import NetworkDefaults, Question, RuntimeRequest, resolve
from podberth.policy.use import Use
from tests.unit.policy.declared import Pools, attachment, for_pod, ip, pool, span

POD = PodRef(namespace="db", name="mysql-0")
DB = Grant(namespaces=("db",))
ASKED = Question(pod=POD, network="banknet", ifname="eth0", defaults=NetworkDefaults(pool="a"))


def open_pool(*grants: Grant, vlan: int | None = None) -> Pool:
    settings = Settings(vlan=Vlan(id=vlan) if vlan is not None else None)
    return pool("a", "10.20.0.0/24", grants=grants, settings=settings)


def judge(question: Question, *grants: Grant, vlan: int | None = None) -> str:
    """Return the refusal, empty if the pod may have it."""
    try:
        authorise(question.pod, resolve(question, Pools(open_pool(*grants, vlan=vlan))))
    except Refused as refusal:
        return refusal.message
    return ""


def test_a_refusal_says_what_the_operator_can_change() -> None:
    for grants in ((), (Grant(namespaces=("web",)),), (Grant(namespaces=("db",)),)):
        with pytest.raises(Refused) as refusal:
            authorise(POD, resolve(annotated("10.20.0.11"), Pools(open_pool(*grants))))
        assert "a rule for namespace db under `allow` of pool a" in refusal.value.details


def declared(**settings: object) -> Question:
    policy = attachment("10.20.0.11", settings=Settings(**settings))  # type: ignore[arg-type]
    return replace(ASKED, declared=(for_pod("mysql-0", policy),))


def annotated(*addresses: str, **rest: object) -> Question:
    return replace(ASKED, annotation=(attachment(*addresses, **rest),))  # type: ignore[arg-type]


def test_without_rules_a_pool_is_open_to_every_namespace() -> None:
    assert judge(ASKED) == ""
    assert judge(replace(ASKED, pod=None)) == ""
    assert judge(declared(vlan=Vlan(id=7), mac="02:00:00:00:00:11")) == ""


REQUESTS = [
    annotated("10.20.0.11"),
    annotated(pool="a"),
    annotated(sticky=True),
    annotated(settings=Settings(mac="02:00:00:00:00:11")),
    annotated(settings=Settings(mtu=1400)),
    annotated(settings=Settings(rates=Rates(egress=1))),
    annotated(settings=Settings(vlan=Vlan(id=100))),
    annotated(settings=Settings(sysctls=(("net.ipv4.tcp_sack", "1"),))),
    replace(ASKED, request=RuntimeRequest(addresses=(ip("10.20.0.11"),))),
    replace(ASKED, request=RuntimeRequest(mac="02:00:00:00:00:11")),
]


@pytest.mark.parametrize("question", REQUESTS)
def test_a_pod_may_ask_for_nothing_without_a_rule_that_lets_it(question: Question) -> None:
    assert "no `allow` rule, so pods may request nothing" in judge(question)
    assert "no `podRequests: true`" in judge(question, DB, vlan=100)
    assert "name the namespaces web, not 'db'" in judge(question, Grant(namespaces=("web",), pod_requests=True))


@pytest.mark.parametrize("question", REQUESTS)
def test_a_pod_may_ask_for_what_a_rule_with_pod_requests_allows(question: Question) -> None:
    assert judge(question, Grant(namespaces=("db",), pod_requests=True, macs=("02:00:00",)), vlan=100) == ""


@pytest.mark.parametrize("question", REQUESTS)
def test_a_wildcard_alone_names_nobody_whose_pods_may_ask(question: Question) -> None:
    everybody = Grant(namespaces=("*",), pod_requests=True, macs=("02",))
    assert "(`*` names nobody)" in judge(question, everybody, vlan=100)
    assert judge(replace(question, pod=None), everybody, vlan=100) == ""  # whoever starts it without Kubernetes
    assert judge(question, everybody, replace(everybody, namespaces=("d*",)), vlan=100) == ""


@pytest.mark.parametrize(
    ("macs", "complaint"),
    [
        ((), "has no `macs`, so `fromAddress` alone, not 02:00:00:00:00:11"),
        (("02:00:01", "02:0"), "lets MACs 02:00:01, 02:0 be chosen, not 02:00:00:00:00:11"),
        (("02",), ""),
        (("02:00:00:00:00:11",), ""),
    ],
)
def test_a_pod_chooses_a_mac_that_begins_as_the_rule_says(macs: tuple[str, ...], complaint: str) -> None:
    rule = Grant(namespaces=("db",), pod_requests=True, macs=macs)
    assert judge(annotated(settings=Settings(mac="02:00:00:00:00:11")), rule).endswith(complaint)
    assert bool(judge(annotated(settings=Settings(mac="02:00:00:00:00:11")), rule)) == bool(complaint)
    assert judge(annotated(settings=Settings(mac="fromAddress")), rule) == ""


def test_a_request_that_the_operator_overrides_is_no_matter() -> None:
    question = replace(declared(mtu=9000), annotation=(attachment("10.20.0.99", settings=Settings(mtu=1400)),))
    assert judge(question) == ""


@pytest.mark.parametrize(
    ("namespace", "wanted"), [("db", "namespace db"), ("", "every namespace, `namespaces: ['*']`,")]
)
def test_a_refusal_names_the_rule_that_would_let_the_namespace_in(namespace: str, wanted: str) -> None:
    refusal = refused(open_pool(Grant(namespaces=("web",))), Use(who="somebody", namespace=namespace))
    assert refusal is not None
    assert f"can add a rule for {wanted} under `allow` of pool a" in refusal.details


def test_a_namespace_without_a_rule_may_not_use_the_pool_at_all() -> None:
    for question in (ASKED, declared(), replace(ASKED, pod=None)):
        message = judge(question, Grant(namespaces=("web", "team-*")))
        assert "name the namespaces team-*, web, not" in message
    assert "a container without a pod's name" in judge(replace(ASKED, pod=None), DB)


@pytest.mark.parametrize(
    ("pattern", "namespace", "fits"),
    [
        ("db", "db", True),
        ("db", "db2", False),
        ("team-*", "team-a", True),
        ("team-*", "team", False),
        ("*", "db", True),
        ("*", "", True),
        ("*-db", "a-db", True),
    ],
)
def test_namespaces_match_by_name_or_pattern(pattern: str, namespace: str, fits: bool) -> None:
    assert matches(Grant(namespaces=(pattern,)), namespace) is fits


@pytest.mark.parametrize(
    ("vlans", "own", "chosen", "complaint"),
    [
        ((), 100, None, ""),
        ((), None, None, ""),
        ((), 100, 100, ""),
        ((), 100, 200, "none but the pool's own (100) can be chosen, not 200"),
        ((), None, 200, "none but the pool's own (untagged) can be chosen, not 200"),
        ((), 100, 0, "none but the pool's own (100) can be chosen, not untagged"),
        (((200, 299),), None, 250, ""),
        (((200, 299),), None, 200, ""),
        (((200, 299),), None, 299, ""),
        (((200, 299), (7, 7)), None, 300, "lets VLANs 200-299, 7 be used, not 300"),
        (((200, 299),), 100, None, "lets VLANs 200-299 be used, not 100"),
        (((200, 299),), None, None, "lets VLANs 200-299 be used, not untagged"),
    ],
)
def test_the_vlan_has_to_be_one_of_the_rules(
    vlans: tuple[tuple[int, int], ...], own: int | None, chosen: int | None, complaint: str
) -> None:
    question = ASKED if chosen is None else declared(vlan=Vlan(id=chosen))
    message = judge(question, Grant(namespaces=("db",), vlans=vlans), vlan=own)
    assert message.endswith(complaint)
    assert bool(message) == bool(complaint)


def test_the_networks_vlan_needs_no_rule_of_its_own() -> None:
    defaults = NetworkDefaults(pool="a", settings=Settings(vlan=Vlan(id=300)))
    assert judge(replace(ASKED, defaults=defaults), DB) == ""


def test_only_the_rules_addresses_can_be_named() -> None:
    rule = Grant(namespaces=("db",), addresses=(span("10.20.0.10-10.20.0.20"), span("10.20.0.30")), pod_requests=True)
    assert judge(annotated("10.20.0.10"), rule) == ""
    assert judge(annotated("10.20.0.30"), rule) == ""
    assert judge(ASKED, rule) == ""
    assert "addresses 10.20.0.10-10.20.0.20, 10.20.0.30-10.20.0.30 be named, not 10.20.0.21" in judge(
        annotated("10.20.0.21"), rule
    )


def test_one_rule_has_to_allow_the_whole() -> None:
    by_vlan = Grant(namespaces=("db",), vlans=((100, 100),), addresses=(span("10.20.0.1"),))
    by_address = Grant(namespaces=("d*",), vlans=((200, 200),), addresses=(span("10.20.0.11"),))
    message = judge(declared(vlan=Vlan(id=100)), by_vlan, by_address)
    assert "allow[0] lets addresses" in message
    assert "allow[1] lets VLANs" in message
    assert judge(declared(vlan=Vlan(id=200)), by_vlan, by_address) == ""


@pytest.mark.parametrize(
    "key", ["kernel.shmmax", "net.netfilter.nf_conntrack_max", "net/unix/max_dgram_qlen", "net.ipv4"]
)
def test_a_pod_sets_no_sysctl_outside_its_own_stack_whatever_the_rule(key: str) -> None:
    question = annotated(settings=Settings(sysctls=(("net.core.somaxconn", "1"), (key, "1"))))
    assert f"asks for {key}" in judge(question, Grant(namespaces=("*",), pod_requests=True))


def test_an_operator_sets_any_sysctl() -> None:
    assert judge(declared(sysctls=(("net.netfilter.nf_conntrack_max", "1"),)), DB) == ""


def test_a_use_is_allowed_exactly_when_some_rule_allows_all_of_it() -> None:
    spans = ((), (span("10.20.0.1-10.20.0.9"),))
    vlans = ((), ((5, 6),))
    for namespace, names, addresses, tags, flag, requested, vlan, host in product(
        ("db", "web"), (("db",), ("*",)), spans, vlans, (True, False), ((), ("mtu",)), (None, 0, 5, 7), (5, 50)
    ):
        use = Use(
            who="x",
            namespace=namespace,
            addresses=(ip(f"10.20.0.{host}"),),
            vlan=vlan,
            vlan_chosen=vlan is not None,
            requested=requested,
        )
        grant = Grant(namespaces=names, addresses=addresses, vlans=tags, pod_requests=flag)
        allowed = (
            (namespace == "db" if requested or names == ("db",) else True)
            and (names == ("db",) or not requested)
            and (flag or not requested)
            and (not addresses or host == 5)
            and (vlan is None or (vlan == 5 if tags else vlan == 0))
        )
        assert (refused(open_pool(Grant(namespaces=("none",)), grant), use) is None) == allowed


def test_no_rule_lets_a_pod_choose_the_link_it_stands_on() -> None:
    question = annotated(device="eth9")
    assert "device: pod" in judge(question, Grant(namespaces=("*",), pod_requests=True))
    assert judge(declared(), Grant(namespaces=("*",), pod_requests=True)) == ""
