"""One look of the device plugins: what it reads, and which lost DELs it does."""

from __future__ import annotations

import json
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cni.value import replace
from podberth.devices.kubelet import Kubelet
from podberth.devices.service import Devices, Options
from podberth.process.journal import Journal
from tests.unit.verbs.card import Site, function

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from podberth.devices.health import Allocated
    from podberth.net.record import Record
    from podberth.verbs.node import Node

A, B = "0000:03:02.0", "0000:03:02.1"


class Counting:
    """Records that count how often all of them are read; `meanwhile` happens after the first time."""

    def __init__(self, records: Any) -> None:
        self._records = records
        self.reads = 0

    def all(self) -> tuple[Record, ...]:
        self.reads += 1
        found: tuple[Record, ...] = self._records.all()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._records, name)


class Given(Kubelet):
    """A kubelet that has given out what a test says."""

    def __init__(self) -> None:
        super().__init__()
        self.given: tuple[Allocated, ...] = ()

    def every(self) -> tuple[Allocated, ...]:
        return self.given


class Looking:
    """Device plugins of a node, and what they log."""

    def __init__(self, folder: Path, site: Site) -> None:
        self.site, self.log = site, StringIO()
        self.records = Counting(site.node.attachments)
        file = folder / "devices.yaml"
        file.write_text("{resourcePrefix: bank.example, resources: [{name: storage, vf: {pf: ens1f0}}]}")
        options = Options(
            file=file, root=str(folder / "kubelet"), info=str(folder / "info"), cdi=str(folder / "cdi"), young=0.0
        )
        self.devices = Devices(options, self._nodes, Journal(to=self.log), Given())

    def _nodes(self) -> Iterator[Node]:
        yield replace(self.site.node, attachments=self.records)

    def reads(self) -> int:
        """Look, and return how often all records were read for that."""
        before = self.records.reads
        self.devices.look()
        return self.records.reads - before

    def told(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [each for each in lines if each["event"] == event]


@pytest.fixture
def looking(tmp_path: Path) -> Iterator[Looking]:
    site = Site(tmp_path / "state", function(0), function(1))
    yield Looking(tmp_path, site)
    site.database.close()


def test_a_look_reads_the_records_once(looking: Looking) -> None:
    looking.site.attach(function(0))
    assert [looking.reads(), looking.reads()] == [1, 1]
    assert looking.devices.counts == {"bank.example/storage": (1, 1)}
    (held,) = [each for each in looking.told("device") if "message" in each]
    assert (held["device"], held["message"]) == (A, "held by bank/mysql-0 as net1, and not by the kubelet's choice")
    assert "podberth vf list" in held["details"]


def test_a_del_that_was_lost_is_done_and_the_records_are_read_once_more_then(looking: Looking) -> None:
    record = looking.site.attach(function(0))
    looking.reads()
    looking.site.kill(record)

    assert [looking.reads(), looking.reads()] == [2, 1]
    assert looking.site.holders() == {}
    assert [each["device"] for each in looking.told("device given back")] == [A]
    assert [each.get("message") for each in looking.told("device")][-1] is None


def test_a_holder_that_the_kubelet_was_shown_once_is_one_whose_namespace_was_seen(looking: Looking) -> None:
    first = looking.site.attach(function(0))
    looking.reads()  # it is shown as held since now
    second = looking.site.attach(function(1))
    looking.reads()
    for record in (first, second):
        looking.site.kill(record)

    looking.reads()
    assert looking.site.holders() == {}


def test_a_namespace_that_was_never_seen_is_not_one_that_is_gone(looking: Looking) -> None:
    looking.site.kill(looking.site.attach(function(1)))
    for _ in range(3):
        looking.reads()

    assert looking.site.holders() == {B: "c1"}
