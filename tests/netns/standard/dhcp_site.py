"""A network with a DHCP server on one of the twins, and the daemon of its `dhcp` plugin."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.netns.standard.twins import Ended, Node

ROUTER, SUBNET = "10.9.0.1", "10.9.0"
ADDRESS = f"{SUBNET}.20"  # what the servers keep for the client with the identifier of `Node.call`
NET = "net"
EAGER = ("-timeout", "500ms")
QUICK = (*EAGER, "-resendtimeout", "1s")


def identifier(container: str = "c0ffee", network: str = NET, ifname: str = "eth0") -> str:
    """Return the client identifier as servers show it."""
    return (b"\0" + f"{container}/{network}/{ifname}".encode()[:254]).hex(":")


@dataclass
class Site:
    """A node with a bridge `br0`, on which servers listen, and with a daemon."""

    node: Node
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def socket(self) -> Path:
        return self.node.state / "dhcp.sock"

    def conf(self, ipam: Mapping[str, object] | None = None, **more: object) -> dict[str, object]:
        """Return a network's configuration, with the node's own daemon."""
        section = {"type": "dhcp", "daemonSocketPath": str(self.socket), **(ipam or {})}
        plugin = {"cniVersion": "1.1.0", "name": NET, "type": "bridge", "bridge": "br0"}
        return {**plugin, "stateDir": "{state}/state", "ipam": section, **more}

    def call(self, verb: str, ipam: Mapping[str, object] | None = None, **how: Any) -> Ended:
        more = how.pop("conf", {})
        return self.node.call(verb, self.conf(ipam, **more), **how)

    def start(self, name: str, *argv: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a program in the node's namespace; what it says goes into a file of its name."""
        with (self.node.state / f"{name}.log").open("ab") as log:
            made = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{self.node.name}", *argv],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})},
            )  # fmt: skip
        self.running[name] = made
        return made

    def end(self, name: str, how: int = signal.SIGTERM) -> None:
        process = self.running.pop(name, None)
        if process is not None:
            process.send_signal(how)
            process.wait()

    def log(self, name: str) -> str:
        return (self.node.state / f"{name}.log").read_text(errors="replace")

    def daemon(self, *flags: str) -> None:
        self.start("daemon", str(self.node.folder / "dhcp"), "daemon", "-socketpath", str(self.socket), *flags)
        until(self._listens, lambda: self.log("daemon"))

    def _listens(self) -> bool:
        inodes = self.node.run("ss", "-xlH")
        return str(self.socket) in inodes

    def dnsmasq(self, *options: str, first: int = 10, last: int = 99, keep: bool = True) -> None:
        """Start dnsmasq, which keeps an address for the one client; its leases are of two minutes at least."""
        begun = "DHCP, IP range"
        before = self.log("dnsmasq").count(begun) if (self.node.state / "dnsmasq.log").exists() else 0
        self.start(
            "dnsmasq", "dnsmasq", "-k", "--port=0", "--conf-file=/dev/null", "--interface=br0", "--bind-dynamic",
            f"--dhcp-range={SUBNET}.{first},{SUBNET}.{last},2m", f"--dhcp-leasefile={self.node.state}/dnsmasq.db",
            "--no-ping", "--pid-file=", "--log-facility=-", "--dhcp-authoritative", "--user=root",
            *([f"--dhcp-host=id:{identifier()},{ADDRESS}"] if keep else []), *options,
        )  # fmt: skip
        process = self.running["dnsmasq"]
        until(lambda: self.log("dnsmasq").count(begun) > before or process.poll() is not None)
        assert process.poll() is None, self.log("dnsmasq")

    def leased(self) -> list[tuple[str, ...]]:
        """Return what dnsmasq has leased: address, name, client identifier."""
        path = self.node.state / "dnsmasq.db"
        lines = path.read_text().splitlines() if path.exists() else []
        return sorted(tuple(line.split()[2:5]) for line in lines)

    def kea(self, *, lease: int, t1: int | None = None, t2: int | None = None, pool: str = "20-10.9.0.60") -> None:
        """Start Kea, whose leases may be of seconds."""
        subnet = {"subnet": f"{SUBNET}.0/24", "pools": [{"pool": f"{SUBNET}.{pool}"}]}
        times = {"renew-timer": t1, "rebind-timer": t2, "calculate-tee-times": False} if t1 else {}
        conf = {
            "interfaces-config": {"interfaces": ["br0"], "dhcp-socket-type": "raw"},
            "lease-database": {"type": "memfile", "persist": False}, "valid-lifetime": lease, "subnet4": [subnet],
            "loggers": [{"name": "kea-dhcp4", "severity": "INFO", "output_options": [{"output": "stdout"}]}], **times,
        }  # fmt: skip
        path = self.node.state / "kea.json"
        path.write_text(json.dumps({"Dhcp4": conf}))
        started = self.log("kea").count("DHCP4_STARTED") if (self.node.state / "kea.log").exists() else 0
        folders = {f"KEA_{name}_DIR": str(self.node.state) for name in ("PIDFILE", "LOCKFILE")}
        self.start("kea", "kea-dhcp4", "-c", str(path), env=folders)
        until(lambda: self.log("kea").count("DHCP4_STARTED") > started, lambda: self.log("kea"))

    def kept(self) -> list[dict[str, Any]]:
        """Return the leases that podberth's daemon has on disk."""
        found = []
        for path in sorted((self.node.state / "dhcp.leases").glob("[!.]*.json")):
            with contextlib.suppress(FileNotFoundError):
                found.append(json.loads(path.read_text()))
        return found

    def the_lease(self) -> dict[str, Any]:
        (found,) = self.kept()
        return found

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Have what goes to servers on the bridge in the log `tcpdump` meanwhile."""
        self.start("tcpdump", "tcpdump", "-l", "-n", "-i", "br0", "udp dst port 67")
        until(lambda: "listening on" in self.log("tcpdump"), lambda: self.log("tcpdump"))
        yield
        self.end("tcpdump")

    def clear(self) -> None:
        """End what runs, and forget what it left."""
        for name in list(self.running):
            self.end(name)
        shutil.rmtree(self.node.state)
        self.node.state.mkdir()


def wire(node: Node) -> Site:
    """Give the node its bridge. Its pods have no IPv6: nothing of it is waited for."""
    for inside in ("", "pod"):
        for which in ("all", "default"):
            node.run("sysctl", "-qw", f"net.ipv6.conf.{which}.disable_ipv6=1", inside=inside)
    for line in (
        "link add br0 type bridge", f"addr add {ROUTER}/24 dev br0", "link set br0 up", "link set wire0 master br0",
    ):  # fmt: skip
        node.run("ip", *line.split())
    return Site(node)
