"""The reference of network configurations has every key that a plugin reads, in the words of its table."""

from __future__ import annotations

from pathlib import Path

from podberth.networks.settings import KEYS
from tools.networks_page import page

PAGE = Path(__file__).parents[3] / "docs" / "networks.md"


def test_the_page_is_as_its_tables_have_it() -> None:
    assert PAGE.read_text() == page(), "run `.venv/bin/python tools/networks_page.py > docs/networks.md`"


def test_each_key_of_a_meta_plugin_has_a_row() -> None:
    text = (PAGE.parent / "several-networks.md").read_text()
    table = text.partition("## Keys of the configuration")[2].partition("## A pod's selection")[0]
    assert [key.name for key in KEYS if f"| `{key.name}` |" not in table] == []
