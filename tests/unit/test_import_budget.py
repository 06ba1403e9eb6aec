"""What a plugin process may import on the way to its first decision: each ADD may start a Python from nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import podberth

SOURCE = Path(podberth.__file__).parents[1]
TOO_DEAR = {
    *("asyncio", "contextlib", "dataclasses", "difflib", "hashlib", "inspect", "logging", "pathlib", "random"),
    *("shutil", "socket", "subprocess", "tempfile", "threading", "typing", "yaml", "rich", "typer", "pyroute2"),
}
ROOM = "podberth.cni"
MODULES = ("args", "call", "errors", "fields", "netconf", "parsers", "reply", "result", "strictjson", "version")


def imported_by(*modules: str) -> set[str]:
    """Return what a Python without site packages has loaded after importing `modules`."""
    code = f"import sys; sys.path.insert(0, {str(SOURCE)!r})\n"
    code += "".join(f"import {module}\n" for module in modules) + "print('\\n'.join(sys.modules))"
    command = [sys.executable, "-I", "-S", "-c", code]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def test_reading_a_call_and_writing_a_result_imports_nothing_dear() -> None:
    loaded = imported_by(*(f"{ROOM}.{module}" for module in MODULES))
    assert f"{ROOM}.call" in loaded
    assert not loaded & TOO_DEAR


@pytest.mark.parametrize(
    "module", ["podberth.net.settings", "podberth.net.ops", "podberth.ipam.lease", "podberth.ipam.pool"]
)
def test_the_values_of_the_rooms_above_import_nothing_dear(module: str) -> None:
    loaded = imported_by(module)
    assert module in loaded
    assert not loaded & TOO_DEAR


def test_the_room_of_the_specification_imports_no_other_room() -> None:
    loaded = imported_by(*(f"{ROOM}.{module}" for module in MODULES))
    ours = {name for name in loaded if name.startswith("podberth.")}
    assert ours == {ROOM, f"{ROOM}.pod", f"{ROOM}.value", *(f"{ROOM}.{module}" for module in MODULES)}
