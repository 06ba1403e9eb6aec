"""Several pools in order of preference, as documents and network configurations have them. Pure."""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.fields import shown

MOST = 16  # each that is full costs an ADD one more question to the store


def preference(raw: object) -> tuple[str, ...]:
    """Return the names of pools, the best first. ValueError if it is no list of different names."""
    if not isinstance(raw, list) or not 0 < len(raw) <= MOST:
        raise ValueError(f"expected a list of 1..{MOST} pools, got {shown(raw)}")
    found = tuple(map(parsers.name, raw))
    twice = next((name for i, name in enumerate(found) if name in found[:i]), None)
    if twice is not None:
        raise ValueError(f"expected each pool once, got {twice} twice")
    return found
