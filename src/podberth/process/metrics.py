"""What Prometheus is told of a process's loops and of its log."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from podberth.process import log, roll

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric


class Loops:
    """The loops as they are when Prometheus asks: of those that do the same, the one that is furthest behind."""

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        failures = CounterMetricFamily("podberth_loop_failures", "Turns of loops that failed.", labels=("loop",))
        for family, count in sorted(roll.failures().items()):
            failures.add_metric((family,), count)
        yield failures
        now = monotonic()
        ages: dict[str, float] = {}
        stuck: dict[str, int] = {}
        for loop in roll.running():
            ages[loop.family] = max(ages.get(loop.family, 0.0), now - loop.last)
            stuck[loop.family] = stuck.get(loop.family, 0) + (now > loop.due or not loop.alive)
        last = GaugeMetricFamily(
            "podberth_loop_last_turn_seconds", "Seconds since a loop's last turn was over.", labels=("loop",)
        )
        hanging = GaugeMetricFamily("podberth_loop_stuck", "Loops that are stuck or gone.", labels=("loop",))
        for family, age in sorted(ages.items()):
            last.add_metric((family,), age)
            hanging.add_metric((family,), stuck[family])
        yield last
        yield hanging


class Lost:
    """The lines that no log has taken, by where they were to go."""

    def collect(self) -> Iterator[Metric]:
        """Yield the family."""
        lines = CounterMetricFamily(
            "podberth_log_lines_lost", "Lines that could not be written without waiting.", labels=("to",)
        )
        for to, count in sorted(log.lost().items()):
            lines.add_metric((to,), count)
        yield lines
