"""Unpack programs from ready files: `kube/NAME.xz` and `debs/NAME_VERSION_ARCH.deb` of the folder PODBERTH_SHARED."""

from __future__ import annotations

import hashlib
import subprocess
from typing import TYPE_CHECKING

from tests.programs import folders

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def has_kubernetes() -> bool:
    """Whether the machine has ready Kubernetes programs."""
    return _packed("kube-apiserver").exists()


def kubernetes(name: str) -> Path:
    """Return a program of Kubernetes, unpacked if need be."""
    packed = _packed(name)
    assert packed.exists(), f"{packed.parent} has other programs of Kubernetes, and no {packed.name}: add it"
    folder = folders.cache() / "kubernetes" / f"{name}-{sha256(packed)[:16]}"
    with folders.lock("unpack"):
        if not folder.exists():
            with folders.new_folder(folder) as partial:
                unpack_xz(packed, partial / name)
    return folder / name


def unpack_xz(packed: Path, program: Path) -> None:
    """Unpack one program that `xz` has packed, and make it executable."""
    with program.open("wb") as sink:
        _run("xz-utils", ["xz", "-dc", str(packed)], stdout=sink.fileno())
    program.chmod(0o755)


def package(name: str) -> Path | None:
    """Return the newest ready file of a Debian package, if there is one."""
    files = list((folders.shared() / "debs").glob(f"{name}_*.deb"))
    return max(files, key=lambda file: file.stat().st_mtime) if files else None


def unpack_package(file: Path) -> Path:
    """Return the folder that a Debian package is unpacked into; nothing is installed."""
    folder = folders.cache() / "debian" / file.stem
    with folders.lock("unpack"):
        if not folder.exists():
            with folders.new_folder(folder) as partial:
                _run("dpkg", ["dpkg", "-x", str(file), str(partial)])
    return folder


def sha256(file: Path) -> str:
    """Return the file's SHA-256 in hexadecimal digits."""
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _packed(name: str) -> Path:
    return folders.shared() / "kube" / f"{name}.xz"


def _run(debian: str, command: Sequence[str], stdout: int | None = None) -> None:
    try:
        subprocess.run(command, stdout=stdout, check=True)
    except FileNotFoundError:
        raise AssertionError(f"there is no {command[0]} here: install Debian's package {debian}") from None
