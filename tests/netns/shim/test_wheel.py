"""The wheel, built as a release is."""

from __future__ import annotations

import platform
import subprocess
import sys
import zipfile
from pathlib import Path

from podberth.agent import frame
from tests.checkout import ROOT
from tests.netns.shim.peer import Shim, answering

SHIM = "podberth/_shim/podberth-shim"


def test_the_wheel_is_for_this_machine_and_its_shim_carries_a_call(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=ROOT, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.stem.endswith(f"-py3-none-linux_{platform.machine()}")
    with zipfile.ZipFile(wheel) as packed:
        installed = Path(packed.extract(SHIM, tmp_path))
        installed.chmod(packed.getinfo(SHIM).external_attr >> 16)

    with answering(tmp_path / "s", [frame.answer(3, "carried")]):
        done = Shim(installed, tmp_path).run({})

    assert (done.returncode, done.stdout) == (3, b"carried")
