"""Which virtual function is to be had: those that are free, what a dead pod has, who has the others; and lost races."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import CniError, InvalidConfig, NoFreeDevice, Refused
from podberth.cni.pod import Attachment
from podberth.cni.value import replace
from podberth.ipam.lease import Actor, Claim, Wanted
from podberth.net.apply import NotUndone
from podberth.net.endpoint import Endpoint
from podberth.net.facts import NetnsId
from podberth.net.settings import Settings, Vlan
from podberth.net.vf import FunctionWanted, Selector
from podberth.policy.documents import parse_document
from podberth.verbs import devices
from podberth.verbs.delete import delete_locked
from tests.unit.verbs.card import PF, Site, function

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from podberth.net.vf import Vf

MAC = "02:00:00:00:00:77"
A, B, C = "0000:03:02.0", "0000:03:02.1", "0000:03:02.2"
ANY = FunctionWanted(selector=Selector())
MINE = Attachment(network="net", container_id="mine", ifname="eth0")
END = Endpoint(attachment=MINE, netns="/run/netns/mine", addresses=(), gateways=(), settings=Settings())


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def site(*functions: Vf) -> Site:
        made.append(Site(tmp_path / "state", *functions))
        return made[-1]

    yield site
    for each in made:
        each.database.close()


@pytest.fixture
def site(build: Callable[..., Site]) -> Site:
    return build(function(0), function(1), function(2))


def addresses(found: tuple[Vf, ...]) -> list[str]:
    return [vf.address for vf in found]


def test_free_functions_come_in_the_nodes_order(site: Site) -> None:
    assert addresses(devices.candidates(site.node, ANY)) == [A, B, C]


def test_only_functions_that_fit_are_candidates(site: Site) -> None:
    assert addresses(devices.candidates(site.node, FunctionWanted(selector=Selector(pfs=("ens1f0#1-2",))))) == [B, C]


def test_a_function_that_somebody_holds_is_no_candidate(site: Site) -> None:
    site.attach(function(1))
    assert addresses(devices.candidates(site.node, ANY)) == [A, C]


UNUSABLE = {
    "ens1f0v0 is a port of br0": {"busy": "is a port of br0"},
    "ens1f0v0 has the address 192.0.2.7/24 by DHCP": {"lent": "has the address 192.0.2.7/24 by DHCP"},
    "without a driver": {"driver": "", "link": ""},
    "its interface is in another network namespace": {"link": ""},
}


@pytest.mark.parametrize("why", UNUSABLE)
def test_a_function_that_the_node_uses_or_that_has_no_interface_is_passed_over(
    build: Callable[..., Site], why: str
) -> None:
    site = build(function(0, **UNUSABLE[why]), function(1))
    assert addresses(devices.candidates(site.node, ANY)) == [B]
    assert devices.unusable(site.card.functions[A]) == why
    with pytest.raises(NoFreeDevice) as none:
        devices.candidates(site.node, FunctionWanted(selector=Selector(pfs=("ens1f0#0",))))
    assert none.value.message == f"no virtual function is free (pfs ens1f0#0): {A} {why}"


def test_a_userspace_function_needs_no_interface(build: Callable[..., Site]) -> None:
    site = build(function(0, driver="vfio-pci", link=""))
    assert addresses(devices.candidates(site.node, ANY)) == [A]


def test_functions_of_dead_pods_come_after_all_that_are_free(site: Site) -> None:
    site.kill(site.attach(function(0)))
    assert addresses(devices.candidates(site.node, ANY)) == [B, C, A]


def test_labels_of_a_function_and_of_its_pf_are_looked_for(site: Site) -> None:
    site.node.attachments.label(PF, ("fast",))
    site.node.attachments.label(B, ("blue", "lab"))
    wanted = FunctionWanted(selector=Selector(labels=("fast", "blue")))
    assert addresses(devices.candidates(site.node, wanted)) == [B]
    assert addresses(devices.candidates(site.node, FunctionWanted(selector=Selector(labels=("fast",))))) == [A, B, C]
    assert [vf.labels for vf in devices.labelled(site.node, site.card.vfs())] == [
        ("fast",),
        ("fast", "blue", "lab"),
        ("fast",),
    ]


def test_without_labels_functions_are_left_as_they_are(site: Site) -> None:
    assert devices.labelled(site.node, site.card.vfs()) == site.card.vfs()


def test_the_function_that_was_named_is_the_only_candidate(site: Site) -> None:
    assert addresses(devices.candidates(site.node, FunctionWanted(selector=Selector(), device_ids=(B,)))) == [B]


def test_a_named_function_that_is_not_on_this_node_is_a_wrong_configuration(site: Site) -> None:
    with pytest.raises(InvalidConfig, match=r"^deviceID: 0000:ff:00\.1 is no virtual function of this node$"):
        devices.candidates(site.node, FunctionWanted(selector=Selector(), device_ids=("0000:ff:00.1",)))


def test_a_named_function_that_is_held_is_told_with_its_holder(site: Site) -> None:
    site.attach(function(1))
    with pytest.raises(NoFreeDevice) as none:
        devices.candidates(site.node, FunctionWanted(selector=Selector(), device_ids=(B,)))
    assert none.value.message == f"no virtual function is free (deviceID {B}): {B} held by bank/mysql-0 as net1"


def test_where_nothing_fits_it_is_said_what_was_wanted(site: Site) -> None:
    with pytest.raises(NoFreeDevice, match=r"no virtual function that fits \(vendors 15b3\)"):
        devices.candidates(site.node, FunctionWanted(selector=Selector(vendors=("15b3",))))


def test_every_function_that_would_do_is_told_with_who_has_it(build: Callable[..., Site]) -> None:
    site = build(function(0), function(1, busy="has the node's address 10.0.0.1/24"), function(2))
    site.attach(function(0), pod="bank/mysql-0")
    site.attach(function(2), pod=None, ifname="eth1")
    with pytest.raises(NoFreeDevice) as none:
        devices.candidates(site.node, ANY)
    assert none.value.code == 106
    assert none.value.message == (
        f"no virtual function is free (any): {A} held by bank/mysql-0 as net1;"
        f" {B} ens1f0v1 has the node's address 10.0.0.1/24; {C} held by fast/c2/eth1 as eth1"
    )
    assert "podberth vf list" in none.value.details


@pytest.mark.parametrize(("many", "more"), [(16, ""), (17, " and 1 more"), (300, " and 284 more")])
def test_an_error_about_many_functions_is_short(build: Callable[..., Site], many: int, more: str) -> None:
    site = build(*(function(index, driver="", link="") for index in range(many)))
    with pytest.raises(NoFreeDevice) as none:
        devices.candidates(site.node, ANY)
    assert none.value.message.count("without a driver") == 16
    assert none.value.message.endswith(f"0000:03:02.15 without a driver{more}")


def taking(site: Site, container: str = "new") -> Callable[[tuple[Vf, ...]], str]:
    """Return what records the claim, as an ADD does; it is asked only while it holds the function's lock."""

    def record(vfs: tuple[Vf, ...]) -> str:
        assert {f"device:{vf.address}" for vf in vfs} <= set(site.card.held)
        site.attach(*vfs, container=container)
        return " ".join(vf.address for vf in vfs)

    return record


def test_the_first_free_function_is_claimed_under_its_lock(site: Site) -> None:
    assert devices.claim(site.node, ANY, END, taking(site)) == A
    assert site.holders() == {A: "new"}
    assert site.card.held == []


def test_claims_one_after_the_other_never_share_a_function(site: Site) -> None:
    assert [devices.claim(site.node, ANY, END, taking(site, name)) for name in ("x", "y", "z")] == [A, B, C]
    with pytest.raises(NoFreeDevice, match=f"{A} held by bank/mysql-0 as net1; {B} held by"):
        devices.claim(site.node, ANY, END, taking(site))
    assert site.holders() == {A: "x", B: "y", C: "z"}


def test_a_lost_race_goes_on_with_the_next_function(site: Site) -> None:
    site.card.meanwhile[f"device:{A}"] = lambda: site.attach(function(0), container="faster")
    assert devices.claim(site.node, ANY, END, taking(site)) == B
    assert site.holders() == {A: "faster", B: "new"}


def test_races_lost_everywhere_are_told_with_those_who_were_faster(site: Site) -> None:
    for index, address in enumerate((A, B, C)):

        def faster(index: int = index) -> None:
            site.attach(function(index), pod=f"bank/web-{index}", container=f"faster{index}")

        site.card.meanwhile[f"device:{address}"] = faster
    with pytest.raises(NoFreeDevice) as none:
        devices.claim(site.node, ANY, END, taking(site))
    assert none.value.message.endswith(
        "; ".join(f"{vf} held by bank/web-{i} as net1" for i, vf in enumerate((A, B, C)))
    )


@pytest.mark.parametrize("change", [{"busy": "is a port of br0"}, {"driver": "", "link": ""}, {"link": ""}])
def test_a_function_that_the_node_took_meanwhile_is_passed_over(site: Site, change: dict[str, object]) -> None:
    def meanwhile() -> None:
        site.card.functions[A] = replace(site.card.functions[A], **change)

    site.card.meanwhile[f"device:{A}"] = meanwhile
    assert devices.claim(site.node, ANY, END, taking(site)) == B


def test_a_function_that_went_away_meanwhile_is_passed_over(site: Site) -> None:
    def meanwhile() -> None:
        del site.card.functions[A]

    site.card.meanwhile[f"device:{A}"] = meanwhile
    assert devices.claim(site.node, ANY, END, taking(site)) == B


def test_the_claim_is_for_the_function_as_it_is_under_the_lock(site: Site) -> None:
    def meanwhile() -> None:
        site.card.functions[A] = function(0, link="renamed0")

    site.card.meanwhile[f"device:{A}"] = meanwhile
    assert devices.claim(site.node, ANY, END, lambda vfs: vfs[0].link) == "renamed0"


def test_a_claim_that_can_not_be_recorded_fails_and_leaves_no_lock(site: Site) -> None:
    def broken(vfs: tuple[Vf, ...]) -> str:
        raise CniError(f"the store is full: {vfs[0].address}")

    with pytest.raises(CniError, match="the store is full"):
        devices.claim(site.node, ANY, END, broken)
    assert site.card.held == []
    assert site.holders() == {}


def full(site: Site) -> None:
    for index in range(3):
        site.attach(function(index), pod=f"bank/web-{index}")


def test_a_dead_pod_is_deleted_before_its_function_is_claimed(site: Site) -> None:
    full(site)
    site.kill(next(record for record in site.node.attachments.all() if record.devices[0] == B))
    assert devices.claim(site.node, ANY, END, taking(site)) == B
    assert site.card.undone == [B]
    assert site.holders() == {A: "c0", B: "new", C: "c2"}


def test_a_dead_pods_addresses_are_given_back_with_its_function(site: Site) -> None:
    pool = {"apiVersion": "podberth.io/v1alpha1", "kind": "Pool", "metadata": {"name": "db"}}
    document = parse_document({**pool, "spec": {"subnets": [{"subnet": "10.20.0.0/24"}]}}, "test")
    actor = Actor(who="test", why="test", node="n1")
    site.node.policies.apply([document], actor, source="test")
    dead = site.attach(function(0))
    claim = Claim(attachment=dead.attachment, pod=dead.pod, netns=dead.netns, wanted=(Wanted(pool="db", family=4),))
    site.node.ledger.bind(claim, actor)
    site.kill(dead)
    assert devices.claim(site.node, FunctionWanted(selector=Selector(), device_ids=(A,)), END, taking(site)) == A
    assert site.node.ledger.leases() == ()
    ended = list(site.node.ledger.history())[-1]
    assert f"its sandbox is gone, {A} is needed" in str(ended)


def test_a_namespace_of_the_same_path_that_is_another_one_is_a_dead_pods(site: Site) -> None:
    full(site)
    site.card.namespaces["/run/netns/c2"] = NetnsId(device=4, inode=999)
    assert addresses(devices.candidates(site.node, ANY)) == [C]
    assert devices.claim(site.node, ANY, END, taking(site)) == C


def test_nobody_is_deleted_while_a_function_is_free(site: Site) -> None:
    site.kill(site.attach(function(0)))
    assert devices.claim(site.node, ANY, END, taking(site)) == B
    assert site.holders() == {A: "c0", B: "new"}
    assert site.card.undone == []


def test_a_live_pod_is_never_deleted(site: Site) -> None:
    full(site)
    with pytest.raises(NoFreeDevice):
        devices.claim(site.node, ANY, END, taking(site))
    assert site.card.undone == []
    assert site.holders() == {A: "c0", B: "c1", C: "c2"}


def test_a_dead_pod_that_can_not_be_undone_keeps_its_record_and_its_function(site: Site) -> None:
    full(site)
    site.kill(next(record for record in site.node.attachments.all() if record.devices[0] == B))
    site.card.stuck.add(B)
    with pytest.raises(NotUndone, match="in a network namespace without a name"):
        devices.claim(site.node, ANY, END, taking(site))
    assert site.holders() == {A: "c0", B: "c1", C: "c2"}
    assert site.card.held == []


def test_a_dead_pods_function_may_be_taken_by_somebody_else_before_it_is_claimed(site: Site) -> None:
    full(site)
    for record in site.node.attachments.all():
        if record.devices[0] in (A, B):
            site.kill(record)
    site.card.meanwhile[f"device:{A}"] = lambda: site.attach(function(0), container="faster")
    assert devices.claim(site.node, ANY, END, taking(site)) == B
    assert site.holders() == {A: "faster", B: "new", C: "c2"}


def test_a_holder_that_came_back_meanwhile_keeps_its_function(site: Site) -> None:
    record = site.attach(function(0))
    site.kill(record)

    def attached_anew() -> None:
        delete_locked(site.node, record.attachment, "its own DEL, late")
        site.attach(function(0))

    site.card.meanwhile[f"container:{record.attachment.container_id}"] = attached_anew
    with pytest.raises(NoFreeDevice, match="held by bank/mysql-0"):
        devices.claim(site.node, FunctionWanted(selector=Selector(), device_ids=(A,)), END, taking(site))
    assert site.holders() == {A: "c0"}


def test_a_dead_holder_of_the_same_container_is_cleared_away_under_the_lock_that_is_held(site: Site) -> None:
    for index, container in enumerate(("x", "y", "z")):
        site.kill(site.attach(function(index), container=container))
    mine = Attachment(network="net", container_id="x", ifname="eth9")
    with site.node.host.locked("container:x"):
        assert devices.claim(site.node, ANY, replace(END, attachment=mine), taking(site)) == A


def test_a_function_that_fits_no_more_under_the_lock_is_passed_over(site: Site) -> None:
    wanted = FunctionWanted(selector=Selector(drivers=(function(0).driver,)))
    rebound = replace(function(0), driver="vfio-pci", link="")
    site.card.meanwhile[f"device:{A}"] = lambda: site.card.functions.update({A: rebound})
    assert devices.claim(site.node, wanted, END, taking(site)) == B


def test_a_mac_that_another_function_of_the_card_has_in_the_vlan_is_refused(site: Site) -> None:
    site.attach(function(0), mac=MAC)
    mine = replace(END, settings=Settings(mac=MAC))
    why = rf"^mac: VF 0 of ens1f0 \({A}\), held by bank/mysql-0 as net1, has {MAC} too, in the same VLAN"
    with pytest.raises(Refused, match=why):
        devices.claim(site.node, ANY, mine, taking(site))
    tagged = replace(END, settings=Settings(mac=MAC, vlan=Vlan(id=30)))
    assert devices.claim(site.node, ANY, tagged, taking(site)) == B


def test_who_is_gone_and_has_the_mac_gets_the_del_that_never_came(site: Site) -> None:
    site.kill(site.attach(function(0), mac=MAC))
    mine = replace(END, settings=Settings(mac=MAC))
    assert devices.claim(site.node, FunctionWanted(selector=Selector(), device_ids=(B,)), mine, taking(site)) == B
    assert site.card.undone == [A]
    assert site.card.held == []
