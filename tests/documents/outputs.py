"""Whether a command printed what a page shows: times, durations and identifiers may differ. No I/O."""

from __future__ import annotations

import re

# What differs from run to run, and the word that stands for it on both sides.
_VARY = (
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?Z?"), "TIME"),
    (re.compile(r"\b\d\d:\d\d:\d\d(\.\d+)?"), "TIME"),
    (re.compile(r"\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b"), "MAC"),
    (re.compile(r"\b\d+(\.\d+)? ?(ms|µs|us|s|sec|min)\b"), "DURATION"),
    (re.compile(r"\brun-[0-9a-f]+\b"), "RUN"),
    (re.compile(r"\b(?=[a-z]*\d)[0-9a-z]{9,}\b"), "IDENTIFIER"),
)
_ANY = "..."


def missing(shown: str, printed: str) -> str:
    """Return the first line of `shown` that `printed` does not have, in order; "" if it has all of them.

    Runs of spaces are one. `...` in a line stands for any text, and alone on a line for any lines. Two lines of `shown`
    that follow each other need not do so in `printed`: a page shows a part.
    """
    lines = iter([_plain(line) for line in printed.splitlines()])
    for line in shown.splitlines():
        wanted = _plain(line)
        if wanted and wanted != _ANY and not any(_matches(wanted, each) for each in lines):
            return line
    return ""


def _plain(line: str) -> str:
    for pattern, word in _VARY:
        line = pattern.sub(word, line)
    return " ".join(line.split())


def _matches(wanted: str, line: str) -> bool:
    return re.fullmatch(".*".join(re.escape(part) for part in wanted.split(_ANY)), line) is not None
