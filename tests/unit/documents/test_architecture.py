"""docs/architecture.md and README.md against the tree: rooms, places of tests, pages, and links of all pages."""

from __future__ import annotations

import re

import pytest

from tests.checkout import ROOT

ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors(page: str) -> set[str]:
    """Return the names of a page's headings in links, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_each_room_has_a_row() -> None:
    named = set(re.findall(r"^\| `([a-z_]+)(?:/|\.py)` \|", ARCHITECTURE, re.MULTILINE))
    rooms = {path.parent.name for path in (ROOT / "src/podberth").glob("*/__init__.py")}
    modules = {path.stem for path in (ROOT / "src/podberth").glob("[a-z]*.py")}
    assert named == rooms | modules


def test_each_place_of_tests_is_there() -> None:
    places = re.findall(r"`((?:tests|bench)/[\w./*]+)`", ARCHITECTURE)
    assert len(places) > 30
    assert [place for place in places if not any(ROOT.glob(place))] == []


def test_the_readme_names_every_page() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [page for page in PAGES if page.count("/") == 1 and f"({page})" not in readme] == []


@pytest.mark.parametrize("name", PAGES)
def test_each_link_leads_to_a_page_and_its_heading(name: str) -> None:
    for target in LINK.findall(FENCE.sub("", (ROOT / name).read_text())):
        path, _, anchor = target.partition("#")
        if "://" not in path:
            page = (ROOT / name).parent / path if path else ROOT / name
            assert page.exists(), target
            assert not anchor or anchor in anchors(page.read_text()), target
