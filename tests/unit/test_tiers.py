"""The runner's counts: nothing that did not run and pass reads as success. A second run excuses few, and by name."""

from __future__ import annotations

import re

import pytest

from tests.checkout import ROOT
from tests.tiers.again import chosen, notice, quiet, steadied
from tests.tiers.tally import Tally, table, tally
from tests.tiers.tier import TIERS, Tier

PASSED = "<testcase/>"
FAILED = "<testcase><failure/></testcase>"
ERROR = "<testcase><error/></testcase>"
SKIPPED = "<testcase><skipped/></testcase>"


def counted(*cases: str, trouble: str = "") -> Tally:
    return tally("unit", f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>", 1.5, trouble)


def test_a_tier_is_good_when_all_its_tests_passed() -> None:
    assert counted(PASSED, PASSED) == Tally(tier="unit", passed=2, seconds=1.5)
    assert counted(PASSED, PASSED).good


@pytest.mark.parametrize(
    ("result", "passed", "failed", "trouble"),
    [
        (counted(PASSED, FAILED, ERROR, trouble="pytest ended with status 1"), 1, 2, "pytest ended with status 1"),
        (counted(PASSED, SKIPPED), 1, 0, "1 skipped"),
        (counted(), 0, 0, "ran no test"),
        (counted(PASSED, trouble="stopped after 300 s"), 1, 0, "stopped after 300 s"),
        (tally("unit", "", 300, "stopped after 300 s"), 0, 1, "stopped after 300 s"),
        (tally("unit", "", 1, ""), 0, 1, "no report"),
    ],
)
def test_a_tier_is_not_good_when_anything_else_happened(result: Tally, passed: int, failed: int, trouble: str) -> None:
    assert (result.passed, result.failed, result.trouble) == (passed, failed, trouble)
    assert not result.good


def test_the_last_line_sums_the_tiers_and_counts_a_tier_in_trouble_as_a_failure() -> None:
    lines = table([counted(PASSED, PASSED), counted(FAILED, PASSED), counted()]).splitlines()

    assert lines[-1] == "3 passed, 2 failed"
    assert lines[3].endswith("ran no test")


@pytest.mark.parametrize("tier", TIERS.values(), ids=TIERS)
def test_a_tier_is_soaked_if_a_module_of_it_asks_for_a_size(tier: Tier) -> None:
    asks = re.compile(r"^from tests.sizes import .*\bsize\b", re.MULTILINE)
    modules = (ROOT / tier.folder).rglob("test_*.py")
    asking = [path.name for path in modules if asks.search(path.read_text())]
    assert bool(asking) == tier.soaks, asking


ENDED = "pytest ended with status 1"
FIRST = Tally(tier="netns", passed=8, failed=2, seconds=10, trouble=ENDED, failures=("a", "b"))
GOOD = Tally(tier="unit", passed=3)


@pytest.mark.parametrize(
    ("tallies", "most"),
    [
        ([FIRST, GOOD], 1),  # more failed than may
        ([FIRST, Tally(tier="vm", failed=1, trouble="stopped: no test had a result for 660 s")], 5),
        ([FIRST, Tally(tier="vm", passed=5, skipped=1, trouble="1 skipped")], 5),
        ([FIRST, Tally(tier="vm", failed=1, trouble="no report")], 5),
        ([Tally(tier="vm", failed=9, trouble=ENDED, failures=("a",))], 5),
        ([GOOD], 5),
        ([FIRST], 0),
    ],
)
def test_nothing_runs_once_more_where_many_failed_or_more_than_tests(tallies: list[Tally], most: int) -> None:
    assert chosen(tallies, most) == {}


def test_few_failed_tests_run_once_more_those_of_all_tiers() -> None:
    other = Tally(tier="vm", failed=1, trouble=ENDED, failures=("c",))
    assert chosen([GOOD, FIRST, other], 3) == {"netns": ("a", "b"), "vm": ("c",)}


def test_a_tier_is_good_if_all_that_failed_pass_alone_and_it_counts_them_apart() -> None:
    both = steadied(FIRST, Tally(tier="netns", passed=2, seconds=5), {"a", "b"}, set())
    assert both == Tally(tier="netns", passed=8, seconds=15, unsteady=("a", "b"))
    assert both.good
    assert table([both, GOOD]).splitlines()[-1] == "11 passed, 0 failed, 2 unsteady"


@pytest.mark.parametrize(
    ("second", "passed", "failed", "left"),
    [
        (Tally(tier="netns", passed=1, failed=1, trouble=ENDED, failures=("b",)), {"a"}, {"b"}, 1),
        (Tally(tier="netns", failed=1, trouble="stopped: no test had a result for 660 s"), {"a"}, set(), 1),
        (Tally(tier="netns", failed=2, trouble=ENDED), set(), {"a", "b"}, 2),
        (Tally(tier="netns", failed=1, passed=1, trouble=ENDED), {"a", "b"}, {"b"}, 1),  # its fixture failed at the end
        (Tally(tier="netns", passed=2, skipped=1, trouble="1 skipped"), {"a", "b"}, set(), 1),
        (Tally(tier="netns", failed=1, trouble="no report"), set(), set(), 2),
    ],
)
def test_a_tier_has_failed_if_one_of_them_does_not_pass_alone(
    second: Tally, passed: set[str], failed: set[str], left: int
) -> None:
    both = steadied(FIRST, second, passed, failed)
    assert (both.failed, both.passed, both.good) == (left, 8, False)
    assert table([both]).splitlines()[-1].startswith(f"8 passed, {left} failed")


def test_each_unsteady_test_is_told_with_the_log_of_its_failure() -> None:
    both = steadied(FIRST, Tally(tier="netns", passed=2), {"a", "b"}, set())
    first, second = notice([GOOD, both], {"netns": "netns.log", "unit": "unit.log"}).splitlines()
    assert first == "UNSTEADY: passed alone, failed beside the other tiers: a (its failure is in netns.log)"
    assert ": b (" in second
    assert notice([GOOD, FIRST], {}) == ""


@pytest.mark.parametrize("tier", TIERS.values(), ids=TIERS)
def test_a_second_run_has_one_worker_at_most_and_its_own_patience(tier: Tier) -> None:
    alone = quiet(tier)
    assert alone.workers == (1 if tier.workers else 0)
    assert alone.silence <= 600
    assert alone.folder == tier.folder


def test_only_tests_that_failed_by_themselves_are_named_for_a_second_run() -> None:
    named = tally("unit", f"<testsuites><testsuite>{PASSED}{FAILED}</testsuite></testsuites>", 1, ENDED, ("a",))
    assert named.failures == ("a",)
    beside = tally("unit", f"<testsuites><testsuite>{SKIPPED}{FAILED}</testsuite></testsuites>", 1, ENDED, ("a",))
    assert beside.failures == ()
