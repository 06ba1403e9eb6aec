"""Whoever changes declarations on a real API server does so alone, whatever the clocks of nodes say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from podberth.kube.lease import transitions
from podberth.kube.resources import LEASES
from podberth.stores.kubernetes.declared import LOCK, Declarations
from podberth.stores.replica.shared import Proposal, Stale
from tests.waiting import until

if TYPE_CHECKING:
    from podberth.kube.client import Client

BEHIND, AHEAD = "2001-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z"


def taken(client: Client, namespace: str, **said: Any) -> None:
    """Have another node have the Lease, of which it said this."""
    Declarations(client, namespace, "me").busy()  # it is made
    lock = client.get(LEASES, LOCK, namespace)
    spec = {"holderIdentity": "other", "leaseTransitions": 4, "leaseDurationSeconds": 15, **said}
    client.replace(LEASES, {**lock, "spec": spec})


@pytest.mark.parametrize("renewed", [BEHIND, AHEAD])
def test_a_holder_is_alive_whatever_its_clock_says(client: Client, namespace: str, renewed: str) -> None:
    taken(client, namespace, renewTime=renewed)
    assert Declarations(client, namespace, "me").busy()


@pytest.mark.parametrize("renewed", [BEHIND, AHEAD])
def test_a_holder_that_writes_nothing_is_followed_whatever_its_clock_said(
    client: Client, namespace: str, renewed: str
) -> None:
    taken(client, namespace, renewTime=renewed, leaseDurationSeconds=1)
    mine = Declarations(client, namespace, "me")
    assert mine.busy()
    until(lambda: not mine.busy(), "the holder is still taken for alive")
    proposal = Proposal(addresses=(), documents=(), pods=(), pools=(), declares=True, position="declared=4")
    with mine.alone(proposal) as position:
        assert position == "declared=6"  # its beginning and its end count
        assert client.get(LEASES, LOCK, namespace)["spec"]["holderIdentity"] == "me"
    assert not mine.busy()


def test_who_looked_while_another_was_half_done_has_to_look_again_also_once_that_has_ended(
    client: Client, namespace: str
) -> None:
    def proposal(count: int) -> Proposal:
        position = f"declared={count}"
        return Proposal(addresses=(), documents=(), pods=(), pools=(), declares=True, position=position)

    def count() -> int:
        return transitions(client.get(LEASES, LOCK, namespace))

    one, other = Declarations(client, namespace, "one"), Declarations(client, namespace, "other")
    assert not one.busy()  # the Lease is made
    with one.alone(proposal(count())) as after:
        half_way = count()
    assert f"declared={count()}" == after
    with pytest.raises(Stale), other.alone(proposal(half_way)):
        pass
    with other.alone(proposal(count())):
        pass
