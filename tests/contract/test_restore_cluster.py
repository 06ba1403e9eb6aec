"""A cluster's store that is put back to an earlier state: every node that knows better says so. No address twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.ipam.elsewhere import Fence
from podberth.ipam.epoch import HeldAddress
from podberth.ipam.lease import Actor, Unannounced, Unheard
from podberth.stores.etcd.client import Etcd
from podberth.stores.etcd.values import prefix_end
from podberth.stores.sqlite import epochs
from tests.contract.ledgers import Clock, addresses, claim, ip
from tests.contract.returning import EtcdSite, sites
from tests.servers.etcd import EtcdServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from podberth.ipam.epoch import Epoch
    from tests.contract.returning import Site


@pytest.fixture(params=["memory", "etcd"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    yield from sites(request.param, tmp_path)


@pytest.fixture(params=["memory", "etcd", "etcdctl", "kubernetes"])
def any_site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """The same, with an API server too, which takes its time to come back."""
    yield from sites(request.param, tmp_path)


def test_a_node_whose_last_event_is_missing_begins_an_epoch(site: Site) -> None:
    first = site.node("n1")
    first.start("a")
    site.save()
    first.start("b")
    site.put_back()
    again = site.node("n1")  # a process that has just begun, with the replica of before
    epoch = again.epoch()
    assert (epoch.number, epoch.awaited, epoch.node) == (1, ("n1",), "n1")
    assert "is not in it" in epoch.why


def test_a_process_that_goes_on_begins_an_epoch_too(site: Site) -> None:
    first, second = site.node("n1"), site.node("n2")
    first.start("a")
    second.start("x")
    site.save()
    first.start("b")
    site.put_back()
    with pytest.raises(Unannounced):
        first.start("c")
    assert first.epoch().awaited == ("n1", "n2")


def test_a_store_that_was_not_put_back_has_no_epoch(site: Site) -> None:
    first, second = site.node("n1"), site.node("n2")
    for number in range(3):
        first.start(f"a{number}")
        second.start(f"b{number}")
    assert site.node("n1").ledger.epoch() is None
    assert second.ledger.epoch() is None


def test_what_is_a_nodes_own_it_has_again_before_the_others_have_spoken(site: Site) -> None:
    first, second = site.node("n1"), site.node("n2")
    address = first.start("a")
    first.ledger.reserve("db", ip(address), first.pods["a"][0].pod, "eth0", first.actor)  # type: ignore[arg-type]
    second.start("x")
    site.save()
    first.stop("a")
    site.put_back()
    with pytest.raises(Unannounced):
        first.start("a2")
    first.announce()
    first.ledger.unbind(claim(None, container="a").attachment, first.actor)
    again = first.ledger.bind(claim("a", container="a2"), first.actor)
    assert addresses(again) == [address]
    with pytest.raises(Unheard):
        first.start("b")


def test_a_fenced_node_is_waited_for_no_more(tmp_path: Path) -> None:
    with EtcdServer() as server:
        site = EtcdSite(tmp_path, server)
        first, second = site.node("n1"), site.node("n2")
        first.start("a")
        lost = second.start("x")
        site.save()
        first.start("b")
        site.put_back()
        first.epoch()
        first.announce()
        with pytest.raises(Unheard):
            first.start("c")
        actor = Actor(who="uid 0 (root)", why="burnt", node="n1")
        assert site.cluster().elsewhere("n1").fence(Fence(node="n2", actor=actor, time=1))
        assert first.start("c") not in {lost, *addresses(first.pods["a"]), *addresses(first.pods["b"])}
        assert first.epoch().awaited == ()


def test_a_node_that_only_others_know_of_is_awaited(site: Site) -> None:
    """It joined after the backup: the restored store has never heard of it, a replica has."""
    first = site.node("n1")
    first.start("a")
    site.save()
    third = site.node("n3")
    address = third.start("z")
    first.start("b")
    site.put_back()
    assert first.epoch().awaited == ("n1", "n3")
    first.announce()
    with pytest.raises(Unheard, match="node n3"):
        first.start("c")
    third.epoch()
    third.announce()
    assert first.start("c") != address


def test_a_node_that_notices_later_adds_whom_the_first_did_not_know(site: Site) -> None:
    first = site.node("n1")
    first.start("a")
    site.save()
    second, third = site.node("n2"), site.node("n3")
    first.start("b")
    third.start("z")
    second.start("y")  # n2 knows of n3, and n1 of neither
    site.put_back()
    assert first.epoch().awaited == ("n1",)
    assert second.epoch().awaited == ("n1", "n2", "n3")
    assert second.epoch().number == 1


def test_an_announcement_beats_the_restored_record_of_another_node(any_site: Site) -> None:
    first, second = any_site.node("n1"), any_site.node("n2")
    address = first.start("a")
    second.start("x")
    any_site.save()
    first.stop("a")
    second.start("y", address)
    any_site.put_back()
    second.epoch()
    second.announce()
    held = {str(lease.address): (lease.node, lease.attachment.container_id) for lease in second.ledger.leases()}
    assert held[address] == ("n2", "y")
    kinds = [(e.kind, e.actor.node) for e in second.ledger.history(address=ip(address))]
    assert kinds == [("Bound", "n1"), ("Unbound", "n2"), ("Bound", "n2")]


def test_an_announcement_that_was_interrupted_is_done_again(site: Site) -> None:
    first = site.node("n1")
    first.start("a")
    site.save()
    for number in range(5):
        first.start(f"b{number}")
    site.put_back()
    first.epoch()
    whole = dict(first.pods)
    first.pods = {"b0": whole["b0"], "b3": whole["b3"]}
    held = [
        HeldAddress(address=x.address, attachment=x.attachment, pod=x.pod, netns=x.netns)
        for leases in first.pods.values()
        for x in leases
    ]
    first.proposer.settle(lambda connection, _: epochs.announce(connection, held, (), first.actor, Clock()(), 1))
    assert first.epoch().awaited == ("n1",)
    first.pods = whole
    first.announce()
    assert len(first.ledger.leases()) == 6
    bound = [e for e in first.ledger.history(address=whole["b0"][0].address) if e.kind == "Bound"]
    assert len(bound) == 1


def test_a_second_return_is_a_later_epoch(site: Site) -> None:
    first = site.node("n1")
    first.start("a")
    site.save()
    for number in (1, 2):
        first.start(f"b{number}")
        site.put_back()
        assert first.epoch().number == number  # the store has forgotten the epoch of before, a replica has not
        first.announce()
    assert len(first.ledger.leases()) == 3


def test_an_etcd_of_another_identity_with_the_same_ledger_is_one_that_was_put_back(tmp_path: Path) -> None:
    """`etcdctl snapshot restore` makes a cluster with an ID of its own."""
    with EtcdServer() as old, EtcdServer() as new:
        site = EtcdSite(tmp_path, old)
        first = site.node("n1")
        first.start("a")
        source, target = Etcd([old.url]), Etcd([new.url])
        for kv in source.range(b"/", prefix_end(b"/")).kvs:
            target.put(kv.key, kv.value)
        first.start("b")
        site.server = new
        again = site.node("n1")
        again.pods = first.pods
        epoch = again.epoch()
        assert epoch.awaited == ("n1",)
        assert source.status().cluster != target.status().cluster or "event" in epoch.why
        again.announce()
        assert len(again.ledger.leases()) == 2


def test_an_unrelated_etcd_has_no_epoch(tmp_path: Path) -> None:
    with EtcdServer() as old, EtcdServer() as new:
        site = EtcdSite(tmp_path, old)
        site.node("n1").start("a")
        site.server = new
        EtcdSite(tmp_path / "other", new)
        again = site.node("n1")
        again.proposer.catch_up()
        assert again.ledger.epoch() is None
        assert again.ledger.leases() == ()


def test_the_word_of_one_that_announced_before_is_kept(site: Site) -> None:
    first, second = site.node("n1"), site.node("n2")
    first.start("a")
    second.start("x")
    site.save()
    first.start("b")
    second.start("y")
    site.put_back()
    first.epoch()
    first.announce()
    second.epoch()
    assert said(site).heard == ("n1",)
    second.announce()
    assert said(site).heard == ("n1", "n2")
    assert first.epoch().awaited == ()


def said(site: Site) -> Epoch:
    """Return the epoch as the store has it."""
    found = site.cluster().epoch(lambda _: None)
    assert found is not None
    return found[0]
