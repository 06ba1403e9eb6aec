"""Who may send over a link that pods and the node share, by real frames.

The pod's link is a macvlan: what it sends goes the way of an ipvlan's, past all that the node does with its own. That
macvlans have MACs of their own makes no difference here: no rule looks at one. With ipvlans: `tests/vm`.
"""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from ipaddress import IPv4Address, IPv6Address, ip_interface
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podberth.cni.value import replace
from podberth.net import ops
from tests.netns.kubelet import run, within
from tests.netns.linux.conftest import host_in
from tests.netns.plugin import forging as forge
from tests.waiting import until

if TYPE_CHECKING:
    from podberth.net.step import Step
    from tests.netns.linux.conftest import Ground

MAC, ROUTER = "02:50:00:00:00:11", "02:50:00:00:00:01"
ME = forge.Sender(mac=MAC, ipv4="10.60.0.11", ipv6="fd00:60::11", link="fe80::50:ff:fe00:11")
OTHER = forge.Sender(mac="02:50:00:00:00:12", ipv4="10.60.0.12", ipv6="fd00:60::12", link="fe80::50:ff:fe00:12")
OP = ops.ListSenders(
    parent="up0", owner="ps1", addresses=(ip_interface("10.60.0.11/24"), ip_interface("fd00:60::11/64"))
)
STOPPED = (
    *("another's IPv4", "the gateway's IPv4", "another's IPv4 in ARP", "an ARP reply for the gateway"),
    *("an ARP probe for another's", "another's IPv6", "an advertisement for another", "an advertisement from another"),
    *("an advertisement behind a header", "DAD of another's", "a router's advertisement", "a redirect"),
)


@pytest.fixture
def uplink(ground: Ground) -> Ground:
    """A node with an address on its uplink `up0`; its other end is `up1`, where all is heard. A pod beside it."""
    ground.ip("link", "add", "up0", "type", "veth", "peer", "name", "up1")
    ground.ip("link", "add", "link", "up0", "name", "eth0", "netns", Path(ground.pod).name, "address", MAC,
              "type", "macvlan", "mode", "bridge")  # fmt: skip
    for address in ("10.60.0.2/24", "fd00:60::2/64"):
        ground.ip("address", "add", address, "dev", "up0", *(["nodad"] if ":" in address else []))
    for link in ("lo", "up0", "up1"):
        ground.ip("link", "set", link, "up")
    ground.pod_ip("link", "set", "eth0", "up")
    until(lambda: "state UP" in ground.pod_ip("link", "show", "eth0"), "a carrier")
    return ground


def pinned(ground: Ground, op: ops.ListSenders = OP) -> Step:
    step = ground.host.prepare(op)
    ground.host.do(step)
    return step


def passes(ground: Ground, *frames: bytes, node: bool = False) -> bool:
    """Say whether all frames that the pod, or the node, sends get out, and none does not."""
    namespace, link = (ground.node, "up0") if node else (Path(ground.pod).name, "eth0")
    last = forge.ipv4(MAC, ME.ipv4, "10.60.0.250")
    with forge.wire(ground.node, "up1") as listener:
        forge.send(namespace, link, *frames, last)
        came = forge.heard(listener, last)
    assert came
    found = {any(one.startswith(frame) for one in came) for frame in frames}
    assert len(found) == 1
    return found.pop()


def rules(ground: Ground) -> str:
    return run(*within(ground.node), "nft", "list", "ruleset")


def says(ground: Ground, *command: str) -> list[bytes]:
    """Return what comes out while the node runs a command, however that ends."""
    last = forge.frame(ROUTER, 0x88B5, bytes(46))
    with forge.wire(ground.node, "up1") as listener:
        subprocess.run([*within(ground.node), *command], capture_output=True, check=False)
        forge.send(ground.node, "up0", last)
        return forge.heard(listener, last)


def asked(kind: bytes, found: list[bytes]) -> bool:
    return any(kind in one for one in found)


@pytest.mark.parametrize("what", STOPPED)
def test_what_a_pod_says_in_the_name_of_another_gets_nowhere(uplink: Ground, what: str) -> None:
    frame = forge.forged(ME, OTHER)[what]
    assert passes(uplink, frame)
    step = pinned(uplink)
    assert not passes(uplink, frame)
    uplink.host.undo(step, None)
    assert passes(uplink, frame)


def test_what_is_its_own_gets_out(uplink: Ground) -> None:
    pinned(uplink)
    assert passes(uplink, *forge.honest(ME).values())


def test_what_is_of_no_checked_subnet_gets_out(uplink: Ground) -> None:
    pinned(uplink)
    elsewhere = replace_sender(ME, ipv4="192.0.2.1", ipv6="2001:db8::1")
    assert passes(uplink, forge.ipv4(MAC, elsewhere.ipv4, "10.60.0.1"), forge.ipv6(MAC, elsewhere.ipv6, "ff02::1"))


def replace_sender(sender: forge.Sender, *, ipv4: str, ipv6: str) -> forge.Sender:
    return forge.Sender(mac=sender.mac, ipv4=ipv4, ipv6=ipv6, link=sender.link)


def test_a_pod_that_takes_the_nodes_address_can_tell_nobody_of_it(uplink: Ground) -> None:
    pinned(uplink)
    node = replace_sender(OTHER, ipv4="10.60.0.2", ipv6="fd00:60::2")
    assert not passes(
        uplink,
        forge.arp(MAC, node.ipv4, "10.60.0.1"),
        forge.arp(MAC, node.ipv4, "10.60.0.1", reply=True),
        forge.icmpv6(MAC, ME.ipv6, forge.advertise(node.ipv6, forge.mac_option(2, MAC))),
    )


def test_the_node_asks_from_addresses_that_it_has_and_from_those_that_it_gets(uplink: Ground) -> None:
    pinned(uplink)
    for address, to, kind in (
        ("10.60.0.2", "10.60.0.200", IPv4Address("10.60.0.2").packed),
        ("10.60.0.3", "10.60.0.201", IPv4Address("10.60.0.3").packed),
        ("fd00:60::2", "fd00:60::200", IPv6Address("fd00:60::200").packed),
        ("fd00:60::3", "fd00:60::201", IPv6Address("fd00:60::201").packed),
    ):
        if address.endswith("3"):
            uplink.ip("address", "add", f"{address}/{64 if ':' in address else 24}", "dev", "up0",
                      *(["nodad"] if ":" in address else []))  # fmt: skip
        assert asked(kind, says(uplink, "ping", "-c", "1", "-W", "1", "-I", address, to)), address
        uplink.ip("neighbor", "replace", to, "lladdr", ROUTER, "dev", "up0")
        came = says(uplink, "ping", "-c", "1", "-W", "1", "-I", address, to)
        assert any(one.startswith(forge.octets(ROUTER)) for one in came), address


def test_the_node_answers(uplink: Ground) -> None:
    pinned(uplink)
    answers = (
        (forge.arp(ROUTER, "10.60.0.1", "10.60.0.2"), IPv4Address("10.60.0.2").packed),
        (
            forge.icmpv6(ROUTER, "fd00:60::1", forge.solicit("fd00:60::2", forge.mac_option(1, ROUTER))),
            IPv6Address("fd00:60::2").packed,
        ),
    )
    last = forge.frame(ROUTER, 0x88B5, bytes(46))
    for question, kind in answers:
        with forge.wire(uplink.node, "up1") as listener:
            forge.send(uplink.node, "up1", question)
            subprocess.run(["sleep", "0.2"], check=True)
            forge.send(uplink.node, "up0", last)
            came = forge.heard(listener, last)
        assert any(one.startswith(forge.octets(ROUTER)) and kind in one for one in came)


def test_what_a_process_of_the_node_sends_by_itself_gets_out(uplink: Ground) -> None:
    """As keepalived and a load balancer's speaker announce addresses, some of which no link has."""
    pinned(uplink)
    assert passes(
        uplink,
        forge.arp(ROUTER, "10.60.0.99", "10.60.0.99"),
        forge.icmpv6(ROUTER, "fd00:60::99", forge.advertise("fd00:60::99", forge.mac_option(2, ROUTER))),
        forge.icmpv6(ROUTER, "fe80::1", forge.ROUTER),
        node=True,
    )


def test_no_mark_is_left_on_the_nodes_arp(uplink: Ground) -> None:
    pinned(uplink)
    counted = ("", "meta mark != 0 ", "meta priority != 0 ")
    arp = (f"ether type arp {those}counter" for those in counted)
    counting = "\n".join(("type filter hook egress device up0 priority 10;", *arp))
    nft = f"table netdev later {{ chain c {{ {counting}\n }}\n }}"
    run(*within(uplink.node), "nft", nft)
    says(uplink, "ping", "-c", "1", "-W", "1", "10.60.0.200")
    shown = run(*within(uplink.node), "nft", "list", "table", "netdev", "later")
    assert "ether type arp counter packets 0" not in shown
    assert shown.count("packets 0 bytes 0") == len(counted) - 1, shown


def test_one_pods_addresses_stay_when_another_goes_and_all_goes_with_the_last(uplink: Ground) -> None:
    first = pinned(uplink)
    wide = replace(OP, owner="ps2", addresses=(ip_interface("10.60.7.12/16"),))
    second = pinned(uplink, wide)
    assert not passes(uplink, forge.ipv4(MAC, "10.60.7.13", "10.60.0.1"))
    assert uplink.host.check(first) == uplink.host.check(second) == ()
    uplink.host.undo(second, None)
    assert uplink.host.check(first) == ()
    assert passes(uplink, forge.ipv4(MAC, "10.60.7.13", "10.60.0.1"))
    assert not passes(uplink, forge.ipv4(MAC, OTHER.ipv4, "10.60.0.1"))
    for _ in range(2):
        uplink.host.undo(first, None)
    assert rules(uplink) == ""


def test_rules_of_other_pods_in_the_same_table_stay(uplink: Ground) -> None:
    step = pinned(uplink)
    other = pinned_mac(uplink)
    uplink.host.undo(step, None)
    assert uplink.host.check(other) == ()
    again = pinned(uplink)
    uplink.host.undo(other, None)
    assert uplink.host.check(again) == ()


def pinned_mac(ground: Ground) -> Step:
    step = ground.host.prepare(
        ops.PinSenderAtParent(parent="up0", owner="ps7", mac=OTHER.mac, addresses=(ip_interface("10.60.0.12/24").ip,))
    )
    ground.host.do(step)
    return step


@pytest.mark.parametrize(
    "command",
    [
        "flush ruleset",
        "delete table arp podberth-senders",
        "flush chain netdev podberth-senders at-up0",
        "flush chain netdev podberth-senders arp-up0",
        "delete element netdev podberth-senders senders4-up0 { 10.60.0.11 }",
        "delete element netdev podberth-senders senders6-up0 { fd00:60::11 }",
        "delete element netdev podberth-senders subnets4-up0 { 10.60.0.0-10.60.0.255 }",
        "flush set netdev podberth-senders subnets6-up0",
        "add rule netdev podberth-senders at-up0 accept",
        "insert rule netdev podberth-senders at-up0 accept",
    ],
)
def test_what_somebody_changes_is_found_and_put_right(uplink: Ground, command: str) -> None:
    step = pinned(uplink)
    run(*within(uplink.node), "nft", command)
    assert uplink.host.check(step) != ()
    uplink.host.repair(step, uplink.pod_id)
    assert uplink.host.check(step) == ()
    assert not passes(uplink, forge.ipv4(MAC, OTHER.ipv4, "10.60.0.1"))
    assert passes(uplink, *forge.honest(ME).values())


def test_one_who_is_not_pinned_is_let_through_where_others_are_and_leaves_no_trace_elsewhere(uplink: Ground) -> None:
    loose = replace(OP, owner="ps3", addresses=(ip_interface("10.60.0.12/24"),), pinned=False)
    alone = pinned(uplink, loose)
    assert rules(uplink) == ""
    assert not uplink.host.checks_senders("up0")
    assert uplink.host.check(alone) == ()
    step = pinned(uplink)
    assert uplink.host.checks_senders("up0")
    assert uplink.host.check(alone) != ()
    uplink.host.repair(alone, uplink.pod_id)
    assert passes(uplink, forge.ipv4(MAC, OTHER.ipv4, "10.60.0.1"))
    uplink.host.undo(step, None)
    assert rules(uplink) == ""
    uplink.host.undo(alone, None)


def test_two_agents_lose_nothing_of_each_others(uplink: Ground, tmp_path: Path) -> None:
    many = [replace(OP, owner=f"ps{n}", addresses=(ip_interface(f"10.60.0.{n}/24"),)) for n in range(20, 40)]
    with closing(host_in(uplink.node, str(tmp_path / "others"))) as other, ThreadPoolExecutor(2) as threads:
        halves = ((uplink.host, many[::2]), (other, many[1::2]))
        list(threads.map(lambda half: [half[0].do(half[0].prepare(op)) for op in half[1]], halves))
        assert all(other.check(other.prepare(op)) == () for op in many)
        list(threads.map(lambda half: [half[0].undo(half[0].prepare(op), None) for op in half[1]], halves))
    assert rules(uplink) == ""
