"""Running checks one after another, each on a bench that is clear."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from podberth.conformance.check import Broken, DoesNotApply

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podberth.conformance.bench import Bench
    from podberth.conformance.check import Check


class Outcome(StrEnum):
    """What became of a check; ERROR is trouble of the suite's own, which says nothing of the plugin."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "n/a"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One check's outcome, why, and how many seconds it took."""

    check: Check
    outcome: Outcome
    why: str
    seconds: float


def run(bench: Bench, checks: Iterable[Check]) -> Iterator[Verdict]:
    """Yield a verdict for each check, as they come. What a plugin makes once, such as a bridge, is made before."""
    warmed = False
    for check in checks:
        if not warmed:
            _warm(bench)
            warmed = True
        yield judge(bench, check)


def judge(bench: Bench, check: Check) -> Verdict:
    """Return what becomes of one check; the bench is clear after it."""
    began = time.monotonic()
    outcome, why = Outcome.PASSED, ""
    try:
        check.body(bench)
    except Broken as broken:
        outcome, why = Outcome.FAILED, str(broken)
    except DoesNotApply as reason:
        outcome, why = Outcome.NOT_APPLICABLE, str(reason)
    except OSError as trouble:
        outcome, why = Outcome.ERROR, str(trouble)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as odd:
        # A result of a shape that nobody thought of is no better for it.
        outcome, why = Outcome.FAILED, f"what it said can't be read: {type(odd).__name__}: {odd}"
    finally:
        bench.clear()
    return Verdict(check=check, outcome=outcome, why=why, seconds=time.monotonic() - began)


def _warm(bench: Bench) -> None:
    pod = bench.container()
    bench.call("ADD", pod)
    bench.clear()
