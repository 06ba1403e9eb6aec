"""Make the programs ready that tests need: `python -m tests.programs [TIER|PROGRAM ...]`, by default of all tiers.

It prints what each program is, with its hash; the first time on a machine it fetches and builds, with progress.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from tests import programs
from tests.programs import ready, sid, source
from tests.programs.commands import sha256
from tests.tiers import tier

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

KNOWN = (*programs.KUBERNETES, *programs.CURRENT)


def main() -> int:
    """Make ready what the arguments name; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.programs", description=__doc__)
    parser.add_argument("name", nargs="*", help="a tier, or a program")
    names = parser.parse_args().name
    unknown = [name for name in names if name not in KNOWN and name not in tier.TIERS]
    if unknown:
        parser.error(f"no tier or program {', '.join(unknown)}: the programs are {', '.join(KNOWN)}")
    try:
        for line in ensure(wanted(names)):
            print(line, flush=True)
    except (AssertionError, OSError) as error:
        print(f"tests.programs: {error}", file=sys.stderr)
        return 1
    return 0


def wanted(names: Sequence[str]) -> list[str]:
    """Return the programs that tiers and programs of these names stand for, each once; no name stands for all tiers."""
    every = (program for name in names or programs.NEEDS for program in _of(name))
    return list(dict.fromkeys(every))


def _of(name: str) -> tuple[str, ...]:
    return (name,) if name in KNOWN else programs.NEEDS.get(name, ())


def ensure(names: Iterable[str]) -> list[str]:
    """Make these programs ready, and return a line for each: what it is, from where, and its SHA-256."""
    names = list(names)
    kubernetes = [name for name in names if name in programs.KUBERNETES]
    if not ready.has_kubernetes():
        source.build([name for name in kubernetes if programs.assets(name, whole=len(kubernetes) > 1) is None])
    sid.fetch([name for name in names if name in programs.CURRENT and ready.package(name) is None])
    return [_kubernetes(name, whole=len(kubernetes) > 1) if name in kubernetes else _current(name) for name in names]


def _kubernetes(name: str, *, whole: bool) -> str:
    program = programs.kubernetes(name, whole=whole)
    if programs.assets(name, whole=whole):
        return f"{name}: {program}, sha256 {sha256(program)}"
    if ready.has_kubernetes():
        return f"{name}: {ready.packed(name)}, sha256 {sha256(ready.packed(name))}"
    built = json.loads((source.programs() / "sources.json").read_text())[name]
    return f"{name}: {built['origin']}, sha256 {built['sha256']}"


def _current(package: str) -> str:
    file = ready.package(package)
    if file:
        programs.current(package)
        return f"{package}: {file}, sha256 {sha256(file)}"
    one = sid.entry(package)
    assert one, f"{package} is not in the cache"
    return f"{package}: {one['origin']}, sha256 {one['sha256']}"


if __name__ == "__main__":
    sys.exit(main())
