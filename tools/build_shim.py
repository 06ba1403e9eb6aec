"""Compile the shim and the hook: `python tools/build_shim.py build/shim` makes each for this machine, and for arm64.

With musl it is 34 KB, position-independent, and starts in a third of the time that one with glibc takes
(docs/decisions/013-a-shim-in-c.md); without, glibc does.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "shim" / "podberth-shim.c"
HOOK = SOURCE.with_name("podberth-link-hook.c")  # of resource claims (src/podberth/dra/cdi.py)
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wvla", "-Werror")
HARDENED = ("-fstack-protector-strong", "-D_FORTIFY_SOURCE=2", "-fPIE", "-Wl,-z,relro,-z,now,-z,noexecstack")
SMALL = ("-std=c11", "-Os", "-ffunction-sections", "-Wl,--gc-sections", "-s")
CROSS = "aarch64-linux-gnu-gcc"


def compiled(target: Path, compiler: str = "gcc", source: Path = SOURCE) -> Path:
    """Make the shim, or the hook, at `target`; SystemExit with the compiler's words if it can't be made."""
    if compiler == "gcc" and shutil.which("musl-gcc"):
        run(["musl-gcc", *SMALL, *WARNINGS, *HARDENED, *_musl(source), "-o", str(target)])
    else:
        run([compiler, *SMALL, *WARNINGS, *HARDENED, "-static-pie", str(source), "-o", str(target)])
    target.chmod(0o755)
    return target


def _musl(source: Path) -> list[str]:
    """Return how to link with musl, whose driver knows of no static program that is position-independent."""
    folder = Path(f"/usr/lib/{platform.machine()}-linux-musl")
    start, end = [str(folder / "rcrt1.o"), str(folder / "crti.o")], str(folder / "crtn.o")
    return ["-static", "-Wl,-pie,--no-dynamic-linker", "-nostartfiles", *start, str(source), end]


def run(command: list[str]) -> None:
    """Run a compiler; SystemExit with what it says if it fails."""
    if shutil.which(command[0]) is None:
        raise SystemExit(f"build: the shim needs {command[0]}: apt-get install gcc libc6-dev")
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - compilers
    if done.returncode:
        raise SystemExit(f"build: {' '.join(command)}\n{done.stderr}")


def main() -> None:
    """Build into the folder given as the only argument."""
    parser = argparse.ArgumentParser(description="Compile the shim.")
    parser.add_argument("target", type=Path)
    folder: Path = parser.parse_args().target
    folder.mkdir(parents=True, exist_ok=True)
    for source in (SOURCE, HOOK):
        compiled(folder / source.stem, source=source)
        if shutil.which(CROSS):
            try:
                compiled(folder / f"{source.stem}-arm64", CROSS, source)
            except SystemExit as unable:  # the compiler can be there without a C library for arm64
                sys.stderr.write(f"no {source.stem} for arm64: {unable}\n")


if __name__ == "__main__":
    main()
