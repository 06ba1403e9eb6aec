"""Blocks of a page, the commands in them, and mutants of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checkout import ROOT
from tests.documents.pages import LANGUAGES, NOT_RUN, blocks, mutants, scenes

PAGE = """\
# A page

```sh
cat > a <<'EOF'
text of a file
EOF
one --option \\
    --another
# a comment
two
```

```text
what two printed
```

```sh cluster
three
```

```sh etcd
four
```
"""
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
# Blocks of commands that no test of one machine runs, by page. A new one is added here, or made to run.
COUNTED = {
    ("README.md", "sh make"): 1,
    ("docs/agent.md", "sh systemd"): 1,
    ("docs/identity.md", "sh cluster"): 6,
    ("docs/install.md", "sh cluster"): 5,
    ("docs/restore.md", "sh cluster"): 2,
    ("docs/sriov.md", "sh example"): 1,
    ("docs/upgrade.md", "sh example"): 2,
}
# The test that runs the other blocks of a page.
RUN_BY = {
    "README.md": "netns/documentation/test_tour.py",
    "docs/agent.md": "netns/documentation/test_pages.py",
    "docs/cluster.md": "netns/documentation/test_pages.py",
    "docs/install.md": "netns/documentation/test_pages.py",
    "docs/migrate.md": "unit/cli/test_migrate_page.py",
}


def test_blocks_know_their_language_and_line() -> None:
    assert [(block.language, block.line) for block in blocks(PAGE)] == [
        ("sh", 4),
        ("text", 14),
        ("sh cluster", 18),
        ("sh etcd", 22),
    ]


def test_only_blocks_that_can_run_here_are_scenes() -> None:
    assert [(scene.commands.language, scene.output) for scene in scenes(PAGE)] == [
        ("sh", "what two printed\n"),
        ("sh etcd", ""),
    ]


def test_each_command_has_a_mutant_and_texts_of_files_have_none() -> None:
    assert [(mutant.scene, mutant.line) for mutant in mutants(PAGE)] == [
        (0, "cat > a <<'EOF'"),
        (0, "one --option \\"),
        (0, "two"),
        (1, "four"),
    ]


def test_a_mutant_differs_in_one_word() -> None:
    for mutant in mutants(PAGE):
        assert mutant.page.replace("no-such-", "", 1) == PAGE
        assert f"\nno-such-{mutant.line}\n" in mutant.page


@pytest.mark.parametrize("name", PAGES)
def test_each_block_says_what_a_test_does_with_it(name: str) -> None:
    languages = [(block.line, block.language) for block in blocks((ROOT / name).read_text())]
    assert [each for each in languages if each[1] not in LANGUAGES] == []


@pytest.mark.parametrize("name", PAGES)
def test_no_block_of_commands_is_left_out_silently(name: str) -> None:
    languages = [block.language for block in blocks((ROOT / name).read_text())]
    counts = {word: languages.count(word) for word in sorted(NOT_RUN) if word in languages}
    assert counts == {word: count for (page, word), count in COUNTED.items() if page == name}


def test_a_test_runs_each_page_that_has_commands() -> None:
    assert {name for name in PAGES if scenes((ROOT / name).read_text())} == RUN_BY.keys()
    for name, test in RUN_BY.items():
        assert Path(name).name in (ROOT / "tests" / test).read_text()
