"""`podberth store history`: what there is, for how long it is kept, and what operators have said of that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.cli.node import Operator


def test_by_default_history_is_kept_for_ever(podberth: Operator) -> None:
    podberth.attach("bank/mysql-0", "10.20.0.11")
    said = podberth("store", "history", "--json").json
    assert (said["keep"], said["holds"], said["words"], said["archived"]) == ("forever", [], [], 0)
    assert said["events"] == len(podberth("history", "--json").json["events"])
    assert "kept: for ever" in podberth("store", "history").out


def test_an_operator_s_word_is_kept_with_who_said_it_and_why(podberth: Operator) -> None:
    assert podberth("store", "history", "--keep", "5y", "--why", "policy 12").code == 0
    assert podberth("store", "history", "--hold", "case-1", "--why", "a letter").code == 0
    said = podberth("store", "history", "--json").json
    assert (said["keep"], said["holds"]) == (5 * 365 * 86400, ["case-1"])
    assert [(word["what"], word["said"], word["why"]) for word in said["words"]] == [
        ("Kept", str(5 * 365 * 86400), "policy 12"),
        ("Held", "case-1", "a letter"),
    ]
    assert all(word["who"].startswith("uid ") for word in said["words"])
    shown = podberth("store", "history").out
    assert "legal hold case-1" in shown
    assert "kept: 1825 d" in shown
    assert podberth("store", "history", "--lift", "case-1", "--why", "closed").code == 0
    assert podberth("store", "history", "--keep", "forever", "--why", "policy 13").code == 0
    said = podberth("store", "history", "--json").json
    assert (said["keep"], said["holds"]) == ("forever", [])


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("--keep", "5y"), 2, "with --why"),
        (("--why", "b"), 2, "say one of"),
        (("--compact", "--why", "b"), 2, "say one of"),
        (("--hold", "a", "--hold", "c", "--why", "b"), 2, "--hold is there twice"),
        (("--keep", "5y", "--why", "b", "--why=c"), 2, "--why is there twice"),
        (("--keep", "5y", "--hold", "a", "--why", "b"), 2, "say one of"),
        (("--keep", "soon", "--why", "b"), 2, "expected forever, or a length of time"),
        (("--keep", "1h", "--why", "b"), 1, "a day or more"),
        (("--lift", "a", "--why", "b"), 3, "there is no legal hold 'a'"),
        (("--keep", "5y", "--why", "\udcff"), 2, "expected printable characters"),
        (("--keep", "5y", "--why", "a\x1b[2J"), 2, "expected printable characters"),
        (("--keep", "5y", "--why", ""), 2, "expected printable characters"),
        (("--hold", " ", "--why", "b"), 2, "expected printable characters"),
        (("--hold", "\udcff", "--why", "b"), 2, "expected printable characters"),
    ],
)
def test_a_word_that_can_not_be_is_refused_and_changes_nothing(
    podberth: Operator, arguments: tuple[str, ...], code: int, why: str
) -> None:
    ended = podberth("store", "history", *arguments)
    assert ended.code == code
    assert why in ended.err
    assert podberth("store", "history", "--json").json["words"] == []


def test_a_hold_that_is_there_already_is_refused_and_names_who_began_it(podberth: Operator) -> None:
    assert podberth("store", "history", "--hold", "case-1", "--why", "a letter").code == 0
    ended = podberth("store", "history", "--hold", "case-1", "--why", "another letter")
    assert ended.code == 1
    assert "there is a legal hold 'case-1' already, by uid " in ended.err
    assert "a letter" in ended.err
    assert len(podberth("store", "history", "--json").json["words"]) == 1


def test_a_file_that_is_compacted_has_all_it_had(podberth: Operator) -> None:
    podberth.attach("bank/mysql-0", "10.20.0.11")
    before = podberth("history", "--json").json
    assert podberth("store", "history", "--compact").code == 0
    assert podberth("history", "--json").json == before
