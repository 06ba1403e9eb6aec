"""The rule for sizes: a function that is too long is found, its docstring counts for nothing."""

from __future__ import annotations

from tools.lengths import LONGEST_FUNCTION, long_functions

CODE = "    x = 1\n"


def test_a_function_of_the_limit_passes_and_one_line_more_does_not() -> None:
    text = "def f():\n" + CODE * (LONGEST_FUNCTION - 1)
    assert list(long_functions(text)) == []
    assert list(long_functions(f"{text}{CODE}")) == [(1, "f", LONGEST_FUNCTION + 1)]


def test_decorators_and_a_docstring_count_for_nothing() -> None:
    text = '@a(\n    1,\n)\nasync def f():\n    """One.\n\n    Two.\n    """\n' + CODE * (LONGEST_FUNCTION - 1)
    assert list(long_functions(text)) == []


def test_a_function_in_a_function_is_found_too() -> None:
    inner = "    def g():\n" + "    " * 1 + CODE * 1
    text = "def f():\n" + inner + ("    " + CODE) * LONGEST_FUNCTION
    assert [name for _, name, _ in long_functions(text)] == ["f", "g"]
