"""The reference of network configurations, docs/networks.md: `python tools/networks_page.py` prints it.

It is made of the tables that the configurations are read by, so that no key is on no page.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podberth.cni.keys import BOOLEAN
from podberth.net.settings_document import KEYS as SETTINGS
from podberth.verbs.network import KEYS as ADDRESSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podberth.cni.keys import Key

SOURCE = Path(__file__).parents[1] / "src" / "podberth"
ROOMS = ("plugins", "plugins/standard", "ipam_plugins")
HEAD = """\
# Network configurations

A plugin's configuration is an object of JSON, in a file of `/etc/cni/net.d`. This page names every key of podberth's
plugins. `cnitool lint FILE` finds a key that is misspelt.

Every configuration has `cniVersion`, `name` and `type`. It may have `ipam`, `dns`, `args` and `capabilities`, as the
CNI specification says. `logLevel` and `logFile` make a log of the calls of one network.

## Addresses

These keys are beside `type` in networks of type `podberth` and `sriov`. Where another plugin makes the interface, they
are inside of `"ipam": {"type": "podberth"}`. Every plugin of podberth's takes `stateDir` beside `type` too.
"""
SETTINGS_HEAD = """
## Settings of an interface

Networks of type `podberth` and `sriov`, Pools and PodNetworks have these. Where another plugin makes the interface,
they count inside of `"ipam": {"type": "podberth"}`, as far as that plugin can set them.
"""


def page() -> str:
    """Return the page."""
    return "\n".join([HEAD, *_table(ADDRESSES), SETTINGS_HEAD, *_table(SETTINGS), *_plugins()]) + "\n"


def _plugins() -> Iterator[str]:
    for room in ROOMS:
        for path in sorted((SOURCE / room).glob("[!_]*.py")):
            module: Any = importlib.import_module(f"podberth.{room.replace('/', '.')}.{path.stem}")
            yield f"\n## Type {module.TYPES[0]}\n"
            yield from _table(module.KEYS) if module.KEYS else ["It has no keys of its own."]


def _table(keys: Iterable[Key]) -> Iterator[str]:
    yield "| key | JSON | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for key in keys:
        yield f"| `{key.name}` | {key.kind} | {_default(key)} | {key.what} |"


def _default(key: Key) -> str:
    if key.required:
        return "required"
    return "" if key.default in (None, "") else f"`{str(key.default).lower() if key.kind == BOOLEAN else key.default}`"


if __name__ == "__main__":
    print(page(), end="")
