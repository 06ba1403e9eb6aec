"""PodNetworks that were written into etcd by other means than podberth's: the last good one holds, on new nodes too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podberth.cni.pod import PodRef
from podberth.stores.replica.shared import Approved, DocumentText, Seen
from podberth.stores.sqlite.policies import SqlitePolicies
from tests.contract.control.cluster import podnetwork, pool
from tests.contract.declarations import documents
from tests.contract.etcd_nodes import Node, etcd, written
from tests.contract.ledgers import OPERATOR, claim
from tests.contract.passing import passing
from tests.sizes import size

if TYPE_CHECKING:
    import random

    from podberth.stores.etcd.store import EtcdCluster

WEB = ("PodNetwork", "db", "web")


def mtus(node: Node) -> dict[str, int | None]:
    """Return the MTU that each PodNetwork in force declares."""
    return {one.name: one.attachments[0].settings.mtu for one in node.policies.pod_networks()}


def reasons(node: Node) -> dict[str, str]:
    return {one.document: one.reason for one in node.policies.waiting()}


def begun(*more: dict[str, Any]) -> tuple[EtcdCluster, Node]:
    """Return a cluster with the pool `db`, and these PodNetworks written by hand and accepted."""
    cluster = etcd()
    node = Node(cluster)
    node.policies.apply(documents(pool("db", "10.20.0.0/24")), OPERATOR, source="x")
    for one in more:
        written(cluster, one)
    assert len(node.accept_podnetworks()) == len(more)
    return cluster, node


BAD = {
    "an address outside the pool": podnetwork("web", "10.99.0.1", mtu=9000),
    "a pool that is not there": podnetwork("web", pool="nowhere", mtu=9000),
    "an address of another": podnetwork("web", "10.20.0.9", mtu=9000),
    "an address that another PodNetwork declares": podnetwork("web", "10.20.0.8", mtu=9000),
    "a MAC of another": podnetwork("web", mac="02:00:00:00:00:08", mtu=9000),
    "what is no PodNetwork": podnetwork("web", mtu="many"),
    "another pod's interface": podnetwork("web", pod="mysql-0", mtu=9000),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_text_that_the_check_refuses_leaves_the_last_good_one_in_force_everywhere(bad: str) -> None:
    other = podnetwork("other", "10.20.0.8", mac="02:00:00:00:00:08", pod="mysql-0")
    cluster, node = begun(podnetwork("web", "10.20.0.7", mtu=1400), other)
    node.ledger.bind(claim("x", "10.20.0.9"), OPERATOR)
    written(cluster, BAD[bad])
    assert node.accept_podnetworks() == ()
    new = Node(cluster, "node2")
    assert mtus(node) == mtus(new) == {"web": 1400, "other": None}
    assert reasons(node) == reasons(new)
    assert list(reasons(new)) == ["PodNetwork db/web"]


def test_a_refused_text_comes_into_force_once_nothing_is_in_its_way() -> None:
    cluster, node = begun(podnetwork("web", "10.20.0.7", mtu=1400))
    (lease,) = node.ledger.bind(claim("x", "10.20.0.9"), OPERATOR)
    written(cluster, podnetwork("web", "10.20.0.9", mtu=9000))
    assert node.accept_podnetworks() == ()
    assert "is leased by" in reasons(node)["PodNetwork db/web"]
    node.ledger.unbind(lease.attachment, OPERATOR)
    assert Node(cluster, "node2").accept_podnetworks() == ("db/web",)
    assert mtus(node) == mtus(Node(cluster, "node3")) == {"web": 9000}


def test_an_address_that_a_running_pod_has_stays_declared_until_it_is_gone() -> None:
    cluster, node = begun(podnetwork("web", "10.20.0.7", mtu=1400))
    (lease,) = node.ledger.bind(claim("web", "10.20.0.7"), OPERATOR)
    written(cluster, podnetwork("web", "10.20.0.8", mtu=9000))
    assert node.accept_podnetworks() == ()
    assert "delete that pod first" in reasons(node)["PodNetwork db/web"]
    node.ledger.unbind(lease.attachment, OPERATOR)
    assert node.accept_podnetworks() == ("db/web",)


def test_of_two_that_declare_one_address_the_first_has_it_and_the_other_is_refused() -> None:
    cluster, node = begun()
    for name in ("aa", "bb"):
        written(cluster, podnetwork(name, "10.20.0.7"))
    assert node.accept_podnetworks() == ("db/aa",)
    assert [str(kept.pod) for kept in node.ledger.reservations()] == ["db/aa"]
    assert "reserved for db/aa" in Node(cluster, "node2").policies.unproven()["db/bb"]
    (lease,) = node.ledger.bind(claim("other"), OPERATOR)
    assert str(lease.address) != "10.20.0.7"


def test_one_of_which_nothing_was_accepted_counts_as_it_stands() -> None:
    cluster, node = begun()
    written(cluster, podnetwork("web", pool="nowhere", mtu=1400))
    assert node.accept_podnetworks() == ()
    assert mtus(node) == mtus(Node(cluster, "node2")) == {"web": 1400}
    assert "there is no pool 'nowhere'" in node.policies.unproven()["db/web"]


def test_what_apply_puts_in_force_is_so_on_every_node_at_once() -> None:
    cluster, node = begun(podnetwork("web", mtu=1400))
    node.policies.apply(documents(podnetwork("web", mtu=1500)), OPERATOR, source="x")
    assert mtus(node) == mtus(Node(cluster, "node2")) == {"web": 1500}
    assert node.accept_podnetworks() == ()


def test_one_that_is_emptied_by_hand_is_gone_and_what_comes_after_it_is_judged_anew() -> None:
    cluster, node = begun(podnetwork("web", mtu=1400))
    cluster.client.put(cluster.keys.document(WEB), b"")
    assert mtus(node) == mtus(Node(cluster, "node2")) == {}
    assert node.accept_podnetworks() == ("db/web",)
    written(cluster, podnetwork("web", mtu=1500))
    assert node.accept_podnetworks() == ("db/web",)
    assert mtus(Node(cluster, "node3")) == {"web": 1500}
    assert node.policies.delete("PodNetwork", "db", "web", OPERATOR)
    assert node.accept_podnetworks() == Node(cluster, "node4").accept_podnetworks() == ()


def test_a_set_that_is_too_large_for_one_transaction_is_in_force_as_a_whole() -> None:
    cluster, node = begun()
    for mtu in (1400, 1500):
        many = documents(*(podnetwork(f"web-{number}", mtu=mtu) for number in range(100)))
        node.policies.apply(many, OPERATOR, source="x")
        while node.accept_podnetworks():
            pass
        assert set(mtus(Node(cluster, "node2")).values()) == {mtu}


def test_the_key_of_what_is_in_force_is_no_document_s_to_an_agent_of_0_1_0() -> None:
    """Such an agent takes what ends with KIND/NAMESPACE/NAME for a document of that name."""
    keys = etcd().keys
    assert keys.approved_of(WEB) == keys.approved + b"db%2Fweb"


def text(mtu: int) -> DocumentText:
    kind, namespace, name = WEB
    body = json.dumps({**podnetwork("web", mtu=mtu)}) if mtu else ""
    return DocumentText(kind=kind, namespace=namespace, name=name, body=body, source="s")


@st.composite
def news(draw: st.DrawFn) -> list[Seen]:
    """Draw what a store may tell of one PodNetwork, each piece with a revision of its own; the first text passed."""
    told = [Seen(documents=((text(1400), 1),), approved=((Approved(text=text(1400), firm=True), 1),))]
    for revision in range(2, draw(st.integers(3, 8))):
        mtu = draw(st.sampled_from((0, 1400, 1500, 1600)))
        if draw(st.booleans()):
            told.append(Seen(documents=((text(mtu), revision),)))
        else:
            told.append(Seen(approved=((Approved(text=text(mtu), firm=True), revision),)))
    return told


@settings(max_examples=size(12, 3000), deadline=None)
@given(news(), st.randoms(use_true_random=False))
def test_in_whatever_order_it_is_heard_the_same_podnetwork_is_in_force(told: list[Seen], chance: random.Random) -> None:
    mixed = list(told)
    chance.shuffle(mixed)
    found = []
    for order in (told, mixed):
        with passing() as replica:
            for each in order:
                replica.take(each)
            found.append(SqlitePolicies(replica.database).find(PodRef(namespace="db", name="web")))
    assert found[0] == found[1]
