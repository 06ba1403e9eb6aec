"""Frames of NRI's socket, and messages in them: bytes that are known, any pieces, hostile lengths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.nri.frames import HEADER, LARGEST, REQUEST, BadFrame, Decoder, Frame, encode
from podberth.nri.messages import PLUGIN, Pod, Request, Response, registration
from podberth.protobuf.wire import Malformed, Message, encoded_bytes, encoded_text

BOTH = (1, 2)
frames = st.builds(
    Frame,
    connection=st.sampled_from(BOTH),
    stream=st.integers(0, 2**32 - 1),
    type=st.integers(0, 255),
    body=st.binary(max_size=60),
    flags=st.integers(0, 255),
)


def test_a_registration_is_these_bytes() -> None:
    sent = encode(Frame(connection=2, stream=1, type=REQUEST, body=registration("podberth", "05").encode()))
    service = b"\x0a\x1cnri.pkg.api.v1alpha1.Runtime\x12\x0eRegisterPlugin"
    body = service + b"\x1a\x0e\x0a\x08podberth\x12\x0205"

    assert (
        sent == b"\0\0\0\x02"
        b"\0\0\0" + bytes((10 + len(body),)) + b"\0\0\0" + bytes((len(body),)) + b"\0\0\0\x01\x01\0" + body
    )


def test_an_error_is_these_bytes() -> None:
    assert Response(code=2, message="no").encode() == b"\x0a\x06\x08\x02\x12\x02no\x12\x00"


@given(st.lists(frames, max_size=5), st.data())
def test_whatever_the_pieces_the_messages_are_the_same(sent: list[Frame], data: st.DataObject) -> None:
    raw = b"".join(map(encode, sent))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    decoder, found = Decoder(), []
    for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        found += decoder.feed(raw[start:end], BOTH)

    assert found == sent


@given(frames, st.integers(1, 30))
def test_a_message_may_span_frames(sent: Frame, size: int) -> None:
    payload = encode(sent)[8:]
    raw = b""
    for at in range(0, len(payload), size):
        part = payload[at : at + size]
        raw += sent.connection.to_bytes(4, "big") + len(part).to_bytes(4, "big") + part

    assert Decoder().feed(raw, BOTH) == [sent]


@pytest.mark.parametrize(
    "raw",
    [
        b"\0\0\0\0\0\0\0\0",
        b"\0\0\0\x09\0\0\0\0",
        b"GET / HTTP/1.1\r\n",
        b"\0\0\0\x01" + (LARGEST + HEADER + 1).to_bytes(4, "big"),
        b"\0\0\0\x01\0\0\0\x0a" + (LARGEST + 1).to_bytes(4, "big") + b"\0\0\0\x01\x01\0",
    ],
)
def test_a_length_or_a_connection_that_can_not_be_is_refused_before_anything_is_kept(raw: bytes) -> None:
    with pytest.raises(BadFrame):
        Decoder().feed(raw, BOTH)


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_messages_or_malformed(raw: bytes) -> None:
    try:
        Pod.read(Message(raw))
        Request.read(raw)
        Response.read(raw)
    except Malformed:
        pass


def test_a_pod_s_network_namespace_is_found_among_others() -> None:
    namespaces = encoded_bytes(5, encoded_text(1, "ipc") + encoded_text(2, "/proc/1/ns/ipc"))
    namespaces += encoded_bytes(5, encoded_text(1, "network") + encoded_text(2, "/run/netns/x"))
    raw = encoded_text(1, "sandbox") + encoded_text(2, "db-0") + encoded_text(3, "uid") + encoded_text(4, "bank")

    pod = Pod.read(Message(raw + encoded_bytes(8, namespaces)))

    assert pod == Pod(id="sandbox", namespace="bank", name="db-0", uid="uid", netns="/run/netns/x")
    assert Pod.read(Message(raw)).netns == ""


def test_a_request_is_read_as_it_was_written() -> None:
    asked = Request(service=PLUGIN, method="Configure", payload=b"\x12\x03abc", timeout=2_000_000_000)

    assert Request.read(asked.encode()) == asked
