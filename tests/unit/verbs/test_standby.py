"""The move of an address to a leg that stands by: whatever it was killed at, the next look ends it."""

from __future__ import annotations

import json
from ipaddress import ip_address, ip_interface
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cni.errors import KernelRefused, Refused
from podberth.cni.pod import Attachment, PodRef
from podberth.cni.value import replace
from podberth.ipam.lease import Actor, Claim, Wanted
from podberth.ipam.owner import of_claim
from podberth.net import ops
from podberth.net.facts import NetnsId
from podberth.net.record import Record
from podberth.net.standby import held_back
from podberth.net.step import Step
from podberth.stores.sqlite.attachments import SqliteAttachments
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.declared import define_pool
from podberth.stores.sqlite.ledger import SqliteLedger
from podberth.stores.sqlite.policies import SqlitePolicies
from podberth.verbs.departed import addresses_of
from podberth.verbs.node import Node
from podberth.verbs.recorded import lessee
from podberth.verbs.standby import holders, open_up
from tests.contract.ledgers import pool
from tests.hosts import FakeHost
from tests.moments import moment

if TYPE_CHECKING:
    from pathlib import Path

OWNER = of_claim("bank", "vm.net1", "5f0d")
SOURCE, TARGET = (Attachment(network="legs", container_id=name, ifname="net1") for name in ("source", "target"))
ACTOR = Actor(who="plugin", why="ADD", node="n1")
ADDRESS = ip_address("10.81.0.1")


class Host(FakeHost):
    """A host that refuses what it is told to, and remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses: set[str] = set()
        self.asked: list[str] = []

    def undo(self, step: Step, netns: NetnsId | None) -> None:
        del netns
        self._asked(f"undo {type(step.op).__name__}")

    def do(self, step: Step) -> None:
        self._asked(type(step.op).__name__)

    def prepare(self, op: Any) -> Step:
        return Step(op=op)

    def _asked(self, what: str) -> None:
        self.asked.append(what)
        if what in self.refuses:
            raise KernelRefused(what)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """A node where a source has the claim's address, and a target stands by."""
    database = Database(str(tmp_path))
    time = iter(range(4_102_444_800 * 10**9, 2**62, 10**9))

    def clock() -> int:
        return next(time)

    with database.write() as connection:
        define_pool(connection, pool("legs", "10.81.0.0/24"))
    ledger = SqliteLedger(database, clock=lambda: moment(clock()))
    made = Node(
        name="n1", host=Host(), policies=SqlitePolicies(database, lambda: moment(clock())), ledger=ledger,
        attachments=SqliteAttachments(database), clock=clock, follow=lambda _: "",
    )  # fmt: skip
    ledger.bind(asked(SOURCE), replace(ACTOR, node="n2"))
    held = ops.HoldBack(netns="/n/target", ifname="net1", held_back=(ADDRESS,))
    given = ops.AddAddress(netns="/n/target", ifname="net1", address=ip_interface(f"{ADDRESS}/24"))
    conf = json.dumps({"type": "podberth", "ipamClaim": {"name": "vm.net1", "uid": "5f0d", "standby": True}})
    record = Record(
        attachment=TARGET, pod=pod("b"), netns="/n/target", netns_id=NetnsId(device=1, inode=2),
        steps=(Step(op=held), Step(op=given)), done=False, since=1, conf=conf, type="podberth",
    )  # fmt: skip
    made.attachments.open(record)
    made.attachments.done(record.key, {})
    return made


def pod(name: str) -> PodRef:
    return PodRef(namespace="bank", name=name, uid=f"u-{name}")


def asked(attachment: Attachment) -> Claim:
    wanted = (Wanted(pool="legs", family=4, owner=OWNER),)
    return Claim(attachment=attachment, pod=pod("a"), netns="/n/source", wanted=wanted)


def host(node: Node) -> Host:
    assert isinstance(node.host, Host)
    return node.host


def standing(node: Node) -> frozenset[object]:
    record = lessee(node, TARGET)
    assert record is not None
    return frozenset(held_back(record.steps))


def test_one_step_of_the_ledger_moves_it_then_the_leg_opens_and_tells_its_neighbours(node: Node) -> None:
    assert open_up(node, TARGET, "its guest runs here") == (ADDRESS,)
    assert host(node).asked == ["undo HoldBack", "Announce"]
    last = node.ledger.who(ADDRESS)
    assert (last.bound_to, last.pod, last.state) == (TARGET, pod("b"), "HELD")
    assert last.event is not None
    assert last.event.kind == "Moved"
    assert last.event.actor.why == "live migration: from container source on node n2: its guest runs here"
    assert not standing(node)
    assert open_up(node, TARGET, "again") == ()


@pytest.mark.parametrize("step", ["undo HoldBack", "Announce"])
def test_a_move_that_failed_half_way_is_ended_by_the_next_look(node: Node, step: str) -> None:
    host(node).refuses = {step}
    with pytest.raises(KernelRefused):
        open_up(node, TARGET, "its guest runs here")
    assert node.ledger.who(ADDRESS).bound_to == TARGET
    assert standing(node) == {ADDRESS}
    host(node).refuses = set()
    assert open_up(node, TARGET, "its guest runs here") == (ADDRESS,)
    assert not standing(node)
    assert [event.kind for event in node.ledger.history(address=ADDRESS)] == ["Reserved", "Bound", "Moved"]


def test_a_leg_that_stands_by_has_no_address_by_the_ledger_nor_by_its_record(node: Node) -> None:
    record = lessee(node, TARGET)
    assert record is not None
    assert addresses_of(record) == frozenset()
    assert [lease.attachment for lease in holders(node, record)] == [SOURCE]


def test_a_claim_that_is_gone_moves_nothing(node: Node) -> None:
    node.ledger.release(ADDRESS, ACTOR)
    with pytest.raises(Refused, match=r"10\.81\.0\.1: the IPAMClaim of bank/b does not have it any more"):
        open_up(node, TARGET, "its guest runs here")
    assert node.ledger.who(ADDRESS).bound_to == SOURCE
    assert host(node).asked == []


def test_an_address_that_its_source_has_let_go_is_bound(node: Node) -> None:
    node.ledger.unbind(SOURCE, ACTOR)
    assert open_up(node, TARGET, "its source has let go of it") == (ADDRESS,)
    assert node.ledger.who(ADDRESS).pod == pod("b")
