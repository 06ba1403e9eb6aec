"""What every ledger does with the address of an IPAMClaim."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import AddressTaken, CniError, Refused, TryAgainLater
from podberth.cni.value import replace
from podberth.ipam.lease import AddressBoundElsewhere
from podberth.ipam.lifecycle import fold
from podberth.ipam.owner import of_claim
from podberth.ipam.versions import FIRST
from podberth.stores.replica.ledger import ClusterLedger
from tests.contract.ledgers import (
    CLUSTERS,
    OPERATOR,
    PLUGIN,
    ClusterBackend,
    addresses,
    attachment,
    claim,
    ip,
    pod,
    pool,
    shared,
)

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.ipam.lease import Claim
    from podberth.ipam.ledger import Ledger
    from tests.contract.ledgers import Backend

VM = of_claim("db", "vm-net1", "5f0d")
ANEW = of_claim("db", "vm-net1", "77aa")  # of the same name, made after the other was deleted
SOURCE, TARGET = "virt-launcher-vm-aaaaa", "virt-launcher-vm-bbbbb"


@pytest.fixture
def ledger(backend: Backend) -> Ledger:
    backend.define(pool("db", "10.20.0.0/24", "fd00:20::/64"))
    return backend.open()


def of(name: str, *named: str, owner: object = VM, **rest: object) -> Claim:
    """Return what a pod asks for that refers to the claim; `named`: what the claim's status says."""
    plain = claim(name, *named, **rest)  # type: ignore[arg-type]
    return replace(plain, wanted=tuple(replace(each, owner=owner) for each in plain.wanted))


def bound(ledger: Ledger, name: str, *named: str, **rest: object) -> list[str]:
    return addresses(ledger.bind(of(name, *named, **rest), PLUGIN))


def ended(ledger: Ledger, name: str) -> None:
    assert ledger.unbind(attachment(f"c-{name}"), PLUGIN)


def test_a_claim_is_idle_on_the_node_that_had_it_last_once_nobody_has_it(ledger: Ledger) -> None:
    elsewhere = replace(PLUGIN, node="elsewhere")
    addresses = bound(ledger, SOURCE)
    ledger.bind(of("vm-b", owner=ANEW), elsewhere)
    ledger.bind(claim("plain"), PLUGIN)
    assert (ledger.idle_claims(PLUGIN.node), ledger.idle_claims("elsewhere")) == ((), ())

    ended(ledger, SOURCE)
    ledger.unbind(attachment("c-vm-b"), elsewhere)
    ended(ledger, "plain")
    here, there = ledger.idle_claims(PLUGIN.node), ledger.idle_claims("elsewhere")
    assert [str(one.address) for one in here] == addresses
    assert ({one.pod for one in here}, {one.pod for one in there}) == ({VM}, {ANEW})

    bound(ledger, TARGET)
    assert ledger.idle_claims(PLUGIN.node) == ()


def test_a_claim_has_its_address_from_the_first_pod_on_whatever_pod_comes_and_goes(ledger: Ledger) -> None:
    first = bound(ledger, SOURCE, families=(4, 6))
    for name in (TARGET, "mysql-0", SOURCE):
        ended(ledger, SOURCE if name == TARGET else TARGET if name == "mysql-0" else "mysql-0")
        assert bound(ledger, "stranger", owner=None) != first
        ended(ledger, "stranger")
        assert bound(ledger, name, families=(4, 6)) == first
    assert {(str(one.address), one.pod, one.origin) for one in ledger.reservations()} == {
        (address, VM, "sticky") for address in first
    }


def test_the_same_again_writes_nothing(ledger: Ledger) -> None:
    first = bound(ledger, SOURCE)
    before = len(list(ledger.history()))
    assert bound(ledger, SOURCE) == first
    assert len(list(ledger.history())) == before


def test_two_pods_do_not_have_one_claim_at_once_and_both_are_known(ledger: Ledger) -> None:
    (address,) = bound(ledger, SOURCE)
    with pytest.raises(AddressBoundElsewhere) as held:
        bound(ledger, TARGET)
    assert (held.value.code, str(held.value.lease.address), held.value.lease.pod) == (11, address, pod(SOURCE))
    assert not ledger.of(attachment(f"c-{TARGET}"))


def test_it_moves_to_another_pod_of_the_claim_in_one_step(backend: Backend, ledger: Ledger) -> None:
    (address,) = bound(ledger, SOURCE)
    since = backend.clock.tick()
    backend.clock.tick()
    moved = of(TARGET, takeover=(attachment(f"c-{SOURCE}"),))
    assert addresses(ledger.bind(replace(moved, moved="live migration"), PLUGIN)) == [address]
    assert (ledger.who(ip(address)).pod, ledger.who(ip(address), since).pod) == (pod(TARGET), pod(SOURCE))
    assert [event.kind for event in ledger.history(address=ip(address))] == ["Reserved", "Bound", "Moved"]
    assert ledger.leases()[0].pod == backend.open().leases()[0].pod == pod(TARGET)
    assert not ledger.unbind(attachment(f"c-{SOURCE}"), PLUGIN)


def test_nobody_else_is_given_it(backend: Backend, ledger: Ledger) -> None:
    (address,) = bound(ledger, SOURCE)
    ended(ledger, SOURCE)
    for stranger in (
        of(SOURCE, address, owner=None),
        of("x", address, owner=ANEW),
        claim(None, address, container="c"),
    ):
        with pytest.raises(AddressTaken, match="is reserved for db/ipamclaim/vm-net1/5f0d"):
            ledger.bind(stranger, PLUGIN)
    with pytest.raises(AddressTaken, match="is reserved for db/ipamclaim/vm-net1/5f0d"):
        ledger.reserve("db", ip(address), pod(SOURCE), "eth0", OPERATOR)
    with pytest.raises(AddressTaken, match="is reserved for db/ipamclaim/vm-net1/5f0d"):
        backend.declare(*shared("web", address))
    with pytest.raises(Refused, match="may not have the address of db/ipamclaim/vm-net1/5f0d"):
        bound(ledger, "other/web-0")


def test_a_pod_that_leaves_the_claim_out_takes_nothing_of_it_over(ledger: Ledger) -> None:
    (address,) = bound(ledger, SOURCE)
    older = (attachment(f"c-{SOURCE}"),)
    assert bound(ledger, SOURCE, owner=None, container="later", takeover=older) != [address]


def test_the_address_of_a_status_is_had_if_it_is_free_and_refused_with_both_parties_if_not(ledger: Ledger) -> None:
    assert bound(ledger, SOURCE, "10.20.0.77") == ["10.20.0.77"]
    with pytest.raises(AddressTaken, match=r"10\.20\.0\.77 of pool db is reserved for db/ipamclaim/vm-net1/5f0d"):
        bound(ledger, "x", "10.20.0.77", owner=ANEW)
    ledger.bind(claim("web-0", "10.20.0.78"), PLUGIN)
    with pytest.raises(AddressTaken, match=r"10\.20\.0\.78 of pool db is leased by db/web-0"):
        bound(ledger, "x", "10.20.0.78", owner=ANEW)
    with pytest.raises(AddressTaken, match=r"10\.21\.0\.1 is not an address that pool db gives out"):
        bound(ledger, "x", "10.21.0.1", owner=ANEW)


def test_the_ledgers_word_goes_before_a_status_that_says_another(ledger: Ledger) -> None:
    assert bound(ledger, SOURCE, "10.20.0.77") == ["10.20.0.77"]
    assert bound(ledger, SOURCE, "10.20.0.99") == ["10.20.0.77"]
    ended(ledger, SOURCE)
    assert bound(ledger, TARGET, "10.20.0.99") == ["10.20.0.77"]


def test_a_claim_is_of_one_interface(ledger: Ledger) -> None:
    assert bound(ledger, SOURCE, ifname="net1") != bound(ledger, SOURCE, ifname="net2", container="c2")


def test_when_the_claim_is_gone_its_pod_keeps_the_address_and_then_it_is_free(ledger: Ledger) -> None:
    (address,) = bound(ledger, SOURCE)
    assert ledger.release(ip(address), OPERATOR) is not None
    assert (ledger.who(ip(address)).state, ledger.who(ip(address)).pod) == ("LEASED", pod(SOURCE))
    with pytest.raises(AddressTaken):
        bound(ledger, TARGET, address, owner=ANEW)
    ended(ledger, SOURCE)
    assert ledger.who(ip(address)).state == "FREE"
    assert bound(ledger, TARGET, address, owner=ANEW) == [address]


def test_a_claims_address_counts_as_one_that_a_pool_keeps(backend: Backend) -> None:
    backend.define(replace(pool("db", "10.20.0.0/24"), sticky_reservations=1))
    ledger = backend.open()
    bound(ledger, SOURCE)
    with pytest.raises(Refused, match="stickyReservations allows 1: db/ipamclaim/vm-net1/77aa can't have one kept"):
        bound(ledger, "x", owner=ANEW)


def test_the_books_of_claims_add_up(ledger: Ledger) -> None:
    (address,) = bound(ledger, SOURCE)
    ledger.bind(of(TARGET, takeover=(attachment(f"c-{SOURCE}"),)), PLUGIN)
    folded = fold(ledger.history())
    assert folded.reserved[ip(address)] == (str(VM), "eth0")
    assert folded.bound == {ip(address): attachment(f"c-{TARGET}")}
    assert [event.kind for event in ledger.history(pod=VM, address=ip(address))] == ["Reserved"]
    assert {str(event.owner) for event in ledger.history(pod=pod(TARGET, ""))} == {str(VM)}


def test_what_would_be_bound_is_foreseen(ledger: Ledger) -> None:
    foreseen = addresses(ledger.foresee(of(SOURCE), PLUGIN))
    assert not ledger.reservations()
    assert bound(ledger, SOURCE) == foreseen == addresses(ledger.foresee(of(SOURCE), PLUGIN))


@pytest.mark.parametrize("kind", CLUSTERS)
def test_an_older_ledger_has_no_claims(kind: type[ClusterBackend], tmp_path: Path) -> None:
    class Older(kind):  # type: ignore[misc, valid-type]
        def made(self) -> object:
            found = super().made()
            found.demand = lambda *_: True  # it stays as 0.1.0 has made it
            return found

    backend = Older(tmp_path)
    backend.define(pool("db", "10.20.0.0/24"))
    with pytest.raises(Refused, match=f"this ledger is for podberth {FIRST} and later, and an address of an IPAMClaim"):
        bound(backend.open(), SOURCE)
    assert not backend.open().reservations()


@pytest.mark.parametrize("kind", CLUSTERS)
def test_pods_on_two_nodes_that_start_at_once_with_a_new_claim_have_one_address(
    kind: type[ClusterBackend], tmp_path: Path
) -> None:
    """In the Kubernetes API no step can rely on that nothing is reserved for a name."""
    backend = kind(tmp_path)
    backend.define(pool("db", "10.20.0.0/24"))
    ledgers = [ClusterLedger(backend.client(), clock=backend.clock) for _ in range(4)]
    for ledger in ledgers:
        ledger.leases()
    begin = threading.Barrier(len(ledgers))

    def start(n: int) -> None:
        begin.wait()
        try:
            bound(ledgers[n], f"p{n}")
        except (TryAgainLater, AddressTaken):
            pass
        except CniError as other:
            failures.append(other)

    failures: list[CniError] = []
    threads = [threading.Thread(target=start, args=(n,)) for n in range(len(ledgers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = backend.open()
    assert not failures
    assert len(found.leases()) <= 1
    assert len(found.reservations()) <= 1
    for lease in found.leases():
        found.unbind(lease.attachment, PLUGIN)
    assert bound(found, "later") == [str(one.address) for one in found.reservations()]
