"""Outside text made safe for a terminal, and quantities in words."""

from __future__ import annotations

from math import log2

_UNITS = (("d", 86400), ("h", 3600), ("min", 60))


def printable(text: str) -> str:
    """Return the text in one line; what a terminal might obey, or can't show, becomes an escape, a newline '; '."""
    if text.isprintable():
        return text
    lines = (line.strip() for line in text.splitlines())
    flat = "; ".join(line for line in lines if line)
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in flat)


def duration(seconds: float) -> str:
    """Return a length of time in its largest unit: '3 min', '2 d'."""
    for unit, length in _UNITS:
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{max(0, int(seconds))} s"


def counted(number: int, one: str, many: str = "") -> str:
    """Return '1 lease', '2 leases'."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def large(number: int) -> str:
    """Return a count for people: as it is up to twelve digits, else as a power of two ('2^64')."""
    if number < 10**12:
        return str(number)
    power = round(log2(number))
    return f"2^{power}" if number == 1 << power else f"~2^{power}"
