"""What every ledger foresees is what binding then does, or refuses; and to foresee changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import AddressTaken, CniError, PoolExhausted, TryAgainLater
from podberth.ipam.lease import AddressBoundElsewhere
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
