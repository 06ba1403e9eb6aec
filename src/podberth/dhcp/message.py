"""Messages of DHCPv4 as values and as bytes (RFC 2131, RFC 2132, RFC 3396). Pure.

What arrives is from anyone on the wire: whatever is malformed is BadMessage, and every loop goes forward.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

from podberth.cni.value import value

REQUEST, REPLY = 1, 2  # op
DISCOVER, OFFER, ASK, DECLINE, ACK, NAK, RELEASE = range(1, 8)  # option 53; ASK is DHCPREQUEST
KINDS = {DISCOVER: "DISCOVER", OFFER: "OFFER", ASK: "REQUEST", DECLINE: "DECLINE", ACK: "ACK", NAK: "NAK",
         RELEASE: "RELEASE"}  # fmt: skip
ADDRESS, LEASE_TIME, OVERLOAD, KIND, SERVER, WANTED, WORDS, LONGEST = 50, 51, 52, 53, 54, 55, 56, 57  # options
RENEWAL, REBINDING, CLIENT = 58, 59, 61
BROADCAST = 0x8000  # of `flags`
LARGEST = 1472  # bytes of a message that is taken: a frame of 1500 bytes without its headers
NOBODY = IPv4Address(0)

_HEAD = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s4s")
_COOKIE = b"\x63\x82\x53\x63"  # RFC 2131 section 3
_LEAST = 300  # bytes: older relays drop what is shorter than a BOOTP message
_ETHERNET, _PAD, _END = 1, 0, 255
_FILE, _SNAME = 1, 2  # bits of option 52


class BadMessage(ValueError):
    """Bytes that are no message of DHCPv4."""


@value
class Message:
    """A message. `options` are in order, each code once: parts of a long one are joined (RFC 3396)."""

    op: int
    xid: int
    chaddr: bytes
    options: tuple[tuple[int, bytes], ...]
    secs: int = 0
    flags: int = 0
    ciaddr: IPv4Address = NOBODY
    yiaddr: IPv4Address = NOBODY
    siaddr: IPv4Address = NOBODY
    giaddr: IPv4Address = NOBODY

    def option(self, code: int) -> bytes | None:
        """Return what the option holds; None if it is not there."""
        return next((content for found, content in self.options if found == code), None)

    @property
    def kind(self) -> int:
        """The message's kind, option 53; 0 if it has none, as one of BOOTP."""
        content = self.option(KIND)
        return content[0] if content is not None and len(content) == 1 else 0

    @property
    def server(self) -> IPv4Address | None:
        """The server's identifier, option 54."""
        return address(self.option(SERVER))

    def seconds(self, code: int) -> int | None:
        """Return an option that is a time; None if it is not there, or of another length."""
        content = self.option(code)
        return int.from_bytes(content, "big") if content is not None and len(content) == 4 else None


def address(content: bytes | None) -> IPv4Address | None:
    """Return an option that is one address; None if it is not there, or is none of a host."""
    if content is None or len(content) != 4:
        return None
    found = IPv4Address(content)
    return None if found == NOBODY or found.is_multicast or found.is_loopback or found.is_reserved else found


def encode(message: Message) -> bytes:
    """Return the message as it is sent. BadMessage if it does not fit into one."""
    hardware = message.chaddr
    if len(hardware) > 16:
        raise BadMessage(f"chaddr: expected at most 16 bytes, got {len(hardware)}")
    head = _HEAD.pack(
        message.op, _ETHERNET, len(hardware), 0, message.xid, message.secs, message.flags,
        message.ciaddr.packed, message.yiaddr.packed, message.siaddr.packed, message.giaddr.packed,
        hardware, b"", b"", _COOKIE,
    )  # fmt: skip
    parts = [head]
    for code, content in message.options:
        if not _PAD < code < _END:
            raise BadMessage(f"option {code}: expected 1..254")
        for start in range(0, max(1, len(content)), 255):  # RFC 3396: what is longer is said in parts
            part = content[start : start + 255]
            parts.append(bytes((code, len(part))) + part)
    whole = b"".join(parts) + bytes((_END,))
    if len(whole) > LARGEST:
        raise BadMessage(f"expected at most {LARGEST} bytes, got {len(whole)}")
    return whole.ljust(_LEAST, b"\0")


def decode(octets: bytes) -> Message:
    """Read a message. BadMessage for anything else."""
    if not _HEAD.size <= len(octets) <= LARGEST:
        raise BadMessage(f"expected {_HEAD.size}..{LARGEST} bytes, got {len(octets)}")
    op, _, length, _, xid, secs, flags, ci, yi, si, gi, hardware, sname, file, cookie = _HEAD.unpack_from(octets)
    if op not in (REQUEST, REPLY):
        raise BadMessage(f"op: expected 1 or 2, got {op}")
    if length > 16:
        raise BadMessage(f"hlen: expected 0..16, got {length}")
    if cookie != _COOKIE:
        raise BadMessage("this is no message of DHCP: its magic cookie is missing")
    found: dict[int, bytes] = {}
    _read(octets[_HEAD.size :], found)
    overload = found.pop(OVERLOAD, b"\0")
    more = overload[0] if len(overload) == 1 else 0
    if more & _FILE:
        _read(file, found)
    if more & _SNAME:
        _read(sname, found)
    found.pop(OVERLOAD, None)  # said again in there it means nothing
    return Message(
        op=op, xid=xid, secs=secs, flags=flags, chaddr=hardware[:length], options=tuple(found.items()),
        ciaddr=IPv4Address(ci), yiaddr=IPv4Address(yi), siaddr=IPv4Address(si), giaddr=IPv4Address(gi),
    )  # fmt: skip


def _read(octets: bytes, into: dict[int, bytes]) -> None:
    """Read options up to the end mark; one that is there already goes on (RFC 3396)."""
    at = 0
    while at < len(octets) and octets[at] != _END:
        code = octets[at]
        at += 1
        if code == _PAD:
            continue
        size = octets[at] if at < len(octets) else -1
        content = octets[at + 1 : at + 1 + size] if size >= 0 else b""
        if len(content) != size:
            raise BadMessage(f"option {code} runs over the end")
        into[code] = into.get(code, b"") + content
        at += 1 + size
