"""The encoding of protobuf (protobuf.dev/programming-guides/encoding), as far as small messages need it. Pure.

Fields are found by their numbers; those that nobody asks for are passed over, as protobuf has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types; 3 and 4, groups, are of proto2
_LONGEST = 10  # bytes of a varint: 64 bits
_MASK = (1 << 64) - 1


class Malformed(ValueError):
    """The bytes are no message."""


class Message:
    """One message that was received: the values of each field in the order they came, by the field's number."""

    __slots__ = ("_fields",)

    def __init__(self, body: bytes) -> None:
        self._fields: dict[int, list[int | bytes]] = {}
        at = 0
        while at < len(body):
            tag, at = _varint(body, at)
            number, kind = tag >> 3, tag & 7
            if number == 0:
                raise Malformed("a field has number 0")
            found, at = _content(body, at, kind)
            self._fields.setdefault(number, []).append(found)

    def texts(self, number: int) -> tuple[str, ...]:
        """Return the strings of a repeated field. Malformed if one is no string."""
        return tuple(_text(each) for each in self.all_bytes(number))

    def text(self, number: int) -> str:
        """Return a string; '' if it is not there. Of several the last counts."""
        return (self.texts(number) or ("",))[-1]

    def all_bytes(self, number: int) -> tuple[bytes, ...]:
        """Return the byte strings of a repeated field. Malformed if one is a number."""
        found = self._fields.get(number, [])
        if any(isinstance(each, int) for each in found):
            raise Malformed(f"field {number} is a number")
        return tuple(each for each in found if isinstance(each, bytes))

    def bytes(self, number: int) -> bytes:
        """Return a byte string; empty if it is not there."""
        return (self.all_bytes(number) or (b"",))[-1]

    def number(self, number: int) -> int:
        """Return a whole number, from -2**63 on as int32 and int64 have them; 0 if it is not there."""
        found = self._fields.get(number, [0])[-1]
        if not isinstance(found, int):
            raise Malformed(f"field {number} is no number")
        return found - (1 << 64) if found >> 63 else found

    def messages(self, number: int) -> tuple[Message, ...]:
        """Return the messages of a repeated field."""
        return tuple(map(Message, self.all_bytes(number)))

    def message(self, number: int) -> Message:
        """Return a message; an empty one if it is not there."""
        return Message(self.bytes(number))


def encoded_text(number: int, text: str) -> bytes:
    """Return a string as a field; nothing for ''."""
    return encoded_bytes(number, text.encode()) if text else b""


def encoded_texts(number: int, texts: Iterable[str]) -> bytes:
    """Return strings as a repeated field, empty ones too."""
    return b"".join(encoded_bytes(number, text.encode()) for text in texts)


def encoded_bytes(number: int, content: bytes) -> bytes:
    """Return a byte string, or a message that is encoded, as a field; an empty one is there too."""
    return _tag(number, _BYTES) + _encoded(len(content)) + content


def encoded_number(number: int, content: int) -> bytes:
    """Return a whole number or a switch as a field; nothing for 0."""
    return _tag(number, _VARINT) + _encoded(content & _MASK) if content else b""


def _tag(number: int, kind: int) -> bytes:
    return _encoded(number << 3 | kind)


def _encoded(number: int) -> bytes:
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)


def _varint(body: bytes, at: int) -> tuple[int, int]:
    """Return a number, and where what follows begins."""
    number = 0
    for place in range(_LONGEST):
        if at + place >= len(body):
            raise Malformed("it ends within a number")
        byte = body[at + place]
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return number & _MASK, at + place + 1
    raise Malformed(f"a number has more than {_LONGEST} bytes")


def _content(body: bytes, at: int, kind: int) -> tuple[int | bytes, int]:
    """Return what a field holds, and where what follows begins."""
    if kind == _VARINT:
        return _varint(body, at)
    if kind in (_FIXED64, _FIXED32):
        length = 8 if kind == _FIXED64 else 4
        found: int | bytes = int.from_bytes(body[at : at + length], "little")
    elif kind == _BYTES:
        length, at = _varint(body, at)
        found = body[at : at + length]
    else:
        raise Malformed(f"a field of wire type {kind}")
    if at + length > len(body):
        raise Malformed("it ends within a field")
    return found, at + length


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as wrong:
        raise Malformed("a text is not UTF-8") from wrong
