"""What people see: plain text in a pipe, and tables that fit a terminal without breaking an address."""

from __future__ import annotations

import io

import pytest

from podberth.cli.screen import Cell, Column, Screen
from podberth.cli.text import counted, duration, large, printable

ADDRESS = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"
COLUMNS = (Column(title="Address"), Column(title="Free", right=True), Column(title="Why", breaks=True))
ROWS = (("10.0.0.1", "7", "apply db.yaml"), (Cell(ADDRESS, "bold"), "1234", "apply " + "a-very-long-word " * 6))


def drawn(*, terminal: bool, width: int = 80) -> list[str]:
    file = io.StringIO()
    Screen(file, terminal=terminal, width=width).table(COLUMNS, ROWS)
    return file.getvalue().splitlines()


def test_a_pipe_gets_aligned_plain_text_without_colour() -> None:
    assert drawn(terminal=False) == [
        "ADDRESS                                 FREE  WHY",
        "10.0.0.1                                   7  apply db.yaml",
        f"{ADDRESS}  1234  apply" + " a-very-long-word" * 6,
    ]


def test_a_terminal_gets_colour() -> None:
    assert any("\x1b[" in line for line in drawn(terminal=True))


@pytest.mark.parametrize("width", [200, 80, 60, 20, 1])
def test_an_address_is_never_broken_or_cut_however_narrow_the_terminal(width: int) -> None:
    assert sum(ADDRESS in line for line in drawn(terminal=True, width=width)) == 1


def test_long_words_of_a_terminal_go_on_in_the_next_line() -> None:
    assert len(drawn(terminal=True, width=80)) > len(drawn(terminal=True, width=200))


def test_markup_in_outside_text_is_shown_as_it_is() -> None:
    file = io.StringIO()
    Screen(file, terminal=True, width=80).line("[bold]not bold[/bold] :smile:")
    assert "[bold]not bold[/bold] :smile:" in file.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_outside_text_can_not_drive_the_terminal(terminal: bool) -> None:
    file = io.StringIO()
    screen = Screen(file, terminal=terminal, width=80)
    screen.line("a\x1b]0;owned\x07b", "\u202ec")
    screen.table([Column(title="x")], [["\x1b[31mred"]])
    assert "\x1b]0" not in file.getvalue()
    assert "\u202e" not in file.getvalue()
    assert "\\x1b[31mred" in file.getvalue()


def test_a_pipe_that_takes_ascii_only_gets_escapes() -> None:
    file = io.TextIOWrapper(io.BytesIO(), "ascii")
    Screen(file, terminal=False).line("pod-ü")
    file.seek(0)
    assert file.read() == "pod-\\xfc\n"


def test_what_is_plain_elsewhere_may_be_a_picture_on_a_terminal() -> None:
    cell = Cell("███░ 75%", plain="75%")
    for terminal, shown in ((True, "███░ 75%"), (False, "75%")):
        file = io.StringIO()
        Screen(file, terminal=terminal, width=80).line(cell)
        assert shown in file.getvalue()
        assert ("█" in file.getvalue()) == terminal


def test_text_of_several_lines_becomes_one() -> None:
    assert printable("one\n  two\r\nthree") == "one; two; three"


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, "0 s"), (-5, "0 s"), (59.9, "59 s"), (61, "1 min"), (7300, "2 h"), (86400 * 3, "3 d")]
)
def test_a_length_of_time_has_its_largest_unit(seconds: float, told: str) -> None:
    assert duration(seconds) == told


@pytest.mark.parametrize(
    ("number", "told"), [(0, "0"), (999_999_999_999, "999999999999"), (1 << 64, "2^64"), ((1 << 64) - 1, "~2^64")]
)
def test_a_huge_count_is_a_power_of_two(number: int, told: str) -> None:
    assert large(number) == told


def test_counts_agree_with_their_noun() -> None:
    assert [counted(1, "lease"), counted(2, "lease"), counted(2, "address", "addresses")] == [
        "1 lease",
        "2 leases",
        "2 addresses",
    ]
