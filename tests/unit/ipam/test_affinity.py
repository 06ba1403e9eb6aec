"""Which places a pool is for: selectors as Kubernetes reads them, and what is asked for at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.errors import TryAgainLater
from podberth.cni.fields import Fields
from podberth.cni.labels import OPERATORS, LabelSelector, Requirement
from podberth.cni.value import replace
from podberth.ipam.affinity import Affinity, Place, mismatch
from podberth.ipam.affinity_document import affinity_document, parse_affinity
from podberth.ipam.pool_document import parse_pool, pool_document

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ZONE = "topology.kubernetes.io/zone"
KEYS = st.sampled_from(("app", "tier", ZONE))
VALUES = st.sampled_from(("", "a", "b", "c"))
LABELS = st.dictionaries(KEYS, VALUES, max_size=3)


@st.composite
def requirements(draw: st.DrawFn) -> Requirement:
    operator = draw(st.sampled_from(OPERATORS))
    values = tuple(draw(st.lists(VALUES, min_size=1, max_size=3))) if operator in ("In", "NotIn") else ()
    return Requirement(key=draw(KEYS), operator=operator, values=values)


SELECTORS = st.builds(
    LabelSelector,
    labels=LABELS.map(lambda found: tuple(sorted(found.items()))),
    requirements=st.lists(requirements(), max_size=4).map(tuple),
).filter(lambda made: made != LabelSelector())
NAMES = st.lists(st.sampled_from(("a", "b", "team-x")), max_size=2, unique=True).map(tuple)
AFFINITIES = st.builds(
    Affinity,
    nodes=NAMES,
    namespaces=NAMES,
    networks=NAMES,
    node_selector=st.none() | SELECTORS,
    namespace_selector=st.none() | SELECTORS,
    pod_selector=st.none() | SELECTORS,
).filter(lambda made: made != Affinity())


def selected(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Decide as the reference of LabelSelector has it, word by word."""
    for key, wanted in selector.labels:
        if key not in labels or labels[key] != wanted:
            return False
    for each in selector.requirements:
        there = each.key in labels
        if each.operator == "In" and not (there and labels[each.key] in each.values):
            return False
        if each.operator == "NotIn" and there and labels[each.key] in each.values:
            return False
        if each.operator == "Exists" and not there:
            return False
        if each.operator == "DoesNotExist" and there:
            return False
    return True


def unknown() -> Mapping[str, str]:
    raise TryAgainLater("the API server is away")


def place(
    node: Callable[[], Mapping[str, str]] = unknown,
    namespace: Callable[[], Mapping[str, str]] = unknown,
    pod: Callable[[], Mapping[str, str]] = unknown,
) -> Place:
    return Place(
        node="worker-1", namespace="db", pod="db/mysql-0", network="banknet",
        node_labels=node, namespace_labels=namespace, pod_labels=pod,
    )  # fmt: skip


@given(SELECTORS, LABELS)
def test_a_selector_selects_what_the_reference_says(selector: LabelSelector, labels: dict[str, str]) -> None:
    assert (selector.unmet(labels) == ()) == selected(selector, labels)


@given(AFFINITIES)
def test_what_is_written_is_read_back(affinity: Affinity) -> None:
    assert parse_affinity(Fields({"affinity": affinity_document(affinity)}), str) == affinity


@given(AFFINITIES, LABELS, LABELS, LABELS)
def test_all_that_is_said_has_to_hold(
    affinity: Affinity, node: dict[str, str], namespace: dict[str, str], pod: dict[str, str]
) -> None:
    here = replace(place(lambda: node, lambda: namespace, lambda: pod), node="a", namespace="b", network="a")
    said = (
        (affinity.nodes, not affinity.nodes or "a" in affinity.nodes),
        (affinity.namespaces, not affinity.namespaces or "b" in affinity.namespaces),
        (affinity.networks, not affinity.networks or "a" in affinity.networks),
        *(
            (selector, selector is None or selected(selector, labels))
            for selector, labels in (
                (affinity.node_selector, node),
                (affinity.namespace_selector, namespace),
                (affinity.pod_selector, pod),
            )
        ),
    )
    assert (mismatch(affinity, here) == "") == all(holds for _, holds in said)


def by_label(**labels: str) -> LabelSelector:
    return LabelSelector(labels=tuple(sorted(labels.items())))


def test_labels_that_are_not_known_are_an_error_and_not_none() -> None:
    wanted = by_label(app="x")
    for affinity in (
        Affinity(node_selector=wanted),
        Affinity(namespace_selector=wanted),
        Affinity(pod_selector=wanted),
    ):
        with pytest.raises(TryAgainLater, match="away"):
            mismatch(affinity, place())


def test_no_label_is_asked_for_where_no_selector_looks_at_it() -> None:
    assert mismatch(Affinity(nodes=("worker-1",), networks=("banknet",), namespaces=("d*",)), place()) == ""
    assert mismatch(Affinity(pod_selector=by_label(app="x")), place(pod=lambda: {"app": "x"})) == ""


def test_a_name_that_does_not_fit_is_enough_to_know() -> None:
    found = mismatch(Affinity(namespaces=("web",), node_selector=by_label(app="x")), place())
    assert found == "namespaces web, not for namespace db"


def test_both_parties_are_named() -> None:
    wanted = LabelSelector(requirements=(Requirement(key=ZONE, operator="In", values=("a", "b")),))
    found = mismatch(Affinity(node_selector=wanted), place(node=lambda: {ZONE: "c"}))
    assert found == f"nodes with {ZONE} in (a,b); node worker-1 has {ZONE}=c"
    found = mismatch(Affinity(pod_selector=by_label(app="x")), place(pod=dict))
    assert found == "pods with app=x; pod db/mysql-0 has no app"


def test_a_container_without_a_namespace_is_meant_by_a_star_alone() -> None:
    nobody = replace(place(pod=dict), namespace="", pod="")
    assert mismatch(Affinity(namespaces=("*",)), nobody) == ""
    assert "not for a container without a namespace" in mismatch(Affinity(namespaces=("db",)), nobody)


def test_a_pool_s_document_has_it() -> None:
    spec: dict[str, Any] = {
        "subnets": [{"subnet": "10.20.0.0/24", "gateway": "10.20.0.1"}],
        "affinity": {
            "nodes": ["worker-1"],
            "namespaces": ["db", "team-*"],
            "networks": ["banknet"],
            "nodeSelector": {"matchLabels": {ZONE: "a"}},
            "podSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web", ""]}]},
        },
        "gatewayCheck": {"probes": 2, "intervalMilliseconds": 100},
    }
    pool = parse_pool(Fields({"metadata": {"name": "a"}, "spec": spec}))
    assert pool_document(pool)["spec"] == spec
