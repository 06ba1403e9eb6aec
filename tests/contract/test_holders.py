"""For whom a node's ledger has the addresses that peers say, and how often it is asked."""

from __future__ import annotations

import contextlib
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from podberth.agent.believing import Weighing
from podberth.agent.holders import Holders
from podberth.cni.errors import TryAgainLater
from podberth.cni.pod import Attachment, PodRef
from podberth.entry import open_node
from podberth.ipam.lease import Actor, Claim, Wanted
from podberth.netpolicy.believed import Said
from tests.contract.declarations import documents
from tests.contract.labelled import pool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from podberth.verbs.node import Node

A, B = ("bank", "a"), ("bank", "b")
ADDRESS, KEPT, FREE = (ip_address(f"10.20.0.{n}") for n in (1, 2, 99))
ACTOR = Actor(who="test", why="test", node="edge-1")


class Ledgers:
    """A node's ledger in SQLite, and how often it was opened. `away`: it can't be."""

    def __init__(self, folder: Path) -> None:
        self.node = open_node(str(folder))
        self.opened, self.away = 0, False
        self.node.policies.apply(documents(pool("db", "10.20.0.0/24")), ACTOR, source="test")

    def __call__(self) -> Iterator[AbstractContextManager[Node]]:
        self.opened += 1
        if self.away:
            raise TryAgainLater("the store is away", "start it")
        yield contextlib.nullcontext(self.node)

    def bind(self, pod: str) -> Attachment:
        attachment = Attachment(network="legs", container_id=f"of-{pod}", ifname="net1")
        wanted = (Wanted(pool="db", family=4, address=ADDRESS),)
        ref = PodRef(namespace="bank", name=pod)
        self.node.ledger.bind(Claim(attachment=attachment, pod=ref, netns="/run/netns/x", wanted=wanted), ACTOR)
        return attachment


@pytest.fixture
def ledgers(tmp_path: Path) -> Ledgers:
    return Ledgers(tmp_path)


def said(pod: tuple[str, str], address: object = ADDRESS) -> tuple[Said]:
    return (Said(pod=pod, address=ip_address(str(address))),)


def test_an_address_is_the_pods_that_has_it_or_whose_name_it_is_kept_for(ledgers: Ledgers) -> None:
    ledgers.bind("a")
    ledgers.node.ledger.reserve("db", KEPT, PodRef(namespace="bank", name="b"), "net1", ACTOR)
    holders = Holders(ledgers)
    every = (*said(A), *said(A, KEPT), *said(A, FREE))
    assert holders.of(every) == {ADDRESS: {A}, KEPT: {B}, FREE: frozenset()}


def test_an_answer_that_agrees_is_good_for_a_while_and_another_is_asked_for_each_time(ledgers: Ledgers) -> None:
    attachment = ledgers.bind("a")
    holders = Holders(ledgers)
    assert holders.of(said(A))[ADDRESS] == holders.of(said(A))[ADDRESS] == {A}
    assert ledgers.opened == 1
    assert holders.of(said(B))[ADDRESS] == {A}
    ledgers.node.ledger.unbind(attachment, ACTOR)
    ledgers.bind("b")
    assert holders.of((*said(B), *said(A)))[ADDRESS] == {B}
    assert ledgers.opened == 3


def test_an_add_asks_nobody_and_has_what_is_known_of_all_or_nothing(ledgers: Ledgers) -> None:
    ledgers.bind("a")
    holders = Holders(ledgers)
    assert holders.known(said(A)) is None
    holders.of(said(A))
    assert holders.known(said(A)) == {ADDRESS: frozenset({A})}
    assert holders.known((*said(A), *said(A, FREE))) is None
    assert ledgers.opened == 1


def test_a_ledger_that_can_not_be_asked_is_an_error_and_what_is_known_stays_so_for_a_while(ledgers: Ledgers) -> None:
    ledgers.bind("a")
    holders = Holders(ledgers)
    holders.of(said(A))
    ledgers.away = True
    assert holders.of(said(A))[ADDRESS] == {A}
    with pytest.raises(TryAgainLater, match="the store is away"):
        holders.of((*said(A), *said(A, FREE)))


def test_a_ledger_that_can_not_be_asked_is_told_with_its_own_next_step_and_nobody_counts(ledgers: Ledgers) -> None:
    weighing = Weighing(Holders(ledgers), (), ask=True)
    ledgers.away = True
    assert weighing.counted(said(A)) is None
    assert weighing.away is not None
    assert (weighing.away, weighing.away.todo) == ("the store is away", "start it")
