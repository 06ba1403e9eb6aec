"""The shim in a host's CNI folder: there under each type's name, by renames, and never in somebody else's place."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from podberth.cli.install.shim import kinds, standard_kinds
from podberth.runtime.own import SIGN
from tests.checkout import ROOT
from tests.unit.cli.node import Operator

if TYPE_CHECKING:
    from pathlib import Path

SHIM = b"\x7fELF" + SIGN + b", version 2"
BARE = ["loopback", "podberth", "podberth-networks", "sriov"]  # in a folder that has nothing
OLD = b"\x7fELF" + SIGN + b", version 1"


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    (tmp_path / "shim").write_bytes(SHIM)
    (tmp_path / "bin").mkdir()
    return Operator(tmp_path / "state")


@pytest.fixture
def folder(operator: Operator, tmp_path: Path) -> Path:
    return tmp_path / "bin"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def install(operator: Operator, *more: str) -> dict[str, list[str]]:
    root = operator.state.parent
    ended = operator("install-shim", str(root / "bin"), "--shim", str(root / "shim"), "--json", *more)
    assert ended.code == 0, ended
    return ended.json


def test_it_is_there_under_the_name_of_each_plugin_type(operator: Operator, folder: Path) -> None:
    assert install(operator) == {"installed": BARE, "removed": [], "left": []}
    for name in BARE:
        assert (folder / name).read_bytes() == SHIM
        assert (folder / name).stat().st_mode & 0o7777 == 0o755
    assert names(folder) == sorted([*kinds(), "loopback"])
    assert not operator.state.exists()


def test_the_second_time_nothing_is_touched(operator: Operator, folder: Path) -> None:
    install(operator)
    before = [(path.name, path.stat().st_ino, path.stat().st_mtime_ns) for path in sorted(folder.iterdir())]
    assert install(operator) == {"installed": [], "removed": [], "left": []}
    assert [(path.name, path.stat().st_ino, path.stat().st_mtime_ns) for path in sorted(folder.iterdir())] == before


def test_an_older_one_gives_way_and_so_does_what_it_had_more(operator: Operator, folder: Path) -> None:
    for name in ("podberth", "gone"):
        (folder / name).write_bytes(OLD)
    (folder / ".podberth" / "bin").mkdir(parents=True)
    (folder / ".podberth" / "bin" / "podberth").write_text("#!/usr/bin/python3 -IS\n")
    (folder / ".podberth.podberth-new").write_bytes(OLD[:10])
    assert install(operator)["removed"] == [".podberth", "gone"]
    assert (folder / "podberth").read_bytes() == SHIM
    assert not (folder / ".podberth").exists()


def test_wrong_modes_are_put_right(operator: Operator, folder: Path) -> None:
    install(operator)
    (folder / "podberth").chmod(0o644)
    assert install(operator)["installed"] == ["podberth"]
    assert os.access(folder / "podberth", os.X_OK)


def test_somebody_elses_program_is_left_alone_until_it_is_named(operator: Operator, folder: Path) -> None:
    (folder / "sriov").write_bytes(b"\x7fELF sriov-cni")
    (folder / "bridge").write_bytes(b"\x7fELF bridge")
    assert install(operator) == {"installed": BARE[:-1], "removed": [], "left": ["sriov"]}
    assert (folder / "sriov").read_bytes() == b"\x7fELF sriov-cni"
    assert install(operator, "--replace", "sriov") == {"installed": ["sriov"], "removed": [], "left": []}
    assert (folder / "sriov").read_bytes() == SHIM
    assert (folder / "bridge").read_bytes() == b"\x7fELF bridge"


def test_a_link_gives_way_to_a_file_and_what_it_leads_to_stays(operator: Operator, folder: Path) -> None:
    elsewhere = folder.parent / "elsewhere"
    elsewhere.write_bytes(OLD)
    (folder / "podberth").symlink_to(elsewhere)
    (folder / "sriov").symlink_to(folder.parent / "nowhere")
    assert install(operator) == {"installed": BARE[:-1], "removed": [], "left": ["sriov"]}
    assert not (folder / "podberth").is_symlink()
    assert elsewhere.read_bytes() == OLD


def test_who_reads_meanwhile_finds_the_old_one_or_the_new_one(operator: Operator, folder: Path) -> None:
    (folder / "podberth").write_bytes(OLD)
    seen, done = set(), threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add((folder / "podberth").read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for content in (SHIM, OLD) * 10:
        (operator.state.parent / "shim").write_bytes(content)
        install(operator)
    done.set()
    reader.join()
    assert seen <= {SHIM, OLD}


def test_what_was_left_by_one_that_was_killed_is_no_hindrance(operator: Operator, folder: Path) -> None:
    (folder / ".sriov.podberth-new").write_bytes(SHIM[:5])
    assert install(operator)["installed"] == BARE
    assert names(folder) == BARE


def test_remove_takes_away_ours_alone(operator: Operator, folder: Path) -> None:
    (folder / "bridge").write_bytes(b"\x7fELF bridge")
    install(operator)
    assert install(operator, "--remove") == {"installed": [], "removed": BARE, "left": []}
    assert names(folder) == ["bridge"]
    assert install(operator, "--remove")["removed"] == []


def test_the_standard_types_are_installed_where_nobody_elses_are(operator: Operator, folder: Path) -> None:
    (folder / "host-local").write_bytes(b"\x7fELF host-local")
    (folder / "bandwidth.conf").write_bytes(b"no type")
    assert {"dummy", "host-local", "loopback", "static"} <= set(standard_kinds())
    every = sorted(kinds() + standard_kinds())
    others = [name for name in every if name != "host-local"]
    assert install(operator, "--standard") == {"installed": others, "removed": [], "left": ["host-local"]}
    assert (folder / "host-local").read_bytes() == b"\x7fELF host-local"
    assert install(operator, "--standard", "--replace", "host-local")["installed"] == ["host-local"]
    assert install(operator, "--standard") == {"installed": [], "removed": [], "left": []}
    assert install(operator, "--remove")["removed"] == every
    assert names(folder) == ["bandwidth.conf"]


def test_whose_place_it_would_take_is_told_first(operator: Operator, folder: Path) -> None:
    for name in ("static", "host-local"):
        (folder / name).write_bytes(b"\x7fELF")
    told = operator("install-shim", str(folder), "--shim", str(folder.parent / "shim"), "--standard").out.splitlines()
    assert told[:2] == [
        f"left    {folder}/{name}: it is another program; --replace {name} takes its place"
        for name in ("host-local", "static")
    ]
    assert all(line.startswith("installed ") for line in told[2:])


def test_a_standard_type_that_is_named_takes_its_place_alone(operator: Operator, folder: Path) -> None:
    (folder / "static").write_bytes(b"\x7fELF static")
    (folder / "host-local").write_bytes(b"\x7fELF host-local")
    assert install(operator, "--replace", "static") == {
        "installed": sorted([*BARE, "static"]),
        "removed": [],
        "left": [],
    }
    assert (folder / "host-local").read_bytes() == b"\x7fELF host-local"


def test_the_standard_types_that_are_there_stay_and_are_renewed(operator: Operator, folder: Path) -> None:
    install(operator)
    (folder / "static").write_bytes(OLD)
    assert install(operator) == {"installed": ["static"], "removed": [], "left": []}
    assert (folder / "static").read_bytes() == SHIM


def test_somebody_elses_loopback_stays_and_is_no_news(operator: Operator, folder: Path) -> None:
    (folder / "loopback").write_bytes(b"\x7fELF loopback")
    assert install(operator) == {"installed": ["podberth", "podberth-networks", "sriov"], "removed": [], "left": []}
    assert install(operator, "--standard")["left"] == ["loopback"]
    assert (folder / "loopback").read_bytes() == b"\x7fELF loopback"


def test_people_are_told_what_was_done(operator: Operator, folder: Path) -> None:
    (folder / "sriov").write_bytes(b"\x7fELF sriov-cni")
    given = ("install-shim", str(folder), "--shim", str(folder.parent / "shim"))
    told = operator(*given).out.splitlines()
    assert told == [
        f"left    {folder}/sriov: it is another program; --replace sriov takes its place",
        f"installed {folder}/loopback",
        f"installed {folder}/podberth",
        f"installed {folder}/podberth-networks",
    ]
    (folder / "sriov").unlink()
    operator(*given)
    assert operator(*given).out == f"nothing to do in {folder}\n"


def test_what_is_missing_or_wrong_is_said(operator: Operator, folder: Path) -> None:
    shim = str(folder.parent / "shim")
    assert "there is no folder" in operator("install-shim", str(folder / "no"), "--shim", shim).err
    assert "there is no shim" in operator("install-shim", str(folder), "--shim", str(folder / "no")).err
    assert "is no shim" in operator("install-shim", str(folder), "--shim", str(ROOT / "LICENSE")).err
    assert "podberth has no plugin 'weave'" in operator("install-shim", str(folder), "--replace", "weave").err
    assert not names(folder)


def test_a_full_disk_leaves_the_old_one(operator: Operator, folder: Path) -> None:
    (folder / "podberth").write_bytes(OLD)
    (folder / ".podberth.podberth-new").mkdir()  # what can't be written
    ended = operator("install-shim", str(folder), "--shim", str(folder.parent / "shim"))
    assert ended.code == 1
    assert ".podberth.podberth-new" in ended.err
    assert (folder / "podberth").read_bytes() == OLD


def test_the_shim_says_what_it_is_known_by() -> None:
    assert SIGN in (ROOT / "shim" / "podberth-shim.c").read_bytes()
