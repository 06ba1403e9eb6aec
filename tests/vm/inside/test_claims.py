"""Virtual functions by resource claims: VLAN, rate and MAC are set at Prepare; afterwards the card is as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import CniError
from podberth.dra.inventory import Inventory
from podberth.verbs.bring import rebased
from tests.netns.dra.driving import Driven, namespace
from tests.netns.kubelet import run
from tests.vm.inside import card
from tests.vm.inside.card import Node, as_it_was, node_with_card
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from podberth.dra.devices import Device
    from podberth.verbs.node import Node as Opened

DOCUMENTS = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: trade}
spec:
  subnets:
  - {subnet: 10.70.0.0/24, hold: [10.70.0.2-10.70.0.99]}
---
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: db-0}
spec:
  pod: db-0
  attachments:
  - {ifname: net1, pool: trade, addresses: [10.70.0.11], vlan: {id: 100}, mac: "02:50:00:00:00:11", rates: {egress: 50}}
---
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: db-1}
spec:
  pod: db-1
  attachments:
  - {ifname: net1, pool: trade, addresses: [10.70.0.12], vlan: {id: 100}}
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with node_with_card(tmp_path_factory.mktemp("node") / "state", "") as made:
        yield made


def inventory(driven: Driven) -> Inventory:
    """Return what the node has, by the driver's store."""

    def nodes() -> Iterator[Opened]:
        with driven.node() as node:
            yield node

    return Inventory("node1", nodes, (), driven.claims)


def told(driven: Driven) -> dict[str, str]:
    """Return why each device that is not healthy is not."""
    return {each.device: each.why for each in inventory(driven).look()[1] if each.why}


@pytest.fixture
def driven(whole: Node, tmp_path: Path) -> Iterator[Driven]:
    def offered() -> Mapping[str, Device]:
        return inventory(made).devices()

    made = Driven(tmp_path, DOCUMENTS, offered)
    with as_it_was(whole):
        yield made
    made.kept.close()


@pytest.fixture
def pod() -> Iterator[str]:
    with namespace() as path:
        yield path


def inside(netns: str, *argv: str) -> str:
    return run("nsenter", f"--net={netns}", *argv)


def names(driven: Driven) -> list[str]:
    return sorted(driven.parts.devices())


def test_each_function_is_a_device_with_its_pci_address_and_stays_one_in_a_pod(driven: Driven, pod: str) -> None:
    offered = driven.parts.devices()
    assert [each.attributes["resource.kubernetes.io/pciBusID"] for _, each in sorted(offered.items())] == sorted(
        card.functions()
    )
    uid = driven.claim("db-0", names(driven)[0])
    driven.prepare(uid)
    driven.driver.bring(uid, pod)

    assert set(driven.parts.devices()) == set(offered)
    driven.driver.unprepare(uid)


def test_functions_below_one_root_of_pcie_say_so_by_the_standard_attribute(driven: Driven) -> None:
    offered = driven.parts.devices()
    roots = {each.attributes["resource.kubernetes.io/pcieRoot"] for each in offered.values()}
    assert roots == {card.DEVICES.joinpath(card.functions()[0]).resolve().parts[3]}
    with card.second_card(1):
        assert len(driven.parts.devices()) == len(offered) + 1
    assert set(driven.parts.devices()) == set(offered)


def test_each_device_is_healthy_while_nobody_has_it_and_in_the_pod_of_its_claim(driven: Driven, pod: str) -> None:
    assert told(driven) == {}
    uid = driven.claim("db-0", names(driven)[0])
    driven.prepare(uid)
    assert told(driven) == {}
    driven.driver.bring(uid, pod)
    assert told(driven) == {}
    driven.driver.unprepare(uid)
    assert told(driven) == {}


def test_a_function_of_a_pod_that_is_no_claims_is_unhealthy_until_its_del(driven: Driven, pod: str) -> None:
    first = names(driven)[0]
    address = card.functions()[0]
    conf = {
        "cniVersion": "1.1.0", "name": "n", "type": "podberth", "device": "sriov", "deviceID": address, "pool": "trade",
        "stateDir": str(driven.state),
    }  # fmt: skip
    env = {
        "CNI_COMMAND": "ADD", "CNI_CONTAINERID": "other", "CNI_NETNS": pod, "CNI_IFNAME": "net1", "CNI_PATH": "/none",
        "CNI_ARGS": "K8S_POD_NAMESPACE=bank;K8S_POD_NAME=other-0",
    }  # fmt: skip
    assert driven.parts.handle(env, json.dumps(conf).encode())[0] == 0
    assert told(driven) == {first: "its DEL has not run: bank/other-0 as net1"}
    assert set(names(driven)) - set(inventory(driven).look()[0]) == {first}
    with pytest.raises(CniError, match="bank/other-0 as net1"):
        driven.prepare(driven.claim("db-0", first))
    assert driven.parts.handle({**env, "CNI_COMMAND": "DEL"}, json.dumps(conf).encode())[0] == 0
    assert told(driven) == {}


def test_a_port_that_fails_is_told_of_the_function_in_a_pod_too(driven: Driven, pod: str) -> None:
    uid = driven.claim("db-0", names(driven)[0])
    driven.prepare(uid)
    driven.driver.bring(uid, pod)
    every = set(names(driven))
    run("ip", "link", "set", card.PF, "down")
    try:
        assert told(driven) == dict.fromkeys(every, f"{card.PF} is down, or has no carrier")
    finally:
        run("ip", "link", "set", card.PF, "up")
        until(card.carrier, "the port again")
    assert told(driven) == {}
    driven.driver.unprepare(uid)


def test_a_function_that_is_made_anew_under_its_pod_is_told_of_until_the_claim_ends(driven: Driven, pod: str) -> None:
    with card.second_card(1) as pf:
        (function,) = card.functions(pf)
        (name,) = (name for name in names(driven) if driven.parts.devices()[name].attributes["pf"] == pf)
        uid = driven.claim("db-0", name)
        driven.prepare(uid)
        driven.driver.bring(uid, pod)
        assert told(driven) == {}
        numvfs = Path(f"/sys/class/net/{pf}/device/sriov_numvfs")
        numvfs.write_text("0")
        card.bring_up(1, pf)
        assert card.functions(pf) == [function]
        why = f"{function} was made anew since resource claim bank/{uid} got it, and its pod has nothing of it"
        assert told(driven) == {name: why}

        driven.driver.unprepare(uid)
        assert driven.left() == []
        until(lambda: told(driven) == {}, lambda: told(driven))  # a new interface is renamed in its first moments


def test_a_card_that_goes_under_a_pod_is_told_of_until_its_claim_ends_and_the_claim_ends(
    driven: Driven, pod: str
) -> None:
    with card.second_card(1) as pf:
        (function,) = card.functions(pf)
        (name,) = (name for name in names(driven) if driven.parts.devices()[name].attributes["pf"] == pf)
        uid = driven.claim("db-0", name)
        driven.prepare(uid)
        driven.driver.bring(uid, pod)
        assert told(driven) == {}
    assert name not in driven.parts.devices()
    assert told(driven) == {name: f"this node has no function {function} now"}

    driven.driver.unprepare(uid)
    assert (told(driven), driven.left()) == ({}, [])


def test_a_function_has_vlan_rate_and_mac_before_the_pod_and_reaches_its_peer_in_it(driven: Driven, pod: str) -> None:
    first, second = names(driven)[:2]
    one, two = driven.claim("db-0", first), driven.claim("db-1", second)
    prepared = driven.prepare(one)
    told = card.vf(0)
    assert (told["vlan_list"][0]["vlan"], told["rate"]["max_tx"]) == (100, 50)
    assert prepared.interfaces[0].mac == "02:50:00:00:00:11"
    driven.prepare(two)

    driven.driver.bring(one, pod)

    (link,) = json.loads(inside(pod, "ip", "-json", "address", "show", "net1"))
    assert (link["address"], link["addr_info"][0]["local"]) == ("02:50:00:00:00:11", "10.70.0.11")
    assert "1 received" in inside(pod, "ping", "-c", "1", "-w", "30", "10.70.0.12")
    driven.driver.take_home(one, pod)
    assert "net1" not in inside(pod, "ip", "link")
    for uid in (one, two):
        driven.driver.unprepare(uid)
    assert driven.left() == []


@pytest.mark.parametrize("where", ["home", "pod", "on its way"])
def test_a_function_goes_back_as_it_was_from_wherever_it_is(driven: Driven, pod: str, where: str) -> None:
    uid = driven.claim("db-0", names(driven)[0])
    driven.prepare(uid)
    if where == "pod":
        driven.driver.bring(uid, pod)
    elif where == "on its way":
        with driven.node() as node:
            node.attachments.moved(rebased(node, driven.record(uid), pod))

    driven.driver.unprepare(uid)

    assert driven.left() == []


@pytest.mark.parametrize("end", ["bring", "unprepare"])
def test_a_function_that_fell_to_the_node_on_its_way_home_is_found(driven: Driven, pod: str, end: str) -> None:
    uid = driven.claim("db-0", names(driven)[0])
    with namespace() as gone:
        driven.prepare(uid)
        driven.driver.bring(uid, gone)
        with driven.node() as node:
            node.attachments.moved(rebased(node, driven.record(uid), f"{driven.holding}{uid}"))
    driven.begin()

    if end == "bring":
        driven.driver.bring(uid, pod)
        assert "10.70.0.11" in inside(pod, "ip", "address", "show", "net1")
    driven.driver.unprepare(uid)
    assert driven.left() == []


def test_a_function_whose_pods_namespace_has_gone_is_brought_to_the_next(driven: Driven, pod: str) -> None:
    uid = driven.claim("db-0", names(driven)[0])
    with namespace() as gone:
        driven.prepare(uid)
        driven.driver.bring(uid, gone)

    driven.driver.bring(uid, pod)

    assert "10.70.0.11" in inside(pod, "ip", "address", "show", "net1")
    driven.driver.unprepare(uid)
