"""What may pass a pod's link, by real traffic through a real kernel."""

from __future__ import annotations

import json
import subprocess
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cni.errors import InvalidNetns
from podberth.net.facts import NetnsId
from podberth.net.policing import Allow, Group, LinkRules, Policing
from tests.netns.kubelet import run
from tests.netns.traffic import dialled, reaches, serving
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.netns.linux.conftest import Ground

HERE, THERE = "10.9.0.1", "10.9.0.2"  # the node's end, and the pod's
HERE6, THERE6 = "fd09::1", "fd09::2"


@pytest.fixture
def pair(ground: Ground) -> Iterator[Ground]:
    """Yield a pod with a link net1 to the node, and servers on both ends."""
    ground.ip("link", "add", "host0", "type", "veth", "peer", "name", "net1", "netns", Path(ground.pod).name)
    for ip, link, addresses in (
        (ground.ip, "host0", (f"{HERE}/24", "10.9.0.77/24", f"{HERE6}/64")),
        (ground.pod_ip, "net1", (f"{THERE}/24", f"{THERE6}/64")),
    ):
        ip("link", "set", "lo", "up")
        ip("link", "set", link, "up")
        for address in addresses:
            ip("address", "add", address, "dev", link, *(("nodad",) if ":" in address else ()))
    until(lambda: "state UP" in ground.pod_ip("link", "show", "net1"))
    with (
        closing(serving(inside(ground), 80)),
        closing(serving(inside(ground), 81)),
        closing(serving(node(ground), 80)),
    ):
        yield ground


def inside(ground: Ground) -> str:
    return ground.pod


def node(ground: Ground) -> str:
    return f"/run/netns/{ground.node}"


def single(*addresses: str) -> Group:
    version = ip_address(addresses[0]).version
    spans = tuple(sorted((int(ip_address(one)),) * 2 for one in addresses))
    return Group(name=f"pods-x-{version}", version=version, spans=spans, ranges=False)


def closed(*ingress: Allow, groups: tuple[Group, ...] = ()) -> Policing:
    return Policing(groups=groups, links=(LinkRules(ifname="net1", ingress=ingress, egress=None),))


def police(ground: Ground, wanted: Policing) -> bool:
    return ground.host.police(ground.pod, ground.pod_id, wanted)


def ruleset(ground: Ground) -> list[dict[str, Any]]:
    return list(
        json.loads(run("ip", "netns", "exec", Path(ground.pod).name, "nft", "-j", "list", "ruleset"))["nftables"]
    )


def test_a_closed_link_lets_nothing_in_and_its_pod_still_reaches_out(pair: Ground) -> None:
    assert reaches(node(pair), THERE)
    assert police(pair, closed())
    for address in (THERE, THERE6):
        assert not reaches(node(pair), address)
    assert reaches(inside(pair), HERE)
    assert reaches(inside(pair), THERE)  # itself, over lo


def test_the_same_again_changes_nothing_and_nothing_wanted_leaves_nothing(pair: Ground) -> None:
    wanted = closed(
        Allow(group="pods-x-4", version=4, protocol="tcp", ports="ports-x"),
        groups=(
            single(HERE),
            Group(name="ports-x", version=0, spans=((22, 22), (80, 90), (65535, 65535)), ranges=True),
        ),
    )
    assert [police(pair, wanted), police(pair, wanted), police(pair, Policing()), police(pair, Policing())] == [
        True, False, True, False,
    ]  # fmt: skip
    assert [one for one in ruleset(pair) if "metainfo" not in one] == []


@pytest.mark.parametrize(
    ("policies", "told"),
    [
        (("bank/a", "bank/b"), "bank/a, bank/b"),
        (tuple(f"bank/{n:040}" for n in range(9)), f"bank/{0:040}, bank/{1:040}, and 7 more"),
        (("bank/" + "x" * 253,), "1 policies"),
    ],
    ids=["two", "many", "long"],
)
def test_the_rule_that_drops_names_the_policies(pair: Ground, policies: tuple[str, ...], told: str) -> None:
    links = (LinkRules(ifname="net1", ingress=(), egress=None, policies=policies),)
    assert police(pair, Policing(links=links))
    assert not police(pair, Policing(links=links))
    assert [one["rule"]["comment"] for one in ruleset(pair) if "comment" in one.get("rule", {})] == [told]


def test_addresses_ports_and_protocols_are_what_pass(pair: Ground) -> None:
    ports = Group(name="ports-x", version=0, spans=((80, 80), (90, 65535)), ranges=True)
    police(
        pair, closed(Allow(group="pods-x-4", version=4, protocol="tcp", ports="ports-x"), groups=(single(HERE), ports))
    )
    assert reaches(node(pair), THERE, 80, HERE)
    assert not reaches(node(pair), THERE, 81, HERE)
    assert not reaches(node(pair), THERE, 80, "10.9.0.77")
    assert not reaches(node(pair), THERE6)
    police(pair, closed(Allow(protocol="udp")))
    assert not reaches(node(pair), THERE)
    police(pair, closed(Allow(protocol="tcp")))
    assert reaches(node(pair), THERE)
    assert reaches(node(pair), THERE6)


@pytest.mark.parametrize("last", [int(ip_address("10.9.0.50")), 2**32 - 1])
def test_ranges_of_addresses_have_their_ends(pair: Ground, last: int) -> None:
    group = Group(name="addresses-x", version=4, spans=((0, 1), (int(ip_address(HERE)), last)), ranges=True)
    wanted = closed(Allow(group="addresses-x", version=4), groups=(group,))
    assert police(pair, wanted)
    assert not police(pair, wanted)
    assert reaches(node(pair), THERE, 80, HERE)
    assert reaches(node(pair), THERE, 80, "10.9.0.77") is (last > int(ip_address("10.9.0.77")))


def test_a_peer_that_comes_or_goes_is_one_element_and_cuts_no_connection(pair: Ground) -> None:
    allow = Allow(group="pods-x-4", version=4)
    police(pair, closed(allow, groups=(single(HERE),)))
    rules = [one for one in ruleset(pair) if "rule" in one]
    open_one = dialled(node(pair), THERE, 80, HERE)
    assert open_one is not None
    with open_one:
        assert police(pair, closed(allow, groups=(single(HERE, "10.9.0.77"),)))
        assert reaches(node(pair), THERE, 80, "10.9.0.77")
        assert police(pair, closed(allow, groups=(single("10.9.0.77"),)))
        assert not reaches(node(pair), THERE, 80, HERE)
        open_one.sendall(b"still here")
    assert [one for one in ruleset(pair) if "rule" in one] == rules  # the very same, by their handles


def test_a_change_of_the_rules_cuts_no_connection(pair: Ground) -> None:
    police(pair, closed(Allow(group="pods-x-4", version=4), groups=(single(HERE),)))
    listening = serving(inside(pair), 85)
    with closing(listening):
        one = dialled(node(pair), THERE, 85, HERE)
        assert one is not None
        other, _ = listening.accept()
        with one, other:
            assert police(pair, closed())
            assert not reaches(node(pair), THERE, 85, HERE)
            one.sendall(b"to")
            other.settimeout(PATIENCE)
            assert other.recv(2) == b"to"
            other.sendall(b"fro")
            one.settimeout(PATIENCE)
            assert one.recv(3) == b"fro"


def test_members_that_are_not_known_stay_as_they_were(pair: Ground) -> None:
    allow = Allow(group="pods-x-4", version=4)
    police(pair, closed(allow, groups=(single(HERE),)))
    unknown = Group(name="pods-x-4", version=4, spans=None, ranges=False)
    assert not police(pair, closed(allow, groups=(unknown,)))
    assert police(pair, closed(Allow(protocol="udp"), allow, groups=(unknown,)))  # other rules, the same members
    assert reaches(node(pair), THERE, 80, HERE)


def test_a_direction_out_is_closed_alone(pair: Ground) -> None:
    links = (LinkRules(ifname="net1", ingress=None, egress=()),)
    assert police(pair, Policing(links=links))
    assert not reaches(inside(pair), HERE)
    assert reaches(node(pair), THERE)


def test_what_is_forwarded_passes_both_links_or_none(pair: Ground) -> None:
    """A namespace behind the pod: the pod's links are closed for what only passes through it, too."""
    behind = f"behind-{Path(pair.pod).name}"
    run("ip", "netns", "add", behind)
    try:
        pair.pod_ip("link", "add", "net2", "type", "veth", "peer", "name", "up0", "netns", behind)
        pair.pod_ip("address", "add", "10.8.0.1/24", "dev", "net2")
        pair.pod_ip("link", "set", "net2", "up")
        run("ip", "-n", behind, "address", "add", "10.8.0.2/24", "dev", "up0")
        run("ip", "-n", behind, "link", "set", "up0", "up")
        run("ip", "-n", behind, "route", "add", "default", "via", "10.8.0.1")
        run("ip", "netns", "exec", Path(pair.pod).name, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        pair.ip("route", "add", "10.8.0.0/24", "via", THERE)
        with closing(serving(f"/run/netns/{behind}", 80)):
            assert until(lambda: reaches(node(pair), "10.8.0.2"))
            police(pair, closed(Allow()))
            assert reaches(node(pair), "10.8.0.2")
            out = LinkRules(ifname="net2", ingress=None, egress=())
            police(pair, Policing(links=(LinkRules(ifname="net1", ingress=(Allow(),), egress=None), out)))
            assert not reaches(node(pair), "10.8.0.2")
            police(pair, closed())
            assert not reaches(node(pair), "10.8.0.2")
    finally:
        run("ip", "netns", "delete", behind)


def test_a_port_is_that_of_the_wire_whatever_the_pod_makes_of_it(pair: Ground) -> None:
    """A pod that redirects one port of its own to another: the policy speaks of the one that the peer names."""
    wanted = (
        "table inet own { chain pre { type nat hook prerouting priority dstnat; tcp dport 8080 redirect to :80; }; }"
    )
    run("ip", "netns", "exec", Path(pair.pod).name, "nft", wanted)
    assert reaches(node(pair), THERE, 8080)
    ports = Group(name="ports-x", version=0, spans=((8080, 8080),), ranges=True)
    police(pair, closed(Allow(protocol="tcp", ports="ports-x"), groups=(ports,)))
    assert reaches(node(pair), THERE, 8080)
    assert not reaches(node(pair), THERE, 80)


def test_neighbours_of_ipv6_are_found_over_a_link_that_is_closed_both_ways(pair: Ground) -> None:
    police(pair, Policing(links=(LinkRules(ifname="net1", ingress=(), egress=()),)))
    pair.ip("neighbour", "flush", "dev", "host0")
    subprocess.run(["ip", "netns", "exec", pair.node, "ping", "-c1", "-W1", THERE6], capture_output=True, check=False)
    assert "lladdr" in pair.ip("-6", "neighbour", "show", THERE6)


@pytest.mark.parametrize(
    "meddling",
    [
        ("flush", "chain", "inet", "podberth-policy", "in-net1"),
        ("insert", "rule", "inet", "podberth-policy", "in-net1", "accept"),
        ("add", "rule", "inet", "podberth-policy", "ingress", "accept"),
        ("add", "element", "inet", "podberth-policy", "pods-x-4", "{ 10.9.0.77 }"),
        ("add", "chain", "inet", "podberth-policy", "more"),
        ("delete", "table", "inet", "podberth-policy"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_what_somebody_changed_inside_is_put_right(pair: Ground, meddling: tuple[str, ...]) -> None:
    wanted = closed(Allow(group="pods-x-4", version=4, protocol="tcp"), groups=(single(HERE),))
    police(pair, wanted)
    run("ip", "netns", "exec", Path(pair.pod).name, "nft", *meddling)
    assert police(pair, wanted)
    assert not police(pair, wanted)
    assert not reaches(node(pair), THERE, 80, "10.9.0.77")


def test_ten_thousand_peers_are_one_transaction(pair: Ground) -> None:
    many = single(HERE, *(str(ip_address("10.200.0.0") + n) for n in range(10_000)))
    wanted = closed(Allow(group="pods-x-4", version=4), groups=(many,))
    assert police(pair, wanted)
    assert not police(pair, wanted)
    assert reaches(node(pair), THERE, 80, HERE)


def test_another_namespace_at_the_path_is_left_alone(pair: Ground) -> None:
    with pytest.raises(InvalidNetns):
        pair.host.police(pair.pod, NetnsId(device=1, inode=1), closed())
    assert [one for one in ruleset(pair) if "metainfo" not in one] == []
