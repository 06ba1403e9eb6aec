"""What a command ends with: exit codes, the errors that are the command line's own, and how every error is told."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, ClassVar

import click

from podberth.cli.text import printable
from podberth.cni.errors import CniError, Drifted, IOFailure
from podberth.desk import unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

OK, REFUSED, USAGE, NOT_FOUND, DRIFTED, UNFIT, LAST_KNOWN, UNKNOWABLE = range(8)
INTERRUPTED = 130  # 128 + SIGINT, as shells have it
NotFound = unknown.NotFound


class Misuse(CniError):
    """Code 111, exit code 2: the command line itself is wrong."""

    code: ClassVar[int] = 111


class Undecided(CniError):
    """Code 112, exit code 1: a question was answered with no, or nobody was there to answer it."""

    code: ClassVar[int] = 112


class Supposed(CniError):
    """An error that the last that is known leads to, while the cluster's store is away: it may be none by now."""

    def __init__(self, error: CniError, lacks: str) -> None:
        super().__init__(error.message, f"{lacks}; ask again when it is back")
        self.error = error


def unread(path: object, wrong: OSError, details: str = "") -> CniError:
    """Return the error of what a command is given to read and can't: NotFound if it is not there, else IOFailure."""
    if isinstance(wrong, FileNotFoundError | NotADirectoryError):
        return NotFound(f"{path}: {wrong.strerror}", details or "name a file or directory that is there")
    return IOFailure(f"{path}: {wrong.strerror}", details)


def exit_code(error: CniError) -> int:
    """Return the exit code of the command that the error ended."""
    known: dict[type[CniError], int] = {NotFound: NOT_FOUND, Misuse: USAGE, Drifted: DRIFTED, Supposed: LAST_KNOWN}
    return known.get(type(error), REFUSED)


def ended(error: CniError, words: Sequence[str]) -> int:
    """Print the error that ended the command with these words; return its exit code."""
    own = words[: words.index("--")] if "--" in words else words  # what follows is the command of `podberth run`
    tell(error, as_json="--json" in own)
    return exit_code(error)


def of_click(error: click.ClickException) -> CniError:
    """Return an error of parsing the command line in podberth's own terms."""
    path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "podberth"
    message = error.format_message().rstrip(".")
    return Misuse(message[:1].lower() + message[1:], f"see `{path} --help`")


def tell(error: CniError, *, as_json: bool) -> None:
    """Print the error: an object on stdout for programs, one line and a hint on stderr for people.

    An error that is many at once, as apply's conflicts, has a line for each.
    """
    conflicts: Sequence[str] = getattr(error, "conflicts", ())
    if as_json:
        code = error.error.code if isinstance(error, Supposed) else error.code
        body: dict[str, object] = {"code": code, "msg": error.message, "details": error.details}
        if conflicts:
            body["conflicts"] = list(conflicts)
        sys.stdout.write(json.dumps(body, indent=2) + "\n")
        return
    if len(conflicts) > 1:
        lines = [f"error: {len(conflicts)} conflicts", *(f"  - {printable(conflict)}" for conflict in conflicts)]
    else:
        lines = [f"error: {printable(error.message)}"]
    if error.details:
        lines.append(f"hint: {printable(error.details)}")
    sys.stderr.write("\n".join(lines) + "\n")
