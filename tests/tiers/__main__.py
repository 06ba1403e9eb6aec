"""Run the tiers of tests, side by side: `python -m tests.tiers [--soak] [--again N] [TIER ...]`.

The output of each tier is in build/test/TIER.log. The last line says `N passed, N failed`. The exit status is 1 if a
test failed or was skipped, or a tier ran none.

With `--again N`, up to N tests that failed run once more, alone. Those that pass then are no failures but unsteady.
They are listed before the last line, which counts them apart, and in build/test/unsteady. PODBERTH_UNSTEADY is what
another run has listed before: it is told there again.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests import foreign_agent, sizes
from tests.checkout import ROOT
from tests.tiers.again import chosen, notice, quiet, steadied
from tests.tiers.running import Run
from tests.tiers.tally import Tally, table
from tests.tiers.tier import LANES, TIERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

REPORTS = ROOT / "build" / "test"
UNSTEADY = "PODBERTH_UNSTEADY"
_EVERY = 60  # seconds between two lines on how far the tiers are
_SHOWN = 200  # lines of a failed tier's log, from the first failure on


def main() -> int:
    """Run the tiers named as arguments, or all of them; return the exit status."""
    asked = _asked()
    for number in (signal.SIGINT, signal.SIGTERM):  # also where SIGINT was ignored, as behind a shell's `&`
        signal.signal(number, signal.default_int_handler)
    if asked.soak:
        os.environ.setdefault(sizes.SOAK, "1")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # thousands of processes would compile the same modules each
    REPORTS.mkdir(parents=True, exist_ok=True)
    ending = "-soak" if os.environ.get(sizes.SOAK) else ""
    names = {tier.name: REPORTS / f"{tier.name}{ending}" for lane in LANES for tier in lane if tier.name in asked.tier}
    alone = len(names) == 1
    lanes = [[Run(tier, names[tier.name], alone=alone) for tier in lane if tier.name in names] for lane in LANES]
    with foreign_agent.watching() as witness:
        tallies = run_again(run(lanes), names, asked.again)
    if complaints := witness.complaints():
        tallies.append(Tally(tier="machine", failed=len(complaints), trouble="; ".join(complaints)))
    unsteady = notice(tallies, {name: path.with_suffix(".log") for name, path in names.items()})
    (REPORTS / f"unsteady{ending}").write_text(unsteady, encoding="utf-8")
    told = [text for text in (os.environ.get(UNSTEADY, ""), unsteady) if text]
    counts, _, total = table(tallies).rpartition("\n")
    print("\n".join(["", counts, *told, *([""] if told else []), total]))
    return 0 if all(tally.good for tally in tallies) else 1


def _asked() -> argparse.Namespace:
    """Return the arguments, with the tiers that are to run; the program ends here if they can't."""
    parser = argparse.ArgumentParser(prog="python -m tests.tiers", description=__doc__)
    parser.add_argument("--soak", action="store_true", help="only the tests with long counts, at their full size")
    parser.add_argument("--again", type=int, default=0, metavar="N", help="how many failed tests may run once more")
    # Not `choices`: with none given, argparse of Python 3.11.2 looks for the empty list among them.
    parser.add_argument("tier", nargs="*", help=f"{', '.join(TIERS)}; default: all")
    asked = parser.parse_args()
    asked.tier = names = asked.tier or [name for name, tier in TIERS.items() if tier.soaks or not asked.soak]
    unknown = [name for name in names if name not in TIERS]
    if unknown:
        parser.error(f"no tier {', '.join(unknown)}; there are {', '.join(TIERS)}")
    short = [name for name in names if asked.soak and not TIERS[name].soaks]
    if short:
        parser.error(f"{', '.join(short)}: no test there has a long count")
    rooted = [name for name in names if TIERS[name].needs_root]
    if rooted and os.geteuid() != 0:
        parser.error(f"{', '.join(rooted)} make network namespaces: run them as root, or `make unit`")
    return asked


def run_again(tallies: list[Tally], names: Mapping[str, Path], most: int) -> list[Tally]:
    """Run failed tests once more, one tier after another, if no more than `most` failed; return what both came to."""
    failures = chosen(tallies, most)
    if not failures:
        return tallies
    print(f"\nonce more, alone: {' '.join(name for each in failures.values() for name in each)}", flush=True)
    second = [
        Run(quiet(TIERS[tier]), names[tier].with_name(f"{names[tier].name}-again"), alone=True, only=only)
        for tier, only in failures.items()
    ]
    results = {each.tier: each for each in run([second])}
    found = {one.tier.name: (results[one.tier.name], one.names("passed"), one.names("failed")) for one in second}
    return [steadied(each, *found[each.tier]) if each.tier in found else each for each in tallies]


def run(lanes: Sequence[Sequence[Run]]) -> list[Tally]:
    """Run the lanes side by side; stop all of them on Ctrl-C. The tallies are in the order of the lanes."""
    ended = threading.Event()
    with ThreadPoolExecutor(len(lanes) + 1) as threads:
        threads.submit(_tell, lanes, ended)
        futures = [threads.submit(_run_lane, lane, ended) for lane in lanes]
        try:
            return [tally for future in futures for tally in future.result()]
        except KeyboardInterrupt:
            ended.set()
            for run in _all(lanes):
                run.stop("interrupted")
            raise
        finally:
            ended.set()


def _run_lane(lane: Sequence[Run], ended: threading.Event) -> list[Tally]:
    tallies = []
    for each in lane:
        if ended.is_set():
            break
        print(f"{each.tier.name}: started, its output is in {each.log}", flush=True)
        tally = each.to_the_end()
        tallies.append(tally)
        outcome = "passed" if tally.good else f"failed, {tally.trouble or 'see below'}"
        print(f"{each.tier.name}: {tally.passed} tests passed in {tally.seconds:.0f} s; {outcome}", flush=True)
        if not tally.good:
            print(_failures(each), flush=True)
    return tallies


def _tell(lanes: Sequence[Sequence[Run]], ended: threading.Event) -> None:
    """Print how far the tiers are, once a minute."""
    began = time.monotonic()
    while not ended.wait(_EVERY):
        minutes = (time.monotonic() - began) / 60
        states = [run.state() for run in _all(lanes) if run.running]
        print(f"{minutes:3.0f} min  {'  '.join(states)}", flush=True)


def _all(lanes: Sequence[Sequence[Run]]) -> Iterable[Run]:
    return (run for lane in lanes for run in lane)


def _failures(run: Run) -> str:
    """Return a failed tier's log from its first failure on."""
    lines = run.log.read_text(encoding="utf-8", errors="replace").splitlines()
    titles = [i for i, line in enumerate(lines) if line.startswith("=") and line.strip("= ") in ("FAILURES", "ERRORS")]
    failures = lines[titles[0] if titles else 0 :]
    if len(failures) > _SHOWN:
        half = _SHOWN // 2
        failures = [*failures[:half], f"... {len(failures) - _SHOWN} lines left out ...", *failures[-half:]]
    return "\n".join(failures)


if __name__ == "__main__":
    sys.exit(main())
