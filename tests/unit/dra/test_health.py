"""What kubelet is told of each device: by what is there, what others hold, and what a claim has."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from podberth.cni.pod import Attachment
from podberth.cni.value import replace as changed
from podberth.dra.devices import Shared, devices
from podberth.dra.driver import DRIVER
from podberth.dra.health import Health, Seen, below, healths, offered
from podberth.dra.prepared import Interface, Prepared
from podberth.net.vf import Vf
from tests.unit.devices.functions import held

if TYPE_CHECKING:
    from collections.abc import Mapping

VF = Vf(address="0000:03:00.1", pf="ens1f0", pf_address="0000:03:00.0", index=0, vendor="8086", device="154c")
NAME = "vf-0000-03-00-1"
FOUND = devices([VF], [])
SEEN = Seen(functions={VF.address: VF}, links={"ens1f0": ""})
OTHERS = held(VF, conf={})  # a pod's, by CNI


def claim(name: str = NAME, network: Mapping[str, object] | None = None, *, complete: bool = True) -> Prepared:
    conf = {"name": DRIVER, **(network or FOUND[NAME].network)}
    one = Interface(request="net1", pool="node1", device=name, ifname="net1", conf=json.dumps(conf), identity="Pod")
    return Prepared(
        namespace="bank", name="fast", uid="u1", pod_name="db-0", pod_uid="p1", interfaces=(one,), complete=complete
    )


OWN = changed(OTHERS, attachment=Attachment(network=DRIVER, container_id="u1", ifname="net1"))
HAS = replace(SEEN, records={VF.address: OWN}, attached=frozenset((OWN.attachment,)))


def why(seen: Seen = SEEN, *claims: Prepared) -> str:
    (found,) = healths("node1", FOUND, claims, seen)
    assert (found.pool, found.device) == ("node1", NAME)
    return found.why


def test_a_free_function_and_one_that_its_claim_has_are_healthy() -> None:
    assert why() == ""
    assert why(HAS, claim()) == ""


def test_a_function_whose_former_pods_del_has_not_run_is_not() -> None:
    text = "its DEL has not run: bank/web-0 as net1"
    assert why(replace(SEEN, records={VF.address: OTHERS})) == text
    assert why(replace(HAS, records={VF.address: OTHERS}), claim()) == text
    assert why(HAS) == text  # a claim's that is no more


def test_what_another_has_is_offered_to_no_claim_and_what_its_claim_has_stays_in_the_slices() -> None:
    assert offered(FOUND, (), SEEN) == FOUND
    assert offered(FOUND, (claim(),), HAS) == offered(FOUND, (claim(complete=False),), HAS) == FOUND
    assert offered(FOUND, (claim(),), replace(HAS, records={VF.address: OTHERS})) == offered(FOUND, (), HAS) == {}
    places = devices([], [Shared(kind="bridge", link="br0", places=1)])
    assert offered(places, (), HAS) == places


@pytest.mark.parametrize("claims", [(), (claim(),)])
def test_a_port_that_carries_nothing_is_told_also_of_a_function_that_a_pod_has(claims: tuple[Prepared, ...]) -> None:
    seen = HAS if claims else SEEN
    assert why(replace(seen, links={"ens1f0": "ens1f0 is down"}), *claims) == "ens1f0 is down"
    lost = changed(VF, pf="")
    assert why(replace(seen, functions={VF.address: lost}), *claims).startswith("its PF 0000:03:00.0 has no interface")


def test_a_function_that_is_gone_is_told_of_as_long_as_a_claim_has_it() -> None:
    gone = replace(HAS, functions={})
    (found,) = healths("node1", {}, (claim(),), gone)
    assert found == Health(pool="node1", device=NAME, why="this node has no function 0000:03:00.1 now")
    assert healths("node1", {}, (), gone) == ()


def test_a_function_that_nobody_can_have_is_unhealthy_while_nobody_has_it() -> None:
    lost = {VF.address: "without a driver"}
    assert why(replace(SEEN, unusable=lost)) == "without a driver"
    assert why(replace(HAS, unusable=lost), claim()) == ""


def test_a_function_that_was_made_anew_under_its_pod_is_told() -> None:
    text = f"{VF.address} was made anew since resource claim bank/fast got it, and its pod has nothing of it"
    assert why(replace(HAS, remade=frozenset((VF.address,))), claim()) == text


def test_what_was_kept_of_a_claim_and_names_no_device_keeps_nothing_from_being_told() -> None:
    odd = claim("odd", {"kind": "x"})
    assert {each.device: each.why for each in healths("node1", FOUND, (odd,), SEEN)} == {
        "odd": "resource claim bank/fast has no net1: it is made anew when its pod starts", NAME: "",
    }  # fmt: skip
    assert below((), (odd,)) == frozenset()


def test_a_claim_whose_link_was_taken_for_gone_says_so_and_one_that_is_being_made_does_not() -> None:
    assert why(SEEN, claim()) == "resource claim bank/fast has no net1: it is made anew when its pod starts"
    assert why(SEEN, claim(complete=False)) == ""


@pytest.mark.parametrize(("kind", "key"), [("macvlan", "parent"), ("ipvlan", "parent"), ("bridge", "bridge")])
def test_a_place_is_as_healthy_as_its_link_and_a_bridge_that_nobody_needs_yet_may_be_missing(
    kind: str, key: str
) -> None:
    found = devices([], [Shared(kind=kind, link="eth1", places=2)])
    has = claim(f"{kind}-eth1-0", {"device": kind, key: "eth1"})
    attached = frozenset((has.attachment(has.interfaces[0]),))
    assert below(found.values(), (has,)) == {"eth1"}

    first, second = healths("node1", found, (has,), Seen(links={"eth1": "no link eth1"}, attached=attached))
    assert (first.device, first.why) == (f"{kind}-eth1-0", "no link eth1")
    assert second.why == ("" if kind == "bridge" else "no link eth1")
    assert {each.why for each in healths("node1", found, (has,), Seen(links={"eth1": ""}, attached=attached))} == {""}
