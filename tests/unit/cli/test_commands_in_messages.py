"""A command that a message or a page names works as it is typed: its options are there, and none is left out."""

from __future__ import annotations

import ast
import re
import shlex
from typing import TYPE_CHECKING

import click
import pytest

from podberth.cli.main import cli
from podberth.cni.errors import CniError
from tests.checkout import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = re.compile(r"`podberth ([^`]+)`")
LINE = re.compile(r"^ *podberth (.*?)(?:  +#.*| [|<>&;].*)?$", re.MULTILINE)
BLOCK = re.compile(r"^ *```(?:sh|console|bash)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
UNKNOWN = "X"  # stands for what a message fills in
PAGES = sorted({*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"} - set((ROOT / "docs/decisions").rglob("*.md")))


def texts(node: ast.AST) -> Iterator[str]:
    """Yield the strings of a module, each f-string as one, with UNKNOWN for what it fills in."""
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else UNKNOWN for part in node.values)
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in ast.iter_child_nodes(node):
        yield from texts(child)


def named() -> Iterator[tuple[str, str]]:
    for source in sorted((ROOT / "src" / "podberth").rglob("*.py")):
        for text in texts(ast.parse(source.read_text())):
            for words in COMMAND.findall(text):
                yield str(source.relative_to(ROOT)), " ".join(words.split())
    for page in PAGES:
        text = page.read_text()
        lines = "\n".join(BLOCK.findall(text)).replace("\\\n", " ")
        for words in (*COMMAND.findall(text), *LINE.findall(lines)):
            yield str(page.relative_to(ROOT)), " ".join(words.split())


NAMED = sorted(set(named()))


def misuse(words: str) -> str:
    """Return why the command can't be typed so; '' if it can, or is only named and not spelt out."""
    command: click.Command = cli
    above = click.Context(cli, info_name="podberth", **cli.context_settings)
    name, rest = "podberth", shlex.split(words)
    if re.search(r"[\[|]|COMMAND", words) or rest[0] == UNKNOWN:
        return ""  # a form of commands
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(above, rest[0])
        if found is None:
            return f"there is no command {rest[0]}"
        name, command, rest = rest[0], found, rest[1:]
    if not rest:
        return ""
    try:
        command.make_context(name, rest, parent=above)
    except (click.NoSuchOption, click.MissingParameter) as wrong:
        return wrong.format_message()
    except (click.UsageError, click.exceptions.Exit, CniError):
        pass  # a value that stands for another, or an option that is only named
    return ""


def test_there_are_many() -> None:
    assert len(NAMED) > 150


@pytest.mark.parametrize(("where", "words"), NAMED)
def test_a_command_works_as_it_is_typed(where: str, words: str) -> None:
    assert misuse(words) == "", where
