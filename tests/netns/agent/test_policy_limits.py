"""What the agent does where the kernel will watch no more: the limits of a user namespace of the test's own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.checkout import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """\
import json, sys
from io import StringIO
from pathlib import Path
from podberth.agent.policies import PolicyDirectories
from podberth.entry import open_node
from podberth.process.journal import Journal

limit, state, folder = sys.argv[1:]
before = Path("/proc/sys/user", limit).read_text()
Path("/proc/sys/user", limit).write_text("0" if "instances" in limit else "2")
told = StringIO()
directories = PolicyDirectories(Journal(to=told))
node = open_node(state)
looks = []
def follow():
    assert directories.follow(node, state, folder) == ""
    looks.append(directories.looks)
    return [network.pod for network in node.policies.pod_networks()]
pods = [follow(), follow()]
file = Path(folder, "a.yaml")
file.write_text(file.read_text().replace("mysql", "other"))
pods.append(follow())
limited = directories.standings()[0].unwatched
Path("/proc/sys/user", limit).write_text(before)
follow(), follow()
said = [json.loads(line) for line in told.getvalue().splitlines()]
lines = [[each["level"], each["event"], each.get("message", "")] for each in said]
print(json.dumps([pods, looks, limited, directories.standings()[0].unwatched, lines]))
"""
DOCUMENTS = """\
{apiVersion: podberth.io/v1alpha1, kind: Pool, metadata: {name: db}, spec: {subnets: [{subnet: 10.60.0.0/16}]}}
---
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: mysql}
spec: {pod: mysql, attachments: [{pool: db, addresses: [10.60.0.7]}]}
"""


@pytest.mark.parametrize(
    ("limit", "complaint", "watched_later"),
    [("max_inotify_watches", "No space left", True), ("max_inotify_instances", "Too many open files", False)],
)
def test_where_a_limit_is_reached_each_add_compares_the_files_and_it_is_told_once(
    tmp_path: Path, limit: str, complaint: str, *, watched_later: bool
) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "a.yaml").write_text(DOCUMENTS)
    command = ["unshare", "--user", "--map-root-user", sys.executable, "-c", SCRIPT]
    done = subprocess.run(
        [*command, limit, str(tmp_path / "state"), str(folder)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    pods, looks, limited, at_last, told = json.loads(done.stdout)
    assert pods == [["mysql"], ["mysql"], ["other"]]
    assert complaint in limited
    assert [message for _, event, message in told if event == "policies not watched"] == [
        f"{limited}; each ADD compares its files"
    ]
    assert looks == ([1, 2, 3, 4, 4] if watched_later else [1, 2, 3, 4, 5])
    assert (at_last == "") is watched_later
