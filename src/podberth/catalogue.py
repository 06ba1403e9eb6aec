"""Which module serves a plugin type: a new type is one file, found by its name."""

from __future__ import annotations

import sys

from podberth.cni.errors import InvalidConfig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podberth.verbs.ipam import IpamPlugin
    from podberth.verbs.node import Plugin

PLUGINS = ("podberth.plugins", "podberth.plugins.standard")
IPAM_PLUGINS = ("podberth.ipam_plugins",)
ABOUT = """podberth {version}: a CNI plugin ({type}) that gives a pod its fixed address, by the pod's name.
It is called by a container runtime, with CNI_COMMAND and the like in its environment; people use `podberth --help`.
CNI protocol versions supported: {protocols}
"""
_MOST = 256  # types that are remembered

_found: dict[tuple[str, tuple[str, ...]], Any] = {}


def find_plugin(plugin_type: str) -> Plugin:
    """Return the module of the type, which makes interfaces or changes them. InvalidConfig if there is none.

    A new type is one file, found by name; a hyphen is an underscore there.
    """
    found = plugin_of(plugin_type)
    if found is None:
        raise unknown(plugin_type)
    return found


def plugin_of(plugin_type: str) -> Plugin | None:
    """Return the same; None if there is none."""
    found: Plugin | None = _known(plugin_type, PLUGINS)
    return found


def find_ipam(plugin_type: str) -> IpamPlugin | None:
    """Return the module that gives addresses as an IPAM plugin of that type; None if there is none."""
    found: IpamPlugin | None = _known(plugin_type, IPAM_PLUGINS)
    return found


def _known(plugin_type: str, rooms: tuple[str, ...]) -> Any:
    """Return the module, looked for once: it costs a search of the disk to find that there is none."""
    key = plugin_type, rooms
    if key not in _found:
        if len(_found) >= _MOST:
            _found.clear()  # a caller may name any type
        _found[key] = _module(plugin_type, rooms)
    return _found[key]


def _module(plugin_type: str, rooms: tuple[str, ...]) -> Any:
    module = plugin_type.replace("-", "_")
    if not module.isidentifier() or module.startswith("_"):
        return None
    for room in rooms:
        name = f"{room}.{module}"
        try:
            __import__(name)
        except ModuleNotFoundError as missing:
            if missing.name != name:
                raise
            continue
        found = sys.modules[name]
        if plugin_type in getattr(found, "TYPES", ()):
            return found
    return None


def unknown(plugin_type: str) -> InvalidConfig:
    """Return the error of a type that podberth has no plugin for."""
    return InvalidConfig(
        f"type: podberth has no plugin {plugin_type[:60]!r}", "`podberth install-shim` installs those that there are"
    )


def about(plugin_type: str) -> str:
    """Return what a person who starts the plugin by hand is told."""
    from podberth import __version__
    from podberth.cni.version import SUPPORTED

    return ABOUT.format(version=__version__, type=plugin_type, protocols=", ".join(SUPPORTED))
