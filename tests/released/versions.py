"""The releases whose stores are here, and what is in the folder of each."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.released import dump

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Release:
    """What one release wrote with one kind of store."""

    folder: Path

    def read(self, name: str) -> Any:
        """Return what a file of JSON has."""
        return json.loads((self.folder / name).read_text())

    def restore(self, state: Path, *files: str) -> None:
        """Make the databases anew in a state directory."""
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in files:
            dump.database_of((self.folder / f"{file}.sql").read_text(), state / file)

    def copy(self, name: str, to: Path) -> None:
        """Copy a folder of files that are not databases."""
        shutil.copytree(self.folder / name, to)


def of(store: str) -> list[Release]:
    """Return the releases of one kind of store, the oldest first."""
    return [Release(path / store) for path in sorted(HERE.glob("[0-9]*")) if (path / store).is_dir()]


def named(release: Release) -> str:
    """Return the version: the name of a test's parameter."""
    return release.folder.parent.name
