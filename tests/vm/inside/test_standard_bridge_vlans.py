"""VLANs of the type `bridge` beside the CNI project's plugin: the same members of ports, gateways, results and traffic.

`twins` compares the VLANs of every port too.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.standard.conftest import twins  # noqa: F401 - the fixture
from tests.netns.standard.test_bridge import V4, V6, conf
from tests.netns.standard.twins import comparable, unlike
from tests.sizes import size

if TYPE_CHECKING:
    from tests.netns.standard.twins import Node

    Twins = tuple[Node, Node]

TRUNK = [{"id": 101}, {"minID": 200, "maxID": 210}]
KEPT = {"preserveDefaultVlan": True}
GW = {"isGateway": True}
SAME: dict[str, dict[str, Any]] = {
    # The first is tried with every run, the others in a soak: the emulated machine is slow.
    "a trunk beside a VLAN, both families, gateway": conf(V4, V6, vlan=100, vlanTrunk=TRUNK, isDefaultGateway=True),
    "a trunk, the default VLAN kept": conf(vlanTrunk=TRUNK, **KEPT),
    "vlan": conf(vlan=100),
    "vlan, the default kept": conf(vlan=100, **KEPT),
    "vlan 1": conf(vlan=1),
    "vlan 1, the default kept": conf(vlan=1, **KEPT),
    "vlan 4094, address": conf(V4, vlan=4094),
    "trunk": conf(vlanTrunk=TRUNK),
    "trunk of one": conf(vlanTrunk=[{"id": 4094}]),
    "trunk of all": conf(vlanTrunk=[{"minID": 1, "maxID": 4094}]),
    "trunk that overlaps": conf(vlanTrunk=[{"minID": 10, "maxID": 12}, {"minID": 11, "maxID": 14, "id": 9}]),
    "trunk with 1 in it": conf(vlanTrunk=[{"minID": 1, "maxID": 3}]),
    "trunk with the VLAN in it": conf(vlan=100, vlanTrunk=[{"minID": 99, "maxID": 101}]),
    "trunk beside a VLAN, the default kept": conf(vlan=100, vlanTrunk=TRUNK, **KEPT),
    "an empty trunk": conf(vlanTrunk=[]),
    "no VLAN, the default kept": conf(V4, **KEPT),
    "gateway": conf(V4, vlan=100, **GW),
    "gateway, the default kept": conf(V4, vlan=100, **GW, **KEPT),
    "gateway, IPv6": conf(V6, vlan=100, isDefaultGateway=True),
    "gateway, three subnets": conf(V4, V6, {"address": "2001:db8::3/64"}, vlan=100, isDefaultGateway=True),
    "gateway, mtu": conf(V4, vlan=100, mtu=1400, **GW),
    "gateway, masqueraded": conf(V4, vlan=100, ipMasq=True, ipMasqBackend="nftables", **GW),
    "gateway of another bridge": conf(V4, vlan=4094, bridge="br7", **GW),
    "gateway, hairpin and isolation": conf(V4, vlan=100, hairpinMode=True, portIsolation=True, **GW),
    "spoofing": conf(V4, vlan=100, macspoofchk=True, **GW),
}


def tried() -> dict[str, dict[str, Any]]:
    """Return one of the configurations; in a soak all of them."""
    return SAME if size(0, 1) else dict(list(SAME.items())[:1])


def vlans(node: Node, port: str) -> list[dict[str, Any]]:
    shown = json.loads(node.run("bridge", "-j", "vlan", "show", "dev", port))
    return [member for each in shown for member in each["vlans"]]


def port_of(said: dict[str, Any]) -> str:
    return str(said["interfaces"][1]["name"])


@pytest.mark.parametrize("name", tried())
def test_ports_gateways_and_results_are_the_same(twins: Twins, name: str) -> None:  # noqa: F811
    go, ours = twins
    before = ours.state_of()
    theirs, mine = (node.call("ADD", SAME[name]) for node in twins)
    assert (theirs.status, mine.status) == (0, 0), (theirs.said, mine.said)
    assert comparable(mine.said, ours) == comparable(theirs.said, go)
    assert unlike(go, ours) == ""
    checked = ours.call("CHECK", SAME[name], previous=mine.said)
    assert checked.status == 0, checked.said
    for _ in range(2):
        assert ours.call("DEL", SAME[name]).status == 0
    assert ours.state_of() == before


def attach(node: Node, pod: str, last: int, vlan: int, **keys: object) -> dict[str, Any]:
    document = conf({"address": f"10.1.2.{last}/24"}, vlan=vlan, **keys)
    added = node.call("ADD", document, pod=pod, container=pod)
    assert added.status == 0, added.said
    return document


def reaches(node: Node, pod: str, address: str) -> bool:
    return ", 0 received" not in node.run("ping", "-c2", "-i0.3", "-W2", address, inside=pod, check=False)


def test_the_gateway_stays_until_the_last_pod_goes_and_goes_with_the_bridge(twins: Twins) -> None:  # noqa: F811
    ours = twins[1]
    before = ours.state_of()
    documents = {pod: attach(ours, pod, last, vlan, **GW) for pod, last, vlan in (("pod", 3, 100), ("near", 4, 100))}
    documents["far"] = conf({"address": "10.7.7.3/24"}, vlan=200, **GW)
    assert ours.call("ADD", documents["far"], pod="far", container="far").status == 0
    assert ours.call("DEL", documents["pod"], pod="pod", container="pod").status == 0
    assert reaches(ours, "near", "10.1.2.1")
    assert ours.call("DEL", documents["near"], pod="near", container="near").status == 0
    assert "cni0.100" in ours.run("ip", "link")
    assert reaches(ours, "far", "10.7.7.1")
    assert ours.call("DEL", documents["far"], pod="far", container="far", netns="").status == 0
    assert ours.state_of() == before


if size(0, 1):

    def test_pods_of_a_vlan_share_its_gateway_and_others_have_another(twins: Twins) -> None:
        found = []
        for node in twins:
            attach(node, "pod", 3, 100, **GW)
            attach(node, "near", 4, 100, **GW)
            attach(node, "far", 5, 200)
            found.append(
                [
                    reaches(node, pod, f"10.1.2.{last}")
                    for pod, last in (("pod", 1), ("near", 1), ("pod", 4), ("pod", 5))
                ]
                + [reaches(node, "far", "10.1.2.1")]
            )
        assert found == [[True, True, True, False, False]] * 2
        assert unlike(*twins) == ""

    @pytest.mark.parametrize(
        ("damage", "field"),
        [
            ("bridge vlan add dev {port} vid 300", "vlan"),
            ("bridge vlan del dev {port} vid 101", "vlan"),
            ("bridge vlan add dev {port} vid 7 pvid untagged", "vlan"),
            ("ip link set {port} nomaster", "master"),
            ("ip link set cni0 type bridge vlan_filtering 0", "vlan_filtering"),
            ("ip link delete cni0.100", "cni0.100: link"),
            ("ip address delete 10.1.2.1/24 dev cni0.100", "cni0.100: address"),
            ("ip link set cni0.100 down", "cni0.100: state"),
            ("ip link set {gateway} nomaster", "master"),
            ("bridge vlan del dev {gateway} vid 100", "vlan"),
        ],
    )
    def test_check_sees_what_has_changed(twins: Twins, damage: str, field: str) -> None:
        ours, document = twins[1], conf(V4, vlan=100, vlanTrunk=TRUNK, **GW)
        made = ours.call("ADD", document).said
        peer = json.loads(ours.run("ip", "-j", "link", "show", "cni0.100"))[0]["link"]
        ours.run(*damage.format(port=port_of(made), gateway=peer).split())
        checked = ours.call("CHECK", document, previous=made)
        assert checked.status
        assert field in checked.said["msg"]

    @pytest.mark.parametrize("kept", [False, True])
    @pytest.mark.parametrize("default", [0, 1, 10, 100])
    def test_whatever_vlan_a_bridge_puts_new_ports_into(
        twins: Twins,
        default: int,
        *,
        kept: bool,
    ) -> None:
        for node in twins:
            node.run("ip", "link", "add", "cni0", "type", "bridge", "vlan_filtering", "1",
                     "vlan_default_pvid", str(default))  # fmt: skip
            node.run("ip", "link", "set", "cni0", "up")
        for pod, keys in (("pod", {"vlan": 100}), ("near", {"vlanTrunk": TRUNK})):
            document = conf(preserveDefaultVlan=kept, **keys)
            ended = [node.call("ADD", document, pod=pod, container=pod) for node in twins]
            assert [one.status for one in ended] == [0, 0], ended
            checked = twins[1].call("CHECK", document, pod=pod, container=pod, previous=ended[1].said)
            assert checked.status == 0, checked.said
        assert unlike(*twins) == ""

    def test_a_bridge_of_somebody_elses_is_given_back_without_the_gateway(twins: Twins) -> None:
        ours = twins[1]
        ours.run("ip", "link", "add", "cni0", "type", "bridge", "vlan_filtering", "1")
        ours.run("ip", "link", "set", "cni0", "up")
        before = ours.state_of()
        document = conf(V4, vlan=100, **GW)
        assert ours.call("ADD", document).status == 0
        assert ours.call("DEL", document).status == 0
        assert ours.state_of() == before

    @pytest.mark.parametrize("by", ["go", "operator"])
    def test_a_gateway_of_somebody_elses_is_used_and_stays(twins: Twins, by: str) -> None:
        ours, document = twins[1], conf(V4, vlan=100, **GW)
        ours.run("ip", "link", "add", "cni0", "type", "bridge", "vlan_filtering", "1")
        ours.run("ip", "link", "set", "cni0", "up")
        if by == "go":
            ours.run("ip", "link", "add", "cni0.100", "type", "veth", "peer", "name", "vethdeadbeef")
            ours.run("ip", "link", "set", "vethdeadbeef", "up", "master", "cni0")
            ours.run("bridge", "vlan", "add", "dev", "vethdeadbeef", "vid", "100", "pvid", "untagged")
        else:
            ours.run("bridge", "vlan", "add", "dev", "cni0", "vid", "100", "self")
            ours.run("ip", "link", "add", "link", "cni0", "name", "cni0.100", "type", "vlan", "id", "100")
        before = ours.state_of()
        added = ours.call("ADD", document)
        assert added.status == 0, added.said
        assert reaches(ours, "pod", "10.1.2.1")
        assert ours.call("DEL", document).status == 0
        assert "cni0.100" in ours.run("ip", "link")
        assert ours.state_of()["node"]["addresses"] == before["node"]["addresses"]

    def test_a_link_that_only_has_the_gateways_name_is_refused(twins: Twins) -> None:
        ours = twins[1]
        ours.run("ip", "link", "add", "cni0.100", "type", "bridge")
        before = ours.state_of()
        refused = ours.call("ADD", conf(V4, vlan=100, **GW))
        assert (refused.status, refused.said["code"]) == (1, 7)
        assert "cni0.100" in refused.said["msg"]
        assert ours.state_of() == before
