"""A page of Markdown as a list of code blocks; and the same page with one command broken. No I/O.

The info string of a block says what a test does with it: `sh` runs on a private machine, `sh etcd` on one that has an
etcd, and `sh api` against a Kubernetes API. Other words after `sh` name what no test has: those blocks are counted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

RUN = frozenset({"sh", "sh etcd"})
API = "sh api"  # run by tests/contract/install
# What the commands need, by the word that says so.
NOT_RUN = {
    "sh cluster": "a Kubernetes cluster with nodes, and an image in its registry",
    "sh systemd": "systemd as the first process, and the units in place",
    "sh make": "a target of the Makefile that runs for minutes",
    "sh example": "values that only the reader has",
}
SHOWN = frozenset({"text", "console", "json", "yaml", "python", "mermaid"})
LANGUAGES = RUN | {API} | NOT_RUN.keys() | SHOWN

_FENCE = re.compile(r"^```(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEREDOC = re.compile(r"<<-?'?(\w+)'?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block: the info string, the text inside, and the line of the page on which the text begins."""

    language: str
    text: str
    line: int
    start: int  # of `text` in the page, in characters


def blocks(page: str) -> tuple[Block, ...]:
    """Return the fenced blocks of a page, in order."""
    return tuple(
        Block(
            language=match[1].strip(),
            text=match[2],
            line=page.count("\n", 0, match.start(2)) + 1,
            start=match.start(2),
        )
        for match in _FENCE.finditer(page)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A block of commands, and the outputs that the page shows right after it."""

    commands: Block
    output: str = ""


def scenes(page: str) -> tuple[Scene, ...]:
    """Return the blocks that are run, each with the `text` block that follows it."""
    result: list[Scene] = []
    before = ""
    for block in blocks(page):
        if block.language in RUN:
            result.append(Scene(commands=block))
        elif block.language == "text" and before in RUN:
            result[-1] = Scene(commands=result[-1].commands, output=block.text)
        before = block.language
    return tuple(result)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A page with one broken command: the page, the line that was broken, and the number of its scene."""

    page: str
    line: str
    scene: int


def mutants(page: str) -> tuple[Mutant, ...]:
    """Return a mutant for each command of the page that is run: its first word is misspelt."""
    return tuple(
        Mutant(page=page[:at] + "no-such-" + page[at:], line=line, scene=number)
        for number, scene in enumerate(scenes(page))
        for at, line in _commands(scene.commands)
    )


def _commands(block: Block) -> list[tuple[int, str]]:
    """Return where each command begins in the page, with its line; the text of a here-document is no command."""
    result = []
    at, until, continued = block.start, "", False
    for line in block.text.splitlines(keepends=True):
        bare = line.strip()
        if until:
            until = "" if bare == until else until
        elif not continued and bare and not bare.startswith("#"):
            result.append((at, bare))
            if opening := _HEREDOC.search(bare):
                until = opening[1]
        continued = not until and bare.endswith("\\")
        at += len(line)
    return result
