"""A plugin that writes down each call before it makes it, and the calls as the corpus of callers has them.

The calls of the runtimes that run here are in `tests/golden/callers`, in this form (tests/runtime/callers.py).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

# What is written down is what came: the plugin reads its stdin from the file.
PLUGIN = """\
#!/bin/sh
at={calls}/$(date +%s%N)-$$
cat >$at.stdin
env | grep '^CNI_' >$at.env
exec {plugin} <$at.stdin
"""


def install(folder: Path, plugin: Path, calls: Path) -> None:
    """Put the recording plugin into a folder of plugins; what it writes down goes to `calls`."""
    calls.mkdir()
    (folder / plugin.name).unlink(missing_ok=True)
    (folder / plugin.name).write_text(PLUGIN.format(calls=calls, plugin=plugin))
    (folder / plugin.name).chmod(0o755)


def recorded(calls: Path, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the calls in order, with `names` (a text and what stands for it in the corpus) replaced."""
    found = []
    for file in sorted(calls.glob("*.env")):
        env = dict(line.partition("=")[::2] for line in replaced(file.read_text(), names).splitlines())
        stdin = json.loads(replaced(file.with_suffix(".stdin").read_text(), names))
        found.append({"env": dict(sorted(env.items())), "stdin": stdin})
    return found


def replaced(text: str, names: Mapping[str, str]) -> str:
    """Return a text with the longest names replaced first."""
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, names[name])
    return text


def shape(calls: Iterable[Mapping[str, Any]]) -> list[tuple[object, ...]]:
    """Return what is the same in every run: of each different call its variables, its keys and CNI_ARGS in any order.

    Addresses of links and of their results differ, and how often a runtime repeats a call may.
    """
    shapes: list[tuple[object, ...]] = []
    for call in calls:
        env = {**call["env"], "CNI_ARGS": sorted(call["env"].get("CNI_ARGS", "").split(";"))}
        stdin = {key: value for key, value in call["stdin"].items() if key != "prevResult"}
        one = (env, "prevResult" in call["stdin"], stdin)
        if one not in shapes:
            shapes.append(one)
    return shapes
