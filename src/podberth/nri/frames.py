"""Frames on the wire: several connections in one socket, and on each of them messages of ttrpc. Pure, no I/O.

The socket carries frames of the runtime's multiplexer: connection and length as big-endian 32-bit numbers, then the
payload (containerd/nri, pkg/net/multiplex). Payloads of one connection are a stream of bytes: a message may span
frames. A message of ttrpc has ten bytes of header: length and stream as big-endian 32-bit numbers, type, flags
(containerd/ttrpc, PROTOCOL.md).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

HEADER = 10  # bytes of a message's header
LARGEST = 4 << 20  # bytes of one message, after its header; ttrpc refuses more
REQUEST, RESPONSE, DATA = 1, 2, 3
_FRAME = struct.Struct(">II")
_MESSAGE = struct.Struct(">IIBB")


class BadFrame(ValueError):
    """The peer's bytes are none of this protocol: nothing after them can be understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One message of ttrpc on one connection. `stream` is odd for what the client of the connection began."""

    connection: int
    stream: int
    type: int
    body: bytes
    flags: int = 0


def encode(frame: Frame) -> bytes:
    """Return the message in as many frames as it needs. BadFrame if it is larger than a peer takes."""
    if len(frame.body) > LARGEST:
        raise BadFrame(f"a message of {len(frame.body)} bytes, {LARGEST} are the most")
    message = _MESSAGE.pack(len(frame.body), frame.stream, frame.type, frame.flags) + frame.body
    return _FRAME.pack(frame.connection, len(message)) + message


@dataclass(slots=True)
class Decoder:
    """What was received and is not whole yet, for one socket."""

    _raw: bytearray = field(default_factory=bytearray)
    _streams: dict[int, bytearray] = field(default_factory=dict)

    def feed(self, received: bytes, connections: tuple[int, ...]) -> list[Frame]:
        """Take bytes in pieces of any size; return the messages that are whole by now, oldest first.

        BadFrame for another connection than these, and for a length beyond what the protocol allows.
        """
        self._raw += received
        found: list[Frame] = []
        at = 0
        while len(self._raw) - at >= _FRAME.size:
            connection, length = _FRAME.unpack_from(self._raw, at)
            if connection not in connections:
                raise BadFrame(f"a frame of connection {connection}, there are {connections}")
            if length > LARGEST + HEADER:
                raise BadFrame(f"a frame of {length} bytes")
            if len(self._raw) - at - _FRAME.size < length:
                break
            at += _FRAME.size
            stream = self._streams.setdefault(connection, bytearray())
            stream += self._raw[at : at + length]
            at += length
            found += _whole(connection, stream)
        del self._raw[:at]
        return found


def _whole(connection: int, stream: bytearray) -> list[Frame]:
    """Take the messages that are whole from the beginning of a connection's bytes."""
    found = []
    at = 0
    while len(stream) - at >= HEADER:
        length, number, kind, flags = _MESSAGE.unpack_from(stream, at)
        if length > LARGEST:
            raise BadFrame(f"a message of {length} bytes, {LARGEST} are the most")
        if len(stream) - at - HEADER < length:
            break
        at += HEADER
        body = bytes(stream[at : at + length])
        found.append(Frame(connection=connection, stream=number, type=kind, body=body, flags=flags))
        at += length
    del stream[:at]
    return found
