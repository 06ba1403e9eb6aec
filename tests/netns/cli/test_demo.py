"""The demo plays on a node of its own: an agent of the machine is not called, and nothing is left behind."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.checkout import ROOT
from tests.netns.kubelet import BUILT

# The demo finds an agent on every default socket, and nothing in its environment that leads elsewhere.
SCRIPT = """\
import json, os, subprocess, sys
from tests import foreign_agent
from tests.default_paths import ENVIRONMENT
with foreign_agent.watching() as witness:
    env = {name: text for name, text in os.environ.items() if name not in ENVIRONMENT}
    demo = [sys.executable, "-m", "podberth.cli.main", "demo"]
    done = subprocess.run(demo, env={**env, "CNI_PATH": sys.argv[1]}, capture_output=True, text=True)
    print(json.dumps([done.returncode, done.stdout + done.stderr, witness.complaints()]))
"""


def test_the_demo_calls_no_agent_of_the_machine_and_leaves_nothing() -> None:
    command = [sys.executable, "-c", SCRIPT, str(BUILT)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    code, output, complaints = json.loads(done.stdout)
    assert code == 0, output
    assert "claims held" in output
    assert complaints == []
