"""What a tier came to: its JUnit report counted, and the table of all."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What one tier came to; `trouble` is why it counts as failed although its tests may all have passed.

    `failures` names the tests that failed where nothing else went wrong: a second run of them can tell something.
    `unsteady` names those that failed beside the other tiers, and passed alone: neither `passed` nor `failed` has them.
    """

    tier: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    trouble: str = ""
    failures: tuple[str, ...] = ()
    unsteady: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether every test ran and passed, and there was one."""
        return not self.trouble and not self.failed


def tally(tier: str, report: str, seconds: float, trouble: str, failures: tuple[str, ...] = ()) -> Tally:
    """Count a tier's JUnit report, which is empty if pytest never finished; `trouble` is how pytest ended, if badly.

    `failures` are the failed tests by name, if it ended by itself because of them, and of nothing else.
    """
    if not report:
        return Tally(tier=tier, failed=1, seconds=seconds, trouble=trouble or "no report")
    cases = list(ET.fromstring(report).iter("testcase"))
    failed = sum(1 for case in cases if case.find("failure") is not None or case.find("error") is not None)
    skipped = sum(1 for case in cases if case.find("skipped") is not None)
    if not cases:
        trouble = "ran no test"
    elif skipped:
        trouble = f"{skipped} skipped"
    return Tally(
        tier=tier,
        passed=len(cases) - failed - skipped,
        failed=failed,
        skipped=skipped,
        seconds=seconds,
        trouble=trouble,
        failures=failures if failed and not skipped else (),
    )


def table(tallies: list[Tally]) -> str:
    """Lay out the counts of each tier, a line each, and the sum of all in the last.

    A test is in one column. There is one for the unsteady if there are some.
    """
    unsteady = sum(len(each.unsteady) for each in tallies)
    title = f"{'unsteady':>10}" if unsteady else ""
    lines = [f"{'tier':<10}{'passed':>8}{'failed':>8}{'skipped':>9}{title}{'seconds':>9}"]
    for each in tallies:
        shaky = f"{len(each.unsteady):>10}" if unsteady else ""
        counts = f"{each.tier:<10}{each.passed:>8}{each.failed:>8}{each.skipped:>9}{shaky}{each.seconds:>9.1f}"
        lines.append(f"{counts}  {each.trouble}".rstrip())
    # A tier in trouble without a failed test is itself the failure: the sum must never read as success.
    failed = sum(each.failed or bool(each.trouble) for each in tallies)
    counts = f"{sum(each.passed for each in tallies)} passed, {failed} failed"
    return "\n".join([*lines, "", f"{counts}, {unsteady} unsteady" if unsteady else counts])
