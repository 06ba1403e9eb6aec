"""Samples of one measurement, and how they are printed."""

from __future__ import annotations

import statistics
from time import perf_counter
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def timed(action: Callable[[], object]) -> float:
    """Run `action` once; return how long it took, in milliseconds."""
    start = perf_counter()
    action()
    return (perf_counter() - start) * 1000


def p99(samples: Sequence[float]) -> float:
    """Return the 99th percentile: of fewer than 100 samples, the largest."""
    return sorted(samples)[min(len(samples) - 1, int(len(samples) * 0.99))]


def show(title: str, rows: Mapping[str, Sequence[float]], *, against: str, unit: str = "ms") -> None:
    """Print a table: each row's median, 99th percentile and the ratio of its median to that of the row `against`."""
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("")
    for heading in (f"median {unit}", f"p99 {unit}", f"ratio to {against}", "runs"):
        table.add_column(heading, justify="right")
    base = statistics.median(rows[against])
    for name, samples in rows.items():
        median = statistics.median(samples)
        table.add_row(name, f"{median:.2f}", f"{p99(samples):.2f}", f"{median / base:.2f}", str(len(samples)))
    Console().print(table)


def compare(title: str, rows: Mapping[str, Sequence[tuple[float, float]]]) -> None:
    """Print a table of pairs in milliseconds, before and now: medians, and the quartiles of the pairs' ratios."""
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("")
    for heading in ("before ms", "now ms", "ratio", "quartiles", "rounds"):
        table.add_column(heading, justify="right")
    for name, pairs in rows.items():
        before, now = (statistics.median(side) for side in zip(*pairs, strict=True))
        low, median, high = statistics.quantiles((after / earlier for earlier, after in pairs), n=4)
        table.add_row(name, f"{before:.3f}", f"{now:.3f}", f"{median:.3f}", f"{low:.3f} .. {high:.3f}", str(len(pairs)))
    Console().print(table)
