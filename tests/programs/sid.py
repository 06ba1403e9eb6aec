"""Current packages from Debian's sid, unpacked into the cache once: `sid.json` names the version and hash of each.

Where this machine's C library is too old for a program, sid's own is unpacked too and the program is made to use it.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypedDict, cast

from tests.programs import folders, ready
from tests.programs.archive import Archive, archive
from tests.programs.commands import run, sha256, step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ELF = b"\x7fELF"


class Entry(TypedDict):
    """One package of the cache: its folder there and what it was unpacked from."""

    folder: str
    origin: str
    sha256: str


def entry(package: str) -> Entry | None:
    """Return what the cache has of a package, if it has it."""
    file = _manifest()
    entries = cast("dict[str, Entry]", json.loads(file.read_text())) if file.exists() else {}
    one = entries.get(package)
    return one if one and (_root() / one["folder"]).exists() else None


def folder(package: str) -> Path | None:
    """Return the folder that a package of the cache is unpacked into, if it is there."""
    one = entry(package)
    return _root() / one["folder"] if one else None


def fetch(packages: Sequence[str]) -> None:
    """Fetch the newest of each package that the cache lacks."""
    with folders.lock("sid"):
        missing = [package for package in packages if entry(package) is None]
        if not missing:
            return
        with step(f"fetching {', '.join(missing)} from Debian's sid, once, into {_root()}"), archive("sid") as sid:
            for package in missing:
                _fetch(sid, package)


def _fetch(sid: Archive, package: str) -> None:
    with TemporaryDirectory(dir=folders.cache()) as temporary:
        files = Path(temporary)
        (file,) = sid.packages(files, package)
        root = ready.unpack(file)
        refused = [program for program in executables(root) if not runs(program)]
        if refused:
            (libc,) = sid.packages(files, "libc6")
            with archive("bookworm") as bookworm:
                (patchelf,) = bookworm.packages(files, "patchelf")
            for program in refused:
                use_libc(program, ready.unpack(libc), ready.unpack(patchelf) / "usr/bin/patchelf")
        origin = f"{file.stem.replace('_', ' ')} of Debian's sid"
        _record(package, Entry(folder=root.name, origin=origin, sha256=sha256(file)))


def _record(package: str, one: Entry) -> None:
    file = _manifest()
    entries = json.loads(file.read_text()) if file.exists() else {}
    new = file.with_suffix(".new")
    new.write_text(json.dumps({**entries, package: one}, indent=1))
    new.rename(file)


def executables(root: Path) -> Iterator[Path]:
    """Yield the programs below a folder that a loader starts or the kernel does, links left out."""
    for file in sorted(root.rglob("*")):
        if file.is_file() and not file.is_symlink() and file.stat().st_mode & 0o100:
            with file.open("rb") as source:
                if source.read(len(ELF)) == ELF:
                    yield file


def runs(program: Path) -> bool:
    """Whether this machine's loader finds all that a program needs, or none is needed."""
    said = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False)
    return "not found" not in said.stdout + said.stderr


def use_libc(program: Path, libc: Path, patchelf: Path) -> None:
    """Make a program use the loader and the C library of a folder, by whatever path it is started.

    A wrapper that calls the loader would not do: containerd's shim starts itself anew by /proc/self/exe.
    """
    loader = next(libc.rglob("ld-linux*.so.*"))
    libraries = next(libc.rglob("libc.so.6")).parent
    run([str(patchelf), "--set-interpreter", str(loader), "--set-rpath", str(libraries), str(program)])
    listed = run([str(loader), "--list", str(program)])
    assert "not found" not in listed, (
        f"{program.name} needs more than a newer C library: put an older package into PODBERTH_SHARED/debs\n{listed}"
    )


def _root() -> Path:
    return folders.cache() / "debian"


def _manifest() -> Path:
    return _root() / "sid.json"
