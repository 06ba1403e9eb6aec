"""`podberth fence` and `unfence` where the store is one node's own."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from podberth.cni.pod import Attachment, PodRef
from podberth.ipam.lease import Actor, Claim, Wanted

if TYPE_CHECKING:
    from tests.unit.cli.node import Operator


def test_nothing_is_fenced(podberth: Operator) -> None:
    assert podberth("fence").out == "0 nodes fenced\n"
    assert podberth("fence", "--json").json == {"fences": []}


def test_it_knows_of_no_other_node(podberth: Operator) -> None:
    claim = Claim(
        attachment=Attachment(network="banknet", container_id="c1", ifname="eth0"),
        pod=PodRef(namespace="bank", name="mysql-0", uid="u1"),
        netns="/run/netns/c1",
        wanted=(Wanted(pool="db", family=4, address=ip_address("10.20.0.11")),),
    )
    podberth.connect(str(podberth.state)).ledger.bind(claim, Actor(who="plugin", why="ADD", node="n2"))
    ended = podberth("fence", "n2", "--why", "burnt")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: node n2 can't be fenced here: the store in this state directory is one node's")
    ended = podberth("unfence", "n2", "--why", "repaired")
    assert (ended.code, "error: node n2 is not fenced: " in ended.err, "can't be" in ended.err) == (1, True, False)


def test_a_node_that_holds_nothing_is_refused_as_any_other(podberth: Operator) -> None:
    ended = podberth("fence", "n2", "--why", "burnt")
    assert (ended.code, ended.out) == (1, "")
    assert "can't be fenced here" in ended.err


@pytest.mark.parametrize("why", ["", "   ", "\x1b[2J", "two\nlines"])
def test_a_reason_is_wanted_that_can_be_read(podberth: Operator, why: str) -> None:
    assert podberth("unfence", "n2", "--why", why).code == 2


def test_a_reason_without_a_node_is_no_question(podberth: Operator) -> None:
    ended = podberth("fence", "--why", "burnt")
    assert (ended.code, ended.out) == (2, "")
    assert "NODE is required" in ended.err
