"""What the daemon holds: each lease with its client, its wire while an answer is awaited, and its file.

One thread steps all of them. It enters a pod's namespace to open a socket, and leaves it again at once.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Literal

from podberth.cni.errors import (
    CniError,
    Drifted,
    InvalidNetns,
    IOFailure,
    TryAgainLater,
    Unfit,
)
from podberth.cni.value import replace
from podberth.dhcp import machine, sandbox
from podberth.dhcp.leases import Kept, Key, Place
from podberth.dhcp.machine import Client, Moment, State
from podberth.dhcp.message import BadMessage
from podberth.dhcp.wire import ALL_MACS, Wire
from podberth.linux import netns
from podberth.process.reason import Reason, reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from ipaddress import IPv4Address

    from podberth.dhcp.leases import Leases
    from podberth.dhcp.machine import Send, Subject
    from podberth.dhcp.message import Message
    from podberth.dhcp.sandbox import Link
    from podberth.process.journal import Journal

MOST = 4096  # leases; each has a descriptor while it waits for a server
LOOK = 5.0  # seconds between two looks whether links are still there
_ASKED = "nothing is to be done: at T2 every server is asked"
_LOST = "is the server there? the pod has no address by DHCP until it answers"
_ANEW = "restart the pod, or have the server give it that address again"
_FOLDER = "is there room, and may it be written? a restart of the daemon would not know the lease"
_PAUSE, _LONGEST_PAUSE = 0.02, 5.0  # seconds until what the kernel refused is tried again
_SPREAD = 50  # leases a second that are asked for after a start


class Held:
    """One lease, or one to be. `waiting`: who is told how getting it ends, until the time `deadline`."""

    def __init__(self, key: Key, place: Place, client: Client, given: IPv4Address | None = None) -> None:
        self.key, self.place, self.client, self.given = key, place, client, given
        self.wire: Wire | None = None
        self.source: IPv4Address | None = None  # where its datagrams are from, if it has a socket for them
        self.server_mac = ALL_MACS
        self.failures = 0  # of the kernel, in a row
        self.trouble = ""
        self.deadline = 0.0
        self.waiting: list[Callable[[Held | CniError], None]] = []

    @property
    def wrong(self) -> str:
        """Why the pod's address is not what is leased; '' if it is."""
        terms = self.client.terms
        if terms is None:
            return self.client.lost or "there is no lease yet"
        if terms.address != self.given:
            return f"the server {terms.server} leases {terms.address} by now, and the pod was given {self.given}"
        return ""


class Keeper:
    """All leases. `prefix` is the folder that has the node's root, '' where that is `/`.

    `longest` and `broadcast` are those of each `Subject`. `opened` and `closed` are told of wires.
    """

    def __init__(
        self, leases: Leases, journal: Journal, prefix: str, moment: Callable[[], Moment],
        opened: Callable[[Held], object], closed: Callable[[int], object], longest: float, broadcast: bool,
    ) -> None:  # fmt: skip
        self._how = {"longest": longest, "broadcast": broadcast}
        self._leases, self._journal, self._prefix, self._moment = leases, journal, prefix, moment
        self._opened, self._closed = opened, closed
        self._held: dict[Key, Held] = {}
        self._looked = 0.0

    def __len__(self) -> int:
        return len(self._held)

    def load(self) -> None:
        """Take up the leases of before a restart, all within some seconds."""
        now = self._moment().now
        for number, kept in enumerate(self._leases.read(self._unread)):
            client = machine.kept(self._as_told(kept.subject), kept.terms, kept.lost, now + number / _SPREAD)
            held = self._held[kept.key] = Held(kept.key, kept.place, client, kept.given)
            held.server_mac = kept.server_mac or ALL_MACS
        self._say("leases", read=len(self._held))

    def find(self, key: Key) -> Held | None:
        """Return what is held for the attachment."""
        return self._held.get(key)

    def link(self, path: str, ifname: str) -> Link:
        """Return the pod's link, set up. InvalidNetns without it or its namespace, else KernelRefused."""
        return sandbox.link(self._prefix, path, ifname)

    def get(
        self, key: Key, link: Link, subject: Subject, seconds: float, answer: Callable[[Held | CniError], None]
    ) -> None:
        """Have a lease; whoever asks is told. One that is there for the same link is the answer."""
        held = self._held.get(key)
        if held is not None and (held.place != link.place or held.client.subject.mac != link.mac or held.client.lost):
            self.give_back(held, "another link asks for it")
            held = None
        if held is None:
            if len(self._held) >= MOST:
                raise Unfit(f"the daemon has {MOST} leases, and takes no more", "end pods, or use several networks")
            held = self._held[key] = Held(key, link.place, Client(subject=self._as_told(subject)))
        if held.given is not None:
            answer(held)
            return
        held.waiting.append(answer)
        held.deadline = max(held.deadline, self._moment().now + seconds)
        self._step(held)

    def give_back(self, held: Held, why: str) -> None:
        """Send the server a DHCPRELEASE, if that can be, and forget the lease."""
        sent = False
        said = machine.released(held.client, self._moment())
        if said is not None and said.to is not None:
            try:
                self._wire(held).send_at_once(said.message, said.to, held.server_mac)
                sent = True
            except (OSError, CniError):
                pass  # the link is gone, or is no way to the server any more: the lease ends by itself
        self._forget(held, TryAgainLater(f"the lease was given up: {why}", "repeat the ADD"))
        self._say("released", held, why=why, told=sent)

    def others(self, network: str, valid: frozenset[tuple[str, str]]) -> list[Held]:
        """Return what is held of the network for none of these."""
        return [
            held
            for key, held in self._held.items()
            if key.network == network and (key.container_id, key.ifname) not in valid
        ]

    def wait(self) -> float:
        """Return the seconds until something is due."""
        now = self._moment().now
        due = [self._looked + LOOK] if self._held else []
        due += [held.client.wake for held in self._held.values()]
        due += [held.deadline for held in self._held.values() if held.waiting]
        return max(0.0, min(due, default=now + LOOK) - now)

    def turn(self) -> None:
        """Do all that is due. One lease's trouble is no other's."""
        now = self._moment().now
        for held in list(self._held.values()):
            try:
                if held.waiting and now >= held.deadline:
                    self._forget(held, _silent(held))
                elif now >= held.client.wake:
                    self._step(held)
            except Exception as wrong:  # noqa: BLE001 - whatever it is, the other leases are due too
                self._failed(held, wrong)
        if now >= self._looked + LOOK:
            self._looked = now
            for held in list(self._held.values()):
                if not sandbox.is_there(self._prefix, held.place):
                    self._gone(held)

    def _gone(self, held: Held) -> None:
        """Give back a lease whose link is gone. One named by a process that ended may be in use: it runs out."""
        if not held.place.netns.startswith("/proc/"):
            self.give_back(held, "the pod's link is gone")
        elif held.client.terms is None or self._moment().now >= held.client.terms.end:
            self._forget(held, TryAgainLater("the process of the pod has ended", "repeat the ADD"))

    def hear(self, held: Held) -> None:
        """Take what has come on the lease's wire."""
        wire = held.wire
        if wire is None:
            return
        try:
            for message, mac in wire.received():
                self._take(held, message, mac)
                if held.wire is not wire:
                    return
        except OSError as wrong:
            self._failed(held, wrong)

    def close(self) -> None:
        """End without giving anything back: the next daemon goes on."""
        for held in list(self._held.values()):
            self._close(held)

    def _as_told(self, subject: Subject) -> Subject:
        return replace(subject, **self._how)

    def _take(self, held: Held, message: Message, mac: bytes) -> None:
        before, moment = held.client, self._moment()
        client, sends = machine.heard(before, message, moment)
        if client is before:
            return
        if client.terms is not None and client.terms != before.terms:
            held.server_mac = mac
        self._become(held, client, sends)

    def _step(self, held: Held) -> None:
        client, sends = machine.woken(held.client, self._moment())
        self._become(held, client, sends)

    def _become(self, held: Held, client: Client, sends: tuple[Send, ...]) -> None:
        """Send what there is to be sent. If the kernel refuses, all is as before, to be tried again soon."""
        before = held.client
        try:
            for each in sends:
                client = self._send(held, client, each)
        except (OSError, CniError, BadMessage) as wrong:
            if client.lost != before.lost:  # that is so, whatever can be sent
                held.client = replace(client, state=State.INIT, tries=0)
                self._changed(held, before)
            self._failed(held, wrong)
            return
        held.client, held.failures, held.trouble = client, 0, ""
        if not client.listening:
            self._close(held)
        if client.terms != before.terms or client.lost != before.lost:
            self._changed(held, before)

    def _send(self, held: Held, client: Client, each: Send) -> Client:
        """Send a message; return the client with the MAC that the link has by now: a later plugin may change it."""
        wire = self._wire(held, client.terms.address if each.to is not None and client.terms is not None else None)
        message = replace(each.message, chaddr=wire.mac)
        client = replace(client, subject=replace(client.subject, mac=wire.mac))
        if each.to is None:
            wire.broadcast(message)
            return client
        try:
            wire.send(message, each.to)
        except OSError as wrong:  # the pod has no such address or no way to the server: at T2 everybody is asked
            self._complain("warning", "not sent", held, str(wrong.strerror), _ASKED)
        return client

    def _changed(self, held: Held, before: Client) -> None:
        client, first = held.client, held.given is None
        terms = client.terms
        if first and terms is not None:
            held.given = terms.address
        if terms is None:
            self._complain("error", "lost", held, client.lost, _LOST)
        elif before.terms is None or held.wrong:
            about = {"address": str(terms.address), "server": str(terms.server)}
            if held.wrong:
                self._complain("error", "leased", held, held.wrong, _ANEW, **about)
            else:
                self._say("leased", held, **about)
        else:
            self._say("renewed", held, address=str(terms.address))
        written = terms or before.terms  # a lease that is lost is kept as lost: a restart must not make it hold again
        try:
            if written is not None and held.given is not None:
                self._leases.write(
                    Kept(
                        key=held.key,
                        place=held.place,
                        subject=client.subject,
                        given=held.given,
                        terms=written,
                        server_mac=held.server_mac,
                        lost=client.lost,
                    )
                )
        except OSError as wrong:
            self._complain("error", "not written", held, str(wrong), _FOLDER)
            if first:
                held.given = None
                failure = IOFailure(f"the lease can't be written: {wrong.strerror}", "see the folder of leases")
                waiting, held.waiting = held.waiting, []
                self.give_back(held, "it can't be written")
                _tell(waiting, failure)
                return
        waiting, held.waiting = held.waiting, []
        _tell(waiting, held)

    def _wire(self, held: Held, source: IPv4Address | None = None) -> Wire:
        if held.wire is not None and source is not None and held.source != source:
            self._close(held)
        if held.wire is None:
            descriptor = netns.open_at(self._prefix + held.place.netns)
            try:
                at = netns.numbers(os.fstat(descriptor))
                known = (at.device, at.inode) == (held.place.device, held.place.inode)
                if not known or not sandbox.is_same(held.place, descriptor):
                    raise InvalidNetns(f"{held.place.netns}: is another namespace by now", "repeat the ADD")
                # By its index: what has the name now may be another link.
                index = held.place.index
                held.wire = netns.opened_in(descriptor, lambda: Wire(socket.if_indextoname(index), source))
                held.source = source
            finally:
                os.close(descriptor)
            self._opened(held)
        return held.wire

    def _failed(self, held: Held, wrong: BaseException) -> None:
        held.failures += 1
        pause = min(_PAUSE * 2 ** min(held.failures, 16), _LONGEST_PAUSE)
        held.client = replace(held.client, wake=self._moment().now + pause)
        held.trouble = wrong.strerror or str(wrong) if isinstance(wrong, OSError) else reason(wrong)
        self._close(held)

    def _forget(self, held: Held, failure: CniError) -> None:
        self._close(held)
        self._held.pop(held.key, None)
        try:
            self._leases.forget(held.key)
        except OSError as wrong:
            self._complain("error", "not forgotten", held, str(wrong), _FOLDER)
        waiting, held.waiting = held.waiting, []
        _tell(waiting, failure)

    def _close(self, held: Held) -> None:
        if held.wire is not None:
            self._closed(held.wire.fileno())
            held.wire.close()
            held.wire = held.source = None

    def _unread(self, why: str) -> None:
        self._journal.complain("error", "lease not read", Reason(why, "delete the pod that had it, and then that file"))

    def _say(self, event: str, held: Held | None = None, **about: object) -> None:
        self._journal.write("info", event, {"attachment": str(held.key) if held is not None else None, **about})

    def _complain(
        self, level: Literal["error", "warning"], event: str, held: Held, why: str, todo: str, **about: object
    ) -> None:
        self._journal.complain(level, event, Reason(why, todo), {"attachment": str(held.key), **about})


def _silent(held: Held) -> CniError:
    """Return the error of an ADD for which no server was found in time."""
    if held.trouble:
        message = f"{held.key.ifname}: no server could be asked for a lease: {held.trouble}"
        return TryAgainLater(message, "repeat the ADD once the interface can send")
    where = {
        State.SELECTING: "no DHCP server answered",
        State.REQUESTING: f"the server {held.client.server} offered {held.client.asked}, and then was silent",
    }.get(held.client.state, "the DHCP server refused the lease that it had offered")
    return TryAgainLater(
        f"{held.key.ifname}: {where}", "see that one serves the network that the link is on, and the log of the daemon"
    )


def checked(held: Held | None, key: Key) -> Held:
    """Return the lease. Drifted if there is none, or if it is not that of the pod's address."""
    if held is None:
        raise Drifted(f"the daemon has no lease of {key}", "restart the pod")
    if held.wrong:
        raise Drifted(f"{key.ifname}: {held.wrong}", _ANEW)
    return held


def _tell(waiting: list[Callable[[Held | CniError], None]], how: Held | CniError) -> None:
    for answer in waiting:
        answer(how)
