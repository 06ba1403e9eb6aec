"""Put the shim into the wheel, as podberth/_shim/podberth-shim: a node can be given it without a compiler."""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Shim(BuildHookInterface[Any]):
    """Compiles the shim for this machine, unless the project is installed editable: there `make build` does."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the file, and say that the wheel is no longer one for every machine (PEP 425)."""
        if version == "editable":
            return
        sys.path.insert(0, self.root)  # a build front end starts without it
        from tools import build_shim

        folder = Path(self.root, "build", "shim")
        folder.mkdir(parents=True, exist_ok=True)
        made = build_shim.compiled(folder / "podberth-shim")
        build_data["force_include"][str(made)] = "podberth/_shim/podberth-shim"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-linux_{platform.machine()}"
