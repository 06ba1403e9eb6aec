"""The `bandwidth` plugin beside the CNI project's: the same buckets on the same links, and traffic within them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.standard.behind import conf, macvlan, result, veth, went
from tests.netns.standard.twins import comparable
from tests.sizes import spread
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.netns.standard.twins import Node

INGRESS: dict[str, object] = {"ingressRate": 16_000_000, "ingressBurst": 1_600_000}
EGRESS: dict[str, object] = {"egressRate": 8_000_000, "egressBurst": 800_000}
ALIKE: dict[str, dict[str, object]] = {
    "nothing": {},
    "zeros": dict.fromkeys((*INGRESS, *EGRESS), 0),
    "what comes in": INGRESS,
    "what goes out": EGRESS,
    "both": {**INGRESS, **EGRESS},
    "of the runtime": {"capabilities": {"bandwidth": True}, "runtimeConfig": {"bandwidth": {**INGRESS, **EGRESS}}},
    "of the runtime, one way": {"runtimeConfig": {"bandwidth": EGRESS}},
    "its own before the runtime's": {**INGRESS, "runtimeConfig": {"bandwidth": EGRESS}},
    "its own zeros before the runtime's": {"ingressRate": 0, "runtimeConfig": {"bandwidth": EGRESS}},
    "slow": {"ingressRate": 8_000, "ingressBurst": 16_000},
    "the least": {"ingressRate": 8_000, "ingressBurst": 8},
    "fast": {"egressRate": 10_000_000_000, "egressBurst": 100_000_000},
    "beyond 32 bits of bytes": {"ingressRate": 80_000_000_000, "ingressBurst": 800_000_000},
    "beyond 32 bits, out": {"egressRate": 80_000_000_000, "egressBurst": 800_000_000},
    "no whole bytes": {"ingressRate": 16_000_007, "ingressBurst": 1_600_003},
}
REFUSED: dict[str, dict[str, object]] = {
    "a rate alone": {"ingressRate": 8_000_000},
    "a burst alone": {"egressBurst": 8_000_000},
    "a rate of the runtime alone": {"runtimeConfig": {"bandwidth": {"egressRate": 8_000_000}}},
    "a burst of 4 GiB": {"ingressRate": 8_000_000, "ingressBurst": (2**32 - 1) * 8},
    "a negative rate": {"ingressRate": -1, "ingressBurst": 8_000_000},
    "a rate below a byte": {"ingressRate": 7, "ingressBurst": 8_000_000},
    "text": {"ingressRate": "8M", "ingressBurst": 8_000_000},
}


def limits(node: Node, inside: str = "") -> list[dict[str, Any]]:
    """Return the buckets and the redirections there are; what is alike but for a name has the link's kind instead."""
    found = []
    for link in json.loads(node.run("ip", "-j", "-d", "link", inside=inside)):
        kind = link.get("linkinfo", {}).get("info_kind", "")
        for qdisc in json.loads(node.run("tc", "-j", "qdisc", "show", "dev", link["ifname"], inside=inside) or "[]"):
            if qdisc["kind"] == "tbf":
                options = qdisc["options"]
                found.append({"link": kind, **{key: options[key] for key in ("rate", "burst", "lat")}})
            elif qdisc["kind"] == "ingress":
                shown = node.run("tc", "filter", "show", "dev", link["ifname"], "ingress", inside=inside)
                found.append({"link": kind, "redirected": "Egress Redirect to device bwp" in shown})
    return sorted(found, key=str)


def close(theirs: list[dict[str, Any]], ours: list[dict[str, Any]]) -> bool:
    """Say whether two are alike but for rounding: Go's plugin counts a bucket's time in microseconds."""
    return [each.keys() for each in theirs] == [each.keys() for each in ours] and all(
        a == b or (isinstance(a, int) and abs(a - b) <= max(a // 1000, 2500))
        for one, other in zip(theirs, ours, strict=True)
        for a, b in zip(one.values(), other.values(), strict=True)
    )


def state(node: Node) -> dict[str, Any]:
    """Return what `state_of` does, but for the queue of an ifb: Go's has one of 0 packets, which nothing looks at."""
    found = node.state_of()
    for link in found["node"]["links"]:
        if link["kind"] == "ifb":
            link["queue"] = None
    return found


@pytest.mark.parametrize("keys", spread(ALIKE, 3).values(), ids=spread(ALIKE, 3))
def test_it_limits_as_the_cni_projects_does(twins: tuple[Node, Node], keys: Mapping[str, object]) -> None:
    results, states, buckets, document = [], [], [], conf("bandwidth", **keys)
    for node in twins:
        previous = veth(node, "10.1.0.5/24")
        node.run("ip", "link", "set", "host0", "mtu", "1400")
        before = state(node)
        added = went(node, "ADD", document, previous)
        results.append(comparable(added.said, node))
        states.append(state(node))
        buckets.append(limits(node))
        if node is twins[1]:
            went(node, "CHECK", document, added.said)
        went(node, "DEL", document, added.said)
    assert results[0] == results[1]
    assert states[0] == states[1]
    assert close(*buckets), buckets
    assert (state(twins[1]), limits(twins[1])) == (before, [])
    went(twins[1], "DEL", document, added.said)


@pytest.mark.parametrize("keys", REFUSED.values(), ids=REFUSED)
def test_what_the_cni_projects_refuses_is_refused_and_nothing_is_left(
    twins: tuple[Node, Node], keys: Mapping[str, object]
) -> None:
    for node in twins:
        previous = veth(node, "10.1.0.5/24")
        before = state(node)
        assert node.call("ADD", conf("bandwidth", **keys), previous=previous).status != 0
    assert (state(twins[1]), limits(twins[1])) == (before, [])


@pytest.mark.parametrize("key", ["shapedSubnets", "unshapedSubnets"])
def test_keys_that_were_withdrawn_are_refused_rather_than_ignored(twins: tuple[Node, Node], key: str) -> None:
    ended = twins[1].call("ADD", conf("bandwidth", **INGRESS, **{key: ["10.0.0.0/8"]}), previous=veth(twins[1]))
    assert (ended.status, key in ended.said["msg"]) == (1, True)


def test_two_attachments_of_one_network(twins: tuple[Node, Node]) -> None:
    """Go's plugin names both ifbs alike, and refuses the second one."""
    document = conf("bandwidth", **EGRESS)
    for node in twins:
        first = veth(node, "10.1.0.5/24")
        second = veth(node, "10.2.0.5/24", ifname="net1", host="host1")
        before = state(node)
        ended = [
            node.call("ADD", document, previous=previous, ifname=ifname)
            for ifname, previous in (("eth0", first), ("net1", second))
        ]
        assert [each.status == 0 for each in ended] == [True, node is twins[1]]
    ours = twins[1]
    assert len(limits(ours)) == 4
    went(ours, "DEL", document, ended[1].said, ifname="net1")
    assert len(limits(ours)) == 2
    went(ours, "CHECK", document, ended[0].said)
    went(ours, "DEL", document, ended[0].said)
    assert (state(ours), limits(ours)) == (before, [])


def test_an_interface_without_an_end_on_the_node_is_limited_inside(twins: tuple[Node, Node]) -> None:
    theirs, ours = twins
    document = conf("bandwidth", **INGRESS, **EGRESS)
    assert theirs.call("ADD", document, previous=macvlan(theirs, "10.1.0.5/24")).status != 0
    previous = macvlan(ours, "10.1.0.5/24")
    before = ours.state_of()
    added = went(ours, "ADD", document, previous)
    made = added.said["interfaces"][1]
    assert (made["name"][:3], made["sandbox"]) == ("bwp", f"/run/netns/{ours.pod()}")
    assert [(each["link"], each.get("rate")) for each in limits(ours, "pod")] == [
        ("ifb", 2_000_000), ("macvlan", 1_000_000), ("macvlan", None),
    ]  # fmt: skip
    went(ours, "CHECK", document, added.said)
    went(ours, "DEL", document, added.said)
    assert (ours.state_of(), limits(ours, "pod")) == (before, [])


def test_an_end_on_the_node_that_the_result_does_not_name(twins: tuple[Node, Node]) -> None:
    theirs, ours = twins
    for node in twins:
        veth(node, "10.1.0.5/24")
        ended = node.call("ADD", conf("bandwidth", **INGRESS), previous=result(node, ["10.1.0.5/24"]))
        assert (ended.status == 0) == (node is ours)
    assert [each["link"] for each in limits(ours)] == ["veth"]
    assert limits(theirs) == []


def test_a_burst_that_lasts_for_minutes(twins: tuple[Node, Node]) -> None:
    """The largest burst of 31 bits is what runtimes pass that know none: at 1 Mbit/s it lasts for 2147 seconds.

    The kernel is told at most 274 of them. What goes beyond Go's plugin cuts off as bits, and keeps in its queue.
    """
    document = conf("bandwidth", ingressRate=1_000_000, ingressBurst=2**31 - 1)
    for node in twins:
        added = went(node, "ADD", document, veth(node))
        went(node, "CHECK", document, added.said)
    theirs, ours = (limits(node)[0] for node in twins)
    assert 125_000 * 274 < ours["burst"] < 125_000 * 275
    assert theirs["burst"] < ours["burst"]
    assert theirs["lat"] > 1e9
    assert 24_000 < ours["lat"] < 26_000


@pytest.mark.parametrize(
    "command",
    [
        "tc qdisc del dev host0 root",
        "tc qdisc del dev host0 ingress",
        "tc qdisc replace dev host0 root handle 1: pfifo",
        "ip link set {ifb} down",
        "ip link delete {ifb}",
    ],
)
def test_a_check_finds_what_was_changed_since(twins: tuple[Node, Node], command: str) -> None:
    ours = twins[1]
    document = conf("bandwidth", **INGRESS, **EGRESS)
    added = went(ours, "ADD", document, veth(ours))
    ours.run(*command.format(ifb=added.said["interfaces"][-1]["name"]).split())
    assert ours.call("CHECK", document, previous=added.said).status != 0
    went(ours, "DEL", document, added.said)
    assert [link for link in ours.state_of()["node"]["links"] if link["kind"] == "ifb"] == []


@pytest.mark.parametrize("how", ["link", "namespace"])
def test_a_del_when_the_interface_is_gone(twins: tuple[Node, Node], how: str) -> None:
    document = conf("bandwidth", **INGRESS, **EGRESS)
    for node in twins:
        added = went(node, "ADD", document, veth(node))
        node.run("ip", "link", "delete", "host0")
        went(node, "DEL", document, added.said, **({"netns": ""} if how == "namespace" else {}))
        assert [link for link in node.state_of()["node"]["links"] if link["kind"] == "ifb"] == []


def test_what_somebody_else_has_set_on_the_link_is_left_alone(twins: tuple[Node, Node]) -> None:
    for node in twins:
        previous = veth(node)
        node.run("tc", "qdisc", "add", "dev", "host0", "root", "handle", "9:", "pfifo")
        assert node.call("ADD", conf("bandwidth", **INGRESS), previous=previous).status != 0
        assert "pfifo 9:" in node.run("tc", "qdisc", "show", "dev", "host0")


SEND = """
import socket, sys, time
away = socket.create_connection((sys.argv[1], 7000)); away.sendall(b"x" * int(sys.argv[2])); away.shutdown(1)
away.recv(1)
"""
TAKE = """
import socket, sys, time
door = socket.create_server(("", 7000)); print(flush=True); came, _ = door.accept(); first, many = 0, 0
while part := came.recv(1 << 16):
    first = first or time.monotonic(); many += len(part)
print(many * 8 / (time.monotonic() - first)); came.sendall(b"x")
"""


def rate(node: Node, taker: str, address: str, size: int) -> float:
    """Send that many bytes to an address, at which the pod `taker` listens, or the node for ''; return bit/s."""
    import subprocess
    import sys

    at = node.pod(taker) if taker else node.name
    listening = subprocess.Popen(
        ["ip", "netns", "exec", at, sys.executable, "-c", TAKE], stdout=subprocess.PIPE, text=True
    )
    assert listening.stdout is not None
    listening.stdout.readline()
    node.run(sys.executable, "-c", SEND, address, str(size), inside="" if taker else "pod")
    said = listening.communicate(timeout=PATIENCE)[0]
    return float(said)


@pytest.mark.parametrize("kind", ["veth", "macvlan"])
def test_traffic_keeps_to_the_limits(twins: tuple[Node, Node], kind: str) -> None:
    """A limit inside the pod is ours alone."""
    for node in twins if kind == "veth" else twins[1:]:
        previous = (veth if kind == "veth" else macvlan)(node, "10.1.0.5/24")
        on = "host0" if kind == "veth" else "wire0"
        node.run("ip", "address", "add", "10.1.0.1/24", "dev", on)
        went(node, "ADD", conf("bandwidth", **INGRESS, **EGRESS), previous)
        # A limit of a wrong unit is eight times too low; a busy machine may be slower than the limit.
        assert 4e6 < rate(node, "pod", "10.1.0.5", 3_000_000) < 20e6
        assert 2e6 < rate(node, "", "10.1.0.1", 1_500_000) < 10e6
