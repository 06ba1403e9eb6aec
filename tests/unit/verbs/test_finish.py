"""Ending DELs together: what the store forgets in one step, and what has to see the records of others go first."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from podberth.cni.errors import KernelRefused, TryAgainLater
from podberth.cni.pod import Attachment
from podberth.net.facts import NetnsId
from podberth.net.ops import CreateMacvlan
from podberth.net.record import Record, RecordKey
from podberth.net.step import Step
from podberth.verbs.finish import finish, hasten, settle
from podberth.verbs.node import Node

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from podberth.ipam.lease import Actor


class Everything:
    """Host, ledger and records of one node, as far as the end of a DEL has to do with them; `said` is what was done."""

    def __init__(self, records: Sequence[Record], stuck: frozenset[str] = frozenset()) -> None:
        self.records = {record.key: record for record in records}
        self.stuck = stuck
        self.said: list[str] = []
        self.looks, self.last_look = 0, -1  # how often all records were looked at; after which look others end them
        self.others: dict[str, int] = {}  # for how many looks somebody else is at work on a container, and ends it then

    @contextmanager
    def locked(self, key: str, **_how: bool) -> Iterator[None]:
        left = self.others.get(key, 0)
        if left > 0:
            self.others[key] = left - 1
            if left == 1:
                self.records = {at: each for at, each in self.records.items() if key != _lock(at)}
            raise TryAgainLater(f"{key} has been busy")
        yield

    def find(self, key: RecordKey) -> Record | None:
        return self.records.get(key)

    def all(self) -> tuple[Record, ...]:
        found = tuple(self.records.values())
        self.looks += 1
        if self.looks == self.last_look:
            self.records = {}
        return found

    def drop(self, steps: Sequence[Step]) -> None:
        self.said.append(f"drop {len(steps)}")
        if any(getattr(step.op, "ifname", "") in self.stuck for step in steps):
            raise KernelRefused("not together")

    def undo(self, step: Step, _netns: NetnsId | None) -> None:
        assert isinstance(step.op, CreateMacvlan)
        if step.op.ifname in self.stuck:
            raise KernelRefused("stuck")
        self.said.append(f"undo {step.op.ifname}")

    def remove_vlan_device(self, name: str) -> None:
        self.said.append(f"remove {name}")

    def unbind_all(self, attachments: Sequence[Attachment], _actor: Actor, **_how: bool) -> tuple[()]:
        self.said.append("unbind " + " ".join(each.container_id for each in attachments))
        return ()

    def close(self, *keys: RecordKey, **_how: bool) -> None:
        self.said.append("forget " + " ".join(each.attachment.container_id for each in keys))
        for each in keys:
            del self.records[each]


def _lock(key: RecordKey) -> str:
    return f"container:{key.attachment.container_id}"


def removing(name: str, vlan: int | None = None) -> Record:
    op = CreateMacvlan(parent="up0", mode="bridge", netns="/run/netns/x", ifname=name, vlan=vlan, mac=None, mtu=None)
    return Record(
        attachment=Attachment(network="n", container_id=name, ifname="eth0"),
        pod=None,
        netns="/run/netns/x",
        netns_id=NetnsId(device=1, inode=2),
        steps=(Step(op=op),),
        done=False,
        since=1,
        removing=True,
    )


def ended(parts: Everything, records: Sequence[Record]) -> list[str]:
    """End the records; return the containers of those that could not be."""
    return [each.attachment.container_id for each in finish(node_of(parts), [record.key for record in records])]


def node_of(parts: Everything) -> Node:
    return Node(
        name="n1",
        host=parts,  # type: ignore[arg-type]
        policies=None,  # type: ignore[arg-type]
        ledger=parts,  # type: ignore[arg-type]
        attachments=parts,  # type: ignore[arg-type]
        clock=lambda: 1,
        follow=lambda _: "",
    )


def test_a_link_that_keeps_the_others_from_being_deleted_together_keeps_none_from_its_end() -> None:
    records = [removing("a"), removing("b"), removing("c")]
    parts = Everything(records, stuck=frozenset({"b"}))
    assert ended(parts, records) == ["b"]
    assert [each.attachment.container_id for each in parts.records] == ["b"]


def test_leases_and_records_of_many_end_in_one_step_when_all_links_are_gone() -> None:
    records = [removing("a"), removing("b")]
    parts = Everything(records)
    assert ended(parts, records) == []
    assert parts.said == ["drop 2", "undo a", "undo b", "unbind a b", "forget a b"]


def test_what_can_not_be_undone_keeps_its_lease_and_the_others_end() -> None:
    records = [removing("a"), removing("b"), removing("c")]
    parts = Everything(records, stuck=frozenset({"b"}))
    assert ended(parts, records) == ["b"]
    assert parts.said[-2:] == ["unbind a c", "forget a c"]


def test_a_vlan_device_goes_with_the_last_of_those_that_end_together() -> None:
    records = [removing("a", vlan=7), removing("b", vlan=7)]
    parts = Everything(records)
    assert ended(parts, records) == []
    assert [said for said in parts.said if said.startswith("remove")] == ["remove up0.7"]
    assert parts.said[-1] == "forget b"


def test_who_can_not_wait_waits_for_what_others_are_ending_even_if_it_ends_something_itself() -> None:
    parts = Everything([removing("a"), removing("b")])
    parts.others = {"container:a": 3}
    hasten(node_of(parts))
    assert parts.records == {}
    assert "forget b" in parts.said


def test_who_holds_a_container_s_lock_ends_its_dels_itself() -> None:
    parts = Everything([removing("a"), removing("b")])
    parts.others = {"container:a": 10**6}  # the caller is at work on it
    hasten(node_of(parts), "a")
    assert parts.records == {}
    assert parts.said.count("forget a b") == 1


def test_who_can_not_wait_does_not_wait_for_what_the_kernel_keeps() -> None:
    parts = Everything([removing("a"), removing("b")], stuck=frozenset({"a"}))
    hasten(node_of(parts))
    assert [each.attachment.container_id for each in parts.records] == ["a"]
    assert parts.said.count("forget b") == 1
    assert [said for said in parts.said if said.startswith("drop")] == ["drop 2"]


def test_who_waits_for_a_container_goes_on_when_others_have_ended_its_dels() -> None:
    parts = Everything([removing("a")])
    parts.last_look = 3
    settle(node_of(parts), "a")
    assert (parts.looks, parts.all(), parts.said) == (4, (), [])


def test_nobody_waits_for_another_container() -> None:
    parts = Everything([removing("a")])
    settle(node_of(parts), "b")
    assert (parts.looks, parts.said) == (1, [])
