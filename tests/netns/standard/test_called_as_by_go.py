"""The executables as test suites in Go call them: by exec, without an agent, from a network namespace of the caller's.

Nothing of a service manager is there: no HOME, a /run that can't be written to, no store and no folder of leases yet. A
pod's namespace is named by a process or by a file, and the verbs come in any order.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.kubelet import SHOW, lasting, run, within
from tests.netns.standard import behind
from tests.netns.standard.twins import CONTAINER, Ended, Node
from tests.sizes import spread
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HOST_LOCAL = {"type": "host-local", "subnet": "10.1.2.0/24"}
STATIC = {"type": "static", "addresses": [{"address": "10.1.2.3/24", "gateway": "10.1.2.1"}]}
MAPPED = [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]
MAKERS: dict[str, dict[str, object]] = {
    "bridge": {"isGateway": True, "ipMasq": True, "ipam": HOST_LOCAL},
    "ptp": {"ipMasq": True, "ipam": HOST_LOCAL},
    "macvlan": {"master": "up0", "ipam": HOST_LOCAL},
    "host-device": {"device": "wire0", "ipam": STATIC},
    "tap": {"ipam": HOST_LOCAL},
}
BEHIND: dict[str, dict[str, object]] = {
    "portmap": {"runtimeConfig": {"portMappings": MAPPED}},
    "bandwidth": {"ingressRate": 10**6, "ingressBurst": 10**5, "egressRate": 10**6, "egressBurst": 10**5},
    "tuning": {"sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"}, "mtu": 1400},
    "firewall": {"backend": "nftables"},
    "sbr": {},
}
ALONE: dict[str, dict[str, object]] = {
    "loopback": {},
    "host-local": {"ipam": HOST_LOCAL},
    "static": {"ipam": STATIC},
}
# Of another kernel's: tests/vm/inside/test_standard_called_as_by_go.py.
IN_VM: dict[str, dict[str, object]] = {
    "dummy": {"ipam": HOST_LOCAL},
    "vlan": {"master": "up0", "vlanId": 7, "ipam": HOST_LOCAL},
    "ipvlan": {"master": "up0", "ipam": HOST_LOCAL},
    "vrf": {"vrfname": "blue"},
}
TYPES = {**MAKERS, **BEHIND, **ALONE}
KEEPS_NOTHING = {"static"}  # each ADD is the first, and CHECK asks prevResult alone
UNCOMPARED = {"loopback", "sbr"}  # without a record of it CHECK compares what the project's does: nothing
TURNS = re.compile(r"<[^>]*>| state [A-Z]+| tentative")  # what the kernel changes by itself, some time after
# /run read-only, and /var/lib empty at first: what is kept by default is kept there.
SECLUDED = "mount --bind {state} /var/lib && mount --rbind /run /run && mount -o remount,ro,bind /run && exec {plugin}"


@dataclass
class Caller:
    """Who calls one type about one pod: by exec, in the node's network namespace, with nothing but the call's own."""

    node: Node
    conf: dict[str, object]
    previous: dict[str, Any] | None
    env: dict[str, str] = field(default_factory=dict)
    said: dict[str, Any] = field(default_factory=dict)

    def __call__(self, verb: str, *, unset: str = "", bare: bool = False, **env: str) -> Ended:
        """Make a call; `bare` has no prevResult, and `unset` is a variable that is left out."""
        previous = None if bare else self.previous if verb == "ADD" else self.said or self.previous
        conf = {**self.conf, **({"prevResult": previous} if previous else {})}
        whole = {
            "CNI_COMMAND": verb,
            "CNI_CONTAINERID": CONTAINER,
            "CNI_NETNS": f"/var/run/netns/{self.node.pod()}",
            "CNI_IFNAME": "lo" if conf["type"] == "loopback" else "eth0",
            "CNI_PATH": str(self.node.folder),
            "PATH": os.environ["PATH"],
            **self.env,
            **env,
        }
        whole.pop(unset, None)
        script = SECLUDED.format(state=self.node.state, plugin=self.node.folder / str(conf["type"]))
        done = subprocess.run(
            ["ip", "netns", "exec", self.node.name, "unshare", "--mount", "sh", "-ec", script],
            env=whole, input=json.dumps(conf), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        ended = Ended(done.returncode, json.loads(done.stdout) if done.stdout.strip() else {})
        assert ended.status == 0 or ended.said["code"] > 0, done
        if verb == "ADD" and ended.status == 0:
            self.said = ended.said
        return ended

    def seen(self) -> list[str]:
        """Return all that the calls may change: links, addresses, routes, rules, queues, leases."""
        spaces = (self.node.name, self.node.pod())
        lines = [f"{space}: {TURNS.sub('', line)}" for space in spaces for line in lasting(partial(_shown, space))]
        leases = [path.name for path in self.node.state.glob("cni/networks/*/*") if path.name[0].isdigit()]
        return sorted(lines + leases)


def _shown(space: str) -> list[str]:
    return run(*within(space), "sh", "-ec", f"{SHOW}ip rule").splitlines()


def caller(node: Node, name: str, conf: Mapping[str, object]) -> Caller:
    """Return a caller of the type, with the interface of before if it needs one."""
    previous = behind.veth(node, "10.1.2.3/24") if name in (*BEHIND, "vrf") else None
    return Caller(node, {"cniVersion": "1.0.0", "name": "net", "type": name, **conf}, previous)


@contextlib.contextmanager
def process_in(node: Node) -> Iterator[str]:
    """Have a process in the pod; yield the path of its namespace in /proc."""
    path = f"/run/netns/{node.pod()}"
    with subprocess.Popen(["nsenter", f"--net={path}", "sleep", "600"]) as process:
        try:
            named = f"/proc/{process.pid}/ns/net"
            until(lambda: os.path.samestat(*map(os.stat, (named, path))))
            yield named
        finally:
            process.kill()


def any_order(call: Caller, name: str) -> None:
    """Call the verbs in orders that no runtime has, and see that each ends as the specification has it."""
    before = call.seen()
    for how in ({}, {"bare": True}, {"CNI_NETNS": ""}, {"unset": "CNI_NETNS"}, {"CNI_NETNS": "/var/run/netns/none"}):
        assert call("DEL", **how).status == 0, how
    assert call.seen() == before
    assert call("ADD").status == 0
    added = call.seen()
    again = call("ADD")
    assert (again.status, again.said.get("code")) == ((0, None) if name in KEEPS_NOTHING else (1, 4)), again
    assert call.seen() == added
    assert call("CHECK").status == 0
    assert call("DEL", bare=True).status == 0
    assert call.seen() == before
    assert call("CHECK").status == (0 if name in KEEPS_NOTHING | UNCOMPARED else 1)
    assert call("DEL").status == 0
    assert call("ADD").status == 0
    assert call("DEL", unset="CNI_NETNS").status == 0
    assert call.seen() == before


def by_a_process(call: Caller) -> None:
    """Name the pod's namespace by a process in it, and then by its file."""
    before = call.seen()
    with process_in(call.node) as path:
        ended = call("ADD", CNI_NETNS=path)
        assert ended.status == 0, ended
        assert call("CHECK", CNI_NETNS=path).status == 0
        assert call("DEL", CNI_NETNS=path).status == 0
        assert call.seen() == before
        assert call("ADD", CNI_NETNS=path).status == 0
    assert call("DEL").status == 0  # the process is gone, and the namespace has its file yet
    assert call.seen() == before


@pytest.mark.parametrize("name", TYPES)
def test_the_verbs_may_come_in_any_order(twins: tuple[Node, Node], name: str) -> None:
    any_order(caller(twins[1], name, TYPES[name]), name)


@pytest.mark.parametrize("name", spread(TYPES, 2))
def test_a_process_may_stand_for_its_namespace(twins: tuple[Node, Node], name: str) -> None:
    by_a_process(caller(twins[1], name, TYPES[name]))


@pytest.mark.parametrize("name", spread(TYPES, 2))
def test_the_pod_may_be_gone_by_the_time_of_del(twins: tuple[Node, Node], name: str) -> None:
    node = twins[1]
    before = node.run("nft", "list", "tables")
    call = caller(node, name, TYPES[name])
    assert call("ADD").status == 0
    subprocess.run(["ip", "netns", "delete", node.pods.pop()], check=True)
    for how in ({}, {"bare": True, "CNI_NETNS": ""}):
        assert call("DEL", **how).status == 0, how  # type: ignore[arg-type]
    assert node.run("nft", "list", "tables") == before
    assert not [path for path in node.state.glob("cni/networks/*/*") if path.name[0].isdigit()]
