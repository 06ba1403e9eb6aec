"""A namespace's quota, and objects that are its word: the same on every replica, in every order of the news."""

from __future__ import annotations

import json
from contextlib import closing
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from podberth.cni.pod import PodRef
from podberth.cni.value import replace
from podberth.ipam.address_record import AddressRecord
from podberth.ipam.lease import Reservation
from podberth.policy.bundle import digest
from podberth.policy.documents import parse_document, raw_document
from podberth.stores.clock import node_clock
from podberth.stores.kubernetes.objects import read_document, weighed_bundle
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica
from podberth.stores.replica.shared import Bundle, Seen
from podberth.stores.replica.standing import ended
from podberth.stores.replica.standings import standings
from podberth.stores.sqlite.declared import declare, undeclare
from podberth.stores.sqlite.pending import pending
from podberth.stores.sqlite.rows import reservations
from tests.contract.control.cluster import config_map, of_set, podnetwork, pool
from tests.contract.declarations import OPERATOR
from tests.contract.memory_cluster import MemoryCluster
from tests.contract.test_standing import HOME, Here, bundle, resource
from tests.sizes import size

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from pathlib import Path
    from sqlite3 import Connection


def limited(most: int, *namespaces: str) -> dict[str, Any]:
    made = pool()
    made["spec"]["allow"] = [{"namespaces": list(namespaces or ("db",)), "reservations": most}]
    return made


def aged(seen: Seen | Bundle, created: int) -> Seen | Bundle:
    """Return it as made at that time."""
    when = f"2026-01-01T00:00:{created:02}Z"
    if isinstance(seen, Bundle):
        return replace(seen, created=when)
    return replace(seen, documents=tuple((replace(text, created=when), at) for text, at in seen.documents))


def setting(word: str, revision: int, *stay: dict[str, Any]) -> Bundle:
    """Return the ConfigMap of the cluster's settings; `stay` were in force before objects became tenants'."""
    made = {**config_map("podberth-settings", "", HOME), "data": {"podNetworks": word}}
    made["metadata"]["resourceVersion"] = str(revision)
    documents = [parse_document(one, "test") for one in stay]
    kept = frozenset(digest(one.namespace, one.key, raw_document(one)["spec"]) for one in documents)
    return weighed_bundle(made, HOME, frozenset(), objects=lambda: kept)[0]


def kept(address: str, pod: str, revision: int, origin: str = "sticky") -> Seen:
    made = Reservation(
        address=ip_address(address), pool="db", pod=PodRef(namespace="db", name=pod), ifname="eth0", origin=origin,
        since=1,
    )  # fmt: skip
    record = AddressRecord(
        address=made.address, pool="db", seq=revision, time=1, reservation=made, lease=None, rest_until=0, last=None
    )
    return Seen(records=((record, revision),))


A, B, C = (podnetwork(name, f"10.20.0.{n}") for name, n in (("a", 10), ("b", 11), ("c", 12)))


def test_the_oldest_stay_within_the_quota_whatever_they_are_called() -> None:
    news = (
        aged(bundle("z", A), 1), aged(bundle("y", B, revision=2), 2), aged(bundle("x", C, revision=3), 3),
    )  # fmt: skip
    for most, names in ((0, []), (1, ["a"]), (2, ["a", "b"]), (3, ["a", "b", "c"])):
        here = Here(resource(limited(most), 9), *reversed(news))
        assert [one for one, _ in here.in_force()] == [f"PodNetwork db/{name}" for name in names]
        assert len(here.ask(standings)) == 3 - most
        here.take(bundle("z", revision=10))  # what the oldest leaves is the next one's
        assert [one for one, _ in here.in_force()] == [f"PodNetwork db/{name}" for name in ("b", "c")[:most]]


def test_one_that_grows_takes_no_more_than_there_is() -> None:
    here = Here(resource(limited(2), 9), aged(bundle("z", A), 1), aged(bundle("y", B, revision=2), 2))
    here.take(aged(bundle("y", B, C, revision=3), 2))
    assert [one for one, _ in here.in_force()] == ["PodNetwork db/a", "PodNetwork db/b"]


def test_a_sticky_address_counts_from_when_it_is_heard_of_until_it_ends() -> None:
    here = Here(resource(limited(2), 9), aged(bundle("z", A), 1), aged(bundle("y", B, revision=2), 2))
    here.take(kept("10.20.0.50", "s", 20))
    assert [one for one, _ in here.in_force()] == ["PodNetwork db/a"]
    here.take(kept("10.20.0.10", "a", 21, "declared"))  # that is its own
    assert [one for one, _ in here.in_force()] == ["PodNetwork db/a"]
    here.take(resource(limited(3), 22))
    assert [one for one, _ in here.in_force()] == ["PodNetwork db/a", "PodNetwork db/b"]


def test_another_namespace_s_words_are_not_counted() -> None:
    here = Here(resource(limited(1, "db", "bank"), 9), bundle("z", A))
    here.take(bundle("z", podnetwork("q", "10.20.0.20", namespace="bank"), namespace="bank"))
    assert len(here.in_force()) == 2


OWN = podnetwork("own", "10.20.0.13", trust="on")
OLD = podnetwork("old", "10.20.0.14", trust="on")
NEW = podnetwork("new", "10.20.0.15")
NEWS: tuple[Seen | Bundle, ...] = (
    resource(limited(5), 3),
    setting("tenants", 4, OLD),
    aged(resource(OLD, 5), 1),
    aged(resource(OWN, 6), 2),
    aged(resource(NEW, 7), 3),
    aged(bundle("a", A, revision=8), 4),
    aged(bundle("b", B, podnetwork("new", "10.20.0.16"), revision=9), 5),
    aged(bundle("c", C, revision=10), 6),
    aged(bundle("h", podnetwork("home", "10.20.0.17", trust="on"), namespace=HOME, revision=11), 7),
    kept("10.20.0.50", "s", 12),
)


@settings(max_examples=size(12, 2000), deadline=None)
@given(st.permutations(NEWS), st.randoms(use_true_random=False))
def test_every_order_of_the_news_ends_in_the_same(news: Sequence[Seen | Bundle], chance: random.Random) -> None:
    with closing(Here(*NEWS)) as here, closing(Here(*news, *chance.sample(NEWS, 3))) as other:
        agree(here, other)


def agree(here: Here, other: Here) -> None:
    assert here.in_force() == other.in_force()
    assert here.ask(standings) == other.ask(standings)
    # Of five: old and home, sticky; then the oldest, new and a.
    assert [one.rpartition("/")[2] for one, _ in here.in_force()] == ["a", "home", "new", "old"]
    back = setting("operators", 20)
    for each in (here, other):
        each.take(back)
    assert here.in_force() == other.in_force()
    assert {one.rpartition("/")[2] for one, _ in here.in_force()} >= {"old", "own", "new", "home"}


def test_objects_become_tenants_and_the_operator_s_again_and_lose_nothing() -> None:
    here = Here(resource(limited(5), 3), resource(OWN, 4), resource(NEW, 5))
    both = here.in_force()
    assert len(both) == 2
    here.take(setting("tenants", 6))
    assert here.in_force() == [("PodNetwork db/new", "10.20.0.15")]
    assert [(one.bundle, one.in_force) for one in here.ask(standings)] == [("PodNetwork db/own", False)]
    here.take(resource(NEW, 7, gone=True))
    assert here.in_force() == []
    here.take(resource(NEW, 8))
    gone = {**config_map("podberth-settings", "", HOME)}
    gone["metadata"]["resourceVersion"] = "9"
    here.take(weighed_bundle(gone, HOME, frozenset(), gone=True)[0])
    assert here.in_force() == both
    assert here.ask(standings) == ()


def test_an_object_that_this_node_wrote_is_as_old_as_the_store_says() -> None:
    mine, older = resource(NEW, 7), aged(bundle("a", A, revision=8), 4)
    here = Here(resource(limited(1), 3), setting("tenants", 4), mine, older)
    assert here.in_force() == [("PodNetwork db/new", "10.20.0.15")]
    here.take(aged(mine, 5))
    assert here.in_force() == [("PodNetwork db/a", "10.20.0.10")]
    here.take(mine)
    assert here.in_force() == [("PodNetwork db/a", "10.20.0.10")]


def test_a_load_forgets_an_object_that_was_a_tenant_s() -> None:
    here = Here(resource(limited(5), 3), setting("tenants", 4), resource(NEW, 5), Seen(position="9"))
    whole = Seen(
        documents=resource(limited(5), 3).documents, bundles=(setting("tenants", 4),), position="9", complete=9
    )
    assert list(here.replica.load([whole])) == [()]
    assert (here.in_force(), here.ask(standings)) == ([], ())


def test_a_bundle_s_documents_are_one_namespace_s_whatever_the_text() -> None:
    text = json.dumps(podnetwork("x", "10.20.0.20", namespace="bank"))
    here = Here(resource(limited(5, "db", "bank"), 3), bundle("a", text))
    assert here.in_force() == []


def _kept(folder: Path, *steps: list[dict[str, Any]]) -> list[str]:
    """Return what is reserved after a controller has seen each of these sets of ConfigMaps. The quota is two."""
    cluster = MemoryCluster()
    proposer = Proposer(Replica(str(folder)), cluster, "node1", current=True)
    spec = {**pool()["spec"], "allow": [{"namespaces": ["db"], "reservations": 2}]}
    text, _ = read_document({"metadata": {"name": "db", "resourceVersion": "1"}, "spec": spec}, "Pool")
    cluster.documents[text.key], cluster.revision = (text, 1), 1
    proposer.take(Seen(documents=((text, 1),), position="1"))

    def sweep(connection: Connection, _: object) -> list[str]:
        for one in pending(connection):
            declare(connection, one, OPERATOR, node_clock)
        for one in ended(connection):
            undeclare(connection, one, OPERATOR, node_clock)
        return [str(kept.address) for kept in reservations(connection, "")]

    found: list[str] = []
    for maps in steps:
        cluster.revision += 1
        metadata = {"resourceVersion": str(cluster.revision)}
        every = [{**each, "metadata": {**each["metadata"], **metadata}} for each in maps]
        bundles = tuple(weighed_bundle(each, HOME, frozenset())[0] for each in every)
        proposer.take(Seen(bundles=bundles, position=str(cluster.revision)))
        found, _ = proposer.settle(sweep)
    return found


def _words(name: str, *words: tuple[str, ...]) -> dict[str, Any]:
    documents = [podnetwork(f"{name}{number}", *addresses) for number, addresses in enumerate(words)]
    return config_map(name, "\n---\n".join(map(json.dumps, documents)))


def test_a_quota_counts_what_stays_since_something_can_t_be_read(tmp_path: Path) -> None:
    """Nothing of a namespace ends then: it could move on from address to address and keep all of them."""
    moving = [[_words("a", (f"10.20.0.{n}",), (f"10.20.0.{n + 1}",))] for n in (10, 20, 30)]
    assert _kept(tmp_path / "a", [config_map("z", "{")], *moving) == ["10.20.0.10", "10.20.0.11"]
    assert _kept(tmp_path / "b", *moving) == ["10.20.0.30", "10.20.0.31"]


def test_a_quota_counts_what_a_word_keeps_that_is_refused(tmp_path: Path) -> None:
    def of(name: str, first: int, count: int) -> dict[str, Any]:
        return config_map(name, json.dumps(of_set(name, count, {"base": f"10.20.0.{first}"})))

    steps = [[of("a", 10, 2)], [of("a", 10, 3)], [of("a", 10, 3), of("b", 20, 2)]]
    assert _kept(tmp_path, *steps) == ["10.20.0.10", "10.20.0.11"]
