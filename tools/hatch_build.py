"""Put the shim and the hook into the wheel, in podberth/_shim: a node can be given it without a compiler."""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Shim(BuildHookInterface[Any]):
    """Compiles both for this machine, unless the project is installed editable: there `make build` does."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files, and say that the wheel is no longer one for every machine (PEP 425)."""
        if version == "editable":
            return
        sys.path.insert(0, self.root)  # a build front end starts without it
        from tools import build_shim

        folder = Path(self.root, "build", "shim")
        folder.mkdir(parents=True, exist_ok=True)
        for source in (build_shim.SOURCE, build_shim.HOOK):
            made = build_shim.compiled(folder / source.stem, source=source)
            build_data["force_include"][str(made)] = f"podberth/_shim/{source.stem}"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-linux_{platform.machine()}"
