"""What of all that is declared is in force: the same on every replica, in whatever order it heard of it."""

from __future__ import annotations

import atexit
import itertools
import json
import shutil
import tempfile
from contextlib import closing
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podberth.cni.pod import PodRef
from podberth.cni.value import replace
from podberth.policy.bundle import read
from podberth.policy.changes import Declared
from podberth.policy.documents import parse_document
from podberth.stores.clock import node_clock
from podberth.stores.kubernetes.objects import weighed_bundle
from podberth.stores.replica.replica import Replica
from podberth.stores.replica.shared import Bundle, DocumentText, Seen
from podberth.stores.replica.standing import ended, make_way, withheld
from podberth.stores.replica.standings import standings
from podberth.stores.sqlite import documents as table
from podberth.stores.sqlite.declared import declare
from podberth.stores.sqlite.policies import SqlitePolicies
from tests.contract.control.cluster import config_map, podnetwork, pool
from tests.contract.declarations import OPERATOR
from tests.sizes import size
from tests.unit.policy.hostile import ALIASED

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence
    from sqlite3 import Connection

HOME = "podberth-system"
FOLDER = tempfile.mkdtemp(prefix="podberth-standing-")
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)


def bundle(
    name: str, *texts: Any, revision: int = 1, namespace: str = "db", earlier: frozenset[str] = frozenset()
) -> Bundle:
    text = "\n---\n".join(each if isinstance(each, str) else json.dumps(each) for each in texts)
    made = config_map(name, text, namespace)
    made["metadata"]["resourceVersion"] = str(revision)
    return weighed_bundle(made, HOME, earlier)[0]


def resource(raw: dict[str, Any], revision: int = 1, *, gone: bool = False) -> Seen:
    namespace, name = raw["metadata"].get("namespace", ""), raw["metadata"]["name"]
    body = "" if gone else json.dumps(raw)
    text = DocumentText(kind=raw["kind"], namespace=namespace, name=name, body=body, source="test")
    return Seen(documents=((text, revision),))


def allowing(*namespaces: str) -> dict[str, Any]:
    made = pool()
    made["spec"]["allow"] = [{"namespaces": list(namespaces)}]
    return made


class Here:
    """One replica."""

    def __init__(self, *seen: Seen | Bundle) -> None:
        self.lines: list[str] = []
        self.folder = tempfile.mkdtemp(dir=FOLDER)
        self.replica = Replica(self.folder, told=self.lines.append)
        for each in seen:
            self.take(each)

    def take(self, seen: Seen | Bundle) -> None:
        self.replica.take(seen if isinstance(seen, Seen) else Seen(bundles=(seen,)))

    def close(self) -> None:
        """Leave nothing of it behind."""
        self.replica.database.close()
        shutil.rmtree(self.folder)

    def ask(self, question: Callable[[Connection], Any]) -> Any:
        with self.replica.database.read() as connection:
            return question(connection)

    def in_force(self) -> list[tuple[str, str]]:
        policies = SqlitePolicies(self.replica.database)
        return [
            (str(one), ",".join(str(a) for policy in one.attachments for a in policy.addresses))
            for one in policies.pod_networks()
        ]


WEB = podnetwork("web", "10.20.0.9")
OTHER = podnetwork("web", "10.20.0.10")
THIRD = podnetwork("web", "10.20.0.11", trust="on")
NINE, TEN, ELEVEN = ([("PodNetwork db/web", f"10.20.0.{n}")] for n in (9, 10, 11))


def test_a_resource_goes_before_podberth_s_own_config_map_and_that_before_a_namespace_s() -> None:
    allowed, resourced = resource(allowing("db")), resource(THIRD, 2)
    own, of_home = bundle("a", WEB), bundle("z", OTHER, namespace=HOME)
    assert Here(allowed, own).in_force() == NINE
    assert Here(allowed, own, of_home).in_force() == Here(allowed, of_home, own).in_force() == TEN
    here = Here(allowed, own, of_home, resourced)
    assert here.in_force() == ELEVEN
    here.take(resource(THIRD, 3, gone=True))
    assert here.in_force() == TEN
    here.take(bundle("z", revision=4, namespace=HOME))
    assert here.in_force() == NINE
    here.take(bundle("a", revision=5))
    assert here.in_force() == []


def test_a_namespace_s_right_is_judged_anew_with_every_pool() -> None:
    here = Here(bundle("a", WEB))
    assert here.in_force() == []
    for revision, (namespaces, expected) in enumerate((("db", NINE), ("*", []), ("d*", NINE), ("bank", [])), 2):
        here.take(resource(allowing(namespaces), revision))
        assert here.in_force() == expected
    here.take(resource(pool(), 9))
    assert here.in_force() == []


def test_of_a_namespace_s_bundle_beyond_the_limits_the_last_good_version_stays() -> None:
    whole = "ConfigMap db/a"
    here = Here(resource(allowing("db")), bundle("a", WEB))
    here.take(bundle("a", ALIASED, revision=3))
    assert (here.in_force(), [one.document for one in here.ask(standings)]) == (NINE, [whole])
    assert [whole in line and "at most 1,000 documents" in line for line in here.lines] == [True]
    nine = PodRef(namespace="db", name="web")
    declared = Declared(address=ip_address("10.20.0.9"), pool="db", pod=nine, ifname="eth0")
    assert here.ask(lambda connection: withheld(connection, declared))
    assert Here(resource(allowing("db")), bundle("a", ALIASED)).in_force() == []
    here.take(bundle("a", OTHER, revision=4))
    assert (here.in_force(), here.ask(standings)) == (TEN, ())


def test_what_was_declared_before_is_in_force_in_a_bundle_beyond_the_limits() -> None:
    plain = "\n".join(f"- {json.dumps(raw)}" for raw in (WEB, podnetwork("own", "10.20.0.12", trust="on")))
    (part,) = read("db", "a", {"declared.yaml": plain})
    both = frozenset(one.digest for one in part.declarations)
    here = Here(resource(pool()), bundle("a", f"{plain}\n{ALIASED}", earlier=both))
    assert here.in_force() == [("PodNetwork db/own", "10.20.0.12"), *NINE]
    assert {(one.document, one.in_force) for one in here.ask(standings)} >= {("ConfigMap db/a", False)}


def test_what_was_declared_before_is_in_force_whatever_pools_say() -> None:
    plain = bundle("a", THIRD)
    assert Here(resource(pool()), plain).in_force() == []
    before = replace(plain, sayings=tuple(replace(saying, before=True) for saying in plain.sayings))
    here = Here(resource(pool()), before)
    assert here.in_force() == ELEVEN
    (standing,) = here.ask(standings)
    assert (standing.in_force, "trust is the operator's choice" in standing.reason) == (True, True)


def test_older_news_of_a_config_map_changes_nothing() -> None:
    here = Here(resource(allowing("db")), bundle("a", OTHER, revision=7), bundle("a", WEB, revision=6))
    assert here.in_force() == TEN


def test_a_load_forgets_the_config_maps_that_are_gone_and_keeps_the_last_good_ones() -> None:
    gone = podnetwork("gone", "10.20.0.12")
    here = Here(resource(allowing("db")), bundle("a", WEB), bundle("b", gone), Seen(position="9"))
    whole = replace(resource(allowing("db")), bundles=(bundle("a", "kind: []", revision=5),), position="9", complete=9)
    assert list(here.replica.load([whole])) == [()]
    assert here.in_force() == NINE
    assert any("ConfigMap db/a: declared.yaml[0]" in line for line in here.lines)
    for revision, expected in ((10, TEN), (11, [])):
        here.take(bundle("a", *([OTHER] if expected else []), revision=revision))
        assert here.in_force() == expected


def test_a_reservation_stays_while_something_may_declare_it() -> None:
    one = Declared(address=ip_address("10.20.0.9"), pool="db", pod=PodRef(namespace="db", name="web"), ifname="eth0")

    def may_end(*seen: Seen | Bundle) -> bool:
        here = Here(resource(allowing("db")), *seen)
        with here.replica.database.write(durable=False) as connection:
            declare(connection, one, OPERATOR, node_clock)
        return bool(here.ask(ended))

    assert may_end()
    assert may_end(bundle("a", OTHER))
    assert not may_end(bundle("a", WEB))
    assert not may_end(bundle("a", {**WEB, "spec": {**WEB["spec"], "retention": "1h"}}))  # refused, and declared
    assert not may_end(bundle("a", "kind: []"))  # who knows
    assert not may_end(bundle("a", "kind: []", namespace=HOME))
    assert may_end(bundle("a", "kind: []", namespace="bank"))
    assert not may_end(resource({**WEB, "spec": 7}, 2))
    assert may_end(resource({**podnetwork("x", namespace="bank"), "spec": 7}, 2))


def test_a_pool_that_can_t_be_changed_stays_as_it_was() -> None:
    here = Here(resource(allowing("db")), bundle("a", WEB))
    one = Declared(address=ip_address("10.20.0.9"), pool="db", pod=PodRef(namespace="db", name="web"), ifname="eth0")
    with here.replica.database.write(durable=False) as connection:
        declare(connection, one, OPERATOR, node_clock)
    here.take(
        resource({**allowing("db"), "spec": {**allowing("db")["spec"], "subnets": [{"subnet": "10.21.0.0/24"}]}}, 5)
    )
    (kept,) = SqlitePolicies(here.replica.database).pools()
    assert str(kept.subnets[0].network) == "10.20.0.0/24"
    assert any("10.20.0.9" in line for line in here.lines)


def of_set(name: str, target: str, **attachment: Any) -> dict[str, Any]:
    made = podnetwork(name)
    made["spec"] = {"statefulSet": {"name": target, "replicas": 2}, "attachments": [{"ifname": "eth0", **attachment}]}
    return made


THIRTY = podnetwork("op", "10.20.0.30")
THIRTY["spec"]["pod"] = "web"
LURE = podnetwork("aaa", "10.20.0.9")
LURE["spec"]["pod"] = "web"
SET = of_set("web", "web", pool="db", vlan=100)
REPLICA = podnetwork("web-0", "10.20.0.9")
OVERRIDDEN: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("the same pod", THIRTY, LURE),
    ("a pod of the StatefulSet", SET, REPLICA),
    ("the StatefulSet of the pod", podnetwork("web-0", "10.20.0.30"), of_set(
        "web", "web", pool="db", ordinals=[{"range": "10.20.0.9-10.20.0.10"}])),
]  # fmt: skip


@pytest.mark.parametrize(("operators", "lure"), [each[1:] for each in OVERRIDDEN], ids=[each[0] for each in OVERRIDDEN])
@pytest.mark.parametrize("by", ["a resource", "podberth's own ConfigMap", "what was in force before"])
def test_the_operator_s_word_about_an_interface_goes_before_a_namespace_s_in_every_order(
    operators: dict[str, Any], lure: dict[str, Any], by: str
) -> None:
    name = f"PodNetwork db/{operators['metadata']['name']}"
    own = bundle("own", operators, namespace=HOME, revision=3)
    before = bundle("own", operators, revision=3)
    before = replace(before, sayings=tuple(replace(saying, before=True) for saying in before.sayings))
    words: dict[str, Seen | Bundle]
    words = {"a resource": resource(operators, 3), "podberth's own ConfigMap": own, "what was in force before": before}
    news: list[Seen | Bundle] = [resource(allowing("db")), words[by], bundle("a", lure, revision=2)]
    for order in itertools.permutations(news):
        here = Here(*order)
        assert [one for one, _ in here.in_force()] == [name]
        (reason,) = [one.reason for one in here.ask(standings) if not one.in_force]
        assert f"spec.attachments[0]: {name} (" in reason
        assert "declares eth0 of" in reason
        gone = bundle("own", revision=9, namespace="db" if by == "what was in force before" else HOME)
        here.take(resource(operators, 9, gone=True) if by == "a resource" else gone)
        assert [one for one, _ in here.in_force()] == [f"PodNetwork db/{lure['metadata']['name']}"]
        here.take(resource(operators, 10))
        assert [one for one, _ in here.in_force()] == [name]


def test_of_another_interface_network_or_pod_a_namespace_speaks_as_before() -> None:
    elsewhere = podnetwork("aaa", "10.20.0.9", ifname="net1")
    elsewhere["spec"]["pod"] = "web"
    named, other_named = (podnetwork(name, f"10.20.0.{n}", network=name) for name, n in (("blue", 12), ("red", 13)))
    named["spec"]["pod"] = other_named["spec"]["pod"] = "two"
    own = bundle("a", elsewhere, named, podnetwork("web-x", "10.20.0.14"))
    here = Here(resource(allowing("db")), resource(THIRTY, 2), resource(other_named, 3), resource(SET, 4), own)
    assert here.ask(standings) == ()
    assert len(here.in_force()) == 6


def test_the_operator_s_apply_is_not_blocked_by_a_namespace_s_word_about_the_same_interface() -> None:
    here = Here(resource(allowing("db")), bundle("a", LURE, WEB))
    documents = [parse_document(each, "test") for each in (THIRTY, OTHER)]
    assert len(here.in_force()) == 2
    with here.replica.database.write(durable=False) as connection:
        make_way(connection, documents)
        assert table.podnetworks(connection, "db") == ()
        assert connection.execute("SELECT count(*) FROM touched_documents").fetchone() == (0,)


NEWS: tuple[Seen | Bundle, ...] = (
    resource(allowing("db"), 3),
    resource(podnetwork("x", "10.20.0.30"), 4),
    resource(podnetwork("y"), 5, gone=True),
    bundle("a", WEB, podnetwork("x", "10.20.0.31"), revision=6),
    bundle("b", OTHER, podnetwork("y", "10.20.0.32"), revision=7),
    bundle("c", THIRD, revision=8),
    bundle("h", podnetwork("x", "10.20.0.33"), podnetwork("z"), namespace=HOME, revision=9),
    bundle("p", pool("second", "10.40.0.0/24"), namespace=HOME, revision=10),
    bundle("d", podnetwork("q", trust="on")),
    bundle("e", WEB, namespace="bank", revision=11),
    resource(of_set("lured", "lured", pool="db", vlan=100), 12),
    bundle("f", podnetwork("lured-0", "10.20.0.34"), podnetwork("lured-a", "10.20.0.35"), revision=13),
)


@settings(max_examples=size(10, 2000), deadline=None)
@given(st.permutations(NEWS), st.randoms(use_true_random=False))
def test_every_order_of_the_news_ends_in_the_same(news: Sequence[Seen | Bundle], chance: random.Random) -> None:
    with closing(Here(*NEWS)) as here, closing(Here(*news, *chance.sample(NEWS, 3))) as other:
        agree(here, other)


def agree(here: Here, other: Here) -> None:
    assert here.in_force() == other.in_force()
    assert here.ask(standings) == other.ask(standings)
    assert here.in_force() == [
        ("PodNetwork db/lured", ""), ("PodNetwork db/lured-a", "10.20.0.35"), ("PodNetwork db/web", "10.20.0.9"),
        ("PodNetwork db/x", "10.20.0.30"), ("PodNetwork db/y", "10.20.0.32"), ("PodNetwork db/z", ""),
    ]  # fmt: skip
