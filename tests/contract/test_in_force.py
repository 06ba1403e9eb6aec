"""Pools that were written into etcd by other means than podberth's: the check holds, and all nodes agree.

The store's compare-and-swap decides between two that exclude each other, not who heard of which first.
"""

from __future__ import annotations

import itertools
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from podberth.cni.value import replace
from podberth.ipam.versions import HERE, Minimum
from podberth.stores.clock import node_clock
from podberth.stores.kubernetes.objects import read_approved
from podberth.stores.replica.approved import refused
from podberth.stores.replica.ledger import ClusterLedger
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica
from podberth.stores.replica.shared import Approved, DocumentText, Seen
from podberth.stores.sqlite.policies import SqlitePolicies
from tests.contract.control.cluster import pool
from tests.contract.declarations import documents
from tests.contract.etcd_nodes import Node, emptied, etcd, written
from tests.contract.ledgers import OPERATOR, claim
from tests.contract.passing import passing
from tests.sizes import size

if TYPE_CHECKING:
    import random
    from pathlib import Path


def test_of_two_pools_that_exclude_each_other_both_nodes_have_the_same_in_force() -> None:
    cluster = etcd()
    one, other = Node(cluster), Node(cluster, "node2")
    written(cluster, pool("aa", "10.20.0.0/16"))
    one.proposer.catch_up()
    written(cluster, pool("bb", "10.20.0.0/24"))
    nodes = [threading.Thread(target=node.accept) for node in (other, one)]
    for each in nodes:
        each.start()
    for each in nodes:
        each.join()
    assert one.pools() == other.pools() == Node(cluster).pools()
    assert len(one.pools()) == 1


def test_what_was_accepted_first_stays_whatever_is_older_by_its_key() -> None:
    cluster = etcd()
    node = Node(cluster)
    written(cluster, pool("bb", "10.20.0.0/24"))
    assert node.accept() == ("bb",)
    written(cluster, pool("aa", "10.20.0.0/16"))
    assert Node(cluster, "node2").accept() == ()
    assert Node(cluster, "node3").pools() == {"bb": "10.20.0.0/24"}
    (waits,) = node.policies.waiting()
    assert (waits.document, waits.source, waits.kept) == ("Pool aa", "by hand", False)
    assert "pools aa and bb overlap" in waits.reason


def test_ranges_that_leave_a_live_lease_outside_wait_until_it_ends() -> None:
    cluster = etcd()
    node = Node(cluster)
    node.policies.apply(documents(pool("db", "10.20.0.0/24", ranges=["10.20.0.10-10.20.0.19"])), OPERATOR, source="x")
    (lease,) = node.ledger.bind(claim("a"), OPERATOR)
    written(cluster, pool("db", "10.20.0.0/24", ranges=["10.20.0.100-10.20.0.109"]))
    for each in (node, Node(cluster, "node2")):
        assert each.accept() == ()
        assert each.pools() == {"db": "10.20.0.0/24,10.20.0.10"}
        assert "10.20.0.10 of db/a (leased, node node1) is outside" in each.policies.waiting()[0].reason
    node.ledger.unbind(lease.attachment, OPERATOR)
    assert node.accept() == ("db",)
    assert Node(cluster, "node3").pools() == {"db": "10.20.0.0/24,10.20.0.100"}


def test_what_is_no_pool_leaves_the_last_good_one_on_a_new_node_too() -> None:
    cluster = etcd()
    Node(cluster).policies.apply(documents(pool("db", "10.20.0.0/24")), OPERATOR, source="x")
    cluster.client.put(cluster.keys.document(("Pool", "", "db")), b"{broken")
    node = Node(cluster, "node2")
    assert node.accept() == ()
    assert node.pools() == {"db": "10.20.0.0/24"}
    assert node.policies.waiting()[0].kept


def test_a_pool_that_is_emptied_by_hand_stays_while_somebody_has_an_address_of_it() -> None:
    cluster = etcd()
    node = Node(cluster)
    node.policies.apply(documents(pool("db", "10.20.0.0/24")), OPERATOR, source="x")
    (lease,) = node.ledger.bind(claim("a"), OPERATOR)
    emptied(cluster, "db")
    assert node.accept() == ()
    assert Node(cluster, "node2").pools() == {"db": "10.20.0.0/24"}
    assert "can't be deleted: db/a (leased, node node1) has 10.20.0.1" in node.policies.waiting()[0].reason
    node.ledger.unbind(lease.attachment, OPERATOR)
    assert node.accept() == ("db",)
    assert Node(cluster, "node2").pools() == {}


def test_a_bind_that_relied_on_what_is_in_force_no_more_is_made_anew() -> None:
    cluster = etcd()
    late, node = Node(cluster), Node(cluster, "node2")
    late.policies.apply(documents(pool("db", "10.20.0.0/24", gateway="10.20.0.1")), OPERATOR, source="x")
    deaf = Proposer(late.proposer.replica, cluster, "node1", current=False)
    node.policies.apply(documents(pool("db", "10.20.0.0/24", gateway="10.20.0.2")), OPERATOR, source="x")
    (lease,) = ClusterLedger(deaf, clock=node_clock).bind(claim("a"), OPERATOR)
    assert str(lease.address) == "10.20.0.1"  # nobody runs that was told of it


def test_a_store_of_the_release_before_has_its_pools_in_force_and_accepts_them() -> None:
    cluster = etcd()
    written(cluster, pool("db", "10.20.0.0/24"))
    written(cluster, pool("web", "10.30.0.0/24"))
    node = Node(cluster)
    assert node.pools() == {"db": "10.20.0.0/24", "web": "10.30.0.0/24"}
    assert node.accept() == ("db", "web")
    assert Node(cluster, "node2").accept() == ()


NAMES = ("aa", "bb", "cc")
SUBNETS = ("10.20.0.0/24", "10.20.0.0/25", "10.20.0.128/25", "10.20.0.0/16", "10.30.0.0/24", "no subnet")


@st.composite
def news(draw: st.DrawFn) -> list[Seen]:
    """Draw what a store may tell of Pools, each piece with a revision of its own.

    Of some names something was approved, perhaps nothing or more than once; their newest texts may be anything, and
    often change. The others have one text each.
    """
    approved = draw(st.sets(st.sampled_from(NAMES)))
    told = []
    for revision in range(1, draw(st.integers(2, 9))):
        name, subnet = draw(st.sampled_from(NAMES)), draw(st.sampled_from(SUBNETS))
        body = json.dumps(pool(name, subnet)) if draw(st.integers(0, 4)) else ""
        text = DocumentText(kind="Pool", namespace="", name=name, body=body, source="s")
        if name in approved and subnet != SUBNETS[-1] and draw(st.booleans()):
            told.append(Seen(approved=((Approved(text=text, firm=True), revision),)))
        elif name in approved or all(name != each.documents[0][0].name for each in told if each.documents):
            told.append(Seen(documents=((text, revision),)))
    seen = {one.text.name for each in told for one, _ in each.approved if one.text.body}
    last = {one.text.name: one for each in told for one, _ in each.approved}
    texts = [each.documents[0][0].name for each in told if each.documents]
    # Without anything approved, what a text replaces is known only to those who have seen it.
    assume(all(texts.count(name) < 2 or (name in seen and last[name].text.body) for name in NAMES))
    return told


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_pool_whose_end_was_approved_is_not_in_force_whatever_its_newest_text_is(
    order: tuple[int, ...], tmp_path: Path
) -> None:
    good, broken = json.dumps(pool("bb", "10.20.0.0/24")), json.dumps(pool("bb", "no subnet"))
    texts = [DocumentText(kind="Pool", namespace="", name="bb", body=body, source="s") for body in (good, broken, "")]
    told = (
        Seen(approved=((Approved(text=texts[0], firm=True), 1),)),
        Seen(documents=((texts[1], 4),)),
        Seen(approved=((Approved(text=texts[2], firm=True), 8),)),
    )
    replica = Replica(str(tmp_path))
    for number in order:
        replica.take(told[number])
    assert SqlitePolicies(replica.database).pools() == ()


@settings(max_examples=size(15, 5000), deadline=None)
@given(news(), st.randoms(use_true_random=False), st.integers(1, 3))
def test_in_whatever_order_it_is_heard_the_same_pools_are_in_force(
    told: list[Seen], chance: random.Random, times: int
) -> None:
    found = []
    for order in (told, *(_shuffled(told, chance) for _ in range(times))):
        with passing() as replica:
            for each in order:
                replica.take(each)
            with replica.database.read() as connection:
                waits = refused(connection)
            found.append(([replace(one, source="") for one in SqlitePolicies(replica.database).pools()], waits))
    assert all(one == found[0] for one in found)


def _shuffled(told: list[Seen], chance: random.Random) -> list[Seen]:
    mixed = list(told)
    chance.shuffle(mixed)
    return mixed


def test_a_pool_of_which_nothing_is_said_any_more_stays_in_force_while_a_lease_of_it_lives() -> None:
    cluster = etcd()
    one = Node(cluster)
    written(cluster, pool("db", "10.20.0.0/24"))
    one.accept()
    (lease,) = one.ledger.bind(claim("web-0"), OPERATOR)
    emptied(cluster, "db")
    cluster.client.put(cluster.keys.approved_of(("Pool", "", "db")), b"")
    one.accept()
    assert one.pools() == {"db": "10.20.0.0/24"}
    with one.proposer.replica.database.read() as connection:
        ((name, _, why),) = refused(connection)
    assert name == "db"
    assert f"has {lease.address}" in why
    one.ledger.unbind(lease.attachment, OPERATOR)
    assert one.pools() == {}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("firm", [True, False])
def test_a_pool_that_is_deleted_stays_while_a_lease_of_it_lives_whichever_of_both_is_heard_first(
    order: tuple[int, ...], firm: bool, tmp_path: Path
) -> None:
    cluster = etcd()
    node = Node(cluster)
    node.policies.apply(documents(pool("db", "10.20.0.0/24")), OPERATOR, source="x")
    (lease,) = node.ledger.bind(claim("a"), OPERATOR)
    found = [each for part in cluster.load() for each in part.records]
    text = DocumentText(kind="Pool", namespace="", name="db", body=json.dumps(pool("db", "10.20.0.0/24")), source="s")
    gone = replace(text, body="")
    replica = Replica(str(tmp_path))
    replica.take(Seen(documents=((text, 1),), approved=((Approved(text=text, firm=firm), 1),)))
    news = (
        Seen(documents=((gone, 5),)),
        Seen(approved=((Approved(text=gone, firm=firm), 5),)),
        Seen(records=tuple(found)),
    )
    for number in order:
        replica.take(news[number])
    policies = SqlitePolicies(replica.database)
    assert [one.name for one in policies.pools()] == ["db"]
    with replica.database.read() as connection:
        ((name, _, why),) = refused(connection)
    assert (name, f"has {lease.address}" in why) == ("db", True)
    node.ledger.unbind(lease.attachment, OPERATOR)
    replica.take(Seen(records=tuple(each for part in cluster.load() for each in part.records)))
    assert policies.pools() == ()


@pytest.mark.parametrize(
    "form",
    [
        {"told": [{"address": "10.20.0.1", "since": 10**30}]},
        {"told": [{"address": "10.20.0.1", "since": float("inf")}]},
        {"told": [{"address": "10.20.0.1", "since": -1}]},
        {"told": {"a": 1}},
        {"source": "\ud800"},
    ],
    ids=["too late a time", "no time", "a time before all", "no list", "half a character"],
)
def test_what_is_approved_by_hand_and_can_t_be_kept_deafens_no_node(form: dict[str, Any]) -> None:
    cluster = etcd()
    whole = {"source": "by hand", "origin": "", "told": [], **form}
    body = {**pool("aa", "10.20.0.0/16"), "apiVersion": "podberth.io/v1alpha1"}
    cluster.client.put(cluster.keys.approved + b"aa", json.dumps({"body": body, **whole}).encode())
    written(cluster, pool("bb", "10.30.0.0/16"))
    node = Node(cluster)
    assert node.accept() == ("bb",)
    assert "bb" in node.pools()


def test_an_address_s_record_that_no_database_can_keep_deafens_no_node() -> None:
    cluster = etcd()
    record = {"address": "10.20.0.9", "pool": "bb", "sequence": 1, "time": 10**30}
    cluster.client.put(cluster.keys.records + b"0a140009", json.dumps(record).encode())
    record = {"address": "10.20.0.8", "pool": "\ud800", "sequence": 1, "time": 1}
    cluster.client.put(cluster.keys.records + b"0a140008", json.dumps(record).encode())
    written(cluster, pool("bb", "10.30.0.0/16"))
    assert Node(cluster).accept() == ("bb",)


@pytest.mark.parametrize("annotations", ["x", ["x"], {"source": {}}, {"source": 5}, None])
def test_a_status_that_was_written_by_hand_is_read_or_says_nothing(annotations: object) -> None:
    spec = pool("aa", "10.20.0.0/16")["spec"]
    said = {"spec": spec, "annotations": annotations}
    found = {"metadata": {"name": "aa", "resourceVersion": "5"}, "spec": spec, "status": {"inForce": said}}
    approved, revision = read_approved(found, "Pool")
    assert (revision, approved.text.name, json.loads(approved.text.body)["spec"]) == (5, "aa", spec)
    assert isinstance(approved.text.source, str)


def test_a_change_that_an_older_podberth_would_misread_waits_for_the_ledger_s_upgrade() -> None:
    """Such a node goes on by the text before; a pool that is new gives it nothing that it could give away."""
    cluster = etcd()
    node = Node(cluster)
    plain = pool("db", "10.20.0.0/24")
    plain["spec"]["allow"] = [{"namespaces": ["db"]}]
    granting, keeping = json.loads(json.dumps(plain)), json.loads(json.dumps(plain))
    granting["spec"]["allow"][0]["macs"] = ["02:aa"]
    keeping["spec"]["stickyReservations"] = 7
    written(cluster, plain)
    assert node.accept() == ("db",)
    for newer, why in ((granting, "a pool's rule with `macs`"), (keeping, "a pool's `stickyReservations`")):
        written(cluster, newer)
        assert node.accept() == ()
        (one,) = Node(cluster, "node2").policies.waiting()
        assert why in one.reason
        assert "podberth store upgrade" in one.reason
        assert not Node(cluster, "node3").policies.pools()[0].grants[0].macs
    written(cluster, granting)
    assert cluster.demand(HERE, Minimum())
    node.proposer.take(Seen(minimum=cluster.minimum()))
    assert node.accept() == ("db",)
    assert Node(cluster, "node4").policies.pools()[0].grants[0].macs
