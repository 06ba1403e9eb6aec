"""Judge checks on a plugin with the fault that each has to find; print what came of it.

`python -m tests.netns.conformance.prove FOLDER PLUGINS CHECK ...`, on a node whose store in FOLDER/state has the pool.
With 2 as PLUGINS each check is judged first on the same plugin without the fault. It is a process of its own: the node
is a network namespace.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from podberth.conformance.bench import Bench
from podberth.conformance.checks import all_checks
from podberth.conformance.runner import judge
from tests.netns.conformance.faults import fault_of, kind_of
from tests.netns.conformance.plugins import GO, Subject, example, go, ours

if TYPE_CHECKING:
    from podberth.conformance.check import Check

_TEMPLATE = Path(__file__).with_name("faulty.template").read_text()


def main() -> int:
    """Print one JSON object: for each check what became of it on each plugin, the faulty one being the last."""
    folder, plugins, names = Path(sys.argv[1]), int(sys.argv[2]), frozenset(sys.argv[3:])
    subjects = {
        "interface": ours(folder, bridge="bank0"),
        "ipam": go(folder, "host-local", "ipam"),
        "loopback": go(folder, "loopback", "loopback"),
        "chained": example(folder),
    }
    found = {}
    for check in (check for check in all_checks if check.name in names):
        subject = subjects[kind_of(check.name)]
        benches = [_bench(subject, subject.plugin), _bench(subject, _faulty(folder, subject, check), settle=0.3)]
        outcomes = [judge(bench, check) for bench in benches[-plugins:]]
        found[check.name] = [(str(each.outcome), each.why) for each in outcomes]
        _sweep()
    json.dump(found, sys.stdout)
    return 0


def _bench(subject: Subject, plugin: Path, settle: float = 5.0) -> Bench:
    return Bench(plugin=plugin, conf=subject.conf, kind=subject.kind, search=(str(GO),), settle=settle)


def _faulty(folder: Path, subject: Subject, check: Check) -> Path:
    marks = folder / "marks"
    shutil.rmtree(marks, ignore_errors=True)
    marks.mkdir()
    source = _TEMPLATE.replace("INNER_PLUGIN", str(subject.plugin)).replace("FOLDER_FOR_MARKS", str(marks))
    file = folder / "faulty"
    file.write_text(source.replace("# FAULT\n", fault_of(check.name)))
    file.chmod(0o755)
    return file


def _sweep() -> None:
    """Take away what a faulty plugin has left on the node."""
    links = json.loads(subprocess.run(["ip", "-j", "link"], check=True, capture_output=True).stdout)
    for link in links:
        if link["ifname"].startswith("lit"):
            subprocess.run(["ip", "link", "delete", link["ifname"]], capture_output=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
