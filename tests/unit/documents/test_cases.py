"""docs/cases.md: each test that the page names is there."""

from __future__ import annotations

import re

from tests.checkout import ROOT

PAGE = (ROOT / "docs/cases.md").read_text()
HERE = "tests/contract/test_written_cases.py"
ROW = re.compile(r"^\| ([A-Z]\d{5}[^|]*) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
NAMED = re.compile(r"`(?:(tests/[\w/]+\.py)::)?(test_\w+)`")


def test_each_case_has_a_test_or_a_reason() -> None:
    rows = ROW.findall(PAGE)
    assert len(rows) > 40
    for case, _, said in rows:
        assert NAMED.match(said) or said.startswith("does not fit: "), case


def test_each_test_that_is_named_is_there() -> None:
    for file, name in NAMED.findall(PAGE):
        assert f"def {name}(" in (ROOT / (file or HERE)).read_text(), f"{file or HERE}::{name}"


def test_each_of_the_written_cases_is_on_the_page() -> None:
    there = set(re.findall(r"^def (test_\w+)\(", (ROOT / HERE).read_text(), re.MULTILINE))
    assert there == {name for file, name in NAMED.findall(PAGE) if not file}
