"""What every ledger foresees is what binding then does, or refuses; and to foresee changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import AddressTaken, CniError, PoolExhausted, TryAgainLater
from podberth.cni.value import replace
from podberth.ipam.lease import AddressBoundElsewhere
from podberth.ipam.lifecycle import FAILED
from tests.contract.ledgers import OPERATOR, PLUGIN, addresses, attachment, claim, ip, pod, pool

if TYPE_CHECKING:
    from podberth.ipam.ledger import Ledger
    from tests.contract.ledgers import Backend

REST = 600  # seconds


@pytest.fixture
def resting(backend: Backend) -> Ledger:
    """A pool of two addresses of which db/a has just let go of one."""
    backend.define(pool("db", "10.20.0.8/31", quarantine=REST))
    ledger = backend.open()
    ledger.bind(claim("a"), PLUGIN)
    ledger.unbind(attachment("c-a"), PLUGIN)
    return ledger


def test_an_address_in_quarantine_is_foreseen_for_nobody_else(resting: Ledger) -> None:
    assert addresses(resting.foresee(claim("b"), PLUGIN)) == ["10.20.0.9"]
    assert addresses(resting.bind(claim("b"), PLUGIN)) == ["10.20.0.9"]


def test_a_resting_address_that_is_named_is_refused_in_the_same_words(resting: Ledger) -> None:
    wish = claim("b", "10.20.0.8")
    with pytest.raises(TryAgainLater, match="of pool db rests for another") as foreseen:
        resting.foresee(wish, PLUGIN)
    with pytest.raises(TryAgainLater) as refused:
        resting.bind(wish, PLUGIN)
    assert str(foreseen.value) == str(refused.value)


def test_the_pod_that_had_it_may_have_it_again(resting: Ledger) -> None:
    assert addresses(resting.foresee(claim("a", "10.20.0.8"), PLUGIN)) == ["10.20.0.8"]


@pytest.mark.parametrize("again", ["a", "b"])
def test_an_address_that_an_add_got_in_vain_is_that_pods_next_and_no_others(backend: Backend, again: str) -> None:
    backend.define(pool("db", "10.20.0.8/29", quarantine=REST))
    ledger = backend.open()
    for _ in range(4):
        assert addresses(ledger.bind(claim("a"), PLUGIN)) == ["10.20.0.9"]
        ledger.unbind(attachment("c-a"), replace(PLUGIN, why=FAILED))
    expected = ["10.20.0.9" if again == "a" else "10.20.0.10"]
    assert addresses(ledger.foresee(claim(again), PLUGIN)) == expected
    assert addresses(ledger.bind(claim(again), PLUGIN)) == expected
    ledger.unbind(attachment(f"c-{again}"), PLUGIN)  # the pod has run with it: now it rests as any other
    assert addresses(ledger.foresee(claim(again), PLUGIN)) != expected


def test_to_foresee_changes_nothing(resting: Ledger) -> None:
    before = list(resting.history())
    for _ in range(2):
        resting.foresee(claim("b", sticky=True), PLUGIN)
    assert (resting.leases(), resting.reservations(), list(resting.history())) == ((), (), before)


@pytest.mark.parametrize(
    ("wish", "kind"),
    [
        (claim("b", "10.20.0.8"), AddressTaken),
        (claim("c", families=(4, 6)), PoolExhausted),
        (claim("a", container="c-a2"), AddressBoundElsewhere),
        (claim("b", "10.20.0.77"), AddressTaken),
    ],
)  # fmt: skip
def test_a_refusal_is_foreseen(backend: Backend, wish: object, kind: type[CniError]) -> None:
    backend.define(pool("db", "10.20.0.8/31"))
    ledger = backend.open()
    ledger.bind(claim("a"), PLUGIN)
    ledger.reserve("db", ip("10.20.0.9"), pod("x"), "eth0", OPERATOR)
    for ask in (ledger.foresee, ledger.bind):
        with pytest.raises(kind):
            ask(wish, PLUGIN)  # type: ignore[arg-type]


def test_a_pods_own_address_is_foreseen_once_its_older_sandbox_makes_way(ledger: Ledger) -> None:
    (had,) = addresses(ledger.bind(claim("a"), PLUGIN))
    again = claim("a", container="c-a2", takeover=(attachment("c-a"),))
    assert addresses(ledger.foresee(again, PLUGIN)) == [had]
    assert ledger.of(attachment("c-a"))
