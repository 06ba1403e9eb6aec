"""From `-f` to documents: files, the YAML and JSON files of a directory, or stdin."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from podberth.cli.failures import unread
from podberth.cli.text import printable
from podberth.cni.errors import InvalidConfig, IOFailure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

    from podberth.policy.documents import Document

SUFFIXES = (".yaml", ".yml", ".json")
STDIN = "-"


def documents(paths: Sequence[str]) -> tuple[Document, ...]:
    """Return the documents of every file named, in order. NotFound, IOFailure, InvalidConfig: of one file."""
    from podberth.policy.documents import parse_documents
    from podberth.policy.yamlfiles import load

    found: list[Document] = []
    for path in paths:
        for name, file in _files(path):
            try:
                with cast("BinaryIO", click.open_file(file, "rb")) as stream:
                    raws = load(stream, name)
            except OSError as wrong:
                raise unread(file, wrong) from None
            found += parse_documents(raws, f"apply: {_absolute(file)}")
    if not found:
        raise InvalidConfig(
            f"{', '.join(paths)}: no documents in there", "a document has apiVersion, kind and metadata"
        )
    return tuple(found)


def source(paths: Sequence[str]) -> str:
    """Return what the store remembers the whole set by; the same files from another directory are the same set."""
    return "apply: " + ", ".join(_absolute(path) for path in paths)


def _files(path: str) -> Iterator[tuple[str, str]]:
    """Yield (name for messages, path) of what `-f PATH` means; of a directory its own files, in order of name."""
    try:
        if path == STDIN or not Path(path).is_dir():
            yield ("stdin" if path == STDIN else path), path
            return
        inside = sorted(Path(path).iterdir())
    except OSError as wrong:
        raise unread(path, wrong) from None
    files = [str(f) for f in inside if f.suffix in SUFFIXES and not f.name.startswith(".") and f.is_file()]
    if not files:
        raise IOFailure(f"{path}: no {', '.join(SUFFIXES)} file in there", "directories below it are not searched")
    yield from ((file, file) for file in files)


def _absolute(path: str) -> str:
    # A name that is no text of UTF-8 is one for the system only: no store, and no terminal, could have it.
    return STDIN if path == STDIN else printable(str(Path(path).resolve()))
