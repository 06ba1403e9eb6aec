"""The `tuning` plugin beside the CNI project's: the same sysctls and attributes, and each put back as it was found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.netns.standard.behind import conf, macvlan, veth, went
from tests.netns.standard.twins import comparable
from tests.sizes import spread

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.netns.standard.twins import Node

MAC, OTHER = "02:00:00:00:00:11", "02:00:00:00:00:12"
PER_LINK = "/proc/sys/net/ipv4/conf/eth0"
READ = (
    f"{PER_LINK}/rp_filter",
    f"{PER_LINK}/arp_filter",
    "/proc/sys/net/core/somaxconn",
    "/proc/sys/net/ipv4/tcp_rmem",
    "/proc/sys/net/ipv6/conf/eth0/accept_ra",
)
ALLOWLIST = Path("/etc/cni/tuning/allowlist.conf")
ALIKE: dict[str, dict[str, object]] = {
    "nothing": {},
    "a sysctl of the namespace": {"sysctl": {"net.core.somaxconn": "500"}},
    "several numbers": {"sysctl": {"net.ipv4.tcp_rmem": "4096 65536 1048576"}},
    "numbers parted by tabs": {"sysctl": {"net.ipv4.tcp_rmem": "4096\t65536\t1048576"}},
    "a sysctl of the interface": {"sysctl": {"net.ipv4.conf.eth0.rp_filter": "2"}},
    "the interface by a placeholder": {"sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"}},
    "a path": {"sysctl": {"net/ipv6/conf/IFNAME/accept_ra": "0"}},
    "both signs": {"sysctl": {"net.ipv4/conf.IFNAME/arp_filter": "1"}},
    "one that is written only": {"sysctl": {"net.ipv4.route.flush": "1"}},
    "mac": {"mac": MAC},
    "mac in capitals": {"mac": "02:00:00:00:00:AA"},
    "promisc": {"promisc": True},
    "no promisc": {"promisc": False},
    "mtu": {"mtu": 1400},
    "no mtu": {"mtu": 0},
    "txQLen": {"txQLen": 500},
    "txQLen of none": {"txQLen": 0},
    "allmulti": {"allmulti": True},
    "no allmulti": {"allmulti": False},
    "all": {
        "sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"},
        "mac": MAC,
        "promisc": True,
        "mtu": 1380,
        "txQLen": 77,
        "allmulti": True,
    },
    "the runtime's mac": {"mac": OTHER, "capabilities": {"mac": True}, "runtimeConfig": {"mac": MAC}},
    "args": {
        "mac": OTHER,
        "mtu": 1400,
        "sysctl": {"net.core.somaxconn": "500"},
        "args": {
            "cni": {
                "mac": MAC,
                "promisc": True,
                "mtu": 1300,
                "txQLen": 5,
                "allmulti": True,
                "sysctl": {"net.core.somaxconn": "600", "net.ipv4.conf.IFNAME.arp_filter": "1"},
            }
        },
    },
    "args beside the runtime's mac": {"runtimeConfig": {"mac": OTHER}, "args": {"cni": {"mac": MAC}}},
}
REFUSED: dict[str, dict[str, object]] = {
    "outside of net": {"sysctl": {"kernel.hostname": "x"}},
    "back out of net": {"sysctl": {"net/../kernel/hostname": "x"}},
    "no such sysctl": {"sysctl": {"net.ipv4.nothing": "1"}},
    "a value that the kernel refuses": {"sysctl": {"net.core.somaxconn": "many"}},
    "no mac": {"mac": "nonsense"},
    "a multicast mac": {"mac": "01:00:5e:00:00:01"},
    "an mtu that is too large": {"mtu": 100_000},
}


def seen(node: Node) -> dict[str, object]:
    """Return all that a tuning can change."""
    sysctls = {path: node.run("cat", path, inside="pod") for path in READ}
    return {**node.state_of(), "sysctls": sysctls, "mac": mac(node)}


def mac(node: Node, ifname: str = "eth0") -> str:
    """Return the pod's MAC."""
    return node.run("cat", f"/sys/class/net/{ifname}/address", inside="pod").strip()


@pytest.mark.parametrize("keys", spread(ALIKE, 4).values(), ids=spread(ALIKE, 4))
def test_it_tunes_as_the_cni_projects_does(twins: tuple[Node, Node], keys: Mapping[str, object]) -> None:
    results, states, document = [], [], conf("tuning", **keys)
    for node in twins:
        previous = veth(node, "10.1.0.5/24")
        before, had = seen(node), mac(node)
        added = went(node, "ADD", document, previous)
        results.append(comparable(added.said, node))
        state = seen(node)
        assert added.said["interfaces"][1]["mac"].lower() == state["mac"]
        states.append({**state, "mac": state["mac"] if state["mac"] != had else ""})
    # Go's CHECK reads what can only be written, and takes tabs for something else than spaces: ours alone is asked.
    went(twins[1], "CHECK", document, added.said)
    went(twins[1], "DEL", document, added.said)
    assert results[0] == results[1]
    assert states[0] == states[1]
    assert seen(twins[1]) == before
    went(twins[1], "DEL", document, added.said)


@pytest.mark.parametrize("keys", REFUSED.values(), ids=REFUSED)
def test_what_the_cni_projects_refuses_is_refused_and_nothing_is_left(
    twins: tuple[Node, Node], keys: Mapping[str, object]
) -> None:
    document = conf("tuning", promisc=True, **keys)
    for node in twins:
        previous = veth(node, "10.1.0.5/24")
        before = seen(node)
        ended = node.call("ADD", document, previous=previous)
        assert ended.status != 0
    assert seen(twins[1]) == before


def test_cni_args_name_a_mac(twins: tuple[Node, Node]) -> None:
    for node in twins:
        previous = macvlan(node, "10.1.0.5/24")
        added = went(node, "ADD", conf("tuning", mac=OTHER), previous, args=f"IgnoreUnknown=1;MAC={MAC};A=b")
        assert (mac(node), added.said["interfaces"][0]["mac"]) == (MAC, MAC)


def test_without_a_result_before_it_is_refused(twins: tuple[Node, Node]) -> None:
    for node in twins:
        assert node.call("ADD", conf("tuning", mtu=1400)).status != 0


@pytest.fixture
def allowlist() -> Iterator[Path]:
    """Yield the file of sysctls that the operator allows, which is taken away in the end."""
    made = [folder for folder in (ALLOWLIST.parent, ALLOWLIST.parent.parent) if not folder.exists()]
    ALLOWLIST.parent.mkdir(parents=True, exist_ok=True)
    yield ALLOWLIST
    ALLOWLIST.unlink()
    for folder in made:
        folder.rmdir()


@pytest.mark.parametrize(
    ("lines", "key", "fits"),
    [
        ("net.core.somaxconn", "net.core.somaxconn", True),
        ("somax", "net.core.somaxconn", True),
        ("  ^net\\.core\\.[[:alpha:]]+$  \n", "net.core.somaxconn", True),
        ("net.ipv6.*\nnet.ipv4.conf.IFNAME.*", "net.ipv4.conf.IFNAME.arp_filter", True),
        ("^net.ipv6", "net.core.somaxconn", False),
        ("net.ipv4.conf.IFNAME.arp_filter", "net.ipv4.conf.eth0.arp_filter", False),
        ("", "net.core.somaxconn", False),
        ("[", "net.core.somaxconn", False),
    ],
)
def test_only_what_the_operator_allows(
    twins: tuple[Node, Node], allowlist: Path, lines: str, key: str, *, fits: bool
) -> None:
    allowlist.write_text(lines)
    for node in twins:
        ended = node.call("ADD", conf("tuning", sysctl={key: "1"}), previous=veth(node))
        assert (ended.status == 0) == fits, ended.said


def test_an_allowlist_says_nothing_of_attributes(twins: tuple[Node, Node], allowlist: Path) -> None:
    allowlist.write_text("")
    for node in twins:
        went(node, "ADD", conf("tuning", mtu=1400), veth(node))


@pytest.mark.parametrize("key", ["net.ipv4.conf.eth0.5.arp_filter", "net/ipv4/conf/eth0.5/arp_filter"])
def test_a_name_with_a_dot_in_it(twins: tuple[Node, Node], key: str) -> None:
    """Go's plugin takes each dot for the end of a name."""
    theirs, ours = twins
    document = conf("tuning", sysctl={key: "1"})
    assert theirs.call("ADD", document, previous=veth(theirs, ifname="eth0.5"), ifname="eth0.5").status != 0
    went(ours, "ADD", document, veth(ours, ifname="eth0.5"), ifname="eth0.5")
    assert ours.run("cat", "/proc/sys/net/ipv4/conf/eth0.5/arp_filter", inside="pod") == "1\n"


def test_args_may_say_sysctls_where_the_configuration_says_none(twins: tuple[Node, Node]) -> None:
    """Go's plugin ends in a panic."""
    theirs, ours = twins
    document = conf("tuning", args={"cni": {"sysctl": {"net.core.somaxconn": "600"}}})
    assert theirs.call("ADD", document, previous=veth(theirs)).status != 0
    went(ours, "ADD", document, veth(ours))
    assert ours.run("cat", "/proc/sys/net/core/somaxconn", inside="pod") == "600\n"


def test_two_in_a_chain_put_back_what_was_there_before_both(twins: tuple[Node, Node]) -> None:
    """Go's second ADD overwrites what the first one has found, and no DEL of Go's writes a sysctl back."""
    _, ours = twins
    previous = veth(ours)
    before = seen(ours)
    first = conf("tuning", mtu=1400, mac=MAC, sysctl={"net.core.somaxconn": "500"})
    second = conf("tuning", mtu=1300, mac=OTHER, sysctl={"net.core.somaxconn": "600"})
    added = went(ours, "ADD", second, went(ours, "ADD", first, previous).said)
    assert mac(ours) == OTHER
    for document in (first, second):  # what the second has made of it is no drift of the first's
        went(ours, "CHECK", document, added.said)
    ours.run("ip", "link", "set", "eth0", "mtu", "1250", inside="pod")
    assert ours.call("CHECK", first, previous=added.said).status != 0
    ours.run("ip", "link", "set", "eth0", "mtu", "1300", inside="pod")
    went(ours, "DEL", second, added.said)
    assert mac(ours) == MAC
    went(ours, "DEL", first, added.said)
    assert seen(ours) == before


@pytest.mark.parametrize(
    ("keys", "command"),
    [
        ({"mtu": 1400}, "ip link set eth0 mtu 1300"),
        ({"mac": MAC}, f"ip link set eth0 address {OTHER}"),
        ({"promisc": True}, "ip link set eth0 promisc off"),
        ({"promisc": False}, "ip link set eth0 promisc on"),
        ({"allmulti": True}, "ip link set eth0 allmulticast off"),
        ({"txQLen": 9}, "ip link set eth0 txqueuelen 8"),
        ({"sysctl": {"net.core.somaxconn": "500"}}, "sysctl -qw net.core.somaxconn=600"),
    ],
)
def test_a_check_finds_what_was_changed_since(
    twins: tuple[Node, Node], keys: Mapping[str, object], command: str
) -> None:
    for node in twins:
        document = conf("tuning", **keys)
        added = went(node, "ADD", document, veth(node))
        went(node, "CHECK", document, added.said)
        node.run(*command.split(), inside="pod")
        assert node.call("CHECK", document, previous=added.said).status != 0


@pytest.mark.parametrize("how", ["link", "namespace", "another link"])
def test_a_del_when_the_interface_is_gone(twins: tuple[Node, Node], how: str) -> None:
    document = conf("tuning", mtu=1400, promisc=True, sysctl={"net.ipv4.conf.IFNAME.arp_filter": "1"})
    for node in twins:
        added = went(node, "ADD", document, veth(node))
        node.run("ip", "link", "delete", "host0")
        if how == "another link":
            veth(node, host="host1")
            node.run("ip", "link", "set", "eth0", "promisc", "on", inside="pod")
        went(node, "DEL", document, added.said, **({"netns": ""} if how == "namespace" else {}))
    if how == "another link":
        assert "PROMISC" in twins[1].run("ip", "link", "show", "eth0", inside="pod")
