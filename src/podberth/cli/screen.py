"""What people read: lines and tables. A terminal gets colour and fits its width; a pipe gets plain, stable text."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podberth.cli.text import printable

if TYPE_CHECKING:
    from collections.abc import Container, Sequence
    from typing import TextIO

    from rich.console import Console

GAP = 2  # characters between plain columns
WORD = 39  # characters of the longest IPv6 address: no word of them is broken


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A table's column. `breaks`: its text may go on in the next line of a narrow terminal; an address must not."""

    title: str
    right: bool = False
    breaks: bool = False


def columns(*titles: str, breaks: Container[str] = (), right: Container[str] = ()) -> tuple[Column, ...]:
    """Return the columns of these titles; the text of those in `breaks` may go on in the next line."""
    return tuple(Column(title=title, breaks=title in breaks, right=title in right) for title in titles)


@dataclass(frozen=True, slots=True)
class Cell:
    """A table's cell, or part of a line, with a rich style. `plain` is what a pipe gets instead, if not the same."""

    text: str
    style: str = ""
    plain: str | None = None


UNCHANGED = Cell("dry run: nothing was changed", "dim")


class Screen:
    """Writes to `file`; whether that is a terminal decides the form. `width` is given by tests."""

    def __init__(self, file: TextIO | None = None, *, terminal: bool | None = None, width: int | None = None) -> None:
        self.file = file or sys.stdout
        self.terminal = self.file.isatty() if terminal is None else terminal
        self.width = width

    def line(self, *parts: str | Cell) -> None:
        """Write one line of the parts."""
        cells = [_cell(part) for part in parts]
        if not self.terminal:
            self._plain("".join(_plain(cell) for cell in cells))
            return
        from rich.text import Text

        text = Text()
        for cell in cells:
            text.append(printable(cell.text), cell.style)
        self._console(0).print(text, soft_wrap=True)

    def facts(self, facts: Sequence[tuple[str, str | Cell]]) -> None:
        """Write names and what they are, one pair a line, indented."""
        width = max(len(name) for name, _ in facts)
        for name, what in facts:
            self.line("  ", Cell(name.ljust(width), "dim"), "  ", what)

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[str | Cell]]) -> None:
        """Write a table with a head, in columns as wide as they need to be."""
        cells = [[_cell(cell) for cell in row] for row in rows]
        if self.terminal:
            self._rich_table(columns, cells)
            return
        texts = [[column.title.upper() for column in columns], *([_plain(cell) for cell in row] for row in cells)]
        widths = [max(len(row[i]) for row in texts) for i in range(len(columns))]
        for row in texts:
            padded = (
                text.rjust(width) if column.right else text.ljust(width)
                for text, width, column in zip(row, widths, columns, strict=True)
            )
            self._plain((" " * GAP).join(padded).rstrip())

    def _rich_table(self, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold", padding=(0, 1))
        needed = 2 * len(columns) + 2
        for i, column in enumerate(columns):
            texts = [printable(row[i].text) for row in rows]
            words = (word for text in texts for word in text.split()) if column.breaks else ()
            whole = min(WORD, max(map(len, words), default=0)) if column.breaks else max(map(len, texts), default=0)
            least = max(len(column.title), whole)
            needed += least + 1
            table.add_column(
                column.title,
                justify="right" if column.right else "left",
                no_wrap=not column.breaks,
                min_width=least,
                overflow="fold",
            )
        for row in rows:
            table.add_row(*(Text(printable(cell.text), cell.style) for cell in row))
        self._console(needed).print(table)

    def _console(self, needed: int) -> Console:
        """Return a console as wide as the terminal, or wider if whole cells need it: the terminal then breaks lines."""
        from rich import console as consoles

        console = consoles.Console(
            file=self.file, highlight=False, emoji=False, markup=False, force_terminal=True, width=self.width
        )
        if needed > console.width:
            console.width = needed
        return console

    def _plain(self, text: str) -> None:
        encoding = getattr(self.file, "encoding", None) or "utf-8"
        self.file.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def _cell(part: str | Cell) -> Cell:
    return Cell(part) if isinstance(part, str) else part


def _plain(cell: Cell) -> str:
    return printable(cell.text if cell.plain is None else cell.plain)
