"""The reference of network configurations has every key that a plugin reads, in the words of its table."""

from __future__ import annotations

from pathlib import Path

from tools.networks_page import page

PAGE = Path(__file__).parents[3] / "docs" / "networks.md"


def test_the_page_is_as_its_tables_have_it() -> None:
    assert PAGE.read_text() == page(), "run `.venv/bin/python tools/networks_page.py > docs/networks.md`"
