"""STATUS: what keeps a node from serving anybody, and what is no matter of the node's."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from podberth.cni.call import Call, Verb
from podberth.cni.errors import CniError, DiskFull, InvalidConfig, IOFailure, NotAvailable, StoreFailed, TryAgainLater
from podberth.cni.fields import Fields
from podberth.cni.netconf import NetConf
from podberth.cni.value import replace
from podberth.plugins import podberth, sriov
from podberth.runtime.invoke import PluginFailed
from podberth.stores.sqlite.turn import Turn
from podberth.verbs.network import read_network
from podberth.verbs.status import status, status_for_now, status_of_ipam
from tests.unit.verbs.card import Site, function

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.cni.result import Result
    from podberth.verbs.network import Network
    from podberth.verbs.node import Node


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "state", function(0), function(1))


def network(**keys: object) -> Network:
    document = {"cniVersion": "1.1.0", "name": "banknet", "type": "podberth", "pool": "bank", **keys}
    plugin = sriov if document["type"] == "sriov" else podberth
    return read_network(NetConf.parse(Fields(document)), plugin)


def test_a_pool_that_is_not_there_is_no_matter_of_the_node(site: Site) -> None:
    status(site.node, network())
    status(site.node, network(policyDir="/nowhere", undeclared="refuse"))


def test_functions_that_are_all_held_or_do_not_fit_are_no_matter_of_the_node(site: Site) -> None:
    for number in range(2):
        site.attach(function(number))
    status(site.node, network(type="sriov"))
    status(site.node, network(type="sriov", parent="ens1f0", vf={"numa": 1}))
    status(site.node, network(device="sriov", vf={"pf": ["ens9", "ens1f0#0-3"]}))
    assert len(site.holders()) == 2


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"device": "macvlan", "parent": "eth7"}, "no link eth7"),
        ({"device": "ipvlan", "parent": "eth7"}, "no link eth7"),
        ({"device": "sriov", "parent": "ens9"}, "no link ens9"),
        ({"type": "sriov", "vf": {"pf": ["ens8#0-3", "ens9"]}}, "no link ens8 or ens9"),
    ],
    ids=str,
)
def test_a_node_without_the_link_that_interfaces_stand_on_fails_where_the_operator_chose_so(
    site: Site, keys: dict[str, object], said: str
) -> None:
    status(site.node, network(**keys))
    status(replace(site.node, status_on=frozenset({"disk", "store"})), network(**keys))
    with pytest.raises(NotAvailable, match=f"network banknet: this node has {said}, which") as refused:
        status(replace(site.node, status_on=frozenset({"parent"})), network(**keys))
    assert refused.value.code == 50
    assert "--status-on parent" in refused.value.details


@pytest.mark.parametrize(
    "why", ["the connection was refused", "the cluster's store is away: the connection was refused"]
)
def test_a_store_that_is_away_fails_where_the_operator_chose_so(site: Site, why: str) -> None:
    node = replace(site.node, away=lambda: why)
    status(node, network())
    with pytest.raises(NotAvailable, match=r"^the cluster's store is away: the connection was refused"):
        status(replace(node, status_on=frozenset({"store"})), network())


class NoRoom:
    held = False

    def keep(self) -> None:
        raise DiskFull("the disk is full", "free some space")

    def give_up(self) -> bool:
        return False


def test_a_full_disk_fails_where_the_operator_chose_so(site: Site) -> None:
    node = replace(site.node, room=NoRoom())
    status(node, network())
    with pytest.raises(NotAvailable, match="the disk is full"):
        status(replace(node, status_on=frozenset({"disk"})), network())


def test_a_bridge_that_is_not_there_yet_is_made_by_the_first_pod(site: Site) -> None:
    status(site.node, network(bridge="nowhere0"))
    status(site.node, network(device="macvlan", parent="bond0"))


def test_a_store_of_garbage_is_the_nodes(tmp_path: Path, site: Site) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "podberth.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreFailed, match="is damaged"):
        status(site.node, network())


def test_a_store_that_was_replaced_while_it_is_open_is_the_nodes(tmp_path: Path, site: Site) -> None:
    site.attach(function(0))
    status(site.node, network())
    folder = tmp_path / "state"
    for file in tuple(folder.glob("podberth.db*")):
        file.rename(file.with_suffix(file.suffix + ".old"))
    with pytest.raises(StoreFailed, match="is gone, which this process had open"):
        status(site.node, network())
    Site(folder).attach(function(1))
    with pytest.raises(StoreFailed, match="another file than the one this process has open") as refused:
        status(site.node, network())
    assert "start it again" in refused.value.details


def test_a_probe_reaches_the_disk_and_changes_no_row(tmp_path: Path, site: Site) -> None:
    site.attach(function(0))
    before = site.node.attachments.all()
    log = tmp_path / "state" / "podberth.db-wal"
    written = log.stat().st_size
    site.node.attachments.probe()
    assert log.stat().st_size > written
    assert site.database.log.pending == 0
    assert site.node.attachments.all() == before


def test_a_store_that_others_write_to_serves_the_next_add(site: Site) -> None:
    def busy() -> None:
        raise TryAgainLater("podberth.db has been locked by another process for too long")

    status(replace(site.node, usable=(busy,)), network())


def test_a_store_that_another_call_has_for_long_is_busy_and_no_trouble(site: Site) -> None:
    site.database.lock = Turn(site.database.path, 0.05)
    held, over = threading.Event(), threading.Event()

    def holds() -> None:
        with site.database.write():
            held.set()
            over.wait()

    thread = threading.Thread(target=holds)
    thread.start()
    held.wait()
    try:
        with pytest.raises(TryAgainLater, match="in use by another call"):
            site.node.attachments.probe()
        status(site.node, network())
    finally:
        over.set()
        thread.join()


def test_a_lock_file_that_can_not_be_had_is_the_nodes(site: Site) -> None:
    site.card.unlockable = StoreFailed("locks: Read-only file system", "the state directory has to be writable")
    with pytest.raises(StoreFailed, match="Read-only"):
        status(site.node, network())


def test_what_else_the_node_has_to_be_able_to_is_tried(site: Site) -> None:
    def fenced() -> None:
        raise NotAvailable("node n1 is fenced by ops: burnt", "podberth unfence n1")

    with pytest.raises(NotAvailable, match="fenced by ops"):
        status(replace(site.node, usable=(fenced,)), network())


def test_a_node_that_can_not_be_opened_for_now_passes_and_says_why(capfd: pytest.CaptureFixture[str]) -> None:
    def replaced() -> Node:
        raise TryAgainLater("the agent begins anew")

    status_for_now(replaced, network())
    assert "STATUS: the agent begins anew" in capfd.readouterr().err


def asked() -> Call:
    conf = {"cniVersion": "1.1.0", "name": "n", "type": "sriov", "ipam": {"type": "host-local"}}
    return Call(verb=Verb.STATUS, conf=NetConf.parse(Fields(conf)))


@pytest.mark.parametrize(
    "refusal",
    [
        PluginFailed("host-local", 50, "no IP addresses available in range set", ""),
        PluginFailed("host-local", 51, "some are", ""),
        PluginFailed("whereabouts", 999, "its API is away", ""),
        IOFailure("old.sh: ended with status 1 and no error object"),
        TryAgainLater("it took too long"),
    ],
    ids=str,
)
def test_what_an_ipam_plugin_refuses_is_told_and_is_no_matter_of_the_node(
    refusal: CniError, capfd: pytest.CaptureFixture[str]
) -> None:
    verbs: list[str] = []

    def delegate(call: Call, verb: str) -> Result | None:
        verbs.append(verb)
        raise refusal

    status_of_ipam(asked(), delegate)
    assert verbs == ["STATUS"]
    assert refusal.message in capfd.readouterr().err


def test_an_ipam_plugin_that_is_not_on_the_node_is_the_nodes() -> None:
    def delegate(call: Call, verb: str) -> Result | None:
        raise InvalidConfig("ipam.type: there is no plugin 'host-local' in CNI_PATH", "install it there")

    with pytest.raises(InvalidConfig, match="no plugin 'host-local'"):
        status_of_ipam(asked(), delegate)
