"""JSON in: one meaning or an error that says what and where. JSON out: compact, and the same again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni import strictjson
from podberth.cni.errors import DecodingFailure, StoreFailed

DEEP = 100_000
REFUSED = [
    pytest.param(b"", "got nothing", id="empty"),
    pytest.param(b" \n\t", "got nothing", id="white space"),
    pytest.param(b"{", "not valid JSON", id="cut short"),
    pytest.param(b"{} {}", "Extra data", id="two documents"),
    pytest.param(b"{'a': 1}", "not valid JSON", id="single quotes"),
    pytest.param(b'{"a": 1,}', "not valid JSON", id="trailing comma"),
    pytest.param(b'{"mtu": 1, "mtu": 2}', "the key 'mtu' is there twice", id="duplicate key"),
    pytest.param(b'{"ipam": {"x": 1, "y": 2, "x": 1}}', "the key 'x' is there twice", id="duplicate key inside"),
    pytest.param(b'{"a": 1, "\\u0061": 2}', "the key 'a' is there twice", id="duplicate key in other letters"),
    pytest.param(b"NaN", "NaN is no JSON", id="NaN"),
    pytest.param(b"[Infinity]", "Infinity is no JSON", id="infinity"),
    pytest.param(b"[-Infinity]", "-Infinity is no JSON", id="minus infinity"),
    pytest.param(b"[1e999]", "the number '1e999' is too large", id="overflow to infinity"),
    pytest.param(b"[" + b"9" * 401 + b"]", "a number of 401 digits", id="more digits than anything means"),
    pytest.param(b"[" + b"9" * 5000 + b"]", "a number of 5000 digits", id="more digits than int() takes"),
    pytest.param(b'"\xff"', "not UTF-8: byte 0xff at offset 1", id="not UTF-8"),
    pytest.param('"ä"'.encode("utf-16"), "not UTF-8", id="UTF-16"),
    pytest.param(b"\xef\xbb\xbf{}", "not valid JSON", id="byte order mark"),
    pytest.param(b'"\xed\xa0\x80"', "not UTF-8", id="encoded surrogate"),
    pytest.param(b'"a\x00b"', "Invalid control character", id="NUL"),
    pytest.param(b'"a\nb"', "Invalid control character", id="newline in a string"),
    pytest.param(b"{}\x00", "Extra data", id="NUL after the document"),
    pytest.param(b"[" * 65 + b"]" * 65, "at most 64 levels of nesting", id="65 levels"),
    pytest.param(b"[" * DEEP + b"]" * DEEP, "at most 64 levels of nesting", id="beyond the recursion limit"),
    pytest.param(b'{"a":' * DEEP + b"1" + b"}" * DEEP, "at most 64 levels", id="objects beyond the recursion limit"),
    pytest.param(b" " * (strictjson.MAX_BYTES + 1), "at most 1048576 bytes, got 1048577", id="too long"),
]


@pytest.mark.parametrize(("data", "complaint"), REFUSED)
def test_what_could_be_read_in_two_ways_is_refused_with_its_reason(data: bytes, complaint: str) -> None:
    with pytest.raises(DecodingFailure) as raised:
        strictjson.loads(data, "stdin")
    assert raised.value.code == 6
    assert raised.value.message.startswith("stdin: ")
    assert complaint in raised.value.message
    assert len(raised.value.message) < 200


def test_the_error_is_of_the_callers_class() -> None:
    with pytest.raises(StoreFailed, match=r"^record: expected JSON, got nothing$"):
        strictjson.loads(b"", "record", StoreFailed)


def test_the_limits_are_the_callers() -> None:
    with pytest.raises(DecodingFailure, match="at most 3 bytes, got 4"):
        strictjson.loads(b"1234", "stdin", most=3)
    assert strictjson.loads(b"[[1]]", "stdin", depth=2) == [[1]]
    with pytest.raises(DecodingFailure, match="at most 1 levels"):
        strictjson.loads(b"[[1]]", "stdin", depth=1)


def test_64_levels_are_read() -> None:
    assert strictjson.loads(b"[" * 64 + b"]" * 64, "stdin")


@pytest.mark.parametrize("data", [b"null", b" {} ", b'"\\u0000"', '"ä€😀"'.encode(), b"-0", b"1.5e3", b"[true]"])
def test_ordinary_json_is_read_as_json_reads_it(data: bytes) -> None:
    assert strictjson.loads(data, "stdin") == json.loads(data)


def test_dumps_is_compact_ascii_in_the_order_given() -> None:
    assert strictjson.dumps({"b": [1, "ä"], "a": None}) == '{"b":[1,"\\u00e4"],"a":null}'


def test_dumps_refuses_what_loads_would_refuse() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        strictjson.dumps([float("nan")])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_what_was_written_is_read_back(document: object) -> None:
    assert strictjson.loads(strictjson.dumps(document).encode(), "stdin") == document


@given(st.binary(max_size=64) | st.text(alphabet='[]{}",:0129eE+-.ntfu\\ ', max_size=40).map(str.encode))
def test_no_bytes_get_past_as_anything_but_a_document_or_a_decoding_failure(data: bytes) -> None:
    try:
        document = strictjson.loads(data, "stdin")
    except DecodingFailure:
        return
    assert strictjson.loads(strictjson.dumps(document).encode(), "stdin") == document
