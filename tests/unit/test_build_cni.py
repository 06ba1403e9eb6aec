"""The CNI executables as `make build` leaves them, made from a package that only tells how it was started."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tools import build_cni, bundle

if TYPE_CHECKING:
    from pathlib import Path

ENTRY = """\
import sys

LOADED = sorted(sys.modules)

def main(kind):
    import json, os

    told = {"kind": kind, "stdin": sys.stdin.read(), "variable": os.environ["V"], "path": sys.path[0]}
    told |= {"loaded": LOADED, "isolated": sys.flags.isolated, "file": __file__}
    sys.stdout.write(json.dumps(told))
    return 7
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    package = tmp_path / "src" / "podberth"
    for room in ("plugins", "cli"):
        (package / room).mkdir(parents=True)
        (package / room / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "entry.py").write_text(ENTRY)
    for module in ("bridge", "tap", "_shared"):
        (package / "plugins" / f"{module}.py").touch()
    return package


def call(executable: Path) -> dict[str, Any]:
    done = subprocess.run([executable], input="config", env={"V": "kept"}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (7, "")
    return dict(json.loads(done.stdout))


def test_each_public_plugin_module_becomes_an_executable_of_its_type(source: Path, tmp_path: Path) -> None:
    made = build_cni.build(tmp_path / "cni", source)

    assert [path.name for path in made] == ["bridge", "tap"]
    assert [call(path)["kind"] for path in made] == ["bridge", "tap"]


def test_the_executables_are_one_file_and_the_plugins_lie_beside_it(source: Path, tmp_path: Path) -> None:
    bridge, tap = build_cni.build(tmp_path / "cni", source)

    assert bridge.samefile(tap)
    assert [path.name for path in sorted((tmp_path / "cni/.podberth/bin").iterdir())] == ["bridge", "tap"]


def test_an_executable_starts_bare_from_compiled_code_and_keeps_its_streams_and_environment(
    source: Path, tmp_path: Path
) -> None:
    told = call(build_cni.build(tmp_path / "cni", source)[0])

    assert (told["isolated"], told["stdin"], told["variable"]) == (1, "config", "kept")
    assert told["file"].startswith(str(tmp_path / "cni"))
    assert not {"site", "re", "typing", "pathlib"} & set(told["loaded"])


def test_an_executable_needs_no_file_of_its_own_for_a_module(source: Path, tmp_path: Path) -> None:
    built = build_cni.build(tmp_path / "cni", source)[0]
    package = tmp_path / "cni" / ".podberth" / "podberth"
    for path in package.rglob("entry.*"):
        path.unlink()

    assert call(built)["kind"] == "bridge"


def test_an_executable_whose_python_is_of_another_version_loads_a_file_for_each_module(
    source: Path, tmp_path: Path
) -> None:
    built = build_cni.build(tmp_path / "cni", source)[0]
    (tmp_path / "cni" / ".podberth" / bundle.NAME).unlink()

    assert call(built)["kind"] == "bridge"


def test_an_executable_works_through_a_symbolic_link_and_after_its_folder_moved(source: Path, tmp_path: Path) -> None:
    build_cni.build(tmp_path / "cni", source)
    (tmp_path / "cni").rename(tmp_path / "moved")
    (tmp_path / "link").symlink_to(tmp_path / "moved" / "tap")

    assert call(tmp_path / "link")["path"] == str(tmp_path / "moved" / ".podberth")


def test_an_executable_does_not_see_what_changes_in_the_checkout(source: Path, tmp_path: Path) -> None:
    built = build_cni.build(tmp_path / "cni", source)[0]
    (source / "entry.py").write_text("raise SystemExit(1)")

    assert call(built)["kind"] == "bridge"


def test_the_command_line_is_not_copied(source: Path, tmp_path: Path) -> None:
    build_cni.build(tmp_path / "cni", source)

    assert sorted(path.name for path in (tmp_path / "cni/.podberth/podberth").iterdir() if path.is_dir()) == [
        "__pycache__",
        "plugins",
    ]


def test_building_again_drops_a_plugin_that_is_gone(source: Path, tmp_path: Path) -> None:
    build_cni.build(tmp_path / "cni", source)
    (source / "plugins" / "tap.py").unlink()

    build_cni.build(tmp_path / "cni", source)

    assert sorted(path.name for path in (tmp_path / "cni").iterdir()) == [".podberth", "bridge"]


def test_a_module_that_does_not_compile_leaves_the_last_build_as_it_was(source: Path, tmp_path: Path) -> None:
    built = build_cni.build(tmp_path / "cni", source)[0]
    (source / "entry.py").write_text("def main(:")

    with pytest.raises(SystemExit, match="does not compile"):
        build_cni.build(tmp_path / "cni", source)

    assert call(built)["kind"] == "bridge"
