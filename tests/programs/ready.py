"""Programs from ready files: `kube/NAME.xz` and `debs/NAME_VERSION_ARCH.deb` of the folder PODBERTH_SHARED."""

from __future__ import annotations

import lzma
import shutil
import subprocess
from typing import TYPE_CHECKING

from tests.programs import folders
from tests.programs.commands import run, sha256

if TYPE_CHECKING:
    from pathlib import Path


def has_kubernetes() -> bool:
    """Whether the machine has ready programs of Kubernetes."""
    return packed("kube-apiserver").exists()


def packed(name: str) -> Path:
    """Return the file that a program of Kubernetes is packed in, where there is one."""
    return folders.shared() / "kube" / f"{name}.xz"


def kubernetes(name: str) -> Path:
    """Return a program of Kubernetes, unpacked if need be."""
    file = packed(name)
    assert file.exists(), f"{file.parent} has other programs of Kubernetes, and no {file.name}: add it"
    folder = folders.cache() / "kubernetes" / f"{name}-{sha256(file)[:16]}"
    with folders.lock("unpack"):
        if not folder.exists():
            with folders.new_folder(folder) as partial:
                with lzma.open(file) as packed_program, (partial / name).open("wb") as program:
                    shutil.copyfileobj(packed_program, program)
                (partial / name).chmod(0o755)
    return folder / name


def package(name: str) -> Path | None:
    """Return the newest ready file of a Debian package, if there is one."""
    newest = None
    for file in sorted((folders.shared() / "debs").glob(f"{name}_*.deb")):
        if newest is None or _is_newer(file, newest):
            newest = file
    return newest


def _is_newer(file: Path, than: Path) -> bool:
    versions = [each.name.split("_")[1].replace("%3a", ":") for each in (file, than)]
    return subprocess.run(["dpkg", "--compare-versions", versions[0], "gt", versions[1]], check=False).returncode == 0


def unpack(file: Path) -> Path:
    """Return the folder that a Debian package is unpacked into; nothing is installed."""
    folder = folders.cache() / "debian" / file.stem
    with folders.lock("unpack"):
        if not folder.exists():
            with folders.new_folder(folder) as partial:
                run(["dpkg", "-x", str(file), str(partial)])
    return folder
