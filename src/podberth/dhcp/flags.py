"""The daemon's command line as Go's has it: `-name value`, `--name=value`, switches, and times such as 10s or 1m30s."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from podberth.dhcp.daemon import Options, run
from podberth.process.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE = """Usage of daemon:
  -broadcast
        have servers broadcast their answers
  -hostprefix DIR
        the folder that has the host's root
  -pidfile FILE
        where the process says its ID
  -resendmax TIME
        the longest pause between two messages that nobody answers (default 1m2s)
  -resendtimeout TIME
        how long an ADD looks for a server (default 1m0s)
  -socketpath PATH
        where the daemon listens (default /run/cni/dhcp.sock)
  -timeout TIME
        the longest pause too, if it is shorter (default 10s)
"""
_TEXTS = {"hostprefix": "host_prefix", "pidfile": "pidfile", "socketpath": "socket_path"}
_TIMES = {"resendmax": "resend_max", "resendtimeout": "resend_timeout", "timeout": "timeout"}
_UNITS = {  # "ms" before "m"
    "ns": 1e-9,
    "us": 1e-6,
    "\u00b5s": 1e-6,
    "\u03bcs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_TRUE, _FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")


def seconds(text: str) -> float:
    """Return a time as Go's time.ParseDuration reads it, in seconds. ValueError for what is none, or is not above 0."""
    left, total = text.removeprefix("+"), 0.0
    while left:
        digits = left[: len(left) - len(left.lstrip("0123456789."))]
        left = left[len(digits) :]
        unit = next(
            (unit for unit in ("ns", "us", "\u00b5s", "\u03bcs", "ms", "s", "m", "h") if left.startswith(unit)), ""
        )
        if not digits.strip(".") or digits.count(".") > 1 or not unit:
            raise ValueError(f"expected a time as 10s or 1m30s, got {text!r}")
        total += float(digits) * _UNITS[unit]
        left = left[len(unit) :]
    if not total > 0:
        raise ValueError(f"expected a time as 10s or 1m30s, got {text!r}")
    return total


def parse(words: Sequence[str]) -> Options:
    """Return what the command line says. ValueError for what it can't."""
    said: dict[str, object] = {}
    left = list(words)
    while left:
        word = left.pop(0)
        name, equals, text = word.removeprefix("-").removeprefix("-").partition("=")
        if not word.startswith("-") or not name:
            raise ValueError(f"expected a flag, got {word!r}")
        if name == "broadcast":
            if equals and text not in (*_TRUE, *_FALSE):
                raise ValueError(f"-broadcast: expected true or false, got {text!r}")
            said["broadcast"] = not equals or text in _TRUE
            continue
        if name not in (*_TEXTS, *_TIMES):
            raise ValueError(f"flag provided but not defined: -{name}")
        if not equals and not left:
            raise ValueError(f"flag needs an argument: -{name}")
        text = text if equals else left.pop(0)
        said[_TEXTS.get(name) or _TIMES[name]] = seconds(text) if name in _TIMES else text
    return options(**{key: text for key, text in said.items() if text != ""})


def options(**flags: object) -> Options:
    """Return the options that flags make, by the names of their fields. ValueError names the flag of a bad path."""
    made = Options(**flags)  # type: ignore[arg-type]
    if made.pidfile and not made.pidfile.startswith("/"):
        raise ValueError(f"-pidfile: expected an absolute path, got {made.pidfile!r}")
    if not made.path.is_absolute():
        raise ValueError(f"-socketpath: expected an absolute path, got {made.socket_path!r}")
    return made


def main(words: Sequence[str]) -> int:
    """Run the daemon by a command line; return the exit status: 2 for a wrong one, as Go's."""
    if any(word in ("-h", "-help", "--h", "--help") for word in words):
        sys.stderr.write(USAGE)
        return 0
    try:
        chosen = parse(words)
    except ValueError as wrong:
        sys.stderr.write(f"{wrong}\n{USAGE}")
        return 2
    try:
        return run(chosen, Journal().with_notices())
    except OSError as wrong:
        sys.stderr.write(f"dhcp daemon: {wrong}\n")
        return 1
