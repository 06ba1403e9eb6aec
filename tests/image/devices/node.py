"""A node with a card that a test describes, in the place of a kernel's, and a real store of records."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from io import StringIO
from typing import TYPE_CHECKING, Any

from podberth.cni.pod import PodRef
from podberth.cni.value import replace
from podberth.devices.service import Devices, Options
from podberth.entry import open_node
from podberth.net.facts import NetnsId
from podberth.process.journal import Journal
from tests.hosts import FakeHost
from tests.unit.devices.functions import held, of_the_kubelet, vf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from podberth.devices.answer import Answer
    from podberth.net.record import Record
    from podberth.net.vf import Vf
    from podberth.verbs.node import Node

RESOURCE = "bank.example/storage"
OTHER = "bank.example/other"
CONFIGURATION = """\
resourcePrefix: bank.example
resources:
- {name: storage, vf: {pf: ens1f0}}
- {name: other, vf: {pf: ens1f1}}
"""
ALIVE = NetnsId(device=4, inode=7)  # of the records of `functions.held`


class Card(FakeHost):
    """A host with functions; `wires` are the carriers of its PFs."""

    def __init__(self, *functions: Vf) -> None:
        super().__init__({"/run/netns/pod": ALIVE})
        self.functions = list(functions)
        self.wires = {"ens1f0": "1", "ens1f1": "1"}

    def vfs(self) -> tuple[Vf, ...]:
        return tuple(self.functions)

    def lines(self, path: str) -> tuple[str, ...] | None:
        return (self.wires[path.split("/")[4]],)


class Racing(Devices):
    """Device plugins to whose Allocate something comes before."""

    before: Callable[[str], object] = staticmethod(lambda _: None)  # what happens to each device

    def allocate(self, resource: str, containers: Sequence[Sequence[str]]) -> Sequence[Answer]:
        for container in containers:
            for each in container:
                self.before(each)
        return super().allocate(resource, containers)


@dataclass
class DescribedNode:
    """The node, and what its agent has logged of devices."""

    folder: Path
    card: Card = field(default_factory=lambda: Card(*(vf(i, pf) for pf in ("ens1f0", "ens1f1") for i in range(3))))
    log: StringIO = field(default_factory=StringIO)
    devices: Racing | None = None
    broken: threading.Event = field(default_factory=threading.Event)  # its store can't be read

    def serve(self, root: Path, **said: Any) -> Racing:
        """Have device plugins served to the kubelet in the folder."""
        file = self.folder / "devices.yaml"
        if not file.exists():
            file.write_text(CONFIGURATION)
        options = Options(
            file=file, root=str(root), info=str(self.folder / "info"), cdi=str(self.folder / "cdi"),
            **{"young": 0.0, "patience": 0.3, **said},
        )  # fmt: skip
        self.devices = Racing(options, self.nodes, Journal(to=self.log))
        self.devices.start()
        return self.devices

    def nodes(self) -> Iterator[Node]:
        """Yield the node, for one use."""
        if self.broken.is_set():
            raise OSError("the disk is gone")
        yield self.node()

    def node(self) -> Node:
        """Return the node."""
        return replace(open_node(str(self.folder / "state")), host=self.card)

    def hold(
        self, index: int, pod: str = "web-0", *, chosen: bool = False, uid: str = "u1", namespace: str = "bank"
    ) -> Record:
        """Have a pod hold a function: one that the kubelet has given it, or that podberth has `chosen`."""
        record = held(vf(index), conf=None if chosen else of_the_kubelet())
        record = replace(
            record,
            attachment=replace(record.attachment, container_id=f"c-{pod}-{index}"),
            pod=PodRef(namespace=namespace, name=pod, uid=uid),
        )
        self.node().attachments.open(record)
        return record

    def holders(self) -> set[str]:
        """Return the functions that somebody holds."""
        return {device for record in self.node().attachments.all() for device in record.devices}

    def said(self, event: str) -> Sequence[Mapping[str, object]]:
        """Return what the log has of an event."""
        told = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [each for each in told if each["event"] == event]
