"""Which file a test's program is: the order of the sources, and one source for all programs of a cluster."""

from __future__ import annotations

import json
import lzma
from typing import TYPE_CHECKING

import pytest

from tests import programs
from tests.programs import __main__ as ensure
from tests.programs import folders, ready, sid, source

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty cache, without ready files and without an envtest folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv(folders.SHARED, str(tmp_path / "shared"))
    monkeypatch.delenv(programs.ASSETS, raising=False)
    return tmp_path


def _envtest(machine: Path, monkeypatch: pytest.MonkeyPatch, *names: str) -> Path:
    folder = machine / "envtest"
    folder.mkdir()
    for name in names:
        (folder / name).touch()
    monkeypatch.setenv(programs.ASSETS, str(folder))
    return folder


def _pack(machine: Path, *names: str) -> None:
    (machine / "shared/kube").mkdir(parents=True)
    for name in names:
        (machine / f"shared/kube/{name}.xz").write_bytes(lzma.compress(f"ready {name}".encode()))


def _build(*names: str) -> Path:
    source.programs().mkdir(parents=True)
    for name in names:
        (source.programs() / name).touch()
    built = {name: {"origin": "Debian's source package", "sha256": "0" * 64} for name in names}
    (source.programs() / "sources.json").write_text(json.dumps(built))
    return source.programs()


def test_an_envtest_folder_goes_before_all(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _envtest(machine, monkeypatch, "kube-apiserver", "etcd")
    _pack(machine, "kube-apiserver")
    assert programs.kubernetes("kube-apiserver") == folder / "kube-apiserver"
    assert programs.etcd() == folder / "etcd"


def test_an_envtest_folder_has_no_part_in_a_whole_cluster(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _envtest(machine, monkeypatch, "kube-apiserver", "etcd")
    built = _build(*programs.KUBERNETES)
    assert [programs.kubernetes(name, whole=True).parent for name in programs.KUBERNETES] == [built] * 4
    assert programs.kubernetes("kubelet") == built / "kubelet"


def test_a_folder_with_all_four_programs_serves_a_whole_cluster(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _envtest(machine, monkeypatch, *programs.KUBERNETES)
    assert [programs.kubernetes(name, whole=True).parent for name in programs.KUBERNETES] == [folder] * 4


def test_an_envtest_folder_without_an_api_server_is_refused(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _envtest(machine, monkeypatch, "etcd")
    with pytest.raises(AssertionError, match=f"KUBEBUILDER_ASSETS={folder} has no kube-apiserver"):
        programs.kubernetes("kube-apiserver")


def test_ready_files_go_before_what_was_built(machine: Path) -> None:
    _pack(machine, "kube-apiserver")
    _build("kube-apiserver")
    program = programs.kubernetes("kube-apiserver")
    assert program.read_text() == "ready kube-apiserver"
    assert program.stat().st_mode & 0o777 == 0o755
    assert program.is_relative_to(folders.cache())


def test_another_ready_file_is_another_program(machine: Path) -> None:
    _pack(machine, "kubelet", "kube-apiserver")
    before = programs.kubernetes("kubelet")
    (machine / "shared/kube/kubelet.xz").write_bytes(lzma.compress(b"of another day"))
    assert programs.kubernetes("kubelet").read_text() == "of another day"
    assert before.read_text() == "ready kubelet"


def test_programs_of_two_sources_are_never_mixed(machine: Path) -> None:
    _pack(machine, "kube-apiserver")
    _build("kubelet")
    with pytest.raises(AssertionError, match=r"no kubelet\.xz: add it"):
        programs.kubernetes("kubelet")


def test_what_is_nowhere_says_which_command_makes_it() -> None:
    with pytest.raises(AssertionError, match=r"python -m tests\.programs kubelet"):
        programs.kubernetes("kubelet")
    with pytest.raises(AssertionError, match=r"python -m tests\.programs containerd"):
        programs.current("containerd")


def test_a_program_of_another_name_is_refused() -> None:
    with pytest.raises(AssertionError, match="no program 'kube-proxy': there are kube-apiserver, kubelet"):
        programs.kubernetes("kube-proxy")
    with pytest.raises(AssertionError, match="no package 'runc': there are containerd"):
        programs.current("runc")


def test_the_newest_ready_package_is_taken_by_debians_order(machine: Path) -> None:
    debs = machine / "shared/debs"
    debs.mkdir(parents=True)
    for version in ("2.1.9+ds1-5", "2.1.10+ds1-1", "2.1.10~rc1-1"):
        (debs / f"containerd_{version}_amd64.deb").touch()
    assert ready.package("containerd") == debs / "containerd_2.1.10+ds1-1_amd64.deb"
    assert ready.package("kubectl") is None


def test_a_package_of_sid_that_is_in_the_cache_is_neither_fetched_nor_unpacked_again() -> None:
    folder = folders.cache() / "debian" / "kubectl_1.36.4_amd64"
    folder.mkdir(parents=True)
    entry = {"folder": folder.name, "origin": "kubectl 1.36.4 amd64 of Debian's sid", "sha256": "1" * 64}
    (folder.parent / "sid.json").write_text(json.dumps({"kubectl": entry}))
    assert ensure.ensure(["kubectl"]) == [f"kubectl: kubectl 1.36.4 amd64 of Debian's sid, sha256 {'1' * 64}"]
    assert programs.current("kubectl") == folder


def test_a_package_whose_folder_was_deleted_is_not_in_the_cache() -> None:
    (folders.cache() / "debian").mkdir(parents=True)
    entry = {"folder": "gone", "origin": "", "sha256": ""}
    (folders.cache() / "debian" / "sid.json").write_text(json.dumps({"kubectl": entry}))
    assert sid.folder("kubectl") is None


def test_what_was_built_is_not_built_again() -> None:
    _build("kube-apiserver")
    assert ensure.ensure(["kube-apiserver"]) == [f"kube-apiserver: Debian's source package, sha256 {'0' * 64}"]


def test_a_tier_stands_for_its_programs() -> None:
    assert ensure.wanted(["unit"]) == []
    assert ensure.wanted(["contract", "kube-apiserver", "kubectl"]) == ["kube-apiserver", "kubectl"]
    assert "kube-apiserver" in ensure.wanted([])


def test_a_test_gets_no_program_that_its_tier_does_not_name(monkeypatch: pytest.MonkeyPatch) -> None:
    _build(*programs.KUBERNETES)
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "tests/contract/kube/test_crds.py::test_one (setup)")
    assert programs.kubernetes("kube-apiserver").exists()
    with pytest.raises(AssertionError, match=r"NEEDS\['contract'\] in tests/programs lacks kubelet"):
        programs.kubernetes("kubelet")
    with pytest.raises(AssertionError, match="lacks containerd"):
        programs.current("containerd")
