"""JSON bytes to plain Python and back, with nothing left to chance: one meaning per document, or an error.

`json` alone takes the last of duplicate keys, NaN, infinities (also as 1e999) and any depth; another reader of the same
bytes may see another document. Everything refused here is an error of the caller's choice that says what and where.
"""

from __future__ import annotations

import json

from podberth.cni.errors import DecodingFailure
from podberth.cni.fields import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.errors import CniError

MAX_BYTES = 1 << 20  # of a network configuration; the largest seen in the field have a few thousand
MAX_DEPTH = 64  # far below the recursion limit, so that what was read can also be written
MAX_DIGITS = 400  # beyond any number that means something here; Python itself stops at 4300


def loads(
    data: bytes, what: str, error: type[CniError] = DecodingFailure, *, most: int = MAX_BYTES, depth: int = MAX_DEPTH
) -> object:
    """Return the document; `what` names it in `error`'s message ('stdin', 'CNI result of bridge')."""
    if len(data) > most:
        raise error(f"{what}: expected at most {most} bytes, got {len(data)}")
    try:
        text = data.decode()
    except UnicodeDecodeError as wrong:
        raise error(f"{what}: not UTF-8: byte {data[wrong.start]:#04x} at offset {wrong.start}") from None
    if not text or text.isspace():
        raise error(f"{what}: expected JSON, got nothing")
    try:
        document = _DECODER.decode(text)
    except ValueError as wrong:
        raise error(f"{what}: not valid JSON: {wrong}") from None
    except RecursionError:
        raise error(f"{what}: expected at most {depth} levels of nesting, got far more") from None
    if _deeper(document, depth):
        raise error(f"{what}: expected at most {depth} levels of nesting, got more")
    return document


def dumps(document: object) -> str:
    """Return compact ASCII JSON; fields stay in the order they were put in. ValueError for NaN and infinities."""
    return _ENCODER.encode(document)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {shown(key)} is there twice")
            seen.add(key)
    return made


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _fraction(digits: str) -> float:
    made = float(digits)
    if made in (float("inf"), float("-inf")):
        raise ValueError(f"the number {shown(digits)} is too large")
    return made


def _constant(word: str) -> object:
    raise ValueError(f"{word} is no JSON")


def _deeper(document: object, depth: int) -> bool:
    """Say whether containers are nested more than `depth` deep, level by level, so without recursion."""
    level = [document]
    for _ in range(depth):
        level = [
            member
            for container in level
            if isinstance(container, dict | list)
            for member in (container.values() if isinstance(container, dict) else container)
        ]
        if not level:
            return False
    return any(isinstance(member, dict | list) for member in level)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_whole, parse_float=_fraction, parse_constant=_constant
)
_ENCODER = json.JSONEncoder(ensure_ascii=True, allow_nan=False, check_circular=False, separators=(",", ":"))
