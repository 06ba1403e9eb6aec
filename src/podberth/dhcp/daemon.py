"""The process: its socket, its one loop, its end. SIGTERM ends it, and leaves all leases as they are.

The loop waits for peers, for answers of servers, and for what is due; each turn of it is short.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import select
import time
from pathlib import Path
from typing import TYPE_CHECKING

from podberth.cni.value import value
from podberth.dhcp.desk import Desk
from podberth.dhcp.keeper import Keeper
from podberth.dhcp.leases import Leases
from podberth.dhcp.machine import Moment
from podberth.ipam_plugins.dhcp_lease.asking import SOCKET
from podberth.process import sockets
from podberth.process.jitter import between
from podberth.process.loop import Loop
from podberth.process.machine import boot_id
from podberth.process.reason import LOOK, Reason
from podberth.process.signals import until_ended

if TYPE_CHECKING:
    import socket

    from podberth.dhcp.keeper import Held
    from podberth.process.journal import Journal

_BACKLOG = 256
_LONGEST = 30.0  # seconds of a turn's wait


@value
class Options:
    """Flags, as the CNI project's daemon has them; times in seconds.

    `timeout`: the longest pause between two messages of an ADD that nobody answers, `resend_max` of all others.
    `resend_timeout`: how long an ADD looks for a server.
    """

    socket_path: str = SOCKET
    pidfile: str = ""
    host_prefix: str = ""
    timeout: float = 10.0
    resend_max: float = 62.0
    resend_timeout: float = 60.0
    broadcast: bool = False

    @property
    def path(self) -> Path:
        """Where it listens."""
        return Path(self.host_prefix + self.socket_path)

    @property
    def leases(self) -> Path:
        """The folder of leases, beside the socket: it ends with the boot, as all namespaces do."""
        return self.path.with_name(f"{self.path.name.removesuffix('.sock')}.leases")


class Daemon:
    """All parts of one daemon."""

    def __init__(self, options: Options, listening: socket.socket, journal: Journal) -> None:
        self._journal = journal
        self._poll = select.epoll()
        self._stop = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._listening = listening
        self._heard: dict[int, Held] = {}
        longest = min(options.timeout, options.resend_max)
        self._keeper = Keeper(
            Leases(options.leases, boot_id()), journal, options.host_prefix, _moment, self._opened, self._closed,
            longest, options.broadcast,
        )  # fmt: skip
        self._desk = Desk(listening, self._keeper, options.resend_timeout, _now, self._refused, self._closed)
        self._poll.register(self._stop, select.EPOLLIN)
        self._taking = False
        self._loop = Loop("dhcp", self._turn, self._failed, longest=1.0)

    def start(self) -> None:
        """Take up the leases of before, and begin to serve."""
        self._keeper.load()
        self._loop.start()
        self._journal.write("info", "serving", {"leases": len(self._keeper)})

    def stop(self) -> None:
        """End; leases stay."""
        self._loop.stop()
        os.eventfd_write(self._stop, 1)
        self._loop.join()
        self._desk.close()
        self._keeper.close()
        self._journal.write("info", "stopped", {"leases": len(self._keeper)})

    def _turn(self) -> float:
        if self._taking is self._desk.full:
            self._take(not self._taking)
        for descriptor, _ in self._poll.poll(min(self._keeper.wait(), _LONGEST)):
            if descriptor == self._listening.fileno():
                peer = self._accepted()
                if peer is not None:
                    self._poll.register(peer, select.EPOLLIN)
            elif descriptor in self._heard:
                self._keeper.hear(self._heard[descriptor])
            else:
                self._desk.ready(descriptor)
        self._keeper.turn()
        self._desk.end_slow()
        return 0.0

    def _accepted(self) -> int | None:
        try:
            return self._desk.accept()
        except OSError as wrong:  # no descriptor is left: leases are renewed all the same
            self._refused(str(wrong))
            return None

    def _take(self, taking: bool) -> None:
        self._taking = taking
        (self._poll.register if taking else self._poll.unregister)(self._listening)

    def _opened(self, held: Held) -> None:
        if held.wire is not None:
            self._heard[held.wire.fileno()] = held
            self._poll.register(held.wire.fileno(), select.EPOLLIN)

    def _closed(self, descriptor: int) -> None:
        self._heard.pop(descriptor, None)
        try:
            self._poll.unregister(descriptor)
        except OSError:
            pass  # it was closed before it was waited for

    def _refused(self, why: str) -> None:
        self._journal.complain("warning", "refused", Reason.of(why, "leases are renewed all the same; " + LOOK))

    def _failed(self, why: Reason) -> None:
        self._journal.complain("error", "turn", why)


def run(options: Options, journal: Journal) -> int:
    """Serve until a signal ends it; return the exit status. OSError if the socket can't be had."""
    options.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Beside the folder: whoever writes a file there locks that.
    alone = os.open(f"{options.leases}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(alone)
        raise FileExistsError(f"{options.leases}: another daemon has these leases; stop it first") from None
    handed, _ = sockets.handed_on()
    remedy = "another daemon listens there; stop it, or choose another -socketpath"
    listening = handed or sockets.listen(options.path, _BACKLOG, remedy)
    pidfile = Path(options.pidfile) if options.pidfile else None
    if pidfile is not None:
        pidfile.write_text(f"{os.getpid()}", encoding="ascii")
    try:
        return until_ended(lambda: Daemon(options, listening, journal))
    finally:
        if handed is None:
            options.path.unlink(missing_ok=True)
        if pidfile is not None:
            pidfile.unlink(missing_ok=True)
        os.close(alone)


def _now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)  # it counts a suspended machine's time, and is one for a boot


def _moment() -> Moment:
    return Moment(now=_now(), number=secrets.randbits(32), share=between(-1.0, 1.0))
