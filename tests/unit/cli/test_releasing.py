"""`podberth release` of many: by pool, namespace, or sheet; all of them end, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.cli.node import Operator

HEAD = "address,namespace,pod,pool\n"


@pytest.fixture
def reserved(podberth: Operator) -> Operator:
    podberth("reserve", "bank/web-0", "10.20.0.120")
    podberth("reserve", "bank/web-1", "10.20.0.121")
    podberth("reserve", "shop/web-2", "10.20.0.122")
    return podberth


def by_hand(podberth: Operator) -> list[str]:
    kept = podberth("get", "reservations", "--json").json["items"]
    return [one["address"] for one in kept if one["origin"] == "manual"]


def test_all_of_a_pool_end_but_what_is_declared(reserved: Operator) -> None:
    dry = reserved("release", "--pool", "db", "--dry-run", "--json").json
    assert [one["address"] for one in dry["released"]] == ["10.20.0.120", "10.20.0.121", "10.20.0.122"]
    assert (dry["dry_run"], dry["declared"] > 0) == (True, True)
    assert len(by_hand(reserved)) == 3
    ended = reserved("release", "--pool", "db")
    assert ended.code == 0
    assert "3 reservations ended" in ended.out
    assert "of PodNetworks and IPAMClaims stay" in ended.out
    assert by_hand(reserved) == []
    assert reserved("release", "--pool", "db", "--json").json["released"] == []


def test_those_of_a_namespace_end_and_no_others(reserved: Operator) -> None:
    made = reserved("release", "--namespace", "bank", "--pool", "db", "--json").json
    assert [one["pod"] for one in made["released"]] == ["bank/web-0", "bank/web-1"]
    assert by_hand(reserved) == ["10.20.0.122"]


def test_those_of_a_sheet_end(reserved: Operator) -> None:
    sheet = reserved.file("gone.csv", HEAD + "10.20.0.120,bank,web-0,\n10.20.0.122,shop,web-2,db\n")
    assert len(reserved("release", "--csv", sheet, "--json").json["released"]) == 2
    assert by_hand(reserved) == ["10.20.0.121"]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("10.20.0.121,bank,other,", "is reserved for bank/web-1"),
        ("10.20.0.199,bank,web-0,", "10.20.0.199 is reserved for nobody"),
        ("10.20.0.121,bank,web-1,other", "is of pool db"),
        ("10.20.0.11,bank,mysql-0,", "declared by a PodNetwork"),
        ("10.20.0.121,bank", "as many columns"),
    ],
)
def test_a_row_that_is_no_reservation_is_told_and_nothing_ends(reserved: Operator, row: str, told: str) -> None:
    sheet = reserved.file("gone.csv", f"{HEAD}10.20.0.120,bank,web-0,db\n{row}\n")
    ended = reserved("release", "--csv", sheet)
    assert ended.code == 1
    assert told in ended.err
    assert len(by_hand(reserved)) == 3


@pytest.mark.parametrize(
    "argv", [(), ("10.20.0.120", "--pool", "db"), ("--csv", "x", "--pool", "db"), ("--namespace", "Not/One")]
)
def test_one_way_of_saying_which_is_expected(podberth: Operator, argv: tuple[str, ...]) -> None:
    assert podberth("release", *argv).code == 2


def test_an_address_can_be_tried(reserved: Operator) -> None:
    assert reserved("release", "10.20.0.120", "--dry-run", "--json").json["released"][0]["pod"] == "bank/web-0"
    assert reserved("release", "10.20.0.5", "--dry-run").code == 3
    assert reserved("release", "--pool", "nothing").code == 3
    assert len(by_hand(reserved)) == 3


def test_a_store_of_one_node_has_no_operations_under_way(podberth: Operator) -> None:
    assert podberth("store", "operations", "--json").json == {"operations": []}
    assert podberth("store", "operations", "--end", "5f0c").code == 3
