"""What a YAML or JSON file gives, and what it must not be able to do."""

from __future__ import annotations

import json
from io import BytesIO

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.errors import InvalidConfig
from podberth.policy.yamlfiles import MAX_BYTES, load


def read(text: str | bytes, name: str = "db.yaml") -> list[object]:
    data = text.encode() if isinstance(text, str) else text
    return [document.raw for document in load(BytesIO(data), name)]


def test_documents_know_their_index_and_first_line() -> None:
    found = load(BytesIO(b"a: 1\n---\nb: 2\n---\n# nothing\n---\nc: 3\n"), "db.yaml")
    assert [(d.where, d.line, d.raw) for d in found] == [
        ("db.yaml[0]", 1, {"a": 1}),
        ("db.yaml[1]", 3, {"b": 2}),
        ("db.yaml[3]", 7, {"c": 3}),
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("02:00:00:00:00:11", "02:00:00:00:00:11"),
        ("12:30:45", "12:30:45"),
        ("on", "on"),
        ("no", "no"),
        ("2026-01-01", "2026-01-01"),
        ("010", "010"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("1e3", "1e3"),
        ("10.20.0.1", "10.20.0.1"),
        ("fd00::1", "fd00::1"),
        ("'5'", "5"),
        ("!!str 5", "5"),
        ("5", 5),
        ("-5", -5),
        ("1.5", 1.5),
        ("true", True),
        ("null", None),
        ("", None),
        ("'null'", "null"),
        (".inf", ".inf"),
    ],
)
def test_scalars_are_read_as_they_look(written: str, meant: object) -> None:
    assert read(f"key: {written}\n") == [{"key": meant}]


def test_keys_stay_strings() -> None:
    assert read("on: 1\n5: 2\nnull: 3\n<<: {a: 4}\n") == [{"on": 1, "5": 2, "null": 3, "<<": {"a": 4}}]


def test_an_alias_repeats_its_value() -> None:
    assert read("a: &x [1, 2]\nb: *x\nc: &y 5\nd: *y\n") == [{"a": [1, 2], "b": [1, 2], "c": 5, "d": 5}]


def test_anchors_end_with_their_document() -> None:
    with pytest.raises(InvalidConfig, match="stands for nothing yet"):
        read("a: &x 1\n---\nb: *x\n")


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: 1\na: 2\n", "db.yaml:2: duplicate key 'a'"),
        ("a:\n  b: 1\n  b: 1\n", "db.yaml:3: duplicate key 'b'"),
        (BOMB, "more than 400000 values"),
        ("a: &x [*x]\n", r"\*x stands for nothing yet"),
        ("[" * 100_000, "nested deeper than 64"),
        ("{a: " * 1000, "nested deeper than 64"),
        ("? [1]\n: 2\n", "plain string as key"),
        ("a: &k x\nb: {*k : 2}\n", "plain string as key"),
        ("a: !!python/object/apply:os.system [id]\n", "tag .* is not allowed"),
        ("a: !!binary aGk=\n", "tag .* is not allowed"),
        ("a: [1\n", "db.yaml:2: not valid YAML"),
        ("a: \x00\n", "not valid YAML"),
        (b"a: \xff\n", "not UTF-8 at byte 3"),
    ],
)
def test_hostile_yaml_is_refused(text: str | bytes, complaint: str) -> None:
    with pytest.raises(InvalidConfig, match=complaint):
        read(text)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"a": 1, "a": 2}', "key 'a' is there twice"),
        ("[" * 100_000, "levels of nesting"),
        ('{"a": NaN}', "NaN is no JSON"),
        ("{", "not valid JSON"),
        ("", "got nothing"),
    ],
)
def test_bad_json_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(InvalidConfig, match=complaint):
        read(text, "db.json")


def test_a_file_too_large_is_refused() -> None:
    with pytest.raises(InvalidConfig, match="larger than 8 MiB"):
        read(b"#" * (MAX_BYTES + 1))


def test_a_list_stands_for_its_members() -> None:
    assert read('[{"a": 1}, {"b": 2}]', "db.json") == [{"a": 1}, {"b": 2}]
    assert read("apiVersion: v1\nkind: List\nitems:\n- a: 1\n- b: 2\n") == [{"a": 1}, {"b": 2}]


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text("aé0:#-[]{}'\"\\ \n&*!~|", max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcdef", min_size=1), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text("abcxyz", min_size=1), plain, max_size=5))
def test_json_text_reads_alike_as_json_and_as_yaml(document: dict[str, object]) -> None:
    assert read(json.dumps(document), "x.json") == [document]
    assert read(json.dumps(document), "x.yaml") == [document]


@given(st.dictionaries(st.text("abcxyz", min_size=1), plain, max_size=5))
def test_what_pyyaml_writes_reads_back(document: dict[str, object]) -> None:
    assert read(yaml.safe_dump(document, allow_unicode=True)) == [document]
