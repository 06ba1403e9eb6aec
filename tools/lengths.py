"""The rule for sizes: `tools/lengths.py` prints each file and each function that is longer than the limit.

A source file has at most 400 lines. A function has at most 40, without its decorators and its docstring. A file that
a record in docs/decisions names may be longer.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("src", "tests", "bench", "tools", "shim", "deploy")
SUFFIXES = (".py", ".c", ".sh")
LONGEST_FILE, LONGEST_FUNCTION = 400, 40


def long_functions(text: str) -> Iterator[tuple[int, str, int]]:
    """Yield the line, the name and the length of each function that is too long."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = _lines(node) - (_lines(node.body[0]) if ast.get_docstring(node) is not None else 0)
            if lines > LONGEST_FUNCTION:
                yield node.lineno, node.name, lines


def faults(path: Path, excused: str) -> Iterator[str]:
    """Yield what is too long in a file; `excused` is the text of all decisions."""
    text = path.read_text(encoding="utf-8")
    name, lines = path.relative_to(ROOT), text.count("\n")
    if lines > LONGEST_FILE and str(name) not in excused:
        yield f"{name}: {lines} lines, the limit is {LONGEST_FILE}: split it, or say in docs/decisions why not"
    for line, function, length in long_functions(text) if path.suffix == ".py" else ():
        yield f"{name}:{line}: {function} has {length} lines, the limit is {LONGEST_FUNCTION}: split it by thought"


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def main() -> int:
    """Check every source file; return 1 if something is too long."""
    excused = "".join(page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs/decisions").glob("*.md")))
    files = [each for folder in FOLDERS for each in sorted((ROOT / folder).rglob("*")) if each.suffix in SUFFIXES]
    found = [fault for path in files for fault in faults(path, excused)]
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
