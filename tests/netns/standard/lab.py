"""Traffic between the pods of a node, the node itself and a host outside, for plugins that steer it.

On the node are two bridges: `br0` with `pod` and `near`, `br1` with `far`. `out` is a host at the other end of `up0`,
to which the node is the way to both. Each pod says on some ports who has come, so that two nodes can be compared.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.netns.standard.twins import Node

    # By who asks and by the place.
    Answers = dict[str, dict[str, str]]

PODS = {"pod": ("br0", 2), "near": ("br0", 3), "far": ("br1", 2)}
SUBNETS = {"br0": ("10.77.0", "fd00:77:"), "br1": ("10.78.0", "fd00:78:")}
NODE, NODE6 = "192.0.2.1", "2001:db8::1"
SERVED = (80, 81)
# A refused datagram is told by ICMP, of which the kernel sends a peer six at once and then one a second: ip-sysctl.
UNLIMITED = ("net.ipv4.icmp_ratelimit=0", "net.ipv4.icmp_msgs_per_sec=100000", "net.ipv6.icmp.ratelimit=0")

# Answers each connection, and each datagram, with its own name and with whom it is from.
SERVER = """
import select, socket, sys
name, ports, sockets = sys.argv[1], map(int, sys.argv[2:]), []
for port in ports:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        at = socket.socket(socket.AF_INET6, kind)
        at.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        at.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        at.bind(("::", port))
        if kind == socket.SOCK_STREAM:
            at.listen()
        sockets.append(at)
def four(peer):
    return peer[0].removeprefix("::ffff:")
print("listening", flush=True)
while True:
    for at in select.select(sockets, [], [])[0]:
        try:
            if at.type == socket.SOCK_STREAM:
                found, peer = at.accept()
                found.sendall(f"{name} sees {four(peer)}".encode())
                found.close()
            else:
                _, peer = at.recvfrom(100)
                at.sendto(f"{name} sees {four(peer)}".encode(), peer)
        except OSError:
            pass
"""
# How long an answer may take on this machine, in seconds: twenty times as long as this interpreter took to start.
ENOUGH = """
import os, time
since_boot = int(open("/proc/self/stat").read().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
ENOUGH = 20 * (time.clock_gettime(time.CLOCK_BOOTTIME) - since_boot)
"""
# Prints what it is answered at each place, 'PROTOCOL ADDRESS PORT', or 'refused', another error's name, or 'silent'. A
# place is asked again, with more patience, before it counts as silent: a machine may be busy.
CLIENT = f"""{ENOUGH}
import errno, json, socket, sys, threading
answers = {{}}
def ask(place):
    for patience in (0.5, max(2, ENOUGH)):
        answers[place] = one_answer(place, patience)
        if answers[place] != "silent":
            break
def one_answer(place, patience):
    began = time.monotonic()
    protocol, address, port = place.split()
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, kind) as at:
            at.settimeout(patience)
            at.connect((address, int(port)))
            if protocol == "udp":
                at.send(b"?")
            return at.recv(100).decode() or "closed"
    except TimeoutError:
        return "silent"
    except ConnectionRefusedError:
        return "refused"
    except OSError as error:  # a neighbour that is silent is one that can't be reached, three seconds later
        silent = error.errno == errno.EHOSTUNREACH and time.monotonic() - began > 2
        return "silent" if silent else errno.errorcode[error.errno]
threads = [threading.Thread(target=ask, args=(place,)) for place in sys.argv[1:]]
for one in threads: one.start()
for one in threads: one.join()
print(json.dumps(answers))
"""


# The same, of one UDP flow: asks once for each line of its input, and prints a line.
FLOW = f"""{ENOUGH}
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as at:
    at.settimeout(max(1, ENOUGH))
    at.connect((sys.argv[1], int(sys.argv[2])))
    for _ in sys.stdin:
        try:
            at.send(b"?")
            print(at.recv(100).decode(), flush=True)
        except TimeoutError:
            print("silent", flush=True)
        except OSError:
            print("refused", flush=True)
"""


def wire(node: Node) -> None:
    """Put bridges, pods and the host outside in place."""
    node.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    for inside in ("", *PODS, "out"):
        node.run("sysctl", "-qw", *UNLIMITED, inside=inside)
    for bridge, (four, six) in SUBNETS.items():
        _ip(node, f"link add {bridge} type bridge", f"address add {four}.1/24 dev {bridge}",
            f"address add {six}:1/64 dev {bridge} nodad", f"link set {bridge} up")  # fmt: skip
    for name, (bridge, last) in PODS.items():
        four, six = SUBNETS[bridge]
        full, port = node.pod(name), f"to{name}"
        _ip(node, f"link add {port} type veth peer name eth0 netns {full}", f"link set {port} master {bridge} up")
        _ip(node, f"address add {four}.{last}/24 dev eth0", f"address add {six}:{last}/64 dev eth0 nodad",
            "link set eth0 up", f"route add default via {four}.1", f"route add default via {six}:1",
            inside=name)  # fmt: skip
    _ip(node, f"link set wire0 netns {node.pod('out')}", f"address add {NODE}/24 dev up0",
        f"address add {NODE6}/64 dev up0 nodad", "address add 192.0.2.7/24 dev up0")  # fmt: skip
    _ip(node, "address add 192.0.2.9/24 dev wire0", "address add 2001:db8::9/64 dev wire0 nodad", "link set wire0 up",
        f"route add default via {NODE}", f"route add default via {NODE6}", inside="out")  # fmt: skip


def previous(name: str = "pod", *, version: str = "1.0.0", six: bool = True) -> dict[str, Any]:
    """Return the result that a bridge plugin would have given for a pod."""
    bridge, last = PODS[name]
    subnets = SUBNETS[bridge]
    ips = [{"address": f"{subnets[0]}.{last}/24", "gateway": f"{subnets[0]}.1", "interface": 2}]
    ips += [{"address": f"{subnets[1]}:{last}/64", "gateway": f"{subnets[1]}:1", "interface": 2}] if six else []
    return {
        "cniVersion": version,
        "interfaces": [{"name": bridge}, {"name": f"to{name}"}, {"name": "eth0", "sandbox": f"/run/netns/{name}"}],
        "ips": ips,
    }


@contextlib.contextmanager
def serving(node: Node, *names: str) -> Iterator[None]:
    """Have the pods say who comes."""
    with contextlib.ExitStack() as running:
        for name in names:
            running.enter_context(_server(node.pod(name), name))
        yield


def serving_on_the_node(node: Node) -> contextlib.AbstractContextManager[None]:
    """Have the node itself say who comes."""
    return _server(node.name, "node")


@contextlib.contextmanager
def _server(namespace: str, name: str) -> Iterator[None]:
    command = ["ip", "netns", "exec", namespace, sys.executable, "-c", SERVER, name, *map(str, SERVED)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "listening\n"
        try:
            yield
        finally:
            process.kill()


def answers(node: Node, inside: str, places: Sequence[str]) -> dict[str, str]:
    """Return what is answered at each place, 'PROTOCOL ADDRESS PORT', to one inside a pod, '' for the node itself."""
    said = node.run(sys.executable, "-c", CLIENT, *places, inside=inside)
    return dict(json.loads(said))


def all_answers(node: Node, places: Mapping[str, Sequence[str]]) -> Answers:
    """Return the same for all of those that ask, who ask at once."""
    with ThreadPoolExecutor(len(places)) as at_once:
        found = at_once.map(lambda one: answers(node, *one), places.items())
        return dict(zip(places, found, strict=True))


def same_answers(nodes: Sequence[Node], ask: Callable[[Node], Answers]) -> tuple[Answers, ...]:
    """Return what all are answered on each node, asked at once; what differs is asked again, as a machine is busy."""
    for _ in range(3):
        with ThreadPoolExecutor(len(nodes)) as at_once:
            found = tuple(at_once.map(ask, nodes))
        if all(one == found[0] for one in found):
            break
    return found


@contextlib.contextmanager
def asking(node: Node, inside: str, address: str, port: int) -> Iterator[Callable[[], str]]:
    """Yield what asks by UDP from one socket in a pod, and returns the answer as `answers` does."""
    command = ["ip", "netns", "exec", node.pod(inside), sys.executable, "-c", FLOW, address, str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def ask() -> str:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        try:
            yield ask
        finally:
            process.kill()


@contextlib.contextmanager
def loopback_by_the_gateway(node: Node, inside: str, address: str) -> Iterator[None]:
    """Have a pod send to an address of 127.0.0.0/8 by its gateway: what is its own table comes second."""
    node.run("sysctl", "-qw", "net.ipv4.conf.eth0.route_localnet=1", inside=inside)
    _ip(node, f"route add {address} via {SUBNETS['br0'][0]}.1", f"rule add pref 1 to {address} lookup main",
        "rule add pref 2 lookup local", "rule delete pref 0", inside=inside)  # fmt: skip
    yield
    _ip(node, "rule add pref 0 lookup local", "rule delete pref 2", "rule delete pref 1", f"route delete {address}",
        inside=inside)  # fmt: skip


def _ip(node: Node, *lines: str, inside: str = "") -> None:
    node.run("ip", "-batch", "-", inside=inside, stdin="".join(f"{line}\n" for line in lines))
