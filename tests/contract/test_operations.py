"""An operation on many addresses: all of it, or nothing, on every store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import AddressTaken
from podberth.cni.pod import Attachment
from podberth.ipam.lease import Keeping
from podberth.ipam.owner import of_deployment
from podberth.policy.documents import document_of
from podberth.policy.operation import Operation
from podberth.stores.transfer.found import Found, claims, keepings, placed
from podberth.stores.transfer.sheet import fitting, keeping, read, sheet
from tests.contract.ledgers import OPERATOR, PLUGIN, claim, ip, pod, pool, subnet
from tests.contract.transfers import KINDS, InCluster, Node, answers, filled

if TYPE_CHECKING:
    from pathlib import Path

every_store = pytest.mark.parametrize("store", KINDS, indirect=True)
BANK = pool("bank", subnet("10.60.0.0/24", gateway="10.60.0.1"), "fd00:60::/64")


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Node | InCluster:
    made = KINDS[request.param](tmp_path / "store")
    made.parts()[1].apply([document_of(BANK, "test")], OPERATOR, source="test")
    return made


def kept(address: str, name: str, *, only: bool = False) -> Keeping:
    return Keeping(address=ip(address), pool="bank", pod=pod(name), ifname="eth0", only=only)


@every_store
def test_what_is_refused_in_the_middle_has_done_nothing(store: Node | InCluster) -> None:
    ledger, policies = store.parts()
    ledger.bind(claim("other", "10.60.0.5", pool="bank"), PLUGIN)
    ledger.reserve("bank", ip("10.60.0.9"), pod("goes"), "eth0", OPERATOR)
    before = answers(store)
    more = pool("more", "10.61.0.0/24")
    whole = Operation(
        release=(ip("10.60.0.9"),),
        documents=(document_of(more, "test"),),
        keep=(kept("10.60.0.3", "a"), kept("10.60.0.5", "b")),
    )
    with pytest.raises(AddressTaken, match=r"10\.60\.0\.5"):
        policies.operate(whole, OPERATOR, source="test")
    assert answers(store) == before


@every_store
def test_all_of_it_is_done_in_one_and_again_it_changes_nothing(store: Node | InCluster) -> None:
    ledger, policies = store.parts()
    ledger.reserve("bank", ip("10.60.0.9"), pod("goes"), "eth0", OPERATOR)
    whole = Operation(
        release=(ip("10.60.0.9"),),
        keep=(kept("10.60.0.3", "a"), kept("fd00:60::3", "a")),
        bind=(claim("b", "10.60.0.4", pool="bank"), claim("c", "10.60.0.9", pool="bank")),
    )
    done = policies.operate(whole, OPERATOR, source="test")
    assert [str(one.address) for one in (*done.released, *done.kept)] == ["10.60.0.9", "10.60.0.3", "fd00:60::3"]
    assert [str(one.address) for one in ledger.leases(pool="bank")] == ["10.60.0.4", "10.60.0.9"]
    events = len(tuple(ledger.history()))
    policies.operate(Operation(keep=whole.keep, bind=whole.bind), OPERATOR, source="test")
    assert len(tuple(ledger.history())) == events


@every_store
def test_a_pod_s_interface_has_one_address_of_a_family_reserved_by_hand(store: Node | InCluster) -> None:
    _, policies = store.parts()
    policies.operate(Operation(keep=(kept("10.60.0.3", "a", only=True),)), OPERATOR, source="test")
    with pytest.raises(AddressTaken, match=r"has 10\.60\.0\.3 of pool bank reserved for eth0 already"):
        policies.operate(Operation(keep=(kept("10.60.0.4", "a", only=True),)), OPERATOR, source="test")
    shared = Keeping(address=ip("10.60.0.6"), pool="bank", pod=of_deployment("db", "web"), ifname="eth0", only=True)
    twice = (shared, Keeping(address=ip("10.60.0.7"), pool="bank", pod=shared.pod, ifname="eth0", only=True))
    again = (kept("10.60.0.3", "a", only=True), kept("fd00:60::4", "a", only=True))
    assert len(policies.operate(Operation(keep=(*again, *twice)), OPERATOR, source="test").kept) == 4


@every_store
def test_an_imported_lease_has_no_namespace_and_says_so_in_every_store(store: Node | InCluster) -> None:
    ledger, policies = store.parts()
    found = [
        Found(
            address=ip(f"10.60.0.{n}"),
            attachment=Attachment(network="macnet", container_id=f"c{n}", ifname="net1"),
            pod=pod(f"web-{n}") if n % 2 else None,
            where="host-local",
        )
        for n in range(20, 32)
    ]
    places = placed(found, (BANK,), "", ledger, ())
    policies.operate(Operation(keep=tuple(keepings(places)), bind=tuple(claims(places))), OPERATOR, source="import")
    again, _ = store.parts()
    assert {(lease.address, lease.netns) for lease in again.leases()} == {(one.address, "") for one in found}
    assert len(again.reservations()) == 6
    (fresh,) = ledger.bind(claim("new", pool="bank"), PLUGIN)
    assert fresh.address not in {one.address for one in found}


@every_store
def test_what_a_sheet_has_is_the_same_after_it_was_taken_into_an_empty_store(
    store: Node | InCluster, tmp_path: Path
) -> None:
    source = filled(Node(tmp_path / "source"), 1)
    ledger, _ = source.parts()
    for n, name in enumerate(("web-0", "web-1", "a.b")):
        ledger.reserve("db", ip(f"10.20.0.{80 + n}"), pod(name), "net1", OPERATOR)
        ledger.reserve("db", ip(f"fd00:20::8{n}"), pod(name), "net1", OPERATOR)
    text, left_out = sheet(ledger.reservations())
    assert left_out == []
    assert {row.split(",")[-1] for row in text.splitlines()[1:]} == {"manual", "declared", "sticky"}
    into, policies = store.parts()
    policies.apply([document_of(each, "pools") for each in source.parts()[1].pools()], OPERATOR, source="pools")
    rows, complaints = read(text.encode(), "sheet")
    fit = fitting(rows, policies.pools(), into, complaints, who="ops")
    policies.operate(Operation(keep=tuple(map(keeping, fit))), OPERATOR, source="import csv")
    assert sheet(into.reservations())[0] == text.replace(",declared\n", ",manual\n")
