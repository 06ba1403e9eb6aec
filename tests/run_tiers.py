"""Run the tiers of tests one after another, each as a pytest of its own: `python -m tests.run_tiers [TIER ...]`.

The last line says `N passed, N failed`. The exit status is 1 if a test failed or was skipped, or a tier ran none.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
REPORTS = ROOT / "build" / "test"

# Seconds after which a tier is stopped: far more than it needs, and in all well within the hour that CI gives.
TIERS = {"unit": 300, "contract": 1500, "netns": 1200, "runtime": 240, "vm": 900, "soak": 1250}
FOLDERS = {"vm": "vm/inside", "soak": "vm/soak"}  # where a tier's tests are, if not in a folder of its name
ONLY_ASKED_FOR = ("soak",)
# Tests that only compute share the cores; those of the kernel would disturb each other's traffic.
PARALLEL = {"unit": ["-n", "2"]}
# Seconds after which one test that hangs says where, and ends its tier; all that runs in one boot of the VM counts as
# one. 400 where nothing else is said.
HANGING = {"vm": 860, "soak": 1220}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What one tier came to; `trouble` is why it counts as failed although its tests may all have passed."""

    tier: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    trouble: str = ""

    @property
    def good(self) -> bool:
        """Whether every test ran and passed, and there was one."""
        return not self.trouble and not self.failed


def main() -> int:
    """Run the tiers named as arguments, or all but the soak; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    # Not `choices`: with none given, argparse of Python 3.11.2 looks for the empty list among them.
    parser.add_argument("tier", nargs="*", help=f"{', '.join(TIERS)}; default: all but soak, in this order")
    tiers = parser.parse_args().tier or [tier for tier in TIERS if tier not in ONLY_ASKED_FOR]
    unknown = [tier for tier in tiers if tier not in TIERS]
    if unknown:
        parser.error(f"no tier {', '.join(unknown)}; there are {', '.join(TIERS)}")
    REPORTS.mkdir(parents=True, exist_ok=True)
    tallies = [run(tier) for tier in tiers]
    print("\n" + table(tallies))
    return 0 if all(tally.good for tally in tallies) else 1


def run(tier: str) -> Tally:
    """Run one tier and read its report."""
    report = REPORTS / f"{tier}.xml"
    report.unlink(missing_ok=True)
    options = ["-q", f"--junitxml={report}", "-o", f"faulthandler_timeout={HANGING.get(tier, 400)}"]
    options += ["-o", "faulthandler_exit_on_timeout=true", "-p", "no:cacheprovider", *PARALLEL.get(tier, [])]
    print(f"\n=== {tier}", flush=True)
    began = time.monotonic()
    try:
        status = subprocess.run(
            [sys.executable, "-m", "pytest", *options, f"tests/{FOLDERS.get(tier, tier)}"],
            cwd=ROOT,
            timeout=TIERS[tier],
            check=False,
        ).returncode
        ended = f"pytest ended with status {status}" if status else ""
    except subprocess.TimeoutExpired:
        ended = f"stopped after {TIERS[tier]} s"
    return tally(tier, report.read_text() if report.exists() else "", time.monotonic() - began, ended)


def tally(tier: str, report: str, seconds: float, ended: str) -> Tally:
    """Count a tier's JUnit report, which is empty if pytest never finished; `ended` says what went wrong, if it did."""
    if not report:
        return Tally(tier=tier, failed=1, seconds=seconds, trouble=ended or "no report")
    cases = list(ET.fromstring(report).iter("testcase"))
    failed = sum(1 for case in cases if case.find("failure") is not None or case.find("error") is not None)
    skipped = sum(1 for case in cases if case.find("skipped") is not None)
    trouble = "ran no test" if not cases else f"{skipped} skipped" if skipped else ended
    return Tally(
        tier=tier,
        passed=len(cases) - failed - skipped,
        failed=failed,
        skipped=skipped,
        seconds=seconds,
        trouble=trouble,
    )


def table(tallies: list[Tally]) -> str:
    """Lay out the counts of each tier, a line each, and the sum of all in the last."""
    lines = [f"{'tier':<10}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}"]
    for each in tallies:
        counts = f"{each.tier:<10}{each.passed:>8}{each.failed:>8}{each.skipped:>9}{each.seconds:>9.1f}"
        lines.append(f"{counts}  {each.trouble}".rstrip())
    # A tier in trouble without a failed test is itself the failure: the sum must never read as success.
    failed = sum(each.failed or bool(each.trouble) for each in tallies)
    return "\n".join([*lines, "", f"{sum(each.passed for each in tallies)} passed, {failed} failed"])


if __name__ == "__main__":
    sys.exit(main())
