"""Rows of `events` as one compressed text, and back. Pure; nothing of an ADD imports this.

The rows are written by columns: numbers as differences, words as a list of those that occur and which one each row has.
A year of one pod that restarts each minute is some 40 MiB by this.
"""

from __future__ import annotations

import json
import zlib
from itertools import accumulate
from typing import TYPE_CHECKING

from podberth.cni.errors import StoreFailed
from podberth.ipam import number
from podberth.stores.sqlite.rows import EVENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    Row = tuple[Any, ...]

COLUMNS = tuple(name.strip() for name in EVENT.split(","))
SEQ, TIME, KIND, ADDRESS = (COLUMNS.index(name) for name in ("seq", "time", "kind", "address"))
NAMESPACE, POD, CLOCK, AHEAD, CORRECTS = (
    COLUMNS.index(name) for name in ("namespace", "pod", "clock", "ahead", "corrects")
)
NODE, CONTAINER = COLUMNS.index("node"), COLUMNS.index("container_id")
_WITHIN = {"seq": number.COUNT, "time": number.TIME, "ahead": number.SPAN}
_FORMAT = 1


def packed(found: Sequence[Row]) -> bytes:
    """Return rows, each with all columns of `rows.EVENT`, as they are kept."""
    columns = {
        name: _differences(values) if name in _WITHIN else _words(name, values)
        for name, values in zip(COLUMNS, zip(*found, strict=True), strict=True)
    }
    return zlib.compress(json.dumps({"format": _FORMAT, **columns}, separators=(",", ":")).encode(), 9)


def unpacked(body: bytes, part: str) -> Iterator[Row]:
    """Yield the rows that `packed` was given. StoreFailed if they can't be had; `part` names them then."""
    try:
        form = _form(body)
        columns = [_numbers(name, form[name]) if name in _WITHIN else _told(name, form[name]) for name in COLUMNS]
        found = list(zip(*columns, strict=True))
    except (zlib.error, ValueError, KeyError, TypeError, IndexError, RecursionError) as wrong:
        raise StoreFailed(
            f"{part} can't be read: {wrong}",
            "restore it from a backup; was it written by a newer podberth?",
        ) from None
    return iter(found)


def _form(body: bytes) -> dict[str, Any]:
    form: dict[str, Any] = json.loads(zlib.decompress(body))
    if form["format"] != _FORMAT:
        raise ValueError(f"its format {form['format']} is unknown")
    return form


def _differences(values: Sequence[int]) -> list[int]:
    return [value - before for before, value in zip((0, *values), values, strict=False)]


def _numbers(name: str, differences: Iterable[int]) -> Iterator[int]:
    column = {name: 0}
    for column[name] in accumulate(differences):
        yield number.number_in(column, name, _WITHIN[name])


def _words(name: str, values: Sequence[Any]) -> list[list[Any]]:
    numbers: dict[Any, int] = {}
    which = [numbers.setdefault(value, len(numbers)) for value in values]
    return [[one.hex() for one in numbers] if name == "address" else list(numbers), _differences(which)]


def _told(name: str, form: Sequence[Any]) -> Iterator[Any]:
    words, which = form
    if name == "address":
        words = [bytes.fromhex(word) for word in words]
    return (words[n] for n in accumulate(which))
