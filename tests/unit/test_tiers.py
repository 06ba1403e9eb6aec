"""The runner's counts: nothing that did not run and pass reads as success."""

from __future__ import annotations

import re

import pytest

from tests.checkout import ROOT
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
