"""The socket that plugins ask at: one line of JSON each way, from root alone, and no longer than it has to be.

A peer that is slow or silent costs nobody else anything. Only an ADD waits, and the daemon goes on meanwhile.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import TYPE_CHECKING

from podberth.cni import parsers, strictjson
from podberth.cni.errors import CniError, DecodingFailure, Drifted, InvalidConfig
from podberth.cni.fields import Fields
from podberth.dhcp.keeper import checked
from podberth.dhcp.leases import Key, octets, options_json
from podberth.dhcp.machine import Subject
from podberth.process.reason import reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.dhcp.keeper import Held, Keeper

MOST = 256  # peers at a time; others wait in the backlog
LONGEST = 1 << 20  # bytes of a request, and of an answer
PATIENCE = 5.0  # seconds to say what is wanted
_PEER = struct.Struct("=iII")  # struct ucred: pid, uid, gid
_NUMBER = parsers.integer(1, 254)
_OTHERS = (
    b"HTTP/1.0 501 this is podberth's dhcp daemon and serves podberth's plugin alone\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)


class Peer:
    """One connection; `asked` once its request was read."""

    def __init__(self, connection: socket.socket, end: float) -> None:
        self.connection, self.end = connection, end
        self.read = bytearray()
        self.asked = False


class Desk:
    """Answers what is asked of the keeper. `seconds`: how long an ADD looks for a server."""

    def __init__(
        self, listening: socket.socket, keeper: Keeper, seconds: float, now: Callable[[], float],
        refused: Callable[[str], object], closed: Callable[[int], object],
    ) -> None:  # fmt: skip
        self._listening, self._keeper, self._seconds, self._now = listening, keeper, seconds, now
        self._refused, self._closed = refused, closed
        self._peers: dict[int, Peer] = {}
        listening.setblocking(False)

    @property
    def full(self) -> bool:
        """Whether no more peers are taken just now."""
        return len(self._peers) >= MOST

    def accept(self) -> int | None:
        """Take the next peer; return its descriptor. None if there is none, or if it is none of root's."""
        try:
            connection, _ = self._listening.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return None
        _, uid, _ = _PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
        if uid not in (0, os.geteuid()):
            connection.close()
            self._refused(f"a request of user {uid} was refused: only root may ask")
            return None
        connection.setblocking(False)
        self._peers[connection.fileno()] = Peer(connection, self._now() + PATIENCE)
        return connection.fileno()

    def ready(self, descriptor: int) -> None:
        """Read on. What is no request ends the connection."""
        peer = self._peers.get(descriptor)
        if peer is None:
            return
        try:
            part = peer.connection.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        if not part or peer.asked:  # who has gone is answered no more; the lease, if there will be one, is the pod's
            self._drop(peer)
            return
        peer.read += part
        if b"\n" in part:
            peer.asked = True
            self._serve(peer, bytes(peer.read))
        elif len(peer.read) > LONGEST:
            self._drop(peer)

    def end_slow(self) -> None:
        """End connections of those that have not said what they want in time."""
        now = self._now()
        for peer in [peer for peer in self._peers.values() if not peer.asked and now > peer.end]:
            self._drop(peer)

    def close(self) -> None:
        """End all of them."""
        for peer in list(self._peers.values()):
            self._drop(peer)
        self._listening.close()

    def _serve(self, peer: Peer, line: bytes) -> None:
        def later(how: Held | CniError) -> None:
            self._answer(peer, _refusal(how) if isinstance(how, CniError) else _lease(how))

        if b" HTTP/1." in line.split(b"\n", 1)[0]:  # net/rpc of Go
            self._give(peer, _OTHERS)
            return
        try:
            said = Fields(strictjson.loads(line, "the request", DecodingFailure, most=LONGEST), "", InvalidConfig)
            answer = self._asked(said, later)
        except CniError as wrong:
            answer = _refusal(wrong)
        except Exception as bug:  # noqa: BLE001 - whatever it is, others are served
            self._refused(reason(bug))
            answer = _refusal(CniError(f"internal error of the dhcp daemon: {reason(bug)}", "see its log"))
        if answer is not None:
            self._answer(peer, answer)

    def _asked(self, said: Fields, later: Callable[[Held | CniError], None]) -> dict[str, object] | None:
        """Do what is asked; return the answer, None if it comes later."""
        verb = said.required("verb", parsers.choice("ADD", "DEL", "CHECK", "GC", "STATUS"))
        if verb == "STATUS":
            return {"leases": len(self._keeper)}
        network = said.required("network", parsers.identifier)
        if verb == "GC":
            others = self._keeper.others(network, _valid(said))
            for held in others:
                self._keeper.give_back(held, "GC")
            return {"released": len(others)}
        container = said.required("containerID", parsers.identifier)
        key = Key(network=network, container_id=container, ifname=said.required("ifname", parsers.ifname))
        found = self._keeper.find(key)
        if verb == "DEL":
            if found is not None:
                self._keeper.give_back(found, "DEL")
            return {}
        if verb == "CHECK":
            held = checked(found, key)
            given = said.each("addresses", parsers.ip_address)
            if given and held.given not in given:
                raise Drifted(f"prevResult.ips: {held.given} is leased, which is not among them", "restart the pod")
            return _lease(held)
        link = self._keeper.link(said.required("netns", parsers.absolute_path), key.ifname)
        self._keeper.get(key, link, _subject(said, link.mac), self._seconds, later)
        return None

    def _answer(self, peer: Peer, answer: dict[str, object]) -> None:
        self._give(peer, strictjson.dumps(answer).encode() + b"\n")

    def _give(self, peer: Peer, octets: bytes) -> None:
        """Send an answer, which a socket has room for, and hang up."""
        try:
            peer.connection.send(octets, socket.MSG_NOSIGNAL)
        except OSError:
            pass  # it has gone
        self._drop(peer)

    def _drop(self, peer: Peer) -> None:
        descriptor = peer.connection.fileno()
        if self._peers.pop(descriptor, None) is not None:
            self._closed(descriptor)
            peer.connection.close()


def _subject(said: Fields, mac: bytes) -> Subject:
    provided: list[tuple[int, bytes]] = []
    raw = said.raw.get("provide") or []
    for pair in raw if isinstance(raw, list) and len(raw) < 255 else []:
        if not isinstance(pair, list) or len(pair) != 2:
            raise said.fail("provide", "expected pairs of a number and hexadecimal bytes")
        one = Fields({"option": pair[0], "value": pair[1]}, "provide", InvalidConfig)
        provided.append((one.required("option", _NUMBER), one.required("value", octets)))
    request = said.each("request", _NUMBER, most=255)
    return Subject(
        mac=mac, client=said.required("client", octets)[:254], provide=tuple(provided), request=request
    )  # fmt: skip


def _valid(said: Fields) -> frozenset[tuple[str, str]]:
    raw = said.raw.get("valid")
    if not isinstance(raw, list):
        raise said.fail("valid", "expected a list")
    return frozenset((str(pair[0]), str(pair[1])) for pair in raw if isinstance(pair, list) and len(pair) == 2)


def _lease(held: Held) -> dict[str, object]:
    terms = held.client.terms
    if terms is None:
        return _refusal(Drifted(f"{held.key.ifname}: {held.wrong}", "restart the pod"))
    return {
        "address": str(terms.address),
        "server": str(terms.server),
        "state": str(held.client.state),
        "options": options_json(terms.options),
    }


def _refusal(wrong: CniError) -> dict[str, object]:
    return {"error": {"code": wrong.code, "message": wrong.message, "details": wrong.details}}
