"""The tests below `inside/` run in a virtual machine, in one boot, and are reported as if they ran here.

On this machine pytest collects them as usual; instead of running the first, it boots the VM, which runs all that were
selected. In the VM (`PODBERTH_VM_REPORTS` is set there) pytest runs them as usual and writes each report to that file
as a line of JSON, which is read here at once: a test is seen to end when it does. A test whose reports are not complete
failed; the first such test says how the VM ended. Tests in `inside/cluster` have a control plane on this machine
(control.py) until the last of them is over.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.sizes import SEED, SOAK
from tests.vm import machine
from tests.vm.control import ControlPlane

_REPORTS = os.environ.get("PODBERTH_VM_REPORTS")
_HERE = Path(__file__).parent
_CLUSTERS = "/inside/cluster/"  # of names of tests that want a control plane outside of the VM
_SILENCE = 900  # seconds after which a VM from which nothing new has come is taken to hang
_SIZES = {name: os.environ[name] for name in (SOAK, SEED) if name in os.environ}
_ENVIRONMENT = {"HOME": "/root", "LANG": "C.UTF-8", **_SIZES}


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
    if _BOOT not in item.session.stash:
        item.session.stash[_BOOT] = _Boot(item.session)
    boot = item.session.stash[_BOOT]
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = boot.reports(item.nodeid)
    if not any(report.when == "teardown" for report in reports):
        reports = [*reports, _lost(item, boot.ending)]
        boot.ending = "see the first such test"
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_sessionfinish(session: pytest.Session) -> None:
    """On this machine: end the VM, however the session ended."""
    if _BOOT in session.stash:
        session.stash[_BOOT].close()


def _is_inside(item: pytest.Item) -> bool:
    return _HERE / "inside" in item.path.parents


class _Boot:
    """The VM with the tests of a session, started when it is first asked; what comes from it is read as it comes.

    It is booted once more, for the tests that are not over, if the emulator broke: QEMU 7.2 does now and then when an
    IOMMU's mappings change.
    """

    def __init__(self, session: pytest.Session) -> None:
        self._config = session.config
        self._items = [item for item in session.items if _is_inside(item)]
        self._reports: dict[str, list[pytest.TestReport]] = {}
        self._open = contextlib.ExitStack()
        self._control = contextlib.ExitStack()
        self._exchange = Path()
        self._read = 0
        self._machine: machine.Machine | None = None
        self._again = True
        self.ending = ""

    def reports(self, nodeid: str) -> list[pytest.TestReport]:
        """Wait until the test is over or the VM has ended; return its reports."""
        while not self._over(nodeid) and not self.ending:
            if self._machine is None:
                self._start()
                continue
            runs = self._machine.runs()
            if not self._look() and not runs:
                self._end(self._machine.outcome())
            elif runs:
                time.sleep(0.1)
        if all(self._over(item.nodeid) for item in self._items if _CLUSTERS in item.nodeid):
            self._control.close()
        return self._reports.get(nodeid, [])

    def close(self) -> None:
        """Stop it."""
        self._control.close()
        self._open.close()

    def _over(self, nodeid: str) -> bool:
        return any(report.when == "teardown" for report in self._reports.get(nodeid, ()))

    def _start(self) -> None:
        remaining = [item.nodeid for item in self._items if not self._over(item.nodeid)]
        for nodeid in remaining:
            self._reports.pop(nodeid, None)
        self._exchange, self._read = Path(self._open.enter_context(TemporaryDirectory(prefix="podberth-vm-"))), 0
        (self._exchange / "tests").write_text("\n".join(remaining))
        try:
            self._machine = self._open.enter_context(
                machine.Machine(
                    [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"@{machine.EXCHANGE}/tests"],
                    exchange=self._exchange,
                    environment={"PODBERTH_VM_REPORTS": f"{machine.EXCHANGE}/reports", **_ENVIRONMENT},
                    silence=_SILENCE,
                )
            )
            if any(_CLUSTERS in each for each in remaining):
                self._control.enter_context(ControlPlane(self._folder(), self._exchange))
        except (RuntimeError, AssertionError) as error:
            self.ending = f"the VM could not be set up: {error}"

    def _folder(self) -> Path:
        """Return a folder for the time of the VM, which it sees under the same path."""
        return Path(self._open.enter_context(TemporaryDirectory(prefix="podberth-control-")))

    def _look(self) -> bool:
        """Read the reports that are new; say whether there were some."""
        written = self._exchange / "reports"
        if not written.exists():
            return False
        with written.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]  # the last line may still be on its way
        self._read += len(whole)
        for line in whole.splitlines():
            report = self._config.hook.pytest_report_from_serializable(config=self._config, data=json.loads(line))
            self._reports.setdefault(report.nodeid, []).append(report)
        return bool(whole)

    def _end(self, outcome: machine.Outcome) -> None:
        self.close()
        self._machine = None
        if outcome.emulator_broke and self._again:
            self._again = False
            sys.stderr.write(f"the emulator broke, once more for the tests that are not over: {outcome.why()}\n")
        else:
            self.ending = outcome.why()


_BOOT = pytest.StashKey[_Boot]()


def _lost(item: pytest.Item, ending: str) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid=item.nodeid,
        location=item.location,
        keywords={},
        outcome="failed",
        longrepr=f"the VM did not report the end of this test: {ending}",
        when="call",
    )
