"""The encoding of protobuf, by hand: as it was written, and hostile bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.protobuf.classes import classes
from podberth.protobuf.wire import Malformed, Message, encoded_bytes, encoded_number, encoded_text, encoded_texts

LIBRARY = classes({"Said": "text:string=1 number:int64=2 *texts:string=3 raw:bytes=4"}, "test.podberth.wire")["Said"]


@given(
    st.text(max_size=20), st.integers(-(2**63), 2**63 - 1), st.lists(st.text(max_size=5), max_size=4),
    st.binary(min_size=1, max_size=9),
)  # fmt: skip
def test_the_library_reads_what_is_written_here_and_the_other_way_round(
    text: str, number: int, texts: list[str], raw: bytes
) -> None:
    body = encoded_text(1, text) + encoded_number(2, number) + encoded_texts(3, texts) + encoded_bytes(4, raw)
    said = LIBRARY.FromString(body)
    found = Message(LIBRARY(text=text, number=number, texts=texts, raw=raw).SerializeToString())

    assert (said.text, said.number, list(said.texts), said.raw) == (text, number, texts, raw)
    assert (found.text(1), found.number(2), list(found.texts(3)), found.bytes(4)) == (text, number, texts, raw)


@given(st.text(max_size=20), st.integers(-(2**63), 2**63 - 1), st.lists(st.text(max_size=5), max_size=4))
def test_what_is_written_is_read(text: str, number: int, texts: list[str]) -> None:
    found = Message(encoded_text(1, text) + encoded_number(2, number) + encoded_texts(3, texts))

    assert (found.text(1), found.number(2), found.texts(3)) == (text, number, tuple(texts))


def test_fields_of_fixed_width_are_passed_over() -> None:
    raw = b"\x09" + bytes(8) + b"\x15" + bytes(4) + encoded_text(3, "there")

    assert Message(raw).text(3) == "there"


@pytest.mark.parametrize("raw", [b"\x0b", b"\x08", b"\x08" + b"\xff" * 11, b"\x0a\x05abc", b"\x00", b"\x0d\x01"])
def test_what_ends_too_early_or_is_of_no_type_is_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed):
        Message(raw)


def test_a_field_of_another_type_is_malformed() -> None:
    with pytest.raises(Malformed):
        Message(encoded_number(1, 7)).text(1)
    with pytest.raises(Malformed):
        Message(encoded_text(1, "x")).number(1)
    with pytest.raises(Malformed):
        Message(encoded_bytes(1, b"\xff\xfe")).text(1)
