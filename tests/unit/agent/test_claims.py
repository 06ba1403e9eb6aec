"""Which claims an agent looks after, and whom it asks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from podberth.agent.claims import LOOK, longest_first
from podberth.agent.known_servers import MOST, NAME, known, remember
from podberth.cni.pod import Attachment, PodRef
from podberth.cni.value import replace
from podberth.ipam.lease import Actor, Claim, Wanted
from podberth.ipam.owner import of_claim
from podberth.stores.sqlite.attachments import SqliteAttachments
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.declared import define_pool
from podberth.stores.sqlite.ledger import SqliteLedger
from podberth.stores.sqlite.policies import SqlitePolicies
from podberth.verbs.claims import end, idle
from podberth.verbs.node import Node
from tests.contract.ledgers import pool
from tests.hosts import FakeHost
from tests.moments import moment

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.ipam.lease import Reservation

HERE = Actor(who="plugin", why="ADD", node="n1")
START = 4_102_444_800 * 10**9


@pytest.fixture
def node(tmp_path: Path) -> Node:
    database = Database(str(tmp_path))
    with database.write() as connection:
        define_pool(connection, pool("legs", "10.81.0.0/24"))
    ledger = SqliteLedger(database, clock=lambda: moment(START))
    return Node(
        name="n1", host=FakeHost(), policies=SqlitePolicies(database, lambda: moment(START)), ledger=ledger,
        attachments=SqliteAttachments(database), clock=lambda: START, follow=lambda _: "",
    )  # fmt: skip


def bound(node: Node, name: str, *, owner: PodRef | None, on: str = "n1", ended: bool = True) -> None:
    """Do what an ADD on the node would, and its DEL."""
    attachment = Attachment(network="legs", container_id=name, ifname="net1")
    wanted = (Wanted(pool="legs", family=4, owner=owner),)
    pod = PodRef(namespace="bank", name=name, uid="u")
    asked = Claim(attachment=attachment, pod=pod, netns="/n", wanted=wanted, sticky=True)
    node.ledger.bind(asked, replace(HERE, node=on))
    if ended:
        node.ledger.unbind(attachment, replace(HERE, node=on))


def test_a_node_looks_after_claims_whose_last_pod_was_here_and_is_gone(node: Node) -> None:
    bound(node, "a", owner=of_claim("bank", "a.net1", "1"))
    bound(node, "b", owner=of_claim("bank", "b.net1", "1"), on="n2")
    bound(node, "c", owner=of_claim("bank", "c.net1", "1"), ended=False)
    bound(node, "d", owner=None)
    (kept,) = idle(node)
    assert str(kept.pod) == "bank/ipamclaim/a.net1/1"
    assert end(node, kept)
    assert not end(node, kept)  # somebody else did meanwhile
    assert idle(node) == ()
    assert [str(one.pod) for one in node.ledger.reservations()] == [
        "bank/ipamclaim/b.net1/1", "bank/ipamclaim/c.net1/1", "bank/d",
    ]  # fmt: skip


def test_of_more_claims_than_a_turn_asks_for_each_has_its_turn(node: Node) -> None:
    for name in "abcd":
        bound(node, name, owner=of_claim("bank", f"{name}.net1", "1"))
    pauses: dict[Reservation, tuple[int, float]] = {}
    asked = []
    for _ in range(4):
        kept = longest_first(idle(node), pauses)
        asked.append(str(kept[0].pod))
        pauses = {one: (1, pauses.get(one, (0, 0.0))[1] - LOOK) for one in kept} | {kept[0]: (1, 0.0)}
    assert len(set(asked)) == 4


def test_what_became_somebody_elses_is_not_released(node: Node) -> None:
    bound(node, "a", owner=of_claim("bank", "a.net1", "1"))
    (kept,) = idle(node)
    node.ledger.release(kept.address, HERE)
    node.ledger.reserve("legs", kept.address, PodRef(namespace="bank", name="web-0"), "net1", HERE)
    assert not end(node, kept)
    assert [str(one.pod) for one in node.ledger.reservations()] == ["bank/web-0"]


def test_api_servers_are_remembered_once_each_and_the_newest_of_very_many(tmp_path: Path) -> None:
    folder = str(tmp_path)
    assert known(folder) == ()
    for n in range(MOST + 3):
        for _ in range(2):
            remember(folder, f"/etc/{n}.kubeconfig")
    assert known(folder) == tuple(f"/etc/{n}.kubeconfig" for n in range(3, MOST + 3))


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"kubeconfigs": "x"}', '{"kubeconfigs": [7, null]}', '{"other": 1}', "\ufffe", "[" * 60_000],
)
def test_a_file_that_can_not_be_read_names_none_and_is_written_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    assert known(str(tmp_path)) == ()
    remember(str(tmp_path), "/etc/a.kubeconfig")
    assert known(str(tmp_path)) == ("/etc/a.kubeconfig",)
    assert json.loads((tmp_path / NAME).read_text()) == {"kubeconfigs": ["/etc/a.kubeconfig"]}
