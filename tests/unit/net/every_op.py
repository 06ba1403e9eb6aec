"""Every kind of op that there is, of all families."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from podberth.net import ops

if TYPE_CHECKING:
    from collections.abc import Callable

    KINDS: list[Callable[..., ops.Op]]

KINDS = [
    kind
    for module in (import_module(f"{ops.__name__}.{family}") for family in ops.FAMILIES)
    for kind in vars(module).values()
    if isinstance(kind, type) and kind.__module__ == module.__name__
]
