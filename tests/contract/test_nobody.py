"""`make unit` and `make lint` for a user without rights and without a home: they pass, or name what is missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.checkout import ROOT
from tests.waiting import ended

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65534
HOME = Path("/nonexistent")
NOT_FOR_SET_UP = ("tests", "docs", "bench", ".mypy_cache", ".ruff_cache")
# Of the environment: how this machine reaches its package index. All else is left behind.
REACHING = ("PIP_", "UV_INDEX", "UV_DEFAULT_INDEX", "SSL_CERT", "HTTP", "http", "NO_PROXY", "no_proxy", "ALL_PROXY")
NO_APT = "#!/bin/sh\necho \"apt-get $*\" >>'{calls}'\n"
NO_VENV = '#!/bin/sh\ncase "$*" in *ensurepip*) exit 1 ;; esac\nexec /usr/bin/python3 "$@"\n'


class Clone:
    """A copy of the checkout, in a folder that belongs to `nobody`, and a PATH of its own."""

    def __init__(self, folder: Path, left_out: tuple[str, ...] = ()) -> None:
        folder.chmod(0o755)
        self.folder = folder / "podberth"
        self.programs = folder / "bin"
        self.installed = folder / "apt-get.calls"
        made = (".git", ".venv", "build", "__pycache__", ".hypothesis")
        shutil.copytree(ROOT, self.folder, ignore=shutil.ignore_patterns(*made, *left_out))
        self.programs.mkdir()
        for path in (*Path("/usr/sbin").iterdir(), *Path("/usr/bin").iterdir()):
            link = self.programs / path.name
            link.unlink(missing_ok=True)
            link.symlink_to(path)
        self.program("apt-get", NO_APT.format(calls=self.installed))
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(folder)], check=True)

    def leave(self, unit: str) -> None:
        """Take away all unit tests but those of one folder."""
        for each in (self.folder / "tests/unit").iterdir():
            if each.is_dir() and each.name != unit:
                shutil.rmtree(each)
            elif each.name.startswith("test_"):
                each.unlink()

    def hide(self, *names: str) -> None:
        """Take programs out of the PATH."""
        for name in names:
            (self.programs / name).unlink(missing_ok=True)

    def program(self, name: str, script: str) -> Path:
        """Put a script into the PATH."""
        path = self.programs / name
        path.unlink(missing_ok=True)
        path.write_text(script)
        path.chmod(0o755)
        return path

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run make there as `nobody`."""
        ids = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups") if os.getuid() == 0 else ()
        environment = {name: text for name, text in os.environ.items() if name.startswith(REACHING)}
        environment |= {"HOME": str(HOME), "PATH": str(self.programs)}
        return ended([*ids, "make", *arguments], cwd=self.folder, env=environment)


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not below the test's own folder, which only its user may enter.
    with tempfile.TemporaryDirectory(prefix="podberth-nobody-") as made:
        yield Path(made)


def test_nobody_runs_lint_and_unit_tests_and_sees_each_step_of_the_set_up(folder: Path) -> None:
    clone = Clone(folder)
    lint = clone.make("lint")
    assert lint.returncode == 0, lint.stdout[-3000:] + lint.stderr[-3000:]
    first = ["making .venv", "installing uv", "installing the", "installing podberth"]
    assert steps(lint.stdout) == [f"set-up: {step}" for step in first]
    clone.leave("net")
    unit = clone.make("unit")
    assert unit.returncode == 0, unit.stdout[-3000:] + unit.stderr[-3000:]
    assert steps(unit.stdout)[:2] == ["build: compiling the", "build: putting the"]
    assert re.fullmatch(r"[1-9]\d\d+ passed, 0 failed", unit.stdout.splitlines()[-1])
    assert not HOME.exists()
    assert not clone.installed.exists()


def steps(output: str) -> list[str]:
    """Return the first words of each line that says what is done."""
    return [" ".join(line.split()[:3]) for line in output.splitlines() if line.startswith(("set-up: ", "build: "))]


def test_a_missing_compiler_is_named_and_nothing_is_installed(folder: Path) -> None:
    clone = Clone(folder, left_out=NOT_FOR_SET_UP)
    clone.hide("gcc", "musl-gcc")
    must_name(clone, "gcc libc6-dev", "unit")


def test_an_interpreter_without_venv_is_named_and_nothing_is_installed(folder: Path) -> None:
    clone = Clone(folder, left_out=NOT_FOR_SET_UP)
    python = clone.program("python-without-venv", NO_VENV)
    must_name(clone, "python3-venv", "unit", f"PYTHON={python}")


def must_name(clone: Clone, package: str, *arguments: str) -> None:
    done = clone.make(*arguments)
    assert done.returncode != 0
    assert f"packages that are not installed (Debian's names): {package}\n" in done.stderr
    assert f"apt-get install {package}" in done.stderr
    assert not (clone.folder / ".venv").exists()
    assert not clone.installed.exists()
