"""A plugin of pytest that writes a line for each test's result, as it comes, to the file that PODBERTH_PROGRESS names.

The first word of a line: `total` (then the number of tests), `done` (then a test's outcome and name), `broken` (then a
file that could not be collected), or `note` (then what goes on in a test that takes minutes). The runner reads from it
that a tier has not come to a halt, and which tests have failed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

FILE = "PODBERTH_PROGRESS"


def write(line: str) -> None:
    """Append a line, if a runner watches."""
    path = os.environ.get(FILE)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def pytest_configure(config: pytest.Config) -> None:
    """Watch in the process that hears of all tests: a worker's reports come there too."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Results())


class _Results:
    """Writes down how many tests there are, and the end of each."""

    def __init__(self) -> None:
        self._total = 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._collected(len(session.items))

    def pytest_xdist_node_collection_finished(self, node: object, ids: list[str]) -> None:  # noqa: ARG002 - by name
        self._collected(len(ids))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.failed:
            write(f"done {report.outcome} {report.nodeid}")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            write(f"broken {report.nodeid}")

    def _collected(self, count: int) -> None:
        if count > self._total:  # each worker collects all of them
            self._total = count
            write(f"total {count}")
