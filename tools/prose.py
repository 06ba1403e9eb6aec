"""The rule for prose, where a program can hold it: `tools/prose.py` prints each fault of the Markdown pages.

A line has at most 120 characters, a sentence at most 30 words, and a clause does not open with a relative pronoun where
a noun will do. Code blocks are left out; of a table only the cells' sentences count.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("*.md", "docs/**/*.md")
LONGEST_LINE, LONGEST_SENTENCE = 120, 30
# Openings of clauses, and what to write instead. A sentence that asks may have them.
OPENINGS = (
    (re.compile(r"\bwhat (is|was|has|had|can|could|comes|goes|came|went)\b", re.IGNORECASE), "name the thing"),
    (re.compile(r"\b(whoever|whatever|whichever)\b", re.IGNORECASE), "name the person or the thing"),
    (re.compile(r"\b(that|those) which\b", re.IGNORECASE), "name the thing"),
    (re.compile(r"(^|[.;:,(] |\b(for|of|by|to|from) )who \w+", re.IGNORECASE), "name the person"),
)
_FENCE = re.compile(r"^\s*```")
_NEW_BLOCK = re.compile(r"^\s*([-*+]|\d+\.|#+|>)\s")
_CODE = re.compile(r"`[^`]*`")
_LINK = re.compile(r"\[([^\]]*)\](\([^)]*\)|\[[^\]]*\])")
_COMMENT = re.compile(r"<!--.*?-->")
_ASIDE = re.compile(r"\([^()]*\)")
# A colon or a semicolon ends no sentence. A number, or an abbreviation such as `e.g.`, has no space after its point.
_END = re.compile(r"(?<=[.!?])[\"*_)]*\s+(?=[^a-z])")
_WORD = re.compile(r"[^\W_][\w'-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What breaks the rule on which line of a page."""

    line: int
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """Text that stands together, a paragraph, an item or a cell, and the line on which it begins."""

    line: int
    text: str


def faults(page: str) -> list[Fault]:
    """Return the faults of a page of Markdown, in order."""
    result = [
        Fault(line=number, says=f"{len(line)} characters, at most {LONGEST_LINE}")
        for number, line in _prose(page)
        if len(line) > LONGEST_LINE and not _is_row(line)
    ]
    for passage in passages(page):
        for sentence in sentences(passage.text):
            result += [Fault(line=passage.line, says=says) for says in _of_sentence(sentence)]
    return sorted(result, key=lambda fault: fault.line)


def passages(page: str) -> list[Passage]:
    """Return the passages of a page."""
    result: list[Passage] = []
    goes_on = False
    for number, line in _prose(page):
        if _is_row(line):
            result += [Passage(line=number, text=cell.strip()) for cell in line.strip().strip("|").split("|")]
            goes_on = False
        elif not line.strip():
            goes_on = False
        elif goes_on and not _NEW_BLOCK.match(line):
            last = result.pop()
            result.append(Passage(line=last.line, text=f"{last.text} {line.strip()}"))
        else:
            result.append(Passage(line=number, text=_NEW_BLOCK.sub("", line).strip()))
            goes_on = not line.startswith("#")
    return result


def sentences(passage: str) -> list[str]:
    """Return the sentences of a passage, code as one word each and links as their text."""
    plain = _LINK.sub(r"\1", _CODE.sub("CODE", _COMMENT.sub("", passage)))
    return [sentence for part in _END.split(plain) if (sentence := part.strip("*_ "))]


def _prose(page: str) -> list[tuple[int, str]]:
    """Return the lines, numbered; a line of code, fenced or indented after an empty line, is empty."""
    result: list[tuple[int, str]] = []
    fenced = False
    for number, line in enumerate(page.splitlines(), 1):
        edge = _FENCE.match(line) is not None
        indented = line.startswith("    ") and not (result and result[-1][1])
        result.append((number, "" if fenced or edge or indented else line))
        fenced ^= edge
    return result


def _is_row(line: str) -> bool:
    return line.lstrip().startswith("|")


def _of_sentence(sentence: str) -> list[str]:
    words = len(_WORD.findall(_ASIDE.sub("", sentence)))
    long = f"a sentence of {words} words, at most {LONGEST_SENTENCE}: {sentence[:60]}..."
    openings = [
        f"{match[0].strip()!r}: {instead}" for opening, instead in OPENINGS for match in opening.finditer(sentence)
    ]
    return [*([long] if words > LONGEST_SENTENCE else []), *([] if sentence.endswith("?") else openings)]


def main(names: list[str]) -> int:
    """Print the faults of the pages named, or of all; return 1 if there is one."""
    pages = sorted({path for pattern in PAGES for path in ROOT.glob(pattern)})
    found = [
        f"{name}:{fault.line}: {fault.says}"
        for name in names or [path.relative_to(ROOT).as_posix() for path in pages]
        for fault in faults((ROOT / name).read_text())
    ]
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
