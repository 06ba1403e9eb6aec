"""Netlink messages as bytes (linux/netlink.h): headers, attributes, errors. No I/O; `socket.py` sends and receives.

Everything is in the machine's byte order; podberth runs on little-endian machines (x86-64, arm64).
"""

from __future__ import annotations

from struct import Struct

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

REQUEST, MULTI, ACK = 0x1, 0x2, 0x4
DUMP_INTERRUPTED = 0x10
ROOT, MATCH = 0x100, 0x200
DUMP = ROOT | MATCH
REPLACE, EXCL, CREATE = 0x100, 0x200, 0x400
_CAPPED, _TLVS = 0x100, 0x200  # of an error message: NLM_F_CAPPED, NLM_F_ACK_TLVS

ERROR, DONE = 2, 3  # NLMSG_ERROR, NLMSG_DONE

_HEADER = Struct("=IHHII")  # length, type, flags, sequence, port
_ATTRIBUTE = Struct("=HH")  # length, type
_ERRNO = Struct("=i")
_NESTED = 0x8000
_TYPE_MASK = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER
_EXT_MESSAGE = 1  # NLMSGERR_ATTR_MSG


def header(layout: Struct, body: bytes) -> tuple[int, ...]:
    """Return the numbers that a body begins with. ValueError if it is cut short."""
    if len(body) < layout.size:
        raise ValueError(f"netlink header of {layout.size} bytes in {len(body)}")
    return layout.unpack_from(body)


@value
class Message:
    """One message without its header's length and port."""

    kind: int
    flags: int
    sequence: int
    body: bytes


def message(kind: int, flags: int, sequence: int, body: bytes) -> bytes:
    """Return a message; the kernel fills in the port."""
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, sequence, 0) + body


def messages(data: bytes) -> Iterator[Message]:
    """Yield the messages of a datagram. ValueError if one is cut short."""
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, flags, sequence, _ = _HEADER.unpack_from(data, at)
        if length < _HEADER.size or at + length > len(data):
            raise ValueError(f"netlink message of {length} bytes in a datagram of {len(data)}")
        yield Message(kind=kind, flags=flags, sequence=sequence, body=data[at + _HEADER.size : at + length])
        at += (length + 3) & ~3


def attribute(kind: int, content: bytes) -> bytes:
    """Return an attribute, padded to four bytes."""
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(content), kind) + content + bytes(-len(content) % 4)


def nested(kind: int, *members: bytes) -> bytes:
    """Return an attribute made of attributes."""
    return attribute(kind | _NESTED, b"".join(members))


def u16(kind: int, number: int) -> bytes:
    """Return an attribute of two bytes."""
    return attribute(kind, number.to_bytes(2, "little"))


def u32(kind: int, number: int) -> bytes:
    """Return an attribute of four bytes."""
    return attribute(kind, number.to_bytes(4, "little"))


def text(kind: int, content: str) -> bytes:
    """Return an attribute that is a string with its final NUL."""
    return attribute(kind, content.encode() + b"\0")


def attributes(data: bytes) -> dict[int, bytes]:
    """Return attributes by type; of several of one type the last. ValueError if one is cut short."""
    # Spelt out beside `each_attribute`, as `among` is: a generator would be resumed for each of a link's 60.
    found, at, size, unpack = {}, 0, len(data), _ATTRIBUTE.unpack_from
    while at + 4 <= size:
        length, kind = unpack(data, at)
        end = at + length
        if length < 4 or end > size:
            raise ValueError(f"netlink attribute of {length} bytes in {size}")
        found[kind & 0x3FFF] = data[at + 4 : end]  # as _TYPE_MASK
        at = (end + 3) & -4
    return found


def among(data: bytes, wanted: frozenset[int]) -> dict[int, bytes]:
    """Return those attributes that are of a type wanted, as `attributes` does.

    A link has 60 attributes, of which a dozen are looked at, and an ADD reads nine links: the others are passed over.
    """
    found, at, unpack = {}, 0, _ATTRIBUTE.unpack_from
    last = len(data) - 4
    while at <= last:
        length, kind = unpack(data, at)
        if length < 4 or length > last + 4 - at:
            raise ValueError(f"netlink attribute of {length} bytes in {len(data)}")
        if kind & 0x3FFF in wanted:  # as _TYPE_MASK
            found[kind & 0x3FFF] = data[at + 4 : at + length]
        at += (length + 3) & -4
    return found


def first(data: bytes, wanted: int) -> bytes | None:
    """Return the first attribute of a type, without a look at those behind it. ValueError if one before is cut short.

    For one of the first among many.
    """
    return next((content for kind, content in each_attribute(data) if kind == wanted), None)


def each_attribute(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (type, content) of each attribute. ValueError if one is cut short."""
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size or at + length > len(data):
            raise ValueError(f"netlink attribute of {length} bytes in {len(data)}")
        yield kind & _TYPE_MASK, data[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3


def number(content: bytes | None, default: int = 0) -> int:
    """Return an attribute's content as a number."""
    return int.from_bytes(content, "little") if content is not None else default


def string(content: bytes | None) -> str:
    """Return an attribute's content as text without its NUL."""
    return content.rstrip(b"\0").decode(errors="replace") if content is not None else ""


def error(found: Message) -> tuple[int, str]:
    """Return (errno, the kernel's own words) of an error, or of the end of a dump; errno 0 is all well.

    ValueError if what should be in it is cut short.
    """
    (negative,) = header(_ERRNO, found.body)
    if not found.flags & _TLVS:
        return -negative, ""
    start = 4 if found.kind == DONE else 4 + _HEADER.size  # only an error repeats the request it answers
    if found.kind == ERROR and not found.flags & _CAPPED:
        length, *_ = header(_HEADER, found.body[4:])
        start = 4 + ((length + 3) & ~3)
    return -negative, string(attributes(found.body[start:]).get(_EXT_MESSAGE))
