"""`podberth clock`, ranges, and what `who` says of times that the ledger can't know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.cli.when import NS, length

if TYPE_CHECKING:
    from tests.unit.cli.node import Operator

YEARS = 74 * 365 * 86400


def test_of_a_time_before_the_ledger_begins_nothing_is_claimed(podberth: Operator) -> None:
    podberth.attach("bank/mysql-0", "10.20.0.11")
    ended = podberth("who", "10.20.0.11", "--at", "2020-01-01")
    assert ended.code == 7
    assert "unknown: the ledger begins at 2" in ended.out
    assert "nobody" not in ended.out
    said = podberth("who", "10.20.0.11", "--at", "2020-01-01", "--json").json
    assert (said["state"], said["event"]) == ("UNKNOWN", None)
    assert said["begins"] is not None


def test_of_a_time_to_come_nothing_is_claimed(podberth: Operator) -> None:
    podberth.attach("bank/mysql-0", "10.20.0.11")
    ended = podberth("who", "10.20.0.11", "--at", "2199-01-01")
    assert (ended.code, "not yet" in ended.out) == (7, True)
    assert podberth("who", "10.20.0.11", "--at", "2199-01-01", "--json").json["state"] == "NOT_YET"


@pytest.mark.parametrize("subject", ["10.20.0.8/29", "10.20.0.9-10.20.0.12"])
def test_a_range_has_an_answer_for_each_of_its_addresses(podberth: Operator, subject: str) -> None:
    podberth.attach("bank/mysql-0", "10.20.0.11")
    podberth.attach("bank/other", "10.20.0.120", container="beef" * 4)
    said = podberth("who", subject, "--json").json
    assert [(one["address"], one["pod"]) for one in said["addresses"]][:1] == [("10.20.0.11", "bank/mysql-0")]
    assert podberth("who", subject).code == 0
    assert podberth("who", subject, "--at", "2020-01-01").code == 7
    assert podberth("who", subject, "--at", "2199-01-01").code == 7
    events = podberth("history", subject, "--json").json["events"]
    assert {event["address"] for event in events} <= {"10.20.0.11", "10.20.0.12", "10.20.0.13"}
    assert "Bound" in [event["kind"] for event in events]


@pytest.mark.parametrize(
    ("subject", "why"),
    [
        ("10.20.0.9/24", "has host bits set"),
        ("10.20.0.9-10.20.0.8", "the first address comes after the last"),
        ("10.20.0.9-fd00::1", "of another family"),
    ],
)
@pytest.mark.parametrize("command", ["who", "history"])
def test_what_is_meant_as_a_range_and_is_none_is_refused(
    podberth: Operator, command: str, subject: str, why: str
) -> None:
    ended = podberth(command, subject)
    assert ended.code == 2
    assert why in ended.err


def test_a_range_that_nobody_knows_is_not_found(podberth: Operator) -> None:
    assert podberth("who", "10.99.0.0/24").code == 3
    assert podberth("history", "10.99.0.0/24").code == 3
    assert "no event of 10.99.0.0-10.99.0.255" in podberth("history", "10.99.0.0/24").err


def test_a_wrong_clock_is_found_corrected_and_stays_in_the_history(podberth: Operator) -> None:
    podberth.attach("bank/mysql-0", "10.20.0.11")
    before = podberth("history", "--json").json["events"][-1]["seq"]
    podberth.now += YEARS * NS
    podberth.attach("bank/late", "10.20.0.120", container="beef" * 4)
    podberth.now -= YEARS * NS
    (suspicion,) = podberth("clock", "--json").json["suspicions"]
    assert (suspicion["node"], suspicion["first"], suspicion["events"]) == ("n1", before + 1, 1)
    assert 0 <= YEARS * NS - suspicion["ahead"] < 60 * NS
    assert "27009 d ahead" in podberth("clock").out  # it is seconds since that event
    assert podberth("who", "10.20.0.120").code == 0
    run = f"{suspicion['first']}-{suspicion['last']}"
    ended = podberth("clock", "repair", run, "--ahead", "74y", "--node", "n1", "--why", "BIOS battery", "--json")
    assert ended.code == 0, ended
    assert ended.json["addresses"] == ["10.20.0.120"]
    assert podberth("clock", "--json").json["suspicions"] == []
    event = podberth("history", "10.20.0.120", "--json").json["events"][-1]
    assert (event["kind"], event["corrects"]["ahead"]) == ("Corrected", YEARS * NS)
    assert event["why"].endswith("27010 d ahead: BIOS battery")
    assert podberth("clock", "repair", run, "--ahead", "74y", "--node", "n1", "--why", "BIOS battery").code == 0
    assert podberth("who", "10.20.0.120", "--json").json["since"] is not None


def test_events_between_wrong_ones_that_are_right_are_not_named(podberth: Operator) -> None:
    for number, years in enumerate((0, YEARS, 0, YEARS, 0), 120):
        podberth.now += years * NS
        podberth.attach(f"bank/pod-{number}", f"10.20.0.{number}", container=f"{number}" * 5)
        podberth.now -= years * NS
    numbers = {event["address"]: event["seq"] for event in podberth("history", "--json").json["events"]}
    found = podberth("clock", "--json").json["suspicions"]
    wrong = [numbers["10.20.0.121"], numbers["10.20.0.123"]]
    assert [(one["first"], one["last"], one["events"]) for one in found] == [(seq, seq, 1) for seq in wrong]


def test_clocks_that_were_wrong_by_much_more_or_less_are_told_apart(podberth: Operator) -> None:
    for number, ahead in enumerate((3600, 3600, YEARS, YEARS), 120):
        podberth.now += ahead * NS
        podberth.attach(f"bank/pod-{number}", f"10.20.0.{number}", container=f"{number}" * 5)
        podberth.now -= ahead * NS
    found = podberth("clock", "--json").json["suspicions"]
    assert [one["events"] for one in found] == [2, 2]
    assert all(0 <= ahead * NS - one["ahead"] < 60 * NS for one, ahead in zip(found, (3600, YEARS), strict=True))


def test_a_correction_of_nothing_is_refused(podberth: Operator) -> None:
    podberth.attach("bank/mysql-0", "10.20.0.11")
    assert podberth("clock", "repair", "900-901", "--ahead", "1d", "--why", "x").code == 3
    assert podberth("clock", "repair", "1-2", "--why", "x").code == 2
    assert podberth("clock", "repair", "1-2", "--ahead", "1d", "--behind", "1d", "--why", "x").code == 2
    assert podberth("clock", "repair", "2-1", "--ahead", "1d", "--why", "x").code == 2
    assert podberth("clock", "repair", "a-b", "--ahead", "1d", "--why", "x").code == 2
    assert podberth("clock", "repair", "1-2", "--ahead", "soon", "--why", "x").code == 2
    assert podberth("clock", "repair", "1-2", "--ahead", "1d", "--why", "\udcff").code == 2


def test_a_repair_that_can_not_be_right_is_refused_and_shown_before(podberth: Operator) -> None:
    podberth.attach("bank/mysql-0", "10.20.0.11")
    seq = podberth("history", "--json").json["events"][-1]["seq"]
    before = podberth("history", "--json").json
    ended = podberth("clock", "repair", f"1-{seq}", "--ahead", "140y", "--why", "BIOS battery")
    assert (ended.code, "--ahead: event 1, which says 2" in ended.err, "before 1970" in ended.err) == (1, True, True)
    assert "--dry-run" in ended.err
    assert podberth("clock", "repair", f"1-{seq}", "--ahead", "140y", "--why", "x", "--dry-run").code == 1
    ended = podberth("clock", "repair", f"{seq}-{seq}", "--ahead", "1h", "--why", "x", "--dry-run", "--json")
    assert ended.code == 0, ended
    (row,) = ended.json["events"]
    assert (ended.json["dry_run"], row["seq"], row["address"]) == (True, seq, "10.20.0.11")
    assert row["corrected"] < row["time"]
    shown = podberth("clock", "repair", f"{seq}-{seq}", "--ahead", "1h", "--why", "x", "--dry-run")
    assert "nothing was changed" in shown.out
    assert podberth("history", "--json").json == before
    assert podberth("who", "10.20.0.11", "--at", "2020-01-01").code == 7


def test_lengths_of_time() -> None:
    assert length("74y") == YEARS * NS
    assert length("1d 2h") == 26 * 3600 * NS
