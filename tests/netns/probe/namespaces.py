"""Network namespaces of a test's own, with hosts on a bridge; always removed."""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import socket
import subprocess
import threading
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

P = ParamSpec("P")
T = TypeVar("T")

CLONE_NEWNET = 0x40000000  # linux/sched.h
_libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count()


@dataclass(frozen=True)
class Namespace:
    """A namespace as `ip netns` names it."""

    name: str

    @classmethod
    def make(cls) -> Namespace:
        """Make one with its loopback up."""
        made = cls(f"pbtest-{os.getpid()}-{next(_numbers)}")
        subprocess.run(["ip", "netns", "add", made.name], check=True)
        made.run("ip", "link", "set", "lo", "up")
        return made

    def delete(self) -> None:
        """Delete it, with every link in it."""
        subprocess.run(["ip", "netns", "del", self.name], check=True)

    def run(self, *argv: str) -> str:
        """Run a command in it; return its stdout."""
        command = ["nsenter", f"--net=/run/netns/{self.name}", *argv]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}"
        return done.stdout

    def show(self, *argv: str) -> Any:
        """Run `ip -j` or `tc -j` with the other arguments; return what it says."""
        tool, *rest = argv
        return json.loads(self.run(tool, "-j", *rest))

    def begin(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call a function on a thread that enters this namespace and never comes back."""
        future: Future[T] = Future()

        def work() -> None:
            try:
                enter(Path("/var/run/netns") / self.name)
                future.set_result(function(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
                future.set_exception(error)

        threading.Thread(target=work, daemon=True).start()
        return future

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function inside and wait for what it returns or raises."""
        return self.begin(function, *args, **kwargs).result(timeout=PATIENCE)


def enter(path: Path) -> None:
    """Move the calling thread into a namespace (os.setns came with Python 3.12)."""
    with path.open() as netns:
        if _libc.setns(netns.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {path}")


@dataclass(frozen=True)
class Wired:
    """A namespace with one interface on a LAN."""

    namespace: Namespace
    mac: str
    ifname: str = "eth0"


@dataclass
class Lan:
    """A bridge in a namespace of its own, and the hosts on it."""

    switch: Namespace
    hosts: list[Wired] = field(default_factory=list)

    @classmethod
    def make(cls) -> Lan:
        """Make the bridge."""
        lan = cls(Namespace.make())
        lan.switch.run("ip", "link", "add", "br0", "type", "bridge")
        lan.switch.run("ip", "link", "set", "br0", "up")
        return lan

    def host(self, *addresses: str) -> Wired:
        """Wire a new namespace to the bridge; the wire and the addresses are usable at once."""
        number = len(self.hosts)
        mac = f"02:00:00:00:01:{number:02x}"
        host = Wired(Namespace.make(), mac)
        self.hosts.append(host)
        peer = ("peer", "name", "eth0", "address", mac, "netns", host.namespace.name)
        self.switch.run("ip", "link", "add", f"port{number}", "type", "veth", *peer)
        self.switch.run("ip", "link", "set", f"port{number}", "master", "br0", "up")
        host.namespace.run("ip", "link", "set", "eth0", "up")
        port = ("bridge", "-json", "link", "show", "dev", f"port{number}")
        until(lambda: '"forwarding"' in self.switch.run(*port), f"port{number} does not forward")
        wire = ("ip", "link", "show", "eth0")
        until(lambda: "state UP" in host.namespace.run(*wire), "eth0 has no carrier")
        for address in addresses:
            host.namespace.run("ip", "address", "add", address, "dev", "eth0", *(["nodad"] if ":" in address else []))
        return host

    def unplug(self, host: Wired) -> None:
        """Take a host's carrier away; the kernel tells the other end of a pair a little later."""
        self.switch.run("ip", "link", "set", f"port{self.hosts.index(host)}", "down")
        wire = ("ip", "link", "show", "eth0")
        until(lambda: "NO-CARRIER" in host.namespace.run(*wire), "eth0 has its carrier still")

    def delete(self) -> None:
        """Delete every namespace, also if one can't be."""
        with ExitStack() as undo:
            for namespace in (self.switch, *(host.namespace for host in self.hosts)):
                undo.callback(namespace.delete)


def listening(host: Wired, protocol: int) -> socket.socket:
    """Return a packet socket that hears one interface."""

    def opened() -> socket.socket:
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        sock.bind((host.ifname, protocol))
        return sock

    return host.namespace.call(opened)


def heard(sock: socket.socket, seconds: float) -> Iterator[bytes]:
    """Yield frames until none has come for so long."""
    sock.settimeout(seconds)
    while True:
        try:
            yield sock.recv(2048)
        except TimeoutError:
            return
