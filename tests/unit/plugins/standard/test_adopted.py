"""What a type says that the CNI project's plugin of its name has made."""

from __future__ import annotations

import json
from ipaddress import ip_address, ip_interface
from typing import TYPE_CHECKING, Any

import pytest

from podberth.catalogue import find_plugin
from podberth.cni.call import Call
from podberth.net import adopted, ops
from podberth.net.handed_over import handed_over, kept
from podberth.net.record import Record
from podberth.net.step import Step

if TYPE_CHECKING:
    from podberth.net.ops import Op

POD = "/run/netns/pod"
MAC = "02:00:00:00:00:01"
PREVIOUS = {
    "cniVersion": "1.0.0",
    "interfaces": [
        {"name": "cni0", "mac": "02:00:00:00:00:10"},
        {"name": "veth0a1b2c3d", "mac": "02:00:00:00:00:11"},
        {"name": "eth0", "mac": MAC, "sandbox": POD},
    ],
    "ips": [{"address": "10.77.0.2/24", "gateway": "10.77.0.1", "interface": 2}],
    "routes": [{"dst": "0.0.0.0/0"}],
}
TYPES = (
    "bridge", "ptp", "macvlan", "ipvlan", "vlan", "tap", "dummy", "host-device", "loopback", "tuning", "bandwidth",
    "portmap", "firewall", "sbr", "vrf",
)  # fmt: skip


def call(said: dict[str, Any], verb: str = "DEL", previous: dict[str, Any] | None = PREVIOUS) -> Call:
    conf = {"cniVersion": "1.0.0", "name": "net", **said, **({"prevResult": previous} if previous else {})}
    env = {"CNI_COMMAND": verb, "CNI_CONTAINERID": "c0ffee", "CNI_NETNS": POD, "CNI_IFNAME": "eth0", "CNI_PATH": "/x"}
    found = Call.parse(env, json.dumps(conf).encode())
    assert isinstance(found, Call)
    return found


def steps(said: dict[str, Any], **how: Any) -> tuple[Step, ...]:
    found: tuple[Step, ...] = find_plugin(said["type"]).adopted(call(said, **how))  # type: ignore[attr-defined]
    return found


def undone(said: dict[str, Any], **how: Any) -> list[Op]:
    return [step.op for step in steps(said, **how) if not step.existed]


def test_names_are_those_of_the_project() -> None:
    attachment = call({"type": "bridge"}).attachment
    # As version 1.9.1 has named them for this network, container and interface.
    assert adopted.chain(attachment) == "CNI-73decd76befe89bf46edd46c"
    assert adopted.chain(attachment, adopted.DNAT_CHAIN) == "CNI-DN-73decd76befe89bf46edd"
    assert adopted.ifb(attachment) == "bwp73decd76befe"
    assert adopted.masquerade_comment(attachment).endswith(", net: net, if: eth0, id: c0ffee")


def test_a_bridge_has_its_pair_its_rules_and_what_the_pair_carries() -> None:
    masquerade, spoof, link = undone({"type": "bridge"})
    assert isinstance(masquerade, ops.AdoptMasquerade)
    assert spoof == ops.AdoptSpoofCheck(owner="c0ffee-eth0")
    assert link == ops.AdoptLink(
        netns=POD, ifname="eth0", kind="veth", mac=MAC, host="veth0a1b2c3d", bridge="cni0"
    )  # fmt: skip
    compared = [step.op for step in steps({"type": "bridge"}) if step.existed]
    assert compared[0] == ops.AddAddress(netns=POD, ifname="eth0", address=ip_interface("10.77.0.2/24"))
    assert getattr(compared[1], "gw", None) == ip_address("10.77.0.1")


@pytest.mark.parametrize("kind", TYPES)
def test_each_type_adopts_and_no_configuration_is_in_its_way(kind: str) -> None:
    # A DEL goes on whatever the configuration says by now.
    wrong: dict[str, object] = {
        "mode": 7,
        "vlanId": "x",
        "table": "x",
        "vrfname": 3,
        "sysctl": 1,
        "ingressRate": -1,
        "backend": "iptables",
    }
    assert isinstance(steps({"type": kind, **wrong}), tuple)
    assert isinstance(steps({"type": kind, **wrong}, previous=None), tuple)


def test_without_prev_result_a_link_is_left_but_where_no_version_has_one() -> None:
    assert [type(op) for op in undone({"type": "macvlan"}, previous=None)] == []
    (old,) = undone({"type": "macvlan", "cniVersion": "0.3.1"}, previous=None)
    assert old == ops.AdoptLink(netns=POD, ifname="eth0", kind="macvlan", mode="bridge")


def test_portmap_counts_what_the_project_refuses_here() -> None:
    mapped = {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}
    said = {"type": "portmap", "backend": "iptables", "runtimeConfig": {"portMappings": [mapped]}}
    (op,) = undone(said)
    assert isinstance(op, ops.AdoptPorts)
    assert (op.ports, op.masqueraded, op.addresses) == (("8080:80/tcp",), True, (ip_address("10.77.0.2"),))


def record(kind: str, *made: Step, conf: str = "{}") -> Record:
    return Record(
        attachment=call({"type": kind}).attachment, pod=None, netns=POD, netns_id=None, steps=made,  # type: ignore[arg-type]
        done=True, since=0, conf=conf, type=kind,
    )  # fmt: skip


def test_the_way_back_has_their_rules_and_undoes_podberths_with_its_flows_kept() -> None:
    own = ops.Masquerade(group="masq-net-10.77.0.0/24", address=ip_interface("10.77.0.2/24"), comment="pb1")
    found = handed_over(record("bridge", Step(op=own), Step(op=ops.SetLinkUp(netns=POD, ifname="eth0"))))
    (made,) = found.made
    assert isinstance(made, ops.AdoptMasquerade)
    assert made.addresses == (ip_interface("10.77.0.2/24"),)
    assert found.undone == (Step(op=own, before=(("flows", "kept"),)),)


def test_a_mapping_to_an_address_of_the_other_version_is_left_out() -> None:
    own = ops.MapPorts(
        address=ip_interface("10.77.0.2/24"), ports=("8080:80/tcp", "[2001:db8::1]:8081:81/tcp"), mark=8192,
        mark_all=False, comment="pb1",
    )  # fmt: skip
    (made,) = handed_over(record("portmap", Step(op=own))).made
    assert isinstance(made, ops.AdoptPorts)
    assert made.ports == ("8080:80/tcp",)


def test_tuning_leaves_its_values_of_before_in_their_file() -> None:
    set_mtu = ops.SetAttribute(netns=POD, ifname="eth0", attribute="mtu", value="1400")
    found = handed_over(
        record("tuning", Step(op=set_mtu, before=(("value", "1500"),)), conf='{"dataDir": "/run/x"}')
    )  # fmt: skip
    (made,) = found.made
    assert made == ops.AdoptBackup(netns=POD, ifname="eth0", path="/run/x/c0ffee_eth0.json", values=("mtu=1500",))


def test_what_has_no_form_of_theirs_is_kept() -> None:
    assert "gc --gone" in kept(record("firewall"))
    inside = ops.LimitTransmit(netns=POD, ifname="eth0", rate=8000, burst=8000)
    assert "inside the pod" in kept(record("bandwidth", Step(op=inside)))
    assert kept(record("bridge")) == ""
