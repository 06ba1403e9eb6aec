"""The Containerfile, as far as it can be tried without a container engine: what it copies, runs and starts is there."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import podberth
from podberth.cli.install import shim
from podberth.runtime.own import SIGN
from tests.checkout import ROOT

TOOLS = "/tools/bin/"


def instructions() -> list[tuple[str, str]]:
    """Return (instruction, the rest), lines joined, comments away."""
    lines = [line for line in (ROOT / "Containerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined.splitlines() if line.strip())]


def sources() -> list[str]:
    copied = [shlex.split(rest)[:-1] for name, rest in instructions() if name == "COPY" and "--from=" not in rest]
    return [source for each in copied for source in each]


def commands() -> list[list[str]]:
    run = [rest for name, rest in instructions() if name == "RUN"]
    return [shlex.split(command) for each in run for command in each.split("&&")]


def command(name: str) -> list[str]:
    return next(each for each in commands() if each[0] == TOOLS + name)


def pins(lock: str) -> dict[str, set[str]]:
    """Return the hashes of each NAME==VERSION."""
    blocks = re.split(r"\n(?=\S)", (ROOT / lock).read_text())
    return {
        block.split()[0]: set(re.findall(r"--hash=(\S+)", block)) for block in blocks if "==" in block.split("\n")[0]
    }


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an engine would have after the COPY instructions."""
    made = tmp_path_factory.mktemp("src")
    for source in sources():
        of = ROOT / source
        if of.is_dir():
            shutil.copytree(of, made / source, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(of, made / source)
    return made


@pytest.fixture(scope="module")
def wheel(context: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image's own command builds of it."""
    folder = tmp_path_factory.mktemp("wheel")
    given = [str(folder) if word == "/wheel" else word for word in command("hatchling")]
    given[0] = str(Path(sys.executable).with_name("hatchling"))
    subprocess.run(given, cwd=context, check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


def test_each_source_of_a_copy_is_there_and_not_ignored() -> None:
    let = {line[1:].rstrip("/") for line in (ROOT / ".containerignore").read_text().splitlines() if line[:1] == "!"}
    assert {source.rstrip("/") for source in sources()} == let
    for source in sources():
        assert (ROOT / source).exists(), source


def test_its_tools_are_among_what_is_pinned() -> None:
    names = {pin.partition("==")[0] for pin in pins("requirements.lock")}
    used = {each[0].removeprefix(TOOLS) for each in commands() if each[0].startswith(TOOLS)}
    assert used - {"pip"} == {"uv", "hatchling"}
    assert used - {"pip"} <= names


def test_the_image_runs_on_the_pins_that_are_tested() -> None:
    tested, image = pins("requirements.lock"), pins("requirements.image.lock")
    assert {pin: tested.get(pin) for pin in image} == image
    assert all(image.values())
    names = {pin.partition("==")[0] for pin in image}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [re.split(r"[^a-z-]", dependency)[0] for dependency in project["dependencies"]]
    assert set(wanted) <= names
    assert not names & {"pytest", "mypy", "ruff", "hatchling", "uv"}


def test_the_wheel_has_the_shim_which_can_be_executed(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = f"podberth/{shim.PACKED.relative_to(shim.PACKAGE)}"
        program = Path(archive.extract(packed, tmp_path))
        assert SIGN in program.read_bytes()
        entry = archive.read(f"podberth-{podberth.__version__}.dist-info/entry_points.txt").decode()
    program.chmod(0o755)
    said = subprocess.run([program], env={}, capture_output=True, check=True).stderr
    assert said.startswith(SIGN)
    assert "podberth = podberth.cli.main:main" in entry


def test_the_wheel_installs_its_shim_by_itself(wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
    code += "from podberth.cli.main import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "install-shim", str(tmp_path / "bin"), "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["installed"] == sorted([*shim.kinds(), shim.ALWAYS])


def test_the_final_stage_has_no_compiler_and_starts_the_command_line() -> None:
    last = [index for index, (name, _) in enumerate(instructions()) if name == "FROM"][-1]
    final = instructions()[last:]
    assert not any(word in rest for _, rest in final for word in ("gcc", "musl", "-dev"))
    (entry,) = [json.loads(rest) for name, rest in final if name == "ENTRYPOINT"]
    (venv,) = [shlex.split(rest)[-1] for name, rest in final if name == "COPY"]
    assert entry == [f"{venv}/bin/podberth"]
    assert ["python3", "-m", "venv", "--without-pip", venv] in commands()


def test_deploy_names_this_version() -> None:
    text = "".join(path.read_text() for path in (ROOT / "deploy").rglob("*.yaml"))
    assert set(re.findall(r"image: podberth:(\S+)|newTag: (\S+)", text)) <= {
        (podberth.__version__, ""),
        ("", podberth.__version__),
    }
