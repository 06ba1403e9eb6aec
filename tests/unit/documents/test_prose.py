"""The rule for prose: each fault is found, and plain sentences pass."""

from __future__ import annotations

import pytest

from tools.prose import LONGEST_LINE, LONGEST_SENTENCE, faults, passages, sentences

LONG = " ".join(["To"] * LONGEST_SENTENCE)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x" * (LONGEST_LINE + 1), "121 characters"),
        (f"One {LONG}.", "31 words"),
        (f"- One {LONG}", "31 words"),
        (f"| short | One {LONG} |", "31 words"),
        (f"{LONG}\nand more.", "32 words"),
        ("It compares what is recorded with the kernel.", "'what is'"),
        ("What was left is ended.", "'What was'"),
        ("It ends what has moved.", "'what has'"),
        ("Whoever can write there can declare.", "'Whoever'"),
        ("This is kept by whoever runs it.", "'whoever'"),
        ("That which is gone stays gone.", "'That which'"),
        ("Those which wait are refused.", "'Those which'"),
        ("Who looks, finds nothing.", "'Who looks'"),
        ("It is a book for who writes plugins.", "'for who writes'"),
        ("First come those, who wait.", "', who wait'"),
    ],
)
def test_a_fault_is_found(text: str, says: str) -> None:
    found = faults(text)
    assert [says in fault.says for fault in found] == [True]
    assert found[0].line == 1


@pytest.mark.parametrize(
    "text",
    [
        f"{LONG}.",
        f"{LONG}.\n{LONG}.",
        f"{LONG}\n\n{LONG}",
        f"- {LONG}\n- {LONG}",
        f"# {LONG}\n{LONG}",
        f"{LONG} (an aside of five words).",
        f"{LONG[:-3]}\n`code of many words that count as one`.",
        f"{LONG[:-3]}\n[word](https://example.org/a/long/address/with/many/parts).",
        f"```sh\n{'x' * 200}\nwhat is this\n```",
        f"Before:\n\n    {'x' * 200}",
        f"| {'x' * 200} |",
        "What is left of it?",
        "Who had that address then?",
        "For people who write plugins.",
        "It says what you need.",
        f"<!-- whoever {LONG} -->",
    ],
)
def test_plain_prose_passes(text: str) -> None:
    assert faults(text) == []


def test_a_fault_names_its_line() -> None:
    assert [fault.line for fault in faults("Fine.\n\n```\ncode\n```\n\nFine.\nWhoever comes.\n\nWhat is it.")] == [
        7,
        10,
    ]


def test_a_passage_is_a_paragraph_an_item_or_a_cell() -> None:
    page = "one\ntwo\n- three\n  four\n1. five\n| six | seven |\n"
    assert [(each.line, each.text) for each in passages(page)] == [
        (1, "one two"),
        (3, "three four"),
        (5, "five"),
        (6, "six"),
        (6, "seven"),
    ]


@pytest.mark.parametrize(
    ("passage", "count"),
    [
        ("One. Two! Three?", 3),
        ("Version 1.2 is here. So is 1.3.", 2),
        ("Some, e.g. this one, go on.", 1),
        ("**One.** Two.", 2),
        ("One; two: three.", 1),
        ("`a.b. C` is one.", 1),
    ],
)
def test_sentences_end_where_a_reader_ends_them(passage: str, count: int) -> None:
    assert len(sentences(passage)) == count
