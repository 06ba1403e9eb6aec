"""The controller on a real API server: declarations come into force, leases of pods that are gone end, no others."""

from __future__ import annotations

import time
import urllib.request
from typing import TYPE_CHECKING

from podberth.kube.resources import ADDRESS_HISTORIES, ADDRESS_LEASES, EVENTS, LEASES
from tests.contract.control.cluster import HOME, PLUGIN, podnetwork, pool, reservation
from tests.contract.declarations import OPERATOR
from tests.contract.ledgers import pod as pod_of
from tests.waiting import until

if TYPE_CHECKING:
    from tests.contract.control.cluster import Cluster

GONE = "node.kubernetes.io/out-of-service"
REFUSED = ("False", "NotInForce")  # status and reason


def events(cluster: Cluster) -> set[str]:
    return {event["reason"] for event in cluster.client.list(EVENTS).items}


def holder(cluster: Cluster) -> str:
    return str(cluster.client.get(LEASES, "podberth-controller", HOME)["spec"]["holderIdentity"])


def test_what_kubectl_declares_is_reserved_and_its_status_says_so(cluster: Cluster) -> None:
    cluster.controller()
    cluster.apply(pool(), podnetwork("a", "10.20.0.11"), reservation("web-0", "10.20.0.30", "bank/web-0"))
    until(lambda: cluster.reserved() == ["10.20.0.11 db/a declared", "10.20.0.30 bank/web-0 manual"])
    until(lambda: cluster.condition("podnetwork", "a", "db")[0] == "True")
    until(lambda: cluster.status("podnetwork", "a", "db")["addresses"] == ["10.20.0.11"])
    until(lambda: cluster.condition("addressreservation", "web-0")[0] == "True")
    until(lambda: cluster.condition("pool", "db")[0] == "True")
    until(lambda: cluster.status("pool", "db")["usage"][0]["reserved"] == 2)


def test_what_a_pool_s_rules_refuse_is_no_conflict(cluster: Cluster) -> None:
    closed = pool()
    closed["spec"]["allow"] = [{"namespaces": ["bank"]}]
    cluster.apply(closed, podnetwork("a", "10.20.0.11"), reservation("web-0", "10.20.0.30", "web/web-0"))
    cluster.controller()
    objects = ((("podnetwork", "a", "db"), {"InForce", "Ready"}), (("addressreservation", "web-0", ""), {"InForce"}))
    for of, types in objects:
        until(lambda of=of: "does not let namespace" in cluster.condition(*of)[1], "nobody is told")  # type: ignore[misc]
        conditions = cluster.status(*of)["conditions"]
        assert {one["type"]: (one["status"], one["reason"]) for one in conditions} == dict.fromkeys(types, REFUSED)
    until(lambda: "NotInForce" in events(cluster))
    assert "ReservationConflict" not in events(cluster)
    assert cluster.reserved() == []


def test_what_nobody_declares_any_more_is_free_again(cluster: Cluster) -> None:
    cluster.controller()
    cluster.apply(pool(), podnetwork("a", "10.20.0.11"), reservation("web-0", "10.20.0.30", "bank/web-0"))
    until(lambda: len(cluster.reserved()) == 2)
    cluster.ledger.reserve("db", cluster.ledger.reservations()[0].address + 9, pod_of("db/x"), "eth0", OPERATOR)
    cluster.kubectl("delete", "podnetwork", "-n", "db", "a")
    cluster.kubectl("delete", "addressreservation", "web-0")
    until(lambda: cluster.reserved() == ["10.20.0.20 db/x manual"])  # what `podberth reserve` made stays


def test_a_conflict_is_told_in_the_status_with_both_parties_and_as_an_event(cluster: Cluster) -> None:
    cluster.controller()
    cluster.apply(pool(), podnetwork("a", "10.20.0.11"))
    until(lambda: cluster.reserved() == ["10.20.0.11 db/a declared"])
    cluster.apply(podnetwork("b", "10.20.0.11"))
    until(lambda: "reserved for db/a (eth0, declared)" in cluster.condition("podnetwork", "b", "db")[1])
    assert cluster.condition("podnetwork", "b", "db")[0] == "False"
    until(lambda: "ReservationConflict" in events(cluster))
    until(lambda: cluster.condition("podnetwork", "a", "db")[0] == "True")


def test_an_address_reservation_that_can_t_be_read_any_more_keeps_what_it_reserved(cluster: Cluster) -> None:
    """Without the webhook kubectl can misspell a key of it: unknown is not gone."""
    cluster.apply(pool(), reservation("web-0", "10.20.0.30", "bank/web-0"))
    cluster.controller()
    until(lambda: cluster.condition("addressreservation", "web-0")[0] == "True")
    cluster.apply(reservation("web-0", "10.20.0.30", "bank/web-0", ifnam="e"), reservation("b", "10.20.0.31", "bank/b"))
    until(lambda: cluster.condition("addressreservation", "web-0")[0] == "False")
    until(lambda: cluster.condition("addressreservation", "b")[0] == "True")
    assert cluster.reserved() == ["10.20.0.30 bank/web-0 manual", "10.20.0.31 bank/b manual"]
    cluster.kubectl("delete", "addressreservation", "web-0")
    until(lambda: cluster.reserved() == ["10.20.0.31 bank/b manual"])


def test_the_lease_of_a_pod_that_is_gone_ends_and_its_reservation_stays(cluster: Cluster) -> None:
    cluster.node("node1")
    cluster.apply(pool(), podnetwork("a", "10.20.0.11"))
    uid = cluster.pod("db/a", "node1")
    controller = cluster.controller()
    until(lambda: len(cluster.reserved()) == 1)
    cluster.bind("db/a", uid=uid, address="10.20.0.11")
    cluster.no_pod("db/a")
    until(lambda: cluster.leased() == [])
    assert cluster.reserved() == ["10.20.0.11 db/a declared"]
    until(lambda: "AddressReleased" in events(cluster))
    *_, last = cluster.ledger.history(address=cluster.ledger.reservations()[0].address)
    assert (last.kind, last.actor.who) == ("Unbound", "controller")
    assert f"pod db/a ({uid}) is gone, node node1 is ready" in last.actor.why
    assert controller.leading


def test_live_and_pending_pods_keep_their_leases(cluster: Cluster) -> None:
    cluster.node("node1")
    cluster.apply(pool())
    uids = {name: cluster.pod(f"db/{name}", "node1", phase) for name, phase in (("a", "Running"), ("b", "Pending"))}
    done = cluster.pod("db/c", "node1", "Succeeded")
    for name, uid in {**uids, "c": done}.items():
        cluster.bind(f"db/{name}", uid=uid)
    cluster.bind("db/by-hand", uid="")  # whoever is no Kubernetes pod
    controller = cluster.controller()
    time.sleep(2)
    cluster.sweeps(controller)
    assert len(cluster.leased()) == 4


def test_a_node_that_does_not_answer_keeps_its_leases_until_it_is_fenced(cluster: Cluster) -> None:
    cluster.node("node1", ready=False)
    cluster.apply(pool())
    cluster.bind("db/a", uid="u1", node="node1")
    cluster.bind("db/b", uid="u2", node="node2")  # a node that is gone
    controller = cluster.controller()
    until(lambda: cluster.leased() == ["10.20.0.1 db/a"])
    time.sleep(1.5)
    cluster.sweeps(controller)
    assert cluster.leased() == ["10.20.0.1 db/a"]
    cluster.node("node1", ready=False, taints=(GONE,))
    until(lambda: cluster.leased() == [])


def test_of_two_controllers_one_acts_and_the_other_takes_over(cluster: Cluster) -> None:
    one, other = cluster.controller(), cluster.controller()
    until(lambda: one.leading != other.leading)
    leader, waiting = (one, other) if one.leading else (other, one)
    cluster.apply(pool(), podnetwork("a", "10.20.0.11"))
    until(lambda: len(cluster.reserved()) == 1)
    led = holder(cluster)
    cluster.stop(leader)
    assert holder(cluster) != led  # it was given back; the other may have it already
    until(lambda: waiting.leading)
    cluster.apply(podnetwork("b", "10.20.0.12"))
    until(lambda: len(cluster.reserved()) == 2)


def test_older_events_move_into_archives_and_the_ledger_still_answers(cluster: Cluster) -> None:
    cluster.apply(pool())
    for turn in range(6):
        lease = cluster.bind("db/a", uid=f"u{turn}")
        cluster.ledger.unbind(lease.attachment, PLUGIN)
    told = [(e.kind, e.time) for e in cluster.ledger.history(address=lease.address)]
    assert not cluster.client.list(ADDRESS_HISTORIES).items
    cluster.controller(archiving=1.0)
    until(lambda: bool(cluster.client.list(ADDRESS_HISTORIES).items))
    until(lambda: len(cluster.client.list(ADDRESS_LEASES).items[0]["spec"]["history"]) <= 4)
    assert [(e.kind, e.time) for e in cluster.ledger.history(address=lease.address)] == told
    first = cluster.ledger.who(lease.address, at=told[0][1])
    assert str(first.pod) == "db/a"


def test_a_pool_that_is_nearly_full_is_warned_of(cluster: Cluster) -> None:
    controller = cluster.controller()
    cluster.apply(pool(subnet="10.20.0.0/30"))
    cluster.node("node1")
    cluster.bind("db/a", uid=cluster.pod("db/a", "node1"))
    until(lambda: "PoolNearlyFull" in events(cluster))
    assert controller.pages is not None
    with urllib.request.urlopen(f"http://127.0.0.1:{controller.pages.port}/metrics") as answer:
        text = answer.read().decode()
    assert "podberth_controller_leading 1.0" in text
    assert 'podberth_pool_addresses{family="4",pool="db",state="free"}' in text
    for page in ("healthz", "readyz"):
        with urllib.request.urlopen(f"http://127.0.0.1:{controller.pages.port}/{page}") as answer:
            assert answer.status == 200


def test_a_sticky_reservation_ends_when_its_time_is_over_and_its_pod_is_gone(cluster: Cluster) -> None:
    kept = pool()
    kept["spec"]["stickyRetention"] = "1s"
    cluster.apply(kept)
    away = cluster.bind("db/away", uid="u1", sticky=True)
    cluster.pod("db/here")
    here = cluster.bind("db/here", uid="u2", sticky=True)
    for lease in (away, here):
        cluster.ledger.unbind(lease.attachment, PLUGIN)
    cluster.controller()
    until(lambda: cluster.reserved() == [f"{here.address} db/here sticky"])


def test_what_is_declared_for_a_time_lapses_and_comes_back_with_its_pod(cluster: Cluster) -> None:
    declared = podnetwork("a", "10.20.0.11")
    declared["spec"]["retention"] = "1s"
    cluster.apply(pool(), declared)
    controller = cluster.controller()
    until(lambda: len(cluster.reserved()) == 1)
    cluster.sweeps(controller)
    assert len(cluster.reserved()) == 1  # nobody had it yet: it waits
    lease = cluster.bind("db/a", uid="u1", address="10.20.0.11")
    cluster.ledger.unbind(lease.attachment, PLUGIN)
    until(lambda: cluster.reserved() == [])
    cluster.sweeps(controller)
    assert cluster.reserved() == []
    cluster.pod("db/a")
    until(lambda: cluster.reserved() == ["10.20.0.11 db/a declared"])
