"""`podberth vf`: which functions there are, who has them, and what keeps them from being destroyed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from podberth.cli.vf.names import name_or_address
from podberth.cni.pod import Attachment, PodRef
from podberth.cni.value import replace
from podberth.net.facts import NetnsId
from podberth.net.ops import ConfigureVf
from podberth.net.record import Record
from podberth.net.step import Step
from podberth.net.vf import Counters
from tests.unit.cli.node import POOL, Operator, ToldHost
from tests.unit.devices.functions import of_the_kubelet
from tests.unit.verbs.card import PF, function

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from podberth.net.vf import Vf

A, B, C = function(0), function(1), function(2)


class CardHost(ToldHost):
    """A host with three functions; each has moved as many bytes as its index says, a thousand times."""

    functions: tuple[Vf, ...] = (
        A,
        replace(B, busy="has the node's address 192.0.2.1/24"),
        replace(C, rdma=True, switchdev=True, representor="ens1f0r2"),
    )

    def vfs(self) -> tuple[Vf, ...]:
        return self.functions

    def traffic(self, vf: Vf, netns: str | None, ifname: str) -> Counters:
        side = "interface" if netns is not None and ifname else "PF"
        return Counters(counted_by=side, rx_packets=vf.index, rx_bytes=1000 * vf.index, tx_bytes=7)


@pytest.fixture
def card(tmp_path: Path) -> Operator:
    operator = Operator(state=tmp_path / "state", host=CardHost())
    operator.connect(str(operator.state)).policies.pools()
    return operator


@pytest.fixture
def hold(card: Operator) -> Callable[[Vf, str], Attachment]:
    """Record that a pod has a function, in a namespace that is there."""

    def held(vf: Vf, pod: str, conf: str = "") -> Attachment:
        netns, identity = f"/run/netns/{pod}", NetnsId(device=4, inode=100 + vf.index)
        card.host.namespaces[netns] = identity
        attachment = Attachment(network="fast", container_id=f"c-{pod}", ifname="net1")
        op = ConfigureVf(device=vf.address, pf=vf.pf, index=vf.index)
        record = Record(
            attachment=attachment,
            pod=PodRef(namespace="bank", name=pod),
            netns=netns,
            netns_id=identity,
            steps=(Step(op=op),),
            done=True,
            since=1,
            conf=conf,
        )
        card.connect(str(card.state)).attachments.open(record)
        return attachment

    return held


def test_every_function_has_a_line_with_its_state_and_holder(card: Operator, hold: Callable[..., object]) -> None:
    hold(A, "mysql-0")
    ended = card("vf")
    assert ended.code == 0
    states = [[line[0], *line[-3:]] for line in ended.table[1:]]
    assert states == [
        [A.address, "held", "bank/mysql-0 net1 (fast)", "choice"],
        [B.address, "unusable", "ens1f0v1 has the node's address 192.0.2.1/24", "-"],
        [C.address, "free", "-", "-"],
    ]
    assert "rdma, switchdev ens1f0r2" in ended.out


def test_a_function_of_the_kubelets_choice_is_shown_with_its_resource(
    card: Operator, hold: Callable[..., object]
) -> None:
    hold(A, "mysql-0", conf=json.dumps(of_the_kubelet()))
    assert card("vf").table[1][-1] == "device plugin: bank.example/storage"
    first = card("vf", "list", "--json").json["vfs"][0]
    assert (first["way"], first["resource"]) == ("device plugin", "bank.example/storage")


def test_the_json_has_everything_that_is_known(card: Operator, hold: Callable[..., object]) -> None:
    hold(A, "mysql-0")
    first, second, third = card("vf", "list", "--json").json["vfs"]
    assert (first["state"], first["pod"], first["attachment"]["ifname"]) == ("held", "bank/mysql-0", "net1")
    assert (second["state"], second["reason"]) == ("unusable", "ens1f0v1 has the node's address 192.0.2.1/24")
    assert (third["mode"], third["representor"], third["rdma"], third["state"]) == (
        "switchdev",
        "ens1f0r2",
        True,
        "free",
    )
    assert (first["pf"], first["pf_address"], first["vendor"], first["numa"]) == ("ens1f0", PF, "8086", 0)


def test_a_holder_whose_namespace_is_gone_is_called_gone(card: Operator, hold: Callable[..., object]) -> None:
    hold(A, "mysql-0")
    card.host.namespaces.clear()
    assert card("vf", "list", "--json").json["vfs"][0]["state"] == "gone"


def test_only_free_ones_or_those_of_a_pf_can_be_asked_for(card: Operator) -> None:
    assert [vf["address"] for vf in card("vf", "list", "--free", "--json").json["vfs"]] == [A.address, C.address]
    assert len(card("vf", "list", "--pf", "ens1f0", "--json").json["vfs"]) == 3
    assert card("vf", "list", "--pf", "ens9").out.startswith("no virtual functions that fit")


def test_labels_add_up_and_are_taken_away(card: Operator) -> None:
    assert card("vf", "label", A.address, "fast", "left", "--json").json == {
        "address": A.address,
        "labels": ["fast", "left"],
    }
    assert card("vf", "label", A.address, "new").out == f"{A.address}  fast left new\n"
    assert card("vf", "label", A.address, "left", "--remove").out == f"{A.address}  fast new\n"
    assert card("vf", "list", "--json").json["vfs"][0]["labels"] == ["fast", "new"]
    assert card("vf", "label", A.address, "--remove").out == f"{A.address}  no labels\n"


def test_what_is_no_device_is_said_to_be_none(card: Operator) -> None:
    ended = card("vf", "label", "ens9", "fast")
    assert (ended.code, "ens9 is no PF and no virtual function of this node" in ended.err) == (3, True)
    assert card("vf", "create", "ens9", "3").code == 3


@pytest.mark.parametrize("text", ["", "a/b", "0000:03:00", "x" * 16, "0000:03:02.1x", "a b"])
def test_a_name_that_can_be_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape("expected a link's name or a PCI address")):
        name_or_address(text)


def test_counters_are_those_of_the_pods_that_have_functions(card: Operator, hold: Callable[..., object]) -> None:
    assert card("vf", "stats").out == "no pod has a virtual function\n"
    hold(A, "mysql-0")
    hold(C, "mysql-1")
    (only,) = card("vf", "stats", "bank/mysql-1", "--json").json["vfs"]
    assert (only["pod"], only["rx_packets"], only["rx_bytes"], only["tx_bytes"]) == ("bank/mysql-1", 2, 2000, 7)
    assert only["counted_by"] == "interface"
    del card.host.namespaces["/run/netns/mysql-0"]
    assert [vf["counted_by"] for vf in card("vf", "stats", "--json").json["vfs"]] == ["PF", "interface"]
    assert card("vf", "stats", "bank/web-0").code == 3
    assert card("vf", "stats", "--watch", "1", "--json").code == 2


NETWORK = {"cniVersion": "1.1.0", "name": "fast", "device": "sriov", "pool": "db", "vlan": 100}


def test_a_plan_names_the_function_that_would_be_chosen(card: Operator, hold: Callable[..., object]) -> None:
    card.apply(POOL)
    hold(A, "mysql-0")
    config = card.file("net.conf", json.dumps({**NETWORK, "type": "podberth"}))
    told = card("plan", "bank/web-0", "--config", config, "--json").json
    assert told["function"] == C.address
    commands = [op["command"] for op in told["ops"]]
    assert commands[0] == "ip link set ens1f0 vf 2 vlan 100 qos 0"
    assert commands[1].startswith(
        "ip link set ens1f0v2 down; ip link set ens1f0v2 mtu 9000 netns /var/run/netns/POD name eth0"
    )
    assert (
        f"# VF 2 of ens1f0 ({C.address}): the one that would be chosen now"
        in card("plan", "bank/web-0", "--config", config).out
    )


def test_a_plan_without_a_free_function_says_who_has_them(card: Operator, hold: Callable[..., object]) -> None:
    card.apply(POOL)
    hold(A, "mysql-0")
    hold(C, "mysql-1")
    config = card.file("net.conf", json.dumps({**NETWORK, "type": "podberth"}))
    ended = card("plan", "bank/web-0", "--config", config)
    assert ended.code == 1
    assert f"{A.address} held by bank/mysql-0 as net1" in ended.err


def test_a_network_of_type_sriov_is_planned_and_explained_too(card: Operator) -> None:
    card.apply(POOL)
    config = card.file("net.conf", json.dumps({**NETWORK, "type": "sriov", "max_tx_rate": 50, "trust": "on"}))
    told = card("plan", "bank/web-0", "--config", config, "--json").json
    assert told["ops"][0]["command"] == "ip link set ens1f0 vf 0 vlan 100 qos 0 max_tx_rate 50 trust on"
    (explained,) = card("explain", "bank/web-0", "--config", config, "--json").json["interfaces"]
    values = {value["field"]: value["value"] for value in explained["values"]}
    assert (values["trust"], values["rates"], values["vf"]) == (True, {"egress": 50}, "any")
