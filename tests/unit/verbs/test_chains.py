# ruff: noqa: ARG002 - a host has the parameters that the protocol names
"""Several plugins of podberth's in one chain: each has its record, and ends what it made itself."""

from __future__ import annotations

import json
from contextlib import contextmanager
from ipaddress import IPv4Address, ip_interface
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from podberth.cni.call import Call
from podberth.cni.errors import InvalidEnvironment, KernelRefused
from podberth.cni.pod import Attachment, PodRef
from podberth.cni.value import replace
from podberth.ipam.lease import Actor, Claim, Wanted
from podberth.net.addresses import Addresses
from podberth.net.endpoint import Endpoint
from podberth.net.facts import NetnsId
from podberth.net.ops import AddAddress, WriteSysctl
from podberth.net.plan import Plan
from podberth.net.record import Record
from podberth.net.settings import Settings
from podberth.net.step import Step
from podberth.policy.documents import parse_document
from podberth.stores.sqlite.attachments import SqliteAttachments
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.ledger import SqliteLedger
from podberth.stores.sqlite.policies import SqlitePolicies
from podberth.verbs.add import add_delegated, arrive
from podberth.verbs.check import differences
from podberth.verbs.collect import collect
from podberth.verbs.delete import delete_call
from podberth.verbs.finish import begin, finish
from podberth.verbs.node import Node
from podberth.verbs.recorded import record_of
from podberth.verbs.repair import repair
from tests.hosts import FakeHost
from tests.moments import moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from podberth.net.record import RecordKey

NETNS, NOW = "/run/netns/c1", 1_700_000_000_000_000_000
AT = Attachment(network="banknet", container_id="c1", ifname="eth0")
MAIN = SimpleNamespace(TYPES=("podberth",), ADDRESSES=Addresses.LEDGER)
TUNING = SimpleNamespace(TYPES=("tuning",), ADDRESSES=Addresses.PREVIOUS)
ADDRESS = IPv4Address("10.20.0.9")
ACTOR = Actor(who="test", why="a story", node="n1")
POOL = {
    "apiVersion": "podberth.io/v1alpha1",
    "kind": "Pool",
    "metadata": {"name": "db"},
    "spec": {"subnets": [{"subnet": "10.20.0.0/24"}]},
}


class Host(FakeHost):
    """A host of one pod. What is done is in `sysctls` until it is undone; `refused` can't be done."""

    def __init__(self) -> None:
        super().__init__({NETNS: NetnsId(device=4, inode=7)})
        self.sysctls: list[str] = []
        self.refused = ""

    def do(self, step: Step) -> None:
        assert isinstance(step.op, WriteSysctl)
        if step.op.value == self.refused:
            raise KernelRefused("no")
        self.sysctls.append(step.op.value)

    def undo(self, step: Step, netns: NetnsId | None) -> None:
        if isinstance(step.op, WriteSysctl) and step.op.value in self.sysctls:
            self.sysctls.remove(step.op.value)

    def cut_off(self, steps: Sequence[Step], netns: NetnsId | None) -> tuple[Step, ...] | None:
        return tuple(steps)

    def drop(self, steps: Sequence[Step]) -> None:
        pass

    @contextmanager
    def locked(self, key: str, *, wait: bool = True) -> Iterator[None]:
        yield


class Planned:
    """A planner whose plan is made."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def wanted(self, _end: Endpoint) -> None:
        return None

    def __call__(self, _end: Endpoint, _vf: None = None) -> Plan:
        return self.plan


class Site:
    """A node with one pod, whose interface the podberth plugin made, with an address of the ledger."""

    def __init__(self, state: Path) -> None:
        database = Database(str(state))
        self.host, self.now = Host(), NOW
        self.ledger = SqliteLedger(database, clock=lambda: moment(NOW))
        self.begun: list[RecordKey] = []
        self.node = Node(
            name="n1",
            host=self.host,
            policies=SqlitePolicies(database),
            ledger=self.ledger,
            attachments=SqliteAttachments(database),
            clock=lambda: self.now,
            follow=lambda _: "",
        )
        self.node.policies.apply([parse_document(POOL, "test")], ACTOR, source="test")
        pod = PodRef(namespace="bank", name="mysql-0", uid="u")
        wanted = Wanted(pool="db", family=4, address=ADDRESS)
        self.ledger.bind(Claim(attachment=AT, pod=pod, netns=NETNS, wanted=(wanted,)), ACTOR)
        op = AddAddress(netns=NETNS, ifname="eth0", address=ip_interface(f"{ADDRESS}/24"))
        main = Record(
            attachment=AT,
            pod=pod,
            netns=NETNS,
            netns_id=self.host.namespaces[NETNS],
            steps=(Step(op=op),),
            done=True,
            since=NOW,
            conf=json.dumps({"name": "banknet", "type": "podberth"}),
            type="podberth",
        )
        self.node.attachments.open(main)

    def tune(self, value: str, **more: object) -> None:
        """ADD of a plugin that comes later in the chain, and sets one sysctl."""
        conf = json.dumps({"cniVersion": "1.0.0", "name": "banknet", "type": "tuning", "value": value, **more})
        arrival = arrive(
            self.node, AT, None, NETNS, own_netns_too=False, conf=conf, type="tuning", leases=False
        )  # fmt: skip
        end = Endpoint(attachment=AT, netns=NETNS, addresses=(), gateways=(), settings=Settings())
        plan = Plan(ops=(WriteSysctl(netns=NETNS, key="net/core/somaxconn", value=value),))
        add_delegated(self.node, arrival, end, Planned(plan), lambda: end, lambda: None)  # type: ignore[arg-type]

    def records(self) -> list[tuple[str, int]]:
        return [(record.type, record.n) for record in self.node.attachments.of(AT)]

    def addresses(self) -> list[str]:
        return [str(lease.address) for lease in self.ledger.of(AT)]


def called(verb: str, conf: dict[str, object]) -> Call:
    env = {"CNI_COMMAND": verb, "CNI_CONTAINERID": "c1", "CNI_NETNS": NETNS, "CNI_IFNAME": "eth0"}
    found = Call.parse(env, json.dumps({"cniVersion": "1.0.0", "name": "banknet", **conf}).encode())
    assert isinstance(found, Call)
    return found


def tuned(value: str) -> dict[str, object]:
    return {"type": "tuning", "value": value}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_each_plugin_has_a_record_and_is_not_attached_already(site: Site) -> None:
    site.tune("1")
    site.tune("2")
    assert site.records() == [("podberth", 0), ("tuning", 0), ("tuning", 1)]
    assert site.host.sysctls == ["1", "2"]


def test_the_order_of_records_is_that_of_the_chain_also_when_the_clock_goes_back(site: Site) -> None:
    for value in ("1", "2"):
        site.now -= 10**12
        site.tune(value)
    assert site.records() == [("podberth", 0), ("tuning", 0), ("tuning", 1)]


def test_an_add_by_the_same_configuration_is_a_repetition(site: Site) -> None:
    site.tune("1")
    others: tuple[dict[str, object], ...] = ({}, {"runtimeConfig": {"mac": "02:50:00:00:00:09"}}, {"prevResult": {}})
    for more in others:
        with pytest.raises(InvalidEnvironment, match="banknet/c1/eth0 is attached already"):
            site.tune("1", **more)
    assert site.records() == [("podberth", 0), ("tuning", 0)]


def test_a_plugin_that_fails_takes_back_its_own_alone(site: Site) -> None:
    site.tune("1")
    site.host.refused = "2"
    with pytest.raises(KernelRefused):
        site.tune("2")
    assert site.records() == [("podberth", 0), ("tuning", 0)]
    assert (site.host.sysctls, site.addresses()) == (["1"], [str(ADDRESS)])


def test_a_del_takes_the_record_of_its_configuration_else_the_newest_of_its_type(site: Site) -> None:
    for value in ("1", "2", "3"):
        site.tune(value)
    assert delete_call(site.node, called("DEL", tuned("2")), TUNING)
    assert site.host.sysctls == ["1", "3"]
    assert delete_call(site.node, called("DEL", tuned("never seen")), TUNING)
    assert site.host.sysctls == ["1"]
    assert site.addresses() == [str(ADDRESS)]


def test_leases_end_with_the_record_that_bound_them_in_any_order_of_verbs(site: Site) -> None:
    site.tune("1")
    assert delete_call(site.node, called("DEL", {"type": "podberth"}), MAIN)
    assert site.addresses() == []
    assert site.records() == [("tuning", 0)]
    assert delete_call(site.node, called("DEL", tuned("1")), TUNING)
    assert not delete_call(site.node, called("DEL", tuned("1")), TUNING)
    assert site.records() == []


def test_a_plugin_without_a_record_ends_no_lease_of_another(site: Site) -> None:
    (main,) = site.node.attachments.of(AT)
    site.node.attachments.close(main.key)  # as where another's plugin made the interface, and had the address from us
    assert not delete_call(site.node, called("DEL", tuned("1")), TUNING)
    assert site.addresses() == [str(ADDRESS)]
    assert delete_call(site.node, called("DEL", {"type": "bridge", "ipam": {"type": "podberth"}}), MAIN)
    assert site.addresses() == []


def test_a_network_whose_type_was_changed_is_still_deleted(site: Site) -> None:
    site.tune("1")
    found = record_of(site.node, called("DEL", {"type": "sriov"}), ("sriov",))
    assert found is not None
    assert found.type == "podberth"


def test_a_del_that_is_ended_later_is_of_one_plugin_call(site: Site) -> None:
    site.tune("1")
    begin(site.node, called("DEL", tuned("1")), TUNING, site.begun.append)
    assert [(each.type, each.n) for each in site.begun] == [("tuning", 0)]
    assert [(each.type, each.removing) for each in site.node.attachments.of(AT)] == [
        ("podberth", False), ("tuning", True),
    ]  # fmt: skip
    assert finish(site.node, site.begun) == {}
    assert site.records() == [("podberth", 0)]
    assert site.addresses() == [str(ADDRESS)]


def test_gc_takes_all_of_an_attachment(site: Site) -> None:
    site.tune("1")
    assert collect(site.node, "banknet", frozenset({("c1", "eth0")})) == ()
    assert collect(site.node, "banknet", frozenset()) == (AT,)
    assert (site.records(), site.host.sysctls, site.addresses()) == ([], [], [])


def test_a_chain_whose_pod_is_gone_is_taken_back_as_a_whole(site: Site) -> None:
    site.tune("1")
    del site.host.namespaces[NETNS]
    (found,) = {drift.field for drift in repair(site.node, AT, ACTOR)}
    assert found == "netns"
    assert (site.records(), site.addresses()) == ([], [])


def test_an_intent_of_the_same_call_is_undone_first(site: Site) -> None:
    site.tune("1")
    record = site.node.attachments.of(AT)[1]
    site.node.attachments.close(record.key)
    site.node.attachments.open(replace(record, done=False))
    site.tune("1")
    assert site.records() == [("podberth", 0), ("tuning", 0)]
    assert site.host.sysctls == ["1"]


def test_addresses_of_another_ipam_plugin_are_not_asked_of_the_ledger(site: Site) -> None:
    (main,) = site.node.attachments.of(AT)
    assert [drift.field for drift in differences(site.node, main, frozenset())] == ["lease"]
    assert list(differences(site.node, replace(main, leases=False), frozenset())) == []
