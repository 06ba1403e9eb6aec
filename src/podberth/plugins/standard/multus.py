"""The `multus` type: the same as `podberth-networks`, for nodes whose configuration says `multus`. Pure."""

from __future__ import annotations

from podberth.plugins.podberth_networks import (
    ADDRESSES,
    KEYS,
    MAC,
    SETTINGS,
    adopted,
    asks,
    configure,
    plan,
    status,
    status_asks,
)

__all__ = [
    "ADDRESSES", "KEYS", "MAC", "SETTINGS", "TYPES", "adopted", "asks", "configure", "plan", "status", "status_asks",
]  # fmt: skip

TYPES: tuple[str, ...] = ("multus",)
