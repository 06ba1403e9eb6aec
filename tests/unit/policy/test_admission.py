"""The check of a whole set: every conflict is found before anything changes, and names both parties."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.cni.value import replace
from podberth.ipam.pool import Grant
from podberth.net.settings import Settings, Vlan
from podberth.policy.admission import Conflicts
from tests.unit.policy.declared import attachment, for_deployment, for_pod, for_set, ip, ordinals, pool, subnet
from tests.unit.policy.in_force import DB, Memory, changes, conflicts, lease, released, reservation, reserved

if TYPE_CHECKING:
    from podberth.policy.podnetwork import PodNetwork


MYSQL_0 = for_pod("mysql-0", attachment("10.20.0.11", pool="db"))
MYSQL = for_set("mysql", attachment(pool="db", ordinals=(ordinals("10.20.0.11", "10.20.0.12", start=1),)))


def test_a_first_set_creates_its_documents_and_reserves_their_addresses() -> None:
    found = changes(Memory(), DB, MYSQL)
    assert [str(d) for d in found.created] == ["Pool db", "PodNetwork db/mysql"]
    assert reserved(found) == ["10.20.0.11 db db/mysql-1 eth0", "10.20.0.12 db db/mysql-2 eth0"]
    assert found.applied().reserved == (ip("10.20.0.11"), ip("10.20.0.12"))


def test_the_same_set_again_changes_nothing() -> None:
    found = changes(Memory(DB, MYSQL), DB, MYSQL)
    assert (found.created, found.changed, found.deleted, found.reserve, found.release) == ((), (), (), (), ())
    assert [str(d) for d in found.unchanged] == ["Pool db", "PodNetwork db/mysql"]


def test_a_changed_document_moves_its_reservations() -> None:
    found = changes(Memory(DB, MYSQL_0), for_pod("mysql-0", attachment("10.20.0.12", pool="db")))
    assert [str(d) for d in found.changed] == ["PodNetwork db/mysql-0"]
    assert (released(found), reserved(found)) == (["10.20.0.11 db/mysql-0 eth0"], ["10.20.0.12 db db/mysql-0 eth0"])


def test_a_deleted_document_releases_its_reservations() -> None:
    assert released(changes(Memory(DB, MYSQL_0), deleted=(MYSQL_0,))) == ["10.20.0.11 db/mysql-0 eth0"]


def test_an_address_that_another_document_declares_for_the_pod_stays_reserved() -> None:
    of_set = for_set("mysql", attachment(pool="db", ordinals=(ordinals("10.20.0.11"),)))
    assert released(changes(Memory(DB, MYSQL_0, of_set), deleted=(MYSQL_0,))) == []
    assert released(changes(Memory(DB, MYSQL_0, of_set), deleted=(MYSQL_0, of_set))) == ["10.20.0.11 db/mysql-0 eth0"]


def test_two_pods_can_swap_their_addresses_in_one_set() -> None:
    web = for_pod("web-0", attachment("10.20.0.12", pool="db"))
    found = changes(
        Memory(DB, MYSQL_0, web),
        replace(MYSQL_0, attachments=web.attachments),
        replace(web, attachments=MYSQL_0.attachments),
    )
    assert sorted(reserved(found)) == ["10.20.0.11 db db/web-0 eth0", "10.20.0.12 db db/mysql-0 eth0"]
    assert len(found.release) == 2


def test_a_reservation_by_hand_for_the_same_interface_becomes_declared() -> None:
    found = changes(Memory(DB, manual=(reservation("10.20.0.11", "db/mysql-0"),)), MYSQL_0)
    assert reserved(found) == ["10.20.0.11 db db/mysql-0 eth0"]


def test_a_lease_of_the_same_interface_is_no_conflict() -> None:
    assert changes(Memory(DB, leases=(lease("10.20.0.11", "db/mysql-0"),)), MYSQL_0).reserve


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("10.20.0.0", "is the network address of 10.20.0.0/24 in pool db"),
        ("10.20.0.255", "is the broadcast address of 10.20.0.0/24 in pool db"),
        ("10.20.0.1", "is the gateway of 10.20.0.0/24 in pool db"),
        ("10.20.0.50", "is excluded in pool db"),
        ("10.20.0.201", "is outside the ranges of pool db"),
        ("10.21.0.1", "is outside the subnets of pool db"),
        ("fd00:20::", "is the network address of fd00:20::/64 in pool db"),
    ],
)
def test_an_address_the_pool_cannot_give_is_a_conflict(address: str, complaint: str) -> None:
    body = for_pod("mysql-0", attachment(address, pool="db"))
    assert conflicts(Memory(DB), body) == (f"PodNetwork db/mysql-0: attachments[0]: {address} {complaint}",)


def test_the_last_address_of_an_ipv6_subnet_is_a_host() -> None:
    assert changes(Memory(DB), for_pod("x", attachment("fd00:20::ffff:ffff:ffff:ffff", pool="db"))).reserve


@pytest.mark.parametrize(
    ("view", "party"),
    [
        (Memory(DB, manual=(reservation("10.20.0.11", "web/nginx"),)), "is reserved for web/nginx eth0 (manual)"),
        (
            Memory(DB, manual=(reservation("10.20.0.11", "web/x", origin="sticky"),)),
            "is reserved for web/x eth0 (sticky)",
        ),
        (
            Memory(DB, manual=(reservation("10.20.0.11", "db/mysql-0", "eth1"),)),
            "is reserved for db/mysql-0 eth1 (manual)",
        ),
        (
            Memory(DB, for_pod("other", attachment("10.20.0.11"), name="doc")),
            "is reserved for db/other eth0 (declared by PodNetwork db/doc)",
        ),
        (
            Memory(DB, leases=(lease("10.20.0.11", "web/nginx"),)),
            "is leased by web/nginx eth0 (container c1 on node node1)",
        ),
    ],
)
def test_an_address_of_somebody_else_is_a_conflict_that_names_both(view: Memory, party: str) -> None:
    assert conflicts(view, MYSQL_0) == (f"PodNetwork db/mysql-0: 10.20.0.11, declared for db/mysql-0 eth0, {party}",)


def test_an_address_declared_twice_in_a_set_names_both_documents() -> None:
    assert conflicts(Memory(DB), MYSQL_0, MYSQL) == (
        (
            "10.20.0.11 is declared twice: by PodNetwork db/mysql-0 for db/mysql-0 eth0, "
            "and by PodNetwork db/mysql for db/mysql-1 eth0"
        ),
    )


def test_a_live_lease_keeps_its_declaration() -> None:
    view = Memory(DB, MYSQL_0, leases=(lease("10.20.0.11", "db/mysql-0"),))
    expected = (
        (
            "10.20.0.11 would no longer be declared for db/mysql-0 eth0, but db/mysql-0 has it now "
            "(container c1 on node node1): delete that pod first; a StatefulSet's is scaled down until then"
        ),
    )
    assert conflicts(view, for_pod("mysql-0", attachment("10.20.0.12", pool="db"))) == expected
    assert conflicts(view, deleted=(MYSQL_0,)) == expected
    kept = for_pod("mysql-0", attachment("10.20.0.11", pool="db", settings=Settings(mtu=9000)))
    assert [str(d) for d in changes(view, kept).changed] == ["PodNetwork db/mysql-0"]


def test_a_document_given_twice_is_a_conflict() -> None:
    assert "PodNetwork db/mysql-0 is there twice" in conflicts(Memory(DB), MYSQL_0, MYSQL_0)[0]


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (for_pod("x", attachment(pool="nope")), "there is no pool 'nope'"),
        (for_pod("x", attachment("10.99.0.1")), "no pool contains 10.99.0.1"),
        (for_pod("x", attachment("10.20.0.201")), "no pool contains 10.20.0.201"),
    ],
)
def test_an_unknown_pool_is_a_conflict(body: PodNetwork, complaint: str) -> None:
    assert complaint in conflicts(Memory(DB), body)[0]


def test_a_pool_of_the_same_set_can_be_used() -> None:
    assert changes(Memory(), MYSQL_0, DB).reserve


MAC = Settings(mac="02:00:00:00:00:11")


@pytest.mark.parametrize(
    ("one", "other", "complaint"),
    [
        (
            for_pod("x", attachment(), name="one"),
            for_pod("x", attachment(), name="two"),
            "PodNetwork db/{} and PodNetwork db/{} both declare eth0 of pod x in namespace db",
        ),
        (
            for_pod("x", attachment(network="a"), name="one"),
            for_pod("x", attachment(), name="two"),
            "PodNetwork db/{} and PodNetwork db/{} both declare eth0 of pod x in namespace db",
        ),
        (
            for_set("x", attachment(), document="one"),
            for_set("x", attachment(), document="two"),
            "PodNetwork db/{} and PodNetwork db/{} both declare eth0 of StatefulSet x in namespace db",
        ),
        (
            for_deployment("x", attachment(), document="one"),
            for_deployment("x", attachment(), document="two"),
            "PodNetwork db/{} and PodNetwork db/{} both declare eth0 of Deployment x in namespace db",
        ),
        (
            for_pod("x", attachment(settings=MAC), name="one"),
            for_pod("y", attachment(settings=MAC), name="two"),
            "the MAC 02:00:00:00:00:11 is declared by both PodNetwork db/{} and PodNetwork db/{}",
        ),
    ],
)
def test_documents_that_contradict_each_other_are_a_conflict(
    one: PodNetwork, other: PodNetwork, complaint: str
) -> None:
    assert conflicts(Memory(), one, other) == (complaint.format("one", "two"),)
    assert conflicts(Memory(other), one) == (complaint.format("one", "two"),)
    assert conflicts(Memory(one), other) == (complaint.format("two", "one"),)
    assert changes(Memory(other), one, deleted=(other,)).created


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (for_pod("x", attachment(), name="one"), for_pod("x", attachment(ifname="eth1"), name="two")),
        (for_pod("x", attachment(network="a"), name="one"), for_pod("x", attachment(network="b"), name="two")),
        (for_pod("x", attachment(), name="one"), for_pod("x", attachment(), name="two", namespace="web")),
        (for_pod("mysql-0", attachment(settings=MAC)), for_set("mysql", attachment(settings=MAC))),
        (for_set("x", attachment(), document="one"), for_deployment("x", attachment(), document="two")),
        (for_pod("web-7d4b9-x2x9k", attachment()), for_deployment("web", attachment())),
        (
            for_pod("x", attachment(settings=Settings(mac="fromAddress")), name="one"),
            for_pod("y", attachment(settings=Settings(mac="fromAddress")), name="two"),
        ),
    ],
)
def test_documents_that_speak_of_different_things_are_none(one: PodNetwork, other: PodNetwork) -> None:
    assert len(changes(Memory(), one, other).created) == 2
    assert len(changes(Memory(one), other).created) == 1


def test_one_mac_for_two_interfaces_of_a_document_is_a_conflict() -> None:
    body = for_pod("x", attachment(settings=MAC), attachment(ifname="eth1", settings=MAC))
    assert conflicts(Memory(), body) == (
        "the MAC 02:00:00:00:00:11 is declared by PodNetwork db/x twice, for eth0 and eth1",
    )


def test_a_namespace_without_a_rule_is_a_conflict() -> None:
    strict = replace(DB, grants=(Grant(namespaces=("web",)),))
    assert "does not let namespace db use it" in conflicts(Memory(strict), MYSQL_0)[0]
    vlan = for_pod("x", attachment(pool="db", settings=Settings(vlan=Vlan(id=9))))
    assert "none but the pool's own" in conflicts(Memory(replace(DB, grants=(Grant(namespaces=("db",)),))), vlan)[0]


def test_overlapping_pools_are_a_conflict_named_once() -> None:
    other = pool("web", subnet("10.20.0.0/16", ranges=("10.20.0.200-10.20.1.10",)))
    once = "pools {} and {} overlap: both have 10.20.0.200-10.20.0.200"
    assert conflicts(Memory(), DB, other) == (once.format("db", "web"),)
    assert conflicts(Memory(DB), other) == (once.format("web", "db"),)
    beside = pool("web", subnet("10.20.0.0/24", ranges=("10.20.0.201-10.20.0.254",)))
    assert changes(Memory(DB), beside).created


def test_a_pool_cannot_be_changed_away_from_those_it_serves() -> None:
    view = Memory(DB, MYSQL_0, leases=(lease("10.20.0.60", "web/nginx"),))
    smaller = replace(DB, subnets=(subnet("10.20.0.0/24", exclude=("10.20.0.11",), ranges=("10.20.0.2-10.20.0.59",)),))
    assert conflicts(view, smaller) == (
        "Pool db as changed: 10.20.0.11 of db/mysql-0 eth0 (reserved, declared) is excluded in pool db",
        "Pool db as changed: 10.20.0.60 of web/nginx (leased, node node1) is outside the ranges of pool db",
    )
    assert changes(Memory(DB, MYSQL_0), replace(smaller, subnets=(DB.subnets[0],))).changed


def test_a_pool_changes_together_with_the_documents_it_would_orphan() -> None:
    smaller = replace(DB, subnets=(subnet("10.20.0.0/24", exclude=("10.20.0.11",)),))
    assert changes(Memory(DB, MYSQL_0), smaller, deleted=(MYSQL_0,)).changed


def test_a_pool_in_use_cannot_be_deleted() -> None:
    view = Memory(DB, for_pod("x", attachment(pool="db")), leases=(lease("10.20.0.60", "web/nginx"),))
    assert conflicts(view, deleted=(DB,)) == (
        "Pool db can't be deleted: web/nginx (leased, node node1) has 10.20.0.60",
        "Pool db can't be deleted: PodNetwork db/x names it",
    )
    assert changes(Memory(DB, MYSQL_0), deleted=(DB, MYSQL_0)).release


def test_all_conflicts_are_reported_at_once() -> None:
    view = Memory(DB, manual=(reservation("10.20.0.11", "web/nginx"),))
    found = conflicts(
        view, MYSQL_0, for_pod("x", attachment("10.20.0.1", pool="db")), for_pod("y", attachment(pool="no"))
    )
    assert len(found) == 3


def test_the_message_of_many_conflicts_stays_readable() -> None:
    error = Conflicts([f"conflict {i}" for i in range(100)])
    assert len(error.conflicts) == 100
    assert error.message.endswith("conflict 19; and 80 more")
