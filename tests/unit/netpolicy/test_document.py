"""Documents as tenants write them: what can't be read allows nothing, is named by its path, and ends nothing."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podberth.cni.errors import InvalidConfig
from podberth.netpolicy.document import POLICY_FOR, Policy, parse
from podberth.netpolicy.pods import addresses_of, labels_of
from podberth.netpolicy.ruling import Link, Ruled, chosen_by, peers_of, ruling
from podberth.networks.status import STATUS
from tests.unit.netpolicy.oracle import NETWORK, Packet, found

if TYPE_CHECKING:
    from collections.abc import Iterator

WHOLE: dict[str, Any] = {
    "metadata": {"namespace": "blue", "name": "p", "annotations": {POLICY_FOR: NETWORK}},
    "spec": {
        "podSelector": {"matchLabels": {"app": "db"}, "matchExpressions": [{"key": "a/b", "operator": "Exists"}]},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {
                "from": [
                    {"podSelector": {"matchLabels": {"app": "web"}}, "namespaceSelector": {}},
                    {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
                ],
                "ports": [{"protocol": "TCP", "port": 80, "endPort": 90}, {"port": "mysql"}],
            }
        ],
        "egress": [{"to": [{"ipBlock": {"cidr": "fd00::/8"}}]}],
    },
}
# What a hostile hand puts in the place of any value.
WRONG: list[Any] = [
    None, True, -1, 0, 70000, 2**70, 1.5, "", " ", "x" * 5000, "../../etc/passwd", "a\0b", "a\nb", "a,b!=c", "a in (b)",
    "\ud800", "10.0.0.0/33", "0.0.0.0/0", "::ffff:1.2.3.4/128", [], [[]], [None], ["x"] * 5000, {}, {"": ""},
    {"x": {"y": {}}}, {"matchLabels": {"a,b": "c)"}}, [{"operator": "In"}], [{"ipBlock": {}, "podSelector": {}}],
]  # fmt: skip


def places(of: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value of a document."""
    each = of.items() if isinstance(of, dict) else enumerate(of) if isinstance(of, list) else ()
    for key, inner in each:
        yield (*path, key)
        yield from places(inner, (*path, key))


def changed(path: tuple[Any, ...], wrong: Any) -> dict[str, Any]:
    document = copy.deepcopy(WHOLE)
    at: Any = document
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = wrong
    return document


PLACES = list(places(WHOLE))
PATHS = {".".join(map(str, path)): path for path in PLACES}
POD = Ruled(namespace="blue", labels={"app": "db", "a/b": ""}, links=(Link(ifname="net1", network=NETWORK),))
ALIEN = Packet("ingress", "192.0.2.66", "tcp", 80)


@pytest.mark.parametrize("path", PATHS)
def test_whatever_stands_anywhere_is_read_or_refused_with_a_path(path: str) -> None:
    """Some 900 documents: each place with each wrong value."""
    for wrong in WRONG:
        policy = read(changed(PATHS[path], wrong))
        if policy is None:
            continue
        assert len(str([peers.pods for peers in peers_of([policy])])) < 20_000
        opens = wrong in (None, [], {}, "0.0.0.0/0") or policy.ingress is None
        if not opens and chosen_by([policy], POD):
            assert not found(ruling([policy], POD, lambda _: ()), "net1", ALIEN), (wrong, policy)


def read(document: dict[str, Any]) -> Policy | None:
    """Return a policy of the pod's namespace; None if it is refused as it should be."""
    try:
        policy = parse(document)
    except InvalidConfig:
        return None
    return policy if policy.namespace == POD.namespace else None


def test_there_are_more_than_two_hundred_of_them() -> None:
    assert len(PLACES) * len(WRONG) > 200


def test_a_whole_document_has_no_mistakes() -> None:
    policy = parse(WHOLE)
    assert (str(policy), policy.mistakes, policy.networks) == ("blue/p", (), (NETWORK,))
    assert policy.ingress is not None
    assert policy.ingress[0].blocks == ((4, ((10 << 24, (10 << 24) + (1 << 16) - 1), (0x0A020000, 0x0AFFFFFF))),)


@pytest.mark.parametrize(
    ("place", "wrong", "told"),
    [
        ("spec.ingress.0.from.1.ipBlock.cidr", "10.0.0.0/33", "spec.ingress[0].from[1].ipBlock.cidr: expected"),
        ("spec.ingress.0.from.1.ipBlock.except.0", "fd00::/8", "spec.ingress[0].from[1].ipBlock.except: expected"),
        (
            "spec.ingress.0.from.0.podSelector",
            {"matchLabels": {"a b": ""}},
            "spec.ingress[0].from[0].podSelector.match",
        ),
        ("spec.ingress.0.ports.0.endPort", 79, "spec.ingress[0].ports[0].endPort: expected 80 or more, got 79"),
        (
            "spec.ingress.0.ports.1",
            {"port": "mysql", "endPort": 9},
            "spec.ingress[0].ports[1].endPort: expected no end",
        ),
        ("spec.policyTypes.0", "Sideways", "spec.policyTypes[0]: expected one of 'Ingress', 'Egress'"),
        (
            "spec.podSelector.matchExpressions.0.operator",
            "Is",
            "spec.podSelector.matchExpressions[0].operator: expected",
        ),
        ("spec.egress.0", {"too": []}, "spec.egress[0].too: unknown field; did you mean 'to'?"),
    ],
)
def test_a_mistake_is_named_by_its_path(place: str, wrong: Any, told: str) -> None:
    policy = parse(changed(PATHS.get(place, tuple(place.split("."))), wrong))
    assert policy.mistakes[0].startswith(told)


def test_a_selector_that_can_not_be_read_chooses_no_pod() -> None:
    policy = parse(changed(("spec", "podSelector"), {"matchLabels": {"app": ["db"]}}))
    assert policy.blind
    assert policy.mistakes
    assert chosen_by([policy], POD) == ()


@pytest.mark.parametrize("wrong", [7, "a/b/c", "UPPER", "../x", ["a"], "a," * 300])
def test_networks_that_can_not_be_read_are_none(wrong: Any) -> None:
    policy = parse(changed(("metadata", "annotations"), {POLICY_FOR: wrong}))
    assert policy.blind
    assert "policy-for" in policy.mistakes[0]
    assert chosen_by([policy], POD) == ()


def test_networks_are_of_the_policy_s_own_namespace_unless_another_is_said() -> None:
    policy = parse(changed(("metadata", "annotations"), {POLICY_FOR: " b , red/a.x,b, "}))
    assert policy.networks == ("blue/b", "red/a.x")


STATUSES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.text(max_size=20), st.sampled_from(["10.0.0.1", "name", "ips"])
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["name", "ips", "x"]), inner)),
)


@settings(max_examples=300)
@given(st.one_of(st.text(max_size=60), STATUSES.map(json.dumps)))
def test_a_pod_s_status_is_addresses_or_nothing(text: str) -> None:
    for network, address in addresses_of({"metadata": {"annotations": {STATUS: text}}}):
        assert isinstance(network, str)
        assert address.version in (4, 6)


def test_a_pod_that_has_ended_has_no_address() -> None:
    status = '[{"name": "a/b", "ips": ["10.0.0.1", "fd00::1/64", "no", 7]}, {"name": 7, "ips": ["10.0.0.2"]}]'
    pod = {"metadata": {"annotations": {STATUS: status}}, "status": {"phase": "Running"}}
    assert [(network, str(address)) for network, address in addresses_of(pod)] == [
        ("a/b", "10.0.0.1"), ("a/b", "fd00::1"),
    ]  # fmt: skip
    assert addresses_of({**pod, "status": {"phase": "Failed"}}) == ()
    assert labels_of({"metadata": {"labels": None}}) == {}
