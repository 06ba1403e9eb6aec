"""The tests below `inside/` and `soak/` run in a virtual machine, in one boot, and are reported as if they ran here.

On this machine pytest collects them as usual; instead of running the first, it boots the VM, which runs all that were
selected. In the VM (`PODBERTH_VM_REPORTS` is set there) pytest runs them as usual and writes each report to that file
as a line of JSON. A test whose reports are not complete failed; the first such test says how the VM ended.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.vm import machine

_REPORTS = os.environ.get("PODBERTH_VM_REPORTS")
_HERE = Path(__file__).parent
_INSIDE = (_HERE / "inside", _HERE / "soak")
_SECONDS = {"inside": 420, "soak": 600}  # of the folder that is run, from boot to the end

Reports = dict[str, list[pytest.TestReport]]
_reports = pytest.StashKey[Reports]()
_ending = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """In the VM: write down each report."""
    if _REPORTS:
        config.pluginmanager.register(_Writer(config, Path(_REPORTS)))


class _Writer:
    """Writes each report with pytest's own encoding, at once, so that a crash loses none before it."""

    def __init__(self, config: pytest.Config, path: Path) -> None:
        self._config = config
        self._path = path

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        with self._path.open("a") as file:
            file.write(json.dumps(data) + "\n")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """On this machine: report what became of `item` in the VM, in place of running it."""
    if _REPORTS or not _is_inside(item):
        return None
    stash = item.session.stash
    if _reports not in stash:
        stash[_reports], stash[_ending] = _run_inside(item.session)
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = stash[_reports].get(item.nodeid, [])
    if not any(report.when == "teardown" for report in reports):
        reports = [*reports, _lost(item, stash[_ending])]
        stash[_ending] = "see the first such test"
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _is_inside(item: pytest.Item) -> bool:
    return not set(_INSIDE).isdisjoint(item.path.parents)


def _run_inside(session: pytest.Session) -> tuple[Reports, str]:
    """Boot the VM and run every selected test of `inside/` there; return the reports by test, and how it ended.

    Once more, all of it, if the emulator broke: QEMU 7.2 does now and then when an IOMMU's mappings change.
    """
    reports, outcome = _boot_and_run(session)
    if isinstance(outcome, machine.Outcome) and outcome.emulator_broke:
        sys.stderr.write(f"the emulator broke, once more from the start: {outcome.why()}\n")
        reports, outcome = _boot_and_run(session)
    return reports, outcome.why() if isinstance(outcome, machine.Outcome) else outcome


def _boot_and_run(session: pytest.Session) -> tuple[Reports, machine.Outcome | str]:
    items = [item for item in session.items if _is_inside(item)]
    selected = [item.nodeid for item in items]
    seconds = sum(most for name, most in _SECONDS.items() if any(_HERE / name in item.path.parents for item in items))
    with TemporaryDirectory(prefix="podberth-vm-") as folder:
        exchange = Path(folder)
        (exchange / "tests").write_text("\n".join(selected))
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"@{machine.EXCHANGE}/tests"]
        environment = {"PODBERTH_VM_REPORTS": f"{machine.EXCHANGE}/reports", "HOME": "/root", "LANG": "C.UTF-8"}
        try:
            outcome = machine.run(command, exchange=exchange, environment=environment, seconds=seconds)
        except RuntimeError as error:
            return {}, f"the VM could not be set up: {error}"
        written = exchange / "reports"
        return _read(session.config, written.read_text() if written.exists() else ""), outcome


def _read(config: pytest.Config, lines: str) -> Reports:
    found: Reports = {}
    for line in lines.splitlines():
        report = config.hook.pytest_report_from_serializable(config=config, data=json.loads(line))
        found.setdefault(report.nodeid, []).append(report)
    return found


def _lost(item: pytest.Item, ending: str) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid=item.nodeid,
        location=item.location,
        keywords={},
        outcome="failed",
        longrepr=f"the VM did not report the end of this test: {ending}",
        when="call",
    )
