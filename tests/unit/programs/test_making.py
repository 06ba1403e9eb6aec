"""How programs come into the cache: folders that appear whole, Debian's mirror, the source of Kubernetes, loaders."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkout import ROOT
from tests.programs import archive, folders, sid, source

TRUE = Path("/usr/bin/true")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "podberth"


def test_a_folder_appears_whole(cache: Path) -> None:
    with folders.new_folder(cache / "whole") as partial:
        (partial / "file").touch()
        assert not (cache / "whole").exists()
    assert [file.name for file in (cache / "whole").iterdir()] == ["file"]
    assert [folder.name for folder in cache.iterdir()] == ["whole"]


def test_a_folder_that_fails_leaves_nothing(cache: Path) -> None:
    with pytest.raises(FileNotFoundError), folders.new_folder(cache / "whole") as partial:
        (partial / "none" / "file").touch()
    assert list(cache.iterdir()) == []


def test_what_a_killed_process_left_of_a_folder_goes_with_the_next(cache: Path) -> None:
    left = f"""
import os, signal
from pathlib import Path
from tests.programs import folders
with folders.new_folder(Path({str(cache / "whole")!r})) as partial:
    (partial / "file").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", left], cwd=ROOT, check=False).returncode == -signal.SIGKILL
    assert len(list(cache.iterdir())) == 1
    with folders.new_folder(cache / "whole"):
        pass
    assert [folder.name for folder in cache.iterdir()] == ["whole"]


def test_a_lock_is_held_by_one_process_and_by_none_that_is_dead(cache: Path) -> None:
    tries = """
import sys
from tests.programs import folders
with folders.lock("build"):
    print("mine", flush=True)
    sys.stdin.read()
"""
    with _started(tries) as first, _started(tries) as second:
        lines = {first: _line(first), second: _line(second)}
        holder = next(process for process, line in lines.items() if line == "mine\n")
        waiting = second if holder is first else first
        assert lines[waiting] == f"waiting for another run that holds {cache / 'build.lock'}\n"
        holder.kill()
        assert _line(waiting) == "mine\n"
        waiting.kill()


def _started(program: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline()


def test_the_mirror_is_debians_and_not_that_of_another_archive_with_the_same_suite() -> None:
    targets = [
        "Docker|bookworm|bookworm|stable|https://docker.example/linux/debian/",
        "Vendor|bookworm|bookworm|main|https://vendor.example/apt/",
        "Debian|oldstable-security|bookworm-security|main|http://debian.example/debian-security/",
        "Debian|oldstable|bookworm|main|http://debian.example/debian/",
    ]
    assert archive.debian(targets) == "http://debian.example/debian/"
    assert archive.debian(targets[:1]) is None


def test_the_mirror_is_known_before_apt_has_fetched_any_list() -> None:
    assert archive.debian(["|bookworm||main|http://debian.example/debian/"]) == "http://debian.example/debian/"


@pytest.mark.parametrize("file", ["kubernetes_1.20.5+really1.20.2.orig.tar.gz", "kubernetes_1.20.2.orig.tar.gz"])
def test_the_version_is_what_the_source_really_is(file: str) -> None:
    assert source.version(file) == ("1", "20", "2")


def test_a_package_is_described_in_the_api_where_its_source_asks_for_it(tmp_path: Path) -> None:
    for path, text in {
        "pkg/apis/asks/doc.go": "// +k8s:openapi-gen=true\n\npackage asks\n",
        "pkg/apis/silent/doc.go": "package silent\n// see +k8s:openapi-gen=true\n",
        "cmd/none/main.go": "package main\n",
        "plugin/none/doc.go": "package none\n",
        "staging/src/k8s.io/api/v1/types.go": "package v1\n\n//+k8s:openapi-gen=true\ntype T struct{}\n",
        "staging/src/k8s.io/sample-apiserver/v1/doc.go": "// +k8s:openapi-gen=true\npackage v1\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert set(source.described(tmp_path)) == {
        "k8s.io/kubernetes/pkg/apis/asks",
        "k8s.io/kubernetes/vendor/k8s.io/api/v1",
    }


def test_a_program_whose_library_the_loader_does_not_find_does_not_run_here(tmp_path: Path) -> None:
    program = tmp_path / "true"
    program.write_bytes(TRUE.read_bytes().replace(b"libc.so.6", b"libx.so.6"))
    program.chmod(0o755)
    assert sid.runs(TRUE)
    assert not sid.runs(program)


def test_only_executable_elf_files_are_programs(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name, content, mode in (("a", b"\x7fELF", 0o755), ("b", b"#!/bin/sh", 0o755), ("c", b"\x7fELF", 0o644)):
        (tmp_path / "bin" / name).write_bytes(content)
        (tmp_path / "bin" / name).chmod(mode)
    (tmp_path / "bin" / "d").symlink_to("a")
    assert list(sid.executables(tmp_path)) == [tmp_path / "bin" / "a"]
