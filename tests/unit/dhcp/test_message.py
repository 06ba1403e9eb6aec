"""The codec of DHCPv4: what is written is read again, and any bytes are a message or an error."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.dhcp import message as messages
from podberth.dhcp.message import BadMessage, Message, decode, encode
from podberth.dhcp.wire import ALL_MACS, frame, message_in

ADDRESSES = st.integers(0, 2**32 - 1).map(IPv4Address)
OPTIONS = st.dictionaries(
    st.integers(1, 254).filter(lambda code: code != messages.OVERLOAD), st.binary(max_size=300), max_size=4
).map(lambda found: tuple(found.items()))
MESSAGES = st.builds(
    Message, op=st.sampled_from((1, 2)), xid=st.integers(0, 2**32 - 1), chaddr=st.binary(min_size=6, max_size=6),
    options=OPTIONS, secs=st.integers(0, 65535), flags=st.integers(0, 65535), ciaddr=ADDRESSES, yiaddr=ADDRESSES,
    siaddr=ADDRESSES, giaddr=ADDRESSES,
)  # fmt: skip
MAC = bytes.fromhex("020000000001")
SERVER = IPv4Address("10.9.0.1")
PLAIN = Message(op=2, xid=7, chaddr=MAC, options=((messages.KIND, b"\x02"),))


@given(MESSAGES)
def test_what_is_written_is_read_again(message: Message) -> None:
    assert decode(encode(message)) == message


@given(st.binary(max_size=1600))
def test_any_bytes_are_a_message_or_an_error(octets: bytes) -> None:
    for whole in (octets, encode(PLAIN)[:240] + octets):
        try:
            decode(whole)
        except BadMessage:
            pass


@given(st.binary(max_size=400), st.integers(0, 400), st.integers(0, 255))
def test_any_frame_is_a_message_or_nothing(octets: bytes, at: int, to: int) -> None:
    whole = bytearray(frame(MAC, ALL_MACS, PLAIN, SERVER))
    whole[at % len(whole)] = to
    assert message_in(octets) is None
    found = message_in(bytes(whole))
    assert found is None or isinstance(found, Message)


def answered(message: Message) -> bytes:
    """Return the frame as a server would send it: between the ports the other way round."""
    sent = bytearray(frame(MAC, ALL_MACS, message, SERVER))
    sent[34:38] = sent[36:38] + sent[34:36]
    return bytes(sent)


def test_a_checksum_that_is_not_there_yet_is_no_fault() -> None:
    sent = bytearray(answered(PLAIN))
    sent[40:42] = b"\xde\xad"
    assert message_in(bytes(sent)) == PLAIN
    assert message_in(frame(MAC, ALL_MACS, PLAIN, SERVER)) is None  # to a server


@pytest.mark.parametrize(
    ("at", "octets"),
    [
        (12, b"\x86\xdd"),
        (14, b"\x65"),
        (14, b"\x44"),
        (20, b"\x20\x00"),
        (23, b"\x06"),
        (38, b"\x00\x04"),
        (38, b"\xff\xff"),
    ],
)
def test_another_frame_is_passed_over(at: int, octets: bytes) -> None:
    sent = bytearray(answered(PLAIN))
    sent[at : at + len(octets)] = octets
    assert message_in(bytes(sent)) is None


def test_checksums_are_right() -> None:
    sent = frame(MAC, ALL_MACS, PLAIN, SERVER)
    pseudo = sent[26:34] + bytes((0, 17)) + sent[38:40]
    assert int.from_bytes(sent[14:34], "big") % 0xFFFF == 0
    assert int.from_bytes(pseudo + sent[34:], "big") % 0xFFFF == 0


def test_options_go_on_in_the_fields_of_file_and_name() -> None:
    body = bytearray(encode(PLAIN))
    body[240:] = bytes((52, 1, 3, 53, 1, 5, 255))
    body[108:114] = bytes((3, 4, 10, 9, 0, 1))  # file: the first part of option 3
    body[44:51] = bytes((3, 4, 10, 9, 0, 2, 255))
    found = decode(bytes(body))
    assert found.kind == messages.ACK
    assert found.option(3) == IPv4Address("10.9.0.1").packed + IPv4Address("10.9.0.2").packed


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "expected 240..1472 bytes, got 0"),
        (b"\x03" + encode(PLAIN)[1:], "op: expected 1 or 2, got 3"),
        (encode(PLAIN)[:2] + b"\xff" + encode(PLAIN)[3:], "hlen: expected 0..16, got 255"),
        (encode(PLAIN)[:236] + bytes(64), "its magic cookie is missing"),
        (encode(PLAIN)[:240] + b"\x0c\x09abc", "option 12 runs over the end"),
        (encode(PLAIN)[:240] + b"\x0c", "option 12 runs over the end"),
    ],
)
def test_an_error_says_what_is_wrong(content: bytes, why: str) -> None:
    with pytest.raises(BadMessage) as wrong:
        decode(content)
    assert why in str(wrong.value)


def test_more_than_fits_is_refused() -> None:
    with pytest.raises(BadMessage, match="at most 1472 bytes"):
        encode(Message(op=1, xid=1, chaddr=MAC, options=((43, bytes(2000)),)))
