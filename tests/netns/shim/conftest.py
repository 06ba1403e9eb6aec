"""The shim as it is built, and once more with the sanitizers that find what C forgives."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.netns.kubelet import BUILT
from tests.netns.shim.peer import Shim
from tools.build_shim import SOURCE, WARNINGS

if TYPE_CHECKING:
    from pathlib import Path

SANITIZED = ("-std=c11", "-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@pytest.fixture(scope="session")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shim with AddressSanitizer and UndefinedBehaviorSanitizer: any finding ends it with a signal or a report."""
    binary = tmp_path_factory.mktemp("sanitized") / "podberth"
    subprocess.run(["gcc", *SANITIZED, *WARNINGS, str(SOURCE), "-o", str(binary)], check=True)
    return binary


@pytest.fixture(scope="session")
def impatient(sanitized: Path) -> Path:
    """One that waits a second for its answer."""
    binary = sanitized.with_name("impatient")
    subprocess.run(
        ["gcc", *SANITIZED, *WARNINGS, "-DANSWER_SECONDS=1", str(SOURCE), "-o", str(binary)],
        check=True,
    )
    return binary


@pytest.fixture(params=["as built", "sanitized"])
def shim(request: pytest.FixtureRequest, tmp_path: Path, sanitized: Path) -> Shim:
    """The shim alone in a folder of its own, as a plugin of type podberth."""
    folder = tmp_path / "cni"
    folder.mkdir()
    source = BUILT / "podberth" if request.param == "as built" else sanitized
    (folder / "podberth").write_bytes(source.read_bytes())
    (folder / "podberth").chmod(0o755)
    return Shim(folder / "podberth", tmp_path)
