"""Whole numbers in what stores, archives and exports have: somebody may have written them by hand. Pure.

Every node's database has to keep them, and to count on from them. So each has bounds, and a number that is none, or
beyond its bounds, is a ValueError that names the field.
"""

from __future__ import annotations

from podberth.cni.fields import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

COUNT = (0, (1 << 62) - 1)  # numbers of events, counts, lengths and uptimes: the sum of two is kept as well
TIME = (0, (1 << 63) - 1)  # ns since the epoch
SPAN = (-TIME[1], TIME[1])  # ns between two times

_WORDS = {COUNT: "of 62 bits", TIME: "of 63 bits", SPAN: "of 63 bits and a sign"}


def whole(raw: object, within: tuple[int, int] = COUNT) -> int:
    """Return the number that `raw` is."""
    if type(raw) is not int or not within[0] <= raw <= within[1]:
        raise ValueError(f"expected a whole number {_WORDS[within]}, got {shown(raw)}")
    return raw


def number_in(
    form: Mapping[str, object], field: str, within: tuple[int, int] = COUNT, *, default: int | None = None, at: str = ""
) -> int:
    """Return the number that a field has; `default` if that is not None and the field is absent.

    `at`: the field that has the form, '' if it is the document.
    """
    path, raw = f"{at}.{field}" if at else field, form.get(field)
    if raw is None and default is not None:
        return default
    if raw is None:
        raise ValueError(f"{path}: required field is missing")
    try:
        return whole(raw, within)
    except ValueError as wrong:
        raise ValueError(f"{path}: {wrong}") from None


def digits(text: str | bytes, base: int = 10) -> int:
    """Return the number that a key is."""
    try:
        return whole(int(text, base))
    except ValueError:
        raise ValueError(f"expected a whole number {_WORDS[COUNT]}, got {shown(text)}") from None
