"""A namespace's quota of addresses that stay with its pods' names: counted in the very step that reserves one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import CniError, Refused
from podberth.cni.value import replace
from podberth.ipam.pool import Grant
from podberth.ipam.versions import HERE, Minimum
from podberth.policy.documents import document_of
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.ledger import SqliteLedger
from podberth.stores.sqlite.policies import SqlitePolicies
from tests.contract.etcd_nodes import Node, etcd
from tests.contract.ledgers import OPERATOR, PLUGIN, Clock, attachment, claim, pool

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.ipam.ledger import Ledger

MOST = 3
DOCUMENT = document_of(
    replace(pool("db", "10.20.0.0/24"), grants=(Grant(namespaces=("db", "bank"), reservations=MOST),)), "test"
)


def start_together(ledgers: list[Ledger]) -> list[str]:
    """Start a sticky pod on each at the same moment; return why pods were refused."""
    refused: list[str] = []
    gate = threading.Barrier(len(ledgers))

    def start(number: int, ledger: Ledger) -> None:
        gate.wait()
        try:
            ledger.bind(claim(f"p{number}", sticky=True), PLUGIN)
        except CniError as why:
            refused.append(why.message)

    threads = [threading.Thread(target=start, args=one) for one in enumerate(ledgers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return refused


def test_pods_that_start_together_on_one_node_get_as_many_as_the_namespace_may_have(tmp_path: Path) -> None:
    SqlitePolicies(Database(str(tmp_path))).apply([DOCUMENT], OPERATOR, source="test")
    ledgers: list[Ledger] = [SqliteLedger(Database(str(tmp_path)), clock=Clock()) for _ in range(8)]
    refused = start_together(ledgers)
    assert len(ledgers[0].reservations()) == MOST
    assert len(refused) == 8 - MOST
    assert all("namespace db may have 3 addresses of pool db reserved" in why for why in refused)
    assert len(ledgers[0].leases()) == MOST


def test_pods_that_start_together_on_many_nodes_on_etcd_get_as_many_too() -> None:
    cluster = etcd()
    assert cluster.demand(HERE, Minimum())
    nodes = [Node(cluster, f"node{n}") for n in range(6)]
    nodes[0].policies.apply([DOCUMENT], OPERATOR, source="test")
    for node in nodes:
        node.proposer.catch_up()
        node.proposer.current = False  # each goes by its feed, which has told it nothing since
    refused = start_together([node.ledger for node in nodes])
    assert len(Node(cluster).ledger.reservations()) == MOST
    assert len(refused) == 6 - MOST


def test_another_namespace_a_pod_that_has_one_and_one_that_asks_for_none_are_served(tmp_path: Path) -> None:
    cluster = etcd()
    assert cluster.demand(HERE, Minimum())
    node = Node(cluster)
    node.policies.apply([DOCUMENT], OPERATOR, source="test")
    for n in range(MOST):
        node.ledger.bind(claim(f"p{n}", sticky=True), PLUGIN)
    with pytest.raises(Refused, match="may have 3 addresses"):
        node.ledger.bind(claim("more", sticky=True), PLUGIN)
    assert node.ledger.bind(claim("plain"), PLUGIN)
    assert node.ledger.bind(claim("bank/other", sticky=True), PLUGIN)
    node.ledger.unbind(attachment("c-p1"), PLUGIN)
    other = Node(cluster, "node2")
    assert other.ledger.bind(claim("p1", sticky=True, container="c-again"), PLUGIN)
    assert len(node.ledger.reservations()) == MOST + 1
