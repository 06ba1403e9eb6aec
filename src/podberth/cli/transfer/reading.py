"""What a command is given to bring in: a file's bytes, or those of stdin."""

from __future__ import annotations

import click

from podberth.cni.errors import InvalidConfig, IOFailure

MOST = 256 << 20  # bytes


def contents(file: str) -> bytes:
    """Return the bytes of a file, or of stdin for '-'. IOFailure, InvalidConfig say what is wrong with it."""
    try:
        with click.open_file(file, "rb") as stream:
            data = stream.read(MOST + 1)
    except OSError as wrong:
        raise IOFailure(f"{file}: {wrong.strerror}") from None
    assert isinstance(data, bytes), "it was opened so"
    if len(data) > MOST:
        raise InvalidConfig(f"{file}: expected at most {MOST} bytes")
    return data
