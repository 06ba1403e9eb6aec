"""The `multus-shim` type: `multus` for nodes of thick Multus, whose daemon has a configuration of its own. Pure."""

from __future__ import annotations

from podberth.networks import daemon, settings
from podberth.plugins.podberth_networks import (
    ADDRESSES,
    MAC,
    SETTINGS,
    adopted,
    asks,
    configure,
    plan,
    status,
    status_asks,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.keys import Key

__all__ = [
    "ADDRESSES", "BESIDE", "KEYS", "MAC", "SETTINGS", "TYPES", "adopted", "asks", "configure", "plan", "status",
    "status_asks",
]  # fmt: skip

TYPES: tuple[str, ...] = ("multus-shim",)
BESIDE: Key = daemon.CONFIG
KEYS: tuple[Key, ...] = (*settings.KEYS, BESIDE)
