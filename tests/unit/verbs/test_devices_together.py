"""Several functions for one attachment: of different cards, claimed by one record, all of them or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import KernelRefused, NoFreeDevice, Refused
from podberth.cni.pod import Attachment
from podberth.cni.value import replace
from podberth.net.apply import NotUndone
from podberth.net.endpoint import Endpoint
from podberth.net.settings import Settings
from podberth.net.suited import Suited
from podberth.net.vf import FunctionWanted, Selector
from podberth.plugins import podberth
from podberth.verbs import devices
from podberth.verbs.dealing import suited
from tests.unit.verbs.card import Site, call, function

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from podberth.net.vf import Vf

TWO = FunctionWanted(selector=Selector(), count=2)
MINE = Attachment(network="net", container_id="mine", ifname="eth0")
END = Endpoint(attachment=MINE, netns="/run/netns/mine", addresses=(), gateways=(), settings=Settings())
A, B = "0000:03:02.0", "0000:03:02.1"
X, Y = "0000:04:02.0", "0000:04:02.1"
MAC = "02:00:00:00:00:77"


def other_card(index: int) -> Vf:
    """Return a function of a second card."""
    moved = {"pf": "ens2f0", "pf_address": "0000:04:00.0", "link": f"ens2f0v{index}"}
    return replace(function(index), address=f"0000:04:02.{index}", **moved)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "state", function(0), function(1), other_card(0), other_card(1))
    yield made
    made.database.close()


def taking(site: Site, container: str = "new") -> Callable[[tuple[Vf, ...]], list[str]]:
    """Return what records the claim, as an ADD does; it is asked only while it holds the locks of all."""

    def record(vfs: tuple[Vf, ...]) -> list[str]:
        assert site.card.held[-len(vfs) :] == sorted(f"device:{vf.address}" for vf in vfs)
        site.attach(*vfs, container=container)
        return [vf.address for vf in vfs]

    return record


def test_they_are_of_both_cards_and_one_records(site: Site) -> None:
    assert [vf.address for vf in devices.foreseen(site.node, TWO)] == [A, X]
    assert devices.claim(site.node, TWO, END, taking(site)) == [A, X]
    assert site.holders() == {A: "new", X: "new"}
    assert site.card.held == []
    assert [record.devices for record in site.node.attachments.all()] == [(A, X)]


def test_the_second_card_has_none_left(site: Site) -> None:
    for index in (0, 1):
        site.attach(other_card(index), container=f"other{index}")
    for asked in (lambda: devices.foreseen(site.node, TWO), lambda: devices.claim(site.node, TWO, END, taking(site))):
        with pytest.raises(NoFreeDevice, match=rf"\(2 of different PFs: any\): {A} free; {B} free; {X} held by"):
            asked()
    assert site.holders() == {X: "other0", Y: "other1"}


def test_a_card_alone_serves_where_the_selector_says_so(site: Site) -> None:
    alone = replace(TWO, selector=Selector(pfs=("ens2f0",)))
    assert devices.claim(site.node, alone, END, taking(site)) == [X, Y]


@pytest.mark.parametrize(("lost", "found"), [(A, [B, X]), (X, [A, Y])])
def test_a_race_that_is_lost_for_one_of_them_is_run_again_for_both(site: Site, lost: str, found: list[str]) -> None:
    site.card.meanwhile[f"device:{lost}"] = lambda: site.attach(site.card.functions[lost], container="faster")
    assert devices.claim(site.node, TWO, END, taking(site)) == found
    assert site.holders() == {lost: "faster", **dict.fromkeys(found, "new")}


def test_races_lost_for_a_whole_card_leave_the_other_untouched(site: Site) -> None:
    for index, address in enumerate((X, Y)):

        def faster(index: int = index) -> None:
            site.attach(other_card(index), container=f"faster{index}")

        site.card.meanwhile[f"device:{address}"] = faster
    with pytest.raises(NoFreeDevice):
        devices.claim(site.node, TWO, END, taking(site))
    assert site.holders() == {X: "faster0", Y: "faster1"}
    assert site.card.held == []


def test_a_dead_bond_gives_both_back_to_the_next_that_needs_one(site: Site) -> None:
    record = site.attach(function(0), other_card(0), container="dead")
    site.attach(function(1), container="alive")
    site.kill(record)
    assert devices.claim(site.node, TWO, END, taking(site)) == [Y, A]
    assert sorted(site.card.undone) == [A, X]
    assert site.holders() == {A: "new", Y: "new", B: "alive"}


def test_one_that_the_dead_can_not_give_back_is_passed_over(site: Site) -> None:
    site.kill(site.attach(function(0), container="dead"))
    site.attach(function(1), container="alive")
    site.card.stuck.add(A)
    with pytest.raises((KernelRefused, NotUndone), match=f"the interface of {A}"):
        devices.claim(site.node, TWO, END, taking(site))
    assert site.holders() == {A: "dead", B: "alive"}


def test_a_mac_that_another_function_of_either_card_has_is_refused(site: Site) -> None:
    site.attach(other_card(0), mac=MAC)
    with pytest.raises(Refused, match=f"^mac: VF 0 of ens2f0 .* has {MAC} too"):
        devices.claim(site.node, TWO, replace(END, settings=Settings(mac=MAC)), taking(site))
    assert site.holders() == {X: "c0"}


def of_kubelet(*addresses: str, **said: object) -> FunctionWanted:
    return replace(TWO, device_ids=addresses, given="the kubelet has given of bank.example/vf", **said)


def test_those_that_were_named_are_claimed_and_no_others(site: Site) -> None:
    assert devices.claim(site.node, of_kubelet(B, Y), END, taking(site)) == [B, Y]


def test_named_ones_of_one_card_are_refused_with_both_parties_unless_one_card_is_asked_for(site: Site) -> None:
    with pytest.raises(
        Refused,
        match=rf"^deviceID: VF 0 of ens1f0 \({A}\), VF 1 of ens1f0 \({B}\), which the kubelet has given of"
        r" bank\.example/vf, are of 1 of the 2 ports over which the bond is to be that the network asks for \(any\)$",
    ):
        devices.claim(site.node, of_kubelet(A, B), END, taking(site))
    declared = Selector(pfs=("ens1f0", "ens2f0"))
    with pytest.raises(Refused, match=r"that PodNetwork bank/db asks for \(pfs ens1f0, ens2f0\)$"):
        devices.claim(site.node, of_kubelet(A, B, declared=declared, by="PodNetwork bank/db"), END, taking(site))
    assert site.holders() == {}
    alone = of_kubelet(A, B, declared=Selector(pfs=("ens1f0",)), by="PodNetwork bank/db")
    assert devices.claim(site.node, alone, END, taking(site)) == [A, B]


def test_a_named_one_that_is_held_leaves_the_other_free(site: Site) -> None:
    site.attach(other_card(0), container="other")
    with pytest.raises(NoFreeDevice, match=rf"deviceID {A}, {X}\): {A} free; {X} held by"):
        devices.claim(site.node, of_kubelet(A, X), END, taking(site))
    assert site.holders() == {X: "other"}


def test_a_meta_plugin_hears_how_many_a_bond_needs_and_of_which_ports_each_is(site: Site) -> None:
    def told(*among: str, **said: object) -> Suited:
        fresh = replace(site.node, stored=lambda: False)  # a node whose first ADD this is
        return suited(fresh, call({"type": "podberth", "device": "bond", **said}), podberth, among)

    both = told(A, X, "0000:05:02.0")
    assert (both.devices, both.count, both.spread) == ((A, X, "0000:05:02.0"), 2, 2)
    assert both.ports == ((A, "0000:03:00.0"), (X, "0000:04:00.0"))
    three = told(A, B, X, members=3)
    assert (three.count, three.spread) == (3, 2)
    assert told(A, B, vf={"pf": "ens1f0"}).spread == 1
    assert told(A, device="sriov") == Suited(devices=(A,))
