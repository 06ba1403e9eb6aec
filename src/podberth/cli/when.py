"""Points in time as people write and read them. The ledger counts nanoseconds since the epoch."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from podberth.cli.text import duration
from podberth.desk import form

NS = form.NS
FORMS = 'RFC 3339, "2026-11-20 14:00" (local), seconds since the epoch, "10m ago", "-10m" or "now"'

_RELATIVE = re.compile(r"(?:(-)\s*)?((?:\d{1,9}\s*(?:d|h|min|m|sec|s)\s*)+)(ago)?", re.ASCII)
_LENGTH = re.compile(r"(?:\d{1,9}\s*(?:y|d|h|min|m|sec|s)\s*)+", re.ASCII)
_PART = re.compile(r"(\d+)\s*(y|d|h|min|m|sec|s)", re.ASCII)
_SECONDS = {"y": 365 * 86400, "d": 86400, "h": 3600, "min": 60, "m": 60, "sec": 1, "s": 1}
_EPOCH = re.compile(r"@?(\d{1,11})(?:\.(\d{1,9}))?", re.ASCII)
_CALENDAR = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}(?::\d{2})?)(?:[.,](\d{1,9}))?\s*([Zz]|[-+]\d{2}:?\d{2})?)?",
    re.ASCII,
)


def parse(text: str, now: int) -> int:
    """Return the time in ns since the epoch; `now` is what relative times count from. Raises ValueError."""
    text = text.strip()
    if text == "now":
        return now
    relative = _RELATIVE.fullmatch(text)
    if relative and bool(relative[1]) != bool(relative[3]):
        return now - NS * sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(relative[2]))
    epoch = _EPOCH.fullmatch(text)
    if epoch:
        return int(epoch[1]) * NS + _fraction(epoch[2])
    calendar = _CALENDAR.fullmatch(text)
    if calendar:
        day, clock, fraction, zone = calendar.groups()
        return _calendar(f"{day}T{clock or '00:00'}", zone) * NS + _fraction(fraction)
    raise ValueError(f"{text!r} is no time: expected {FORMS}")


def length(text: str) -> int:
    """Return a length of time ("75y", "1d 2h", "90s") in ns. Raises ValueError."""
    found = _LENGTH.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no length of time: expected one as 1d 2h, 90s or 74y")
    return NS * sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def local(time: int) -> str:
    """Return the time to the second in this machine's zone, which is named: '2026-11-20 14:00:03 CET'."""
    return datetime.fromtimestamp(time // NS, tz=UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def ago(time: int, now: int) -> str:
    """Return how long ago it was: '3 min ago'."""
    return f"in {duration((time - now) / NS)}" if time > now + NS else f"{duration((now - time) / NS)} ago"


def _fraction(digits: str | None) -> int:
    return int((digits or "").ljust(9, "0"))


def _calendar(text: str, zone: str | None) -> int:
    """Return whole seconds since the epoch. A local time that comes twice, or never, is refused: an auditor asks."""
    if zone is not None:
        offset = "+00:00" if zone in "Zz" else zone
        return int(datetime.fromisoformat(text + offset).timestamp())
    naive = datetime.fromisoformat(text)
    first, second = naive.astimezone(), naive.replace(fold=1).astimezone()
    if first.utcoffset() != second.utcoffset():
        raise ValueError(
            f"{text} comes twice or not at all where the local clock is put back or forward: add the offset,"
            f" {first.strftime('%z')} or {second.strftime('%z')}"
        )
    return int(first.timestamp())
