"""A question about one Unix socket, and its answer, as bytes (linux/sock_diag.h, linux/unix_diag.h). No I/O."""

from __future__ import annotations

from struct import Struct

from podberth.linux.netlink import codec

FAMILY = 4  # NETLINK_SOCK_DIAG
GET = 20  # SOCK_DIAG_BY_FAMILY

_REQUEST = Struct("=BBHIIIII")  # struct unix_diag_req: family, protocol, pad, states, inode, show, cookie
_ANSWER = Struct("=BBBBIII")  # struct unix_diag_msg: family, type, state, pad, inode, cookie
_LENGTHS = Struct("=II")  # struct unix_diag_rqlen
_AF_UNIX, _ANY = 1, 0xFFFFFFFF
_SHOW_LENGTHS, _RQLEN = 0x10, 4  # UDIAG_SHOW_RQLEN, UNIX_DIAG_RQLEN


def lengths_of(inode: int) -> bytes:
    """ss --unix --listening, for the socket with that inode."""
    return _REQUEST.pack(_AF_UNIX, 0, 0, _ANY, inode, _SHOW_LENGTHS, _ANY, _ANY)


def parse_lengths(body: bytes) -> tuple[int, int]:
    """Read (connections that wait to be accepted, how many may) of a listening socket. ValueError if cut short."""
    codec.header(_ANSWER, body)
    waiting, most = codec.header(_LENGTHS, codec.attributes(body[_ANSWER.size :]).get(_RQLEN, b""))
    return waiting, most
