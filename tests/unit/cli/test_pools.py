"""`podberth pool`: usage per family, and a pool's document."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.cli.node import POOL

if TYPE_CHECKING:
    from tests.unit.cli.node import Operator

HEAD = ["POOL", "FAMILY", "SUBNETS", "SIZE", "LEASED", "RESERVED", "RESTING", "FREE", "USE"]


@pytest.mark.parametrize("command", [("pool",), ("pool", "list")])
def test_every_pool_has_a_row_for_each_family(podberth: Operator, command: tuple[str, ...]) -> None:
    podberth.attach("bank/mysql-0", "10.20.0.11")
    podberth.attach("bank/web", "10.20.0.120", container="beef")
    ended = podberth(*command)
    assert ended.code == 0
    assert ended.table == [
        HEAD,
        ["db", "IPv4", "10.20.0.0/24", "253", "2", "2", "0", "162", "2%"],
        ["db", "IPv6", "fd00:20::/64", "~2^64", "0", "3", "0", "~2^64", "0%"],
    ]


@pytest.mark.parametrize("command", [("pool", "--json"), ("pool", "list", "--json")])
def test_the_json_of_pools_has_exact_numbers(podberth: Operator, command: tuple[str, ...]) -> None:
    (pool,) = podberth(*command).json["pools"]
    assert pool["name"] == "db"
    assert pool["subnets"] == ["10.20.0.0/24", "fd00:20::/64"]
    assert pool["usage"][0] == {"family": 4, "size": 253, "leased": 0, "reserved": 3, "resting": 0, "free": 163}
    assert pool["usage"][1]["size"] == (1 << 64) - 1


def test_one_pool_is_shown_with_its_document_as_apply_takes_it(podberth: Operator) -> None:
    shown = podberth("pool", "show", "db")
    assert shown.code == 0
    assert "gateway: 10.20.0.1" in shown.out
    document = podberth("pool", "show", "db", "--json").json
    assert document["name"] == "db"
    assert document["document"]["spec"]["mtu"] == 9000
    assert document["source"].endswith("given.yaml")
    assert len(document["usage"]) == 2


def test_a_pool_that_is_not_there_is_not_found(podberth: Operator) -> None:
    ended = podberth("pool", "show", "other")
    assert (ended.code, ended.out) == (3, "")
    assert ended.err == "error: there is no pool other\nhint: `podberth pool` lists the pools\n"


def test_a_store_without_pools_says_how_to_make_one(podberth: Operator) -> None:
    podberth("delete", "podnetwork", "bank/mysql")
    assert podberth("delete", "pool", "db").code == 0
    assert "`podberth apply`" in podberth("pool").out
    assert podberth("pool", "--json").json == {"schema": "pools/1", "pools": []}


def test_a_full_pool_is_at_a_hundred_per_cent(bare: Operator) -> None:
    bare.apply(POOL.replace("10.20.0.0/24", "10.20.0.0/30").replace(", hold: [10.20.0.10-10.20.0.99]", ""))
    bare.attach("bank/only", "10.20.0.2")
    assert bare("pool").table[1] == ["db", "IPv4", "10.20.0.0/30", "1", "1", "0", "0", "0", "100%"]
