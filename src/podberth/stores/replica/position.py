"""How far a cluster's store is known, as text: `name=number` for each thing that is followed, or one number. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def numbers(position: str) -> dict[str, int]:
    """Return the numbers of a position by name; one that stands alone has the name ''."""
    parts = (part.rpartition("=") for part in filter(None, position.split(",")))
    return {name: int(number) for name, _, number in parts}


def position_of(known: Mapping[str, int]) -> str:
    """Return the position that has these numbers."""
    return ",".join(f"{name}={number}" if name else str(number) for name, number in sorted(known.items()))


def furthest(one: str, other: str) -> str:
    """Return the position that is behind both."""
    known, more = numbers(one), numbers(other)
    return position_of({name: max(known.get(name, 0), more.get(name, 0)) for name in {*known, *more}})
