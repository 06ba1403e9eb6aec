"""From the CNI project's plugins to podberth's, and back, under running pods."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.standard import lab
from tests.netns.standard.twins import CONTAINER, OURS, Node, go
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.netns.standard.twins import Ended

Chain = list[dict[str, object]]
IPAM: dict[str, Any] = {
    "type": "host-local", "dataDir": "{state}/given",
    "ranges": [[{"subnet": "10.77.0.0/24"}], [{"subnet": "fd00:77::/64"}]],
    "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
}  # fmt: skip
FOUR: dict[str, Any] = {**IPAM, "ranges": IPAM["ranges"][:1], "routes": IPAM["routes"][:1]}
BRIDGE: dict[str, object] = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipam": IPAM, "stateDir": "{state}"}
PTP: dict[str, object] = {"type": "ptp", "ipam": IPAM, "stateDir": "{state}"}
MAPPED = [
    {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"},
    {"hostPort": 8053, "containerPort": 53, "protocol": "udp", "hostIP": "192.0.2.1"},
]
RATES = {"ingressRate": 8_000_000, "ingressBurst": 800_000, "egressRate": 16_000_000, "egressBurst": 800_000}
PORTMAP: dict[str, object] = {"type": "portmap", "runtimeConfig": {"portMappings": MAPPED}, "stateDir": "{state}"}
BANDWIDTH: dict[str, object] = {"type": "bandwidth", "stateDir": "{state}", **RATES}
TUNING: dict[str, object] = {
    "type": "tuning", "stateDir": "{state}", "dataDir": "{state}/tuning", "mtu": 1400, "mac": "02:00:00:00:00:77",
    "promisc": True, "allmulti": True, "txQLen": 500, "sysctl": {"net.ipv4.conf.IFNAME.log_martians": "1"},
}  # fmt: skip
MACVLAN: dict[str, object] = {
    "type": "macvlan",
    "master": "up0",
    "mode": "private",
    "ipam": FOUR,
    "stateDir": "{state}",
}
CHAINS: dict[str, list[dict[str, object]]] = {
    "iptables": [
        {**BRIDGE, "ipMasq": True, "ipMasqBackend": "iptables"}, {**PORTMAP, "backend": "iptables"},
        {"type": "firewall", "backend": "iptables", "stateDir": "{state}"},
    ],
    "nftables": [
        {**BRIDGE, "ipMasq": True, "ipMasqBackend": "nftables", "macspoofchk": True},
        {**PORTMAP, "backend": "nftables"}, BANDWIDTH,
    ],
    "ptp": [{**PTP, "ipMasq": True}, TUNING, BANDWIDTH, {"type": "sbr", "stateDir": "{state}"}],
    "macvlan": [MACVLAN, TUNING],
    "tap": [{"type": "tap", "ipam": FOUR, "stateDir": "{state}"}],
    "host-device": [{"type": "host-device", "device": "wire0", "ipam": FOUR, "stateDir": "{state}"}, TUNING],
    "loopback": [{"type": "loopback", "stateDir": "{state}"}],
}  # fmt: skip


def called(node: Node, verb: str, by: str, chain: Sequence[dict[str, object]], **how: Any) -> list[Ended]:
    node.folder = go() if by == "go" else OURS
    ended = node.chain(verb, chain, **how)
    assert [each.status for each in ended] == [0] * len(chain), (by, verb, [each.said for each in ended])
    return ended


def added(node: Node, by: str, chain: Sequence[dict[str, object]]) -> dict[str, Any]:
    return called(node, "ADD", by, chain)[-1].said


def left(node: Node) -> list[str]:
    """Return what a node has of the container's in rules and files."""
    rules = node.run("nft", "list", "ruleset").splitlines()
    own = [line for line in rules if CONTAINER in line or "10.77.0.2" in line or "fd00:77::2" in line]
    files = [path for path in node.state.rglob("*") if path.name.startswith((CONTAINER, "10.77.", "fd00:77"))]
    return [*own, *map(str, files)]


def without_bridge(state: dict[str, Any]) -> dict[str, Any]:
    """Return a state without what Go's plugin leaves for the next pod: its bridge."""
    return {place: {key: [one for one in every if "cni0" not in json.dumps(one)] for key, every in found.items()}
            for place, found in state.items()}  # fmt: skip


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """Yield one node, with a link `up0` to stand on, whose other end is `wire0`; the plugins change under its pod."""
    made = Node("twin-turned", OURS, tmp_path / "store")
    made.state.mkdir()
    subprocess.run(["ip", "netns", "add", made.name], check=True)
    for line in ("lo up", "up0 up", "wire0 up"):
        if line.startswith("up0"):
            made.run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "wire0")
        made.run("ip", "link", "set", *line.split())
    yield made
    for name in (*made.pods, made.name):
        subprocess.run(["ip", "netns", "delete", name], check=True)


@pytest.mark.parametrize("name", CHAINS)
def test_what_go_made_is_checked_and_deleted(node: Node, name: str) -> None:
    chain = CHAINS[name]
    node.pod()
    before = without_bridge(node.state_of())
    result = added(node, "go", chain)
    called(node, "CHECK", "ours", chain, previous=result)
    called(node, "DEL", "ours", chain, previous=result)
    if name == "host-device":
        node.run("ip", "link", "set", "wire0", "up")  # it comes back down, as Go's DEL leaves it
    assert without_bridge(node.state_of()) == before
    assert left(node) == []
    called(node, "DEL", "ours", chain, previous=result)


# Asks a place again and again over new connections, and over one that is kept; prints what was not answered. It says a
# line once each place has answered LEAST times, and goes on for as many answers more after its input has one.
LEAST = 21
TRAFFIC = (
    f"LEAST, PATIENCE = {LEAST}, {PATIENCE}"
    """
import json, socket, sys, threading, time
places, stop = sys.argv[1:], threading.Event()
asked, wrong = {}, []
def connected(place):
    protocol, address, port = place.split()
    at = socket.socket(socket.AF_INET, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
    at.settimeout(PATIENCE)
    at.connect((address, int(port)))
    return at
def fresh(place):
    while not stop.is_set():
        try:
            with connected(place) as at:
                at.send(b"?")
                said = at.recv(100).decode()
            asked.setdefault(place, set()).add(said)
            asked[place, "count"] = asked.get((place, "count"), 0) + 1
        except OSError as failure:
            wrong.append(f"{place}: {failure}")
        time.sleep(0.004)
def kept(place):
    try:
        with connected(place) as at:
            while not stop.is_set():
                at.send(b"?")
                at.recv(100)
                time.sleep(0.004)
    except OSError as failure:
        wrong.append(f"{place}, kept: {failure}")
threads = [threading.Thread(target=to, args=(place,)) for place in places for to in (fresh, kept)]
for thread in threads:
    thread.start()
def more():
    least = {place: asked.get((place, "count"), 0) + LEAST for place in places}
    while not wrong and any(asked.get((place, "count"), 0) < least[place] for place in places):
        time.sleep(0.01)
more()
print("asking", flush=True)
sys.stdin.readline()
more()
stop.set()
for thread in threads:
    thread.join()
counts = {place: asked.get((place, "count"), 0) for place in places}
print(json.dumps({"wrong": wrong, "said": {place: sorted(asked.get(place, ())) for place in places}, "counts": counts}))
"""
)
# Answers with the address that it is asked from.
ECHO = """
import socket, sys, threading
def serve(kind, port):
    at = socket.socket(socket.AF_INET, kind)
    at.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    at.bind(("", port))
    if kind == socket.SOCK_DGRAM:
        while True:
            _, peer = at.recvfrom(100)
            at.sendto(peer[0].encode(), peer)
    at.listen(64)
    while True:
        found, peer = at.accept()
        threading.Thread(target=stream, args=(found, peer), daemon=True).start()
def stream(found, peer):
    try:
        while found.recv(100):
            found.sendall(peer[0].encode())
    except OSError:
        pass
threading.Thread(target=serve, args=(socket.SOCK_STREAM, int(sys.argv[1])), daemon=True).start()
threading.Thread(target=serve, args=(socket.SOCK_DGRAM, int(sys.argv[2])), daemon=True).start()
print("listening", flush=True)
threading.Event().wait()
"""


@contextlib.contextmanager
def running(node: Node, program: str, *words: str, inside: str = "") -> Iterator[subprocess.Popen[str]]:
    """Run a Python program in a namespace until it has printed its first line, and end it afterwards."""
    where = node.pod(inside) if inside else node.name
    argv = ["ip", "netns", "exec", where, sys.executable, "-I", "-c", program, *words]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        assert started.stdout.readline()
        try:
            yield started
        finally:
            started.kill()


def host_outside(node: Node) -> None:
    """Put the other end of `up0` into a namespace of its own: a host that knows no way to the pods."""
    node.run("ip", "link", "set", "wire0", "netns", node.pod("out"))
    for inside, line in (("", "addr add 192.0.2.1/24 dev up0"), ("out", "addr add 192.0.2.2/24 dev wire0"),
                         ("out", "link set wire0 up")):  # fmt: skip
        node.run("ip", *line.split(), inside=inside)


CLI = "import sys; from podberth.cli.main import main; sys.exit(main())"


def evicted(node: Node, *options: str) -> tuple[int, dict[str, Any]]:
    argv = ["ip", "netns", "exec", node.name, sys.executable, "-c", CLI, "--state", str(node.state)]
    done = subprocess.run([*argv, "evict-rules", "--json", *options], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


MASQUERADING: dict[str, object] = {**BRIDGE, "ipMasq": True}
BACK: list[dict[str, object]] = [MASQUERADING, {**PORTMAP, "backend": "nftables"}, TUNING, BANDWIDTH]


def test_the_way_back_breaks_no_connection(node: Node) -> None:
    host_outside(node)
    quick = {**BANDWIDTH, "ingressRate": 800_000_000, "egressRate": 800_000_000}
    chain = [*BACK[:3], quick]
    result = added(node, "ours", chain)
    places = ("tcp 192.0.2.1 8080", "udp 192.0.2.1 8053")
    with (
        running(node, ECHO, "80", "53", inside="pod"),
        running(node, ECHO, "7", "7", inside="out"),
        running(node, TRAFFIC, *places, inside="out") as coming,
        running(node, TRAFFIC, "tcp 192.0.2.2 7", "udp 192.0.2.2 7", inside="pod") as going,
    ):
        code, said = evicted(node, "--yes")
        found = [json.loads(each.communicate("\n")[0]) for each in (coming, going)]
    assert (code, said["kept"], said["failed"], said["say_backend"]) == (0, [], [], [])
    assert said["evicted"][0]["types"] == ["bridge", "portmap", "tuning", "bandwidth"]
    for each, address in zip(found, ("192.0.2.2", "192.0.2.1"), strict=True):
        assert each["wrong"] == []
        assert list(each["said"].values()) == [[address], [address]]
        assert min(each["counts"].values()) >= 2 * LEAST
    rules = node.run("nft", "list", "ruleset")
    assert "podberth" not in rules
    assert "cni_plugins_masquerade" in rules
    assert evicted(node, "--yes") == (0, {"dry_run": False, "evicted": [], "kept": [], "failed": [], "say_backend": []})
    called(node, "CHECK", "go", chain, previous=result)
    called(node, "CHECK", "ours", chain, previous=result)
    called(node, "DEL", "go", chain, previous=result)
    assert left(node) == []
    assert "ifb" not in node.run("ip", "-d", "link")


def test_what_was_handed_over_is_podberths_to_delete_too(node: Node) -> None:
    result = added(node, "ours", BACK)
    code, said = evicted(node, "--dry-run")
    assert (code, len(said["evicted"])) == (0, 1)
    assert "podberth-ports" in node.run("nft", "list", "ruleset")
    assert evicted(node, "--yes")[0] == 0
    called(node, "DEL", "ours", BACK, previous=result)
    assert left(node) == []


def test_a_firewall_stays_and_is_named(node: Node) -> None:
    chain: Chain = [MASQUERADING, {**PORTMAP}, {"type": "firewall", "stateDir": "{state}", "ingressPolicy": "isolated"}]
    added(node, "ours", chain)
    code, said = evicted(node, "--yes")
    assert (code, said["say_backend"]) == (1, ["net"])
    assert [(each["type"], "gc --gone" in each["why"]) for each in said["kept"]] == [("firewall", True)]
    assert said["evicted"][0]["types"] == ["bridge", "portmap"]
    assert "podberth-firewall" in node.run("nft", "list", "ruleset")


def test_a_second_add_and_gc_leave_what_go_made(node: Node) -> None:
    chain = [{**MASQUERADING, "ipMasqBackend": "nftables"}]
    result = added(node, "go", chain)
    node.folder = OURS
    assert node.chain("ADD", chain)[0].status == 1
    asked = {"runtimeConfig": {"ips": ["10.77.0.2", "fd00:77::2"]}}
    assert node.chain("ADD", [{**chain[0], **asked}])[0].status == 1
    assert (node.state / "given" / "net" / "10.77.0.2").read_text().startswith(CONTAINER)
    gc = {"cniVersion": "1.1.0", "name": "net", **chain[0], "cni.dev/valid-attachments": [
        {"containerID": CONTAINER, "ifname": "eth0"}]}  # fmt: skip
    assert node.call("GC", gc).status == 0
    called(node, "CHECK", "go", chain, previous=result)
    assert "10.77.0.2" in node.run("nft", "list", "ruleset")
    called(node, "DEL", "ours", chain, previous=result)
    assert left(node) == []


def test_a_link_that_is_another_one_stays(node: Node) -> None:
    result = added(node, "go", [MACVLAN])
    node.run("ip", "link", "delete", "eth0", inside="pod")
    node.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "other0", inside="pod")
    node.folder = OURS
    assert node.chain("CHECK", [MACVLAN], previous=result)[0].status == 1
    called(node, "DEL", "ours", [MACVLAN], previous=result)
    assert "other0" in node.run("ip", "link", inside="pod")
    assert left(node) == []


def test_check_names_what_is_missing_of_gos(node: Node) -> None:
    chain = CHAINS["iptables"]
    result = added(node, "go", chain)
    node.run("iptables", "-t", "nat", "-F", "CNI-HOSTPORT-DNAT")
    node.run("iptables", "-F", "CNI-FORWARD")
    node.run("ip", "link", "set", "dev", result["interfaces"][1]["name"], "nomaster")
    for rule in node.run("iptables", "-t", "nat", "-S").splitlines():
        if rule.startswith("-A CNI-DN-"):
            node.run("iptables", "-t", "nat", "-F", rule.split()[1], check=False)
    node.folder = OURS
    assert [each.status for each in node.chain("CHECK", chain, previous=result)] == [1, 1, 1]


@pytest.mark.parametrize("kind", ["ptp", "macvlan", "host-device"])
def test_a_del_that_names_the_nodes_own_namespace_takes_nothing_of_the_node(node: Node, kind: str) -> None:
    """A process of a pod ended, and its number is another's by now; before 0.4.0 no result names a MAC."""
    commands = {
        "ptp": "link add eth9 type veth peer name eth8",
        "macvlan": "link add eth9 link up0 type macvlan",
        "host-device": "link add eth9 type veth peer name eth8",
    }
    node.run("ip", *commands[kind].split())
    node.run("ip", "link", "set", "eth9", "up", "alias", "isp7")
    conf = {"cniVersion": "0.3.1", "name": "n", "type": kind, "master": "up0", "device": "eth9", "ipam": {}}
    before = node.run("ip", "-o", "link", "show", "eth9")
    assert node.call("DEL", conf, ifname="eth9", netns=f"/run/netns/{node.name}").status == 0
    assert node.run("ip", "-o", "link", "show", "eth9") == before


def test_an_uplink_with_an_alias_of_its_own_is_not_taken_for_a_device_on_its_way_back(node: Node) -> None:
    node.run("ip", "link", "set", "up0", "alias", "isp7")
    (link,) = json.loads(node.run("ip", "-j", "link", "show", "up0"))
    conf = {"cniVersion": "1.0.0", "name": "n", "type": "host-device", "device": "up0"}
    previous = {
        "cniVersion": "1.0.0",
        "interfaces": [{"name": "eth0", "mac": link["address"], "sandbox": "/run/netns/gone"}],
    }
    assert node.call("DEL", conf, netns="/run/netns/gone", previous=previous).status == 0
    (after,) = json.loads(node.run("ip", "-j", "link", "show", "up0"))
    assert (after["flags"], after["ifalias"]) == (link["flags"], "isp7")


def test_a_rule_of_somebody_elses_in_whatever_bytes_keeps_no_del_from_its_end(node: Node) -> None:
    comment = os.fsdecode(b"it's \xfc")
    node.run("iptables", "-t", "nat", "-A", "POSTROUTING", "-m", "comment", "--comment", comment)
    conf = {"cniVersion": "1.0.0", "name": "net", "type": "portmap", "capabilities": {"portMappings": True}}
    chain = f"CNI-DN-{hashlib.sha512(b'net' + CONTAINER.encode()).hexdigest()}"[:28]
    node.run("iptables", "-t", "nat", "-N", chain)
    assert node.call("DEL", {**conf, "stateDir": "{state}"}, previous=lab.previous()).status == 0
    assert node.run("sh", "-c", f"iptables -t nat -S | grep -ac {chain} || true") == "0\n"
