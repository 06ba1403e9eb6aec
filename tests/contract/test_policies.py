"""What every store of declarations does, on the real thing."""

from __future__ import annotations

import queue
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings

from podberth.cni.pod import PodRef
from podberth.policy.admission import Conflicts
from podberth.policy.changes import Applied, Followed
from podberth.policy.documents import document_of
from podberth.stores.sqlite.database import NODE
from tests.contract.declarations import (
    OPERATOR,
    POOL,
    STORES,
    Store,
    documents,
    in_sqlite,
    of_deployment,
    of_pod,
    of_set,
)
from tests.unit.policy.declared import ip
from tests.unit.policy.test_documents import podnetworks
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.policy.podnetwork import PodNetwork

MYSQL = of_set("mysql", "10.20.0.11-10.20.0.13")
FULL_POOL: dict[str, object] = {
    "kind": "Pool",
    "metadata": {"name": "db"},
    "spec": {
        "subnets": [
            {
                "subnet": "10.20.0.0/24",
                "gateway": "10.20.0.1",
                "ranges": ["10.20.0.10-10.20.0.200"],
                "exclude": ["10.20.0.50"],
                "hold": ["10.20.0.11-10.20.0.20"],
            },
            {"subnet": "fd00:20::/64"},
        ],
        "allocation": "leastRecentlyUsed",
        "quarantine": "10m",
        "conflictDetection": {"onConflict": "next"},
        "allow": [{"namespaces": ["db", "team-*"], "vlans": [100, "200-299"], "podRequests": True}],
        "mtu": 9000,
        "vlan": {"id": 100, "priority": 3},
    },
}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return STORES[request.param](tmp_path)


def names(store: Store, namespace: str | None = None) -> list[str]:
    return [f"{n.namespace}/{n.name}" for n in store.policies.pod_networks(namespace)]


def test_an_empty_store_has_nothing(store: Store) -> None:
    assert store.policies.pools() == ()
    assert store.policies.pod_networks() == ()
    assert store.policies.pool("db") is None
    assert store.policies.find(PodRef(namespace="db", name="mysql-0")) == ()


def test_what_was_applied_is_in_force(store: Store) -> None:
    given_documents = documents(FULL_POOL, MYSQL, of_pod("web-0", "10.20.0.30", "fd00:20::30", vlan={"id": 250}))
    applied = store.policies.apply(given_documents, OPERATOR, source="apply: db.yaml")
    assert applied.created == ("Pool db", "PodNetwork db/mysql", "PodNetwork db/web-0")
    pool, mysql, web = (document.body for document in given_documents)
    assert store.policies.pools() == (pool,)
    assert store.policies.pool("db") == pool
    assert store.policies.pod_networks() == (mysql, web)


def test_documents_are_in_order_and_by_namespace(store: Store) -> None:
    store.apply(POOL, of_pod("b", namespace="z"), of_pod("b"), of_pod("a"), of_pod("a", namespace="z"))
    assert names(store) == ["db/a", "db/b", "z/a", "z/b"]
    assert names(store, "z") == ["z/a", "z/b"]
    assert names(store, "y") == []


def test_find_gives_the_pods_own_first_then_its_statefulsets(store: Store) -> None:
    store.apply(POOL, MYSQL, of_pod("mysql-1", mtu=1400, name="zz"), of_pod("mysql-1", namespace="other"))
    found = store.policies.find(PodRef(namespace="db", name="mysql-1", uid="u"))
    assert [n.name for n in found] == ["zz", "mysql"]
    assert [n.name for n in store.policies.find(PodRef(namespace="db", name="mysql-7"))] == ["mysql"]


@pytest.mark.parametrize("name", ["mysql", "mysql-", "mysql-x", "mysql-01", "xmysql-0", "mysql-0-0", "mysql--1"])
def test_a_name_that_is_no_replica_is_not_the_statefulsets(store: Store, name: str) -> None:
    store.apply(POOL, MYSQL)
    assert store.policies.find(PodRef(namespace="db", name=name)) == ()


def test_find_gives_a_deployments_last(store: Store) -> None:
    name = "web-7d4b9-x2x9k"
    store.apply(POOL, of_deployment("web", "10.20.0.21-10.20.0.22"), of_pod(name, mtu=1400, name="zz"))
    assert [n.name for n in store.policies.find(PodRef(namespace="db", name=name, uid="u"))] == ["zz", "web"]
    assert [n.name for n in store.policies.find(PodRef(namespace="db", name="deployment/web"))] == ["web"]
    for other in ("web", "web-0", "web-api-7d4b9-x2x9k"):
        assert store.policies.find(PodRef(namespace="db", name=other)) == ()


def test_what_a_deployments_pods_share_is_declared_and_ends_with_the_document(store: Store) -> None:
    store.apply(POOL, of_deployment("web", "10.20.0.21-10.20.0.22"))
    assert store.reserved() == [f"10.20.0.{n} db/deployment/web eth0 declared" for n in (21, 22)]
    applied = store.apply(of_deployment("web", "10.20.0.22-10.20.0.23"))
    assert isinstance(applied, Applied)
    assert (applied.reserved, applied.released) == ((ip("10.20.0.23"),), (ip("10.20.0.21"),))
    with pytest.raises(Conflicts, match="both declare eth0 of Deployment web in namespace db"):
        store.apply({**of_deployment("web", "10.20.0.30"), "metadata": {"namespace": "db", "name": "other"}})
    assert store.policies.delete("PodNetwork", "db", "web", OPERATOR)
    assert store.reserved() == []


def test_applying_reserves_every_address_and_the_ledger_says_who_did_it(store: Store) -> None:
    applied = store.apply(POOL, MYSQL)
    assert isinstance(applied, Applied)
    assert applied.reserved == tuple(ip(f"10.20.0.{n}") for n in (11, 12, 13))
    assert store.reserved() == [f"10.20.0.{11 + n} db/mysql-{n} eth0 declared" for n in range(3)]
    (event,) = store.ledger.history(address=ip("10.20.0.12"))
    assert (event.kind, str(event.pod), event.ifname, event.actor) == ("Reserved", "db/mysql-1", "eth0", OPERATOR)


def test_applying_the_same_again_changes_nothing(store: Store) -> None:
    store.apply(POOL, MYSQL)
    before = store.dump()
    applied = store.apply(POOL, MYSQL)
    assert applied == Applied(unchanged=("Pool db", "PodNetwork db/mysql"))
    assert store.dump() == before


def test_a_changed_document_moves_its_reservations(store: Store) -> None:
    store.apply(POOL, MYSQL)
    applied = store.apply(of_set("mysql", "10.20.0.12-10.20.0.14"))
    assert isinstance(applied, Applied)
    assert applied.changed == ("PodNetwork db/mysql",)
    assert store.reserved() == [f"10.20.0.{12 + n} db/mysql-{n} eth0 declared" for n in range(3)]
    kinds = [event.kind for event in store.ledger.history(address=ip("10.20.0.12"))]
    assert kinds == ["Reserved", "Released", "Reserved"]


def test_a_dry_run_says_the_same_and_changes_nothing(store: Store) -> None:
    store.apply(POOL, of_pod("old", "10.20.0.40"))
    before = store.dump()
    tried = store.apply(POOL, MYSQL, prune=True, dry_run=True)
    assert store.dump() == before
    assert store.apply(POOL, MYSQL, prune=True) == tried


def test_prune_deletes_what_the_same_source_applied_and_no_longer_has(store: Store) -> None:
    store.apply(POOL, of_pod("other", "10.20.0.30"), source="apply: other.yaml")
    store.apply(of_pod("a", "10.20.0.31"), of_pod("b", "10.20.0.32"))
    applied = store.apply(of_pod("b", "10.20.0.32"), prune=True)
    assert isinstance(applied, Applied)
    assert (applied.deleted, applied.released) == (("PodNetwork db/a",), (ip("10.20.0.31"),))
    assert names(store) == ["db/b", "db/other"]


def test_a_document_that_another_source_took_over_is_not_pruned(store: Store) -> None:
    store.apply(POOL, of_pod("a", "10.20.0.31"), source="directory: /x")
    assert store.apply(of_pod("a", "10.20.0.31")) == Applied(unchanged=("PodNetwork db/a",))
    store.apply(POOL, source="directory: /x", prune=True)
    assert names(store) == ["db/a"]


def test_a_conflict_in_the_last_document_changes_nothing(store: Store) -> None:
    store.apply(POOL, of_pod("old", "10.20.0.40"))
    before = store.dump()
    last = of_pod("thief", "10.20.0.40")
    with pytest.raises(Conflicts, match=r"10.20.0.40, declared for db/thief eth0, is reserved for db/old eth0"):
        store.apply(FULL_POOL, MYSQL, *(of_pod(f"p{n}", f"10.20.0.{60 + n}") for n in range(50)), last)
    assert store.dump() == before


def test_all_conflicts_are_told_at_once(store: Store) -> None:
    store.apply(POOL, of_pod("old", "10.20.0.40"))
    store.bind("web/nginx", "10.20.0.77")
    with pytest.raises(Conflicts) as found:
        store.apply(
            of_pod("a", "10.20.0.40"), of_pod("b", "10.20.0.77"), of_pod("c", "10.20.0.0"), of_pod("d", pool="x")
        )
    assert len(found.value.conflicts) == 4


def test_a_lease_keeps_its_declaration_until_the_pod_is_gone(store: Store) -> None:
    store.apply(POOL, MYSQL)
    store.bind("db/mysql-1", "10.20.0.12")
    before = store.dump()
    with pytest.raises(
        Conflicts, match=r"10.20.0.12 would no longer be declared for db/mysql-1 eth0, but db/mysql-1 has"
    ):
        store.apply(of_set("mysql", "10.20.0.21-10.20.0.23"))
    with pytest.raises(Conflicts, match="delete that pod first"):
        store.policies.delete("PodNetwork", "db", "mysql", OPERATOR)
    assert store.dump() == before
    store.apply(of_set("mysql", "10.20.0.11-10.20.0.13", mtu=1400))
    store.unbind("db/mysql-1")
    store.apply(of_set("mysql", "10.20.0.21-10.20.0.23"))
    assert store.reserved()[0] == "10.20.0.21 db/mysql-0 eth0 declared"


def test_declaring_what_the_pod_has_already_is_no_conflict(store: Store) -> None:
    store.apply(POOL)
    lease = store.bind("db/mysql-0")
    store.apply(of_pod("mysql-0", str(lease.address)))
    assert store.reserved() == [f"{lease.address} db/mysql-0 eth0 declared"]
    assert store.ledger.leases() == (lease,)


def test_a_reservation_by_hand_becomes_declared_and_ends_with_the_document(store: Store) -> None:
    store.apply(POOL)
    store.ledger.reserve("db", ip("10.20.0.11"), PodRef(namespace="db", name="mysql-0"), "eth0", OPERATOR)
    store.apply(of_pod("mysql-0", "10.20.0.11"))
    assert store.reserved() == ["10.20.0.11 db/mysql-0 eth0 declared"]
    assert store.policies.delete("PodNetwork", "db", "mysql-0", OPERATOR)
    assert store.reserved() == []


def test_a_declared_address_goes_to_nobody_else(store: Store) -> None:
    small = {**POOL, "spec": {"subnets": [{"subnet": "10.20.0.8/29"}]}}
    store.apply(small, of_set("mysql", "10.20.0.9-10.20.0.12"))
    given_out = {str(store.bind(f"web/w-{n}").address) for n in range(2)}
    assert given_out == {"10.20.0.13", "10.20.0.14"}


def test_two_sets_can_swap_their_addresses_at_once(store: Store) -> None:
    store.apply(POOL, of_pod("a", "10.20.0.31"), of_pod("b", "10.20.0.32"))
    store.apply(of_pod("a", "10.20.0.32"), of_pod("b", "10.20.0.31"))
    assert store.reserved() == ["10.20.0.31 db/b eth0 declared", "10.20.0.32 db/a eth0 declared"]


def test_deleting_says_whether_there_was_anything(store: Store) -> None:
    store.apply(POOL, MYSQL)
    assert store.policies.delete("PodNetwork", "db", "mysql", OPERATOR)
    assert not store.policies.delete("PodNetwork", "db", "mysql", OPERATOR)
    assert store.reserved() == []
    assert store.policies.delete("Pool", "", "db", OPERATOR)
    assert not store.policies.delete("Pool", "", "db", OPERATOR)
    assert store.policies.pools() == ()


def test_a_pool_in_use_is_not_deleted(store: Store) -> None:
    store.apply(POOL, of_pod("a"))
    with pytest.raises(Conflicts, match="Pool db can't be deleted: PodNetwork db/a names it"):
        store.policies.delete("Pool", "", "db", OPERATOR)
    store.policies.delete("PodNetwork", "db", "a", OPERATOR)
    lease = store.bind("web/nginx")
    with pytest.raises(Conflicts, match=f"web/nginx .leased, node node1. has {lease.address}"):
        store.policies.delete("Pool", "", "db", OPERATOR)
    store.unbind("web/nginx")
    assert store.policies.delete("Pool", "", "db", OPERATOR)


def test_a_pool_and_its_users_are_deleted_in_one_set(store: Store) -> None:
    store.apply(POOL, MYSQL)
    applied = store.apply(prune=True)
    assert isinstance(applied, Applied)
    assert set(applied.deleted) == {"Pool db", "PodNetwork db/mysql"}
    assert (store.policies.pools(), store.reserved()) == ((), [])


def test_a_redefined_pool_hands_out_its_new_ranges(store: Store) -> None:
    store.apply(POOL)
    assert str(store.bind("web/a").address) == "10.20.0.1"
    store.apply(
        {**POOL, "spec": {"subnets": [{"subnet": "10.20.0.0/24", "ranges": ["10.20.0.1", "10.20.0.90-10.20.0.99"]}]}}
    )
    assert str(store.bind("web/b").address) == "10.20.0.90"


def test_what_was_seen_of_a_directory_is_kept(store: Store) -> None:
    assert store.policies.followed("/x") is None
    for seen in (Followed(fingerprint="a"), Followed(fingerprint="b", failure="broken")):
        store.policies.follow("/x", seen)
        assert store.policies.followed("/x") == seen
    assert store.policies.followed("/y") is None


def test_another_client_sees_what_was_applied(store: Store) -> None:
    store.apply(POOL, MYSQL)
    assert names(store.again()) == ["db/mysql"]


@pytest.mark.parametrize(
    ("where", "index"),
    [
        ("namespace = ? AND pod = ?", "documents_pod (namespace=? AND pod=?)"),
        ("namespace = ? AND stateful_set = ?", "documents_set (namespace=? AND stateful_set=?)"),
        ("namespace = ? AND deployment = ?", "documents_deployment (namespace=? AND deployment=?)"),
    ],
)
def test_finding_a_pods_declarations_is_one_look_into_an_index(tmp_path: Path, where: str, index: str) -> None:
    in_sqlite(tmp_path).apply(POOL)
    with closing(sqlite3.connect(tmp_path / NODE.file)) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN SELECT body FROM documents WHERE {where}", ("a", "b")).fetchall()
    assert [row[3] for row in plan] == [f"SEARCH documents USING INDEX {index}"]


def _apply_at_once(store: Store, raws: list[object], ready: threading.Barrier, told: queue.Queue[str]) -> None:
    ready.wait(PATIENCE)
    try:
        store.apply(*raws)
    except Conflicts as conflicts:
        told.put(conflicts.message)
    else:
        told.put("")


def test_of_two_conflicting_sets_applied_at_once_exactly_one_wins(store: Store) -> None:
    store.apply(POOL)
    ready, told = threading.Barrier(2), queue.Queue[str]()
    sets = [[of_pod(f"{who}-{n}", f"10.20.0.{10 + n}") for n in range(20)] for who in ("left", "right")]
    clients = [threading.Thread(target=_apply_at_once, args=(store.again(), raws, ready, told)) for raws in sets]
    for client in clients:
        client.start()
    messages = sorted(told.get(timeout=PATIENCE) for _ in clients)
    for client in clients:
        client.join(PATIENCE)
    winner = store.ledger.reservations()[0].pod.name.split("-")[0]
    loser = "right" if winner == "left" else "left"
    assert messages[0] == ""
    assert f"10.20.0.10, declared for db/{loser}-0 eth0, is reserved for db/{winner}-0 eth0" in messages[1]
    assert {r.pod.name.split("-")[0] for r in store.ledger.reservations()} == {winner}
    assert {n.split("/")[1].split("-")[0] for n in names(store)} == {winner}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return in_sqlite(tmp_path_factory.mktemp("shared"))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=podnetworks())
def test_what_is_applied_is_what_is_found(shared: Store, body: PodNetwork) -> None:
    document = document_of(body, "apply: x")
    unbound = all(a.pool is None and not a.addresses and not a.ordinals and not a.shared for a in body.attachments)
    if not unbound:  # there is no pool here: such a document conflicts, and leaves nothing
        with pytest.raises(Conflicts):
            shared.policies.apply((document,), OPERATOR, source="x")
        assert shared.policies.pod_networks() == ()
        return
    shared.policies.apply((document,), OPERATOR, source="x")
    assert shared.policies.pod_networks() == (document.body,)
    assert shared.policies.delete(*document.key, OPERATOR)
