"""The rest of what the CNI project's own tests of `bridge` are about: ranges, addresses, failures, drift, traffic."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.standard.alike import both
from tests.netns.standard.test_bridge import DEFAULT, GIVEN, V4, V6, conf
from tests.netns.standard.twins import comparable, unlike
from tests.sizes import spread

if TYPE_CHECKING:
    from tests.netns.standard.twins import Node

SUBNETS = ({"subnet": "192.168.0.0/24"}, {"subnet": "fd00::/64"}, {"subnet": "2001:db8::/64"})
SIXES = ({"address": "fd00::3/64"}, {"address": "2001:db8::3/64"})


def ranges(*subnets: dict[str, str], routes: Any = (), **keys: object) -> dict[str, Any]:
    """Return a configuration with addresses of `host-local`."""
    local = {"type": "host-local", "ranges": [[each] for each in subnets], "dataDir": "{state}/given"}
    return {**conf(**keys), "ipam": {**local, "routes": list(routes)}}


SAME: dict[str, dict[str, Any]] = {
    "a range": ranges(SUBNETS[0], isDefaultGateway=True),
    "an IPv6 range": ranges(SUBNETS[1], isDefaultGateway=True),
    "a range of each family": ranges(*SUBNETS[:2], isDefaultGateway=True),
    "three ranges": ranges(*SUBNETS, isDefaultGateway=True),
    "three ranges, and routes": ranges(*SUBNETS, routes=[DEFAULT, {"dst": "10.9.0.0/16"}], isGateway=True),
    "two IPv6 subnets": conf(*SIXES, isDefaultGateway=True),
    "two subnets and no gateway": conf(V4, {"address": "10.7.7.3/24"}),
    "routes and no gateway": conf(GIVEN, routes=[DEFAULT, {"dst": "10.9.0.0/16", "gw": "10.1.2.7"}]),
    "a route of a table": {
        **conf(GIVEN, routes=[{"dst": "10.9.0.0/16", "table": 100, "priority": 7}], isGateway=True),
        "cniVersion": "1.1.0",
    },
    "IPv4 without, IPv6 with a gateway": conf(V4, {**V6, "gateway": "fd00:1::1"}, routes=[{"dst": "::/0"}]),
    "masqueraded by iptables": conf(V4, isGateway=True, ipMasq=True, ipMasqBackend="iptables"),
    "masqueraded by whatever there is": conf(V4, V6, isGateway=True, ipMasq=True),
    "no address, masqueraded": conf(ipMasq=True, ipMasqBackend="iptables"),
    "no address, with a route of a default": conf(isDefaultGateway=True, forceAddress=True),
    "no address, promiscuous and isolated": conf(promiscMode=True, portIsolation=True),
    "no address, hairpin": conf(hairpinMode=True, mtu=1300),
    "enabledad of both families": conf(V4, V6, isGateway=True, enabledad=True),
    "enabledad false": conf(V4, V6, isGateway=True, enabledad=False),
    "off": conf(V4, hairpinMode=False, promiscMode=False, macspoofchk=False, preserveDefaultVlan=False, vlan=0),
    "the default VLAN kept beside no other": conf(V4, preserveDefaultVlan=True),
    "down, hairpin and a MAC": conf(
        disableContainerInterface=True, hairpinMode=True, runtimeConfig={"mac": "02:00:00:00:00:07"}
    ),
    "0.4.0, both families": {**conf(V4, V6, isDefaultGateway=True), "cniVersion": "0.4.0"},
}


@pytest.mark.parametrize("name", spread(SAME, 4))
def test_it_does_what_gos_does_too(twins: tuple[Node, Node], name: str) -> None:
    document = SAME[name]
    go, ours = twins
    before = ours.state_of()
    theirs, mine = both(twins, "ADD", document)
    assert (theirs.status, mine.status) == (0, 0), (theirs.said, mine.said)
    assert comparable(mine.said, ours) == comparable(theirs.said, go)
    assert unlike(go, ours) == ""
    checked = ours.call("CHECK", document, previous=mine.said)
    assert checked.status == 0, checked.said
    for _ in range(2):
        assert ours.call("DEL", document).status == 0
    assert ours.state_of() == before
    assert ours.run("nft", "list", "ruleset") == ""


def test_a_del_without_an_add_is_no_error(twins: tuple[Node, Node]) -> None:
    ours, document = twins[1], ranges(SUBNETS[0], isGateway=True, ipMasq=True, macspoofchk=True)
    before = ours.state_of()
    for netns in (None, "", "/run/netns/there-is-none"):
        theirs, mine = both(twins, "DEL", document, netns=netns)
        assert (theirs.status, mine.status) == (0, 0), (netns, theirs.said, mine.said)
    assert ours.state_of() == before


def test_a_del_after_the_namespace_is_gone_leaves_nothing(twins: tuple[Node, Node]) -> None:
    ours, document = twins[1], ranges(*SUBNETS, isDefaultGateway=True, ipMasq=True, promiscMode=True)
    before = ours.state_of()
    assert ours.call("ADD", document).status == 0
    gone = f"/run/netns/{ours.pod()}"
    subprocess.run(["ip", "netns", "delete", ours.pod()], check=True)
    ours.pods.clear()
    for _ in range(2):
        ended = ours.call("DEL", document, netns=gone)
        assert ended.status == 0, ended.said
    assert ours.state_of() == before
    assert ours.run("nft", "list", "ruleset") == ""
    assert [path.name for path in (ours.state / "given/net").glob("*.*.*.*")] == []


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    ("there", "address"),
    [
        ("10.0.0.1/8", "10.1.2.3/16"),
        ("10.9.9.9/24", "10.1.2.3/24"),
        ("2001:db8:1::1/48", "2001:db8:1:2::3/64"),
        ("2001:db8:1:2::7/64", "2001:db8:1:2::3/64"),
        ("2001:db8:1:2::1/64", "fd00:1234::3/64"),
    ],
)
def test_addresses_that_the_bridge_has(twins: tuple[Node, Node], there: str, address: str, *, force: bool) -> None:
    go, ours = twins
    for node in twins:
        node.run("ip", "link", "add", "cni0", "type", "bridge")
        node.run("ip", "address", "add", there, "dev", "cni0", "nodad")
    before = ours.state_of()
    document = conf({"address": address}, isGateway=True, forceAddress=force)
    theirs, mine = both(twins, "ADD", document)
    assert (mine.status == 0) == (theirs.status == 0), (theirs.said, mine.said)
    if mine.status == 0:
        assert unlike(go, ours) == ""
        assert ours.call("DEL", document).status == 0
    assert ours.state_of()["node"]["addresses"] == before["node"]["addresses"]


def test_a_failed_add_gives_the_address_back(twins: tuple[Node, Node]) -> None:
    for node in twins:
        node.run("ip", "link", "add", "cni0", "type", "bridge")
        node.run("ip", "address", "add", "10.9.9.9/24", "dev", "cni0")
    theirs, mine = both(twins, "ADD", ranges(SUBNETS[0], isGateway=True))
    assert theirs.status
    assert mine.status
    for node in twins:
        assert [path.name for path in (node.state / "given/net").glob("192.168.0.*")] == []


@pytest.mark.parametrize("backend", ["iptables", "nftables", None])
def test_what_is_masqueraded_comes_back(twins: tuple[Node, Node], backend: str | None) -> None:
    found = []
    for node in twins:
        node.run("ip", "link", "set", "wire0", "netns", node.pod("out"))
        node.run("ip", "address", "add", "192.0.2.1/24", "dev", "up0")
        for line in ("address add 192.0.2.9/24 dev wire0", "link set wire0 up"):
            node.run("ip", *line.split(), inside="out")
        for masked in (False, True):
            document = conf(V4, isDefaultGateway=True, ipMasq=masked, **({"ipMasqBackend": backend} if backend else {}))
            added = node.call("ADD", document)
            assert added.status == 0, added.said
            heard = node.run("ping", "-c2", "-i0.3", "-W1", "192.0.2.9", inside="pod", check=False)
            found.append(", 0 received" not in heard)
            ended = node.call("DEL", document)  # Go's fails where iptables has none of its chains
            assert node is twins[0] or ended.status == 0, ended.said
    assert found == [False, True] * 2


DRIFT: dict[str, tuple[str, str]] = {  # where, and what is done; {port} is the node's end
    "the pod's address": ("pod", "ip address delete 10.1.2.3/24 dev eth0"),
    "the pod's IPv6 address": ("pod", "ip address delete fd00:1::3/64 dev eth0"),
    "the pod's route": ("pod", "ip route delete 10.9.0.0/16"),
    "the pod's MAC": ("pod", "ip link set eth0 address 02:00:00:00:00:99"),
    "the pod's link": ("pod", "ip link delete eth0"),
    "the pod's link's name": ("pod", "ip link set eth0 name eth9"),
    "the port": ("", "ip link set {port} nomaster"),
    "the port's MAC": ("", "ip link set {port} address 02:00:00:00:00:99"),
    "the port's name": ("", "ip link set {port} name eth9"),
    "promiscuous": ("", "ip link set cni0 promisc off"),
    "the bridge": ("", "ip link delete cni0"),
    "the bridge's name": ("", "ip link set cni0 name cni9"),
    "isolated": ("", "bridge link set dev {port} isolated off"),
    "hairpin": ("", "bridge link set dev {port} hairpin on"),
    "the gateway": ("", "ip address delete 10.1.2.1/24 dev cni0"),
    "mtu": ("pod", "ip link set eth0 mtu 1280"),
    "forwarding": ("", "sysctl -qw net.ipv4.ip_forward=0"),
    "masquerading": ("", "nft flush ruleset"),
}
# What Go's plugin does not look at.
UNSEEN = {"isolated", "hairpin", "the gateway", "mtu", "forwarding", "masquerading"}


@pytest.mark.parametrize("name", spread(DRIFT, 3))
def test_check_after_a_change(twins: tuple[Node, Node], name: str) -> None:
    where, what = DRIFT[name]
    document = conf(
        V4, V6, routes=[{"dst": "10.9.0.0/16"}], isGateway=True, promiscMode=True, portIsolation=True, ipMasq=True,
        ipMasqBackend="nftables", mtu=1400,
    )  # fmt: skip
    found = []
    for node in twins:
        made = node.call("ADD", document)
        assert made.status == 0, made.said
        assert node.call("CHECK", document, previous=made.said).status == 0
        port = made.said["interfaces"][1]["name"]
        node.run(*what.format(port=port).split(), inside=where)
        found.append(node.call("CHECK", document, previous=made.said).status != 0)
    assert found == [name not in UNSEEN, True]


def test_pods_of_several_subnets_reach_each_other_by_their_gateways(twins: tuple[Node, Node]) -> None:
    found = []
    for node in twins:
        for pod, address in (("pod", "fd00::3/64"), ("near", "2001:db8::3/64")):
            document = conf({"address": address}, isDefaultGateway=True)
            added = node.call("ADD", document, pod=pod, container=pod)
            assert added.status == 0, added.said
        for pod in ("pod", "near"):
            node.settle(inside=pod)
        answered = node.run("ping", "-c1", "-w20", "2001:db8::3", inside="pod", check=False)
        found.append(", 0 received" not in answered)
    assert found == [True, True]


def test_the_bridges_mac_stays_while_pods_come_and_go(twins: tuple[Node, Node]) -> None:
    for node in twins:
        macs = set()
        for last in range(3, 7):
            document = conf({"address": f"10.1.2.{last}/24"}, isGateway=True)
            said = node.call("ADD", document, pod=f"p{last}", container=f"p{last}").said
            (bridge,) = json.loads(node.run("ip", "-j", "link", "show", "cni0"))
            macs |= {said["interfaces"][0]["mac"], bridge["address"]}
        assert len(macs) == 1
