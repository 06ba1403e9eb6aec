"""What a second run says of tests that failed beside the other tiers. It has them alone, once the machine is quiet.

A test that passes there is called unsteady. It says so each time, and so it is mended: the run goes on without it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from tests.tiers.tally import Tally
    from tests.tiers.tier import Tier

SILENCE = 600  # seconds without a result, at most: nothing else runs


def chosen(tallies: Sequence[Tally], most: int) -> dict[str, tuple[str, ...]]:
    """Return which tests of which tier run once more; none if more than `most` failed, or anything else went wrong."""
    bad = [each for each in tallies if not each.good]
    failures = {each.tier: each.failures for each in bad}
    few = 0 < sum(map(len, failures.values())) <= most and sum(each.failed for each in bad) <= most
    return failures if few and all(failures.values()) else {}


def quiet(tier: Tier) -> Tier:
    """Return the tier as its tests run alone: with one worker, if it has workers, so that a test that hangs ends it."""
    return replace(tier, workers=min(tier.workers, 1), silence=min(tier.silence, SILENCE))


def steadied(first: Tally, second: Tally, passed: AbstractSet[str], failed: AbstractSet[str]) -> Tally:
    """Return what a tier came to in both runs: `passed` and `failed` are the tests of the second.

    A test that is in neither, as its run came to a halt, has failed.
    """
    unsteady = tuple(name for name in first.failures if name in passed and name not in failed)
    left = tuple(name for name in first.failures if name not in unsteady)
    both = replace(first, seconds=first.seconds + second.seconds, failures=left, unsteady=unsteady)
    if not left and second.good:
        return replace(both, failed=0, trouble="")
    return replace(both, failed=max(1, first.failed - len(unsteady)))


def notice(tallies: Sequence[Tally], logs: Mapping[str, object]) -> str:
    """Return a line for each unsteady test, with the log where its failure is by the name of its tier; '' for none."""
    return "\n".join(
        f"UNSTEADY: passed alone, failed beside the other tiers: {name} (its failure is in {logs[each.tier]})"
        for each in tallies
        for name in each.unsteady
    )
