"""What a command is given to read: a file's bytes, or those of stdin for '-'."""

from __future__ import annotations

import click

from podberth.cli.failures import unread
from podberth.cni.errors import InvalidConfig

MOST = 256 << 20  # bytes


def contents(file: str) -> bytes:
    """Return all bytes of the file. NotFound, IOFailure, InvalidConfig: what is wrong with it."""
    data = beginning(file, MOST + 1)
    if len(data) > MOST:
        raise InvalidConfig(f"{file}: expected at most {MOST} bytes")
    return data


def beginning(file: str, count: int) -> bytes:
    """Return the file's first bytes, that many if it has them. NotFound, IOFailure say why it can't be read."""
    try:
        with click.open_file(file, "rb") as stream:
            data = stream.read(count)
    except OSError as wrong:
        raise unread(file, wrong) from None
    assert isinstance(data, bytes), "it was opened so"
    return data
