# ruff: noqa: ARG002 - a host without a kernel has no use for most of what it is told
"""A node with one SR-IOV card, for the tests of this folder: a real store in a directory, and no kernel below it."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from podberth.cni.call import Call
from podberth.cni.errors import KernelRefused, StoreFailed
from podberth.cni.pod import Attachment, PodRef
from podberth.cni.value import replace
from podberth.net.facts import Link, NetnsId
from podberth.net.ops import ConfigureVf, MoveVf
from podberth.net.record import Record
from podberth.net.step import Step
from podberth.net.vf import Vf
from podberth.stores.sqlite.attachments import SqliteAttachments
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.ledger import SqliteLedger
from podberth.stores.sqlite.policies import SqlitePolicies
from podberth.verbs.node import Node
from tests.hosts import FakeHost
from tests.moments import moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

PF = "0000:03:00.0"
LINKS = ("ens1f0", "bond0")  # that the node has
NOW = 1_700_000_000_000_000_000


def function(index: int, **rest: object) -> Vf:
    """Return a free function of the card, with an interface on the node."""
    made = Vf(
        address=f"0000:03:02.{index}",
        pf="ens1f0",
        pf_address=PF,
        index=index,
        vendor="8086",
        device="154c",
        driver="iavf",
        numa=0,
        link=f"ens1f0v{index}",
    )
    return replace(made, **rest)


class Card(FakeHost):
    """A host with the functions it is given. An interface in a pod's namespace is not on the node, until undone.

    `meanwhile` happens once, when the lock of that key is about to be taken: what another process does just before.
    """

    def __init__(self, *functions: Vf) -> None:
        super().__init__()
        self.functions = {vf.address: vf for vf in functions}
        self.meanwhile: dict[str, Callable[[], object]] = {}
        self.held: list[str] = []
        self.undone: list[str] = []
        self.stuck: set[str] = set()
        self.unlockable: StoreFailed | None = None

    def named(self, name: str) -> Link | None:
        link = Link(name=name, index=7, kind="", mac="02:50:00:00:00:01", mtu=1500, up=True, ours=False)
        return link if name in LINKS else None

    def vfs(self) -> tuple[Vf, ...]:
        return tuple(self.functions.values())

    def lines(self, path: str) -> tuple[str, ...] | None:
        return ("1",) if path.endswith("/carrier") else None

    def undo(self, step: Step, netns: NetnsId | None) -> None:
        op = step.op
        if isinstance(op, ConfigureVf | MoveVf) and op.device in self.stuck:
            raise KernelRefused(f"the interface of {op.device} is in a network namespace without a name")
        if isinstance(op, MoveVf):
            self.functions[op.device] = replace(self.functions[op.device], link=op.link)
            self.undone.append(op.device)

    def cut_off(self, steps: Sequence[Step], netns: NetnsId | None) -> tuple[Step, ...] | None:
        return None

    def drop(self, steps: Sequence[Step]) -> None:
        raise AssertionError("nobody begins what is ended later")

    @contextlib.contextmanager
    def locked(self, key: str, *, wait: bool = True) -> Iterator[None]:
        self.meanwhile.pop(key, lambda: None)()
        if self.unlockable is not None:
            raise self.unlockable
        assert key not in self.held, f"{key} would wait for itself"
        self.held.append(key)
        try:
            yield
        finally:
            self.held.remove(key)


class Site:
    """The node around a card, and what other ADDs do to it."""

    def __init__(self, state: Path, *functions: Vf) -> None:
        self.card = Card(*functions)
        self.database = Database(str(state))
        self.node = Node(
            name="n1",
            host=self.card,
            policies=SqlitePolicies(self.database),
            ledger=SqliteLedger(self.database, clock=lambda: moment(NOW)),
            attachments=SqliteAttachments(self.database),
            clock=lambda: NOW,
            follow=lambda path: f"{path} is not followed here",
        )

    def attach(
        self,
        vf: Vf,
        *more: Vf,
        pod: str | None = "bank/mysql-0",
        container: str = "",
        ifname: str = "net1",
        mac: str | None = None,
    ) -> Record:
        """Record that a pod has the functions, and take their interfaces off the node, as an ADD does."""
        name = container or f"c{vf.index}"
        netns = f"/run/netns/{name}"
        identity = self.card.namespaces.setdefault(netns, NetnsId(device=4, inode=100 + vf.index))
        ops = [
            op
            for one in (vf, *more)
            for op in (
                ConfigureVf(device=one.address, pf=one.pf, index=one.index, mac=mac),
                MoveVf(device=one.address, link=one.link, netns=netns, ifname=ifname),
            )
        ]
        record = Record(
            attachment=Attachment(network="fast", container_id=name, ifname=ifname),
            pod=PodRef(namespace=pod.split("/")[0], name=pod.split("/")[1]) if pod else None,
            netns=netns,
            netns_id=identity,
            steps=tuple(Step(op=op) for op in ops),
            done=True,
            since=NOW + vf.index,
        )
        self.node.attachments.open(record)
        self.card.functions.update({one.address: replace(one, link="") for one in (vf, *more)})
        return record

    def kill(self, record: Record) -> None:
        """Have the sandbox of the record go away without a DEL."""
        del self.card.namespaces[record.netns]

    def holders(self) -> dict[str, str]:
        """Return which container has which function, as recorded."""
        every = self.node.attachments.all()
        return {device: record.attachment.container_id for record in every for device in record.devices}


def call(conf: dict[str, object] | None = None, **args: str) -> Call:
    """Return the ADD of a runtime for a network of type sriov; `args` are CNI_ARGS."""
    env = {
        "CNI_COMMAND": "ADD",
        "CNI_CONTAINERID": "new",
        "CNI_NETNS": "/run/netns/new",
        "CNI_IFNAME": "net1",
        "CNI_ARGS": ";".join(f"{key}={text}" for key, text in args.items()),
    }
    stdin = json.dumps({"cniVersion": "1.0.0", "name": "fast", "type": "sriov", **(conf or {})})
    found = Call.parse(env, stdin.encode())
    assert isinstance(found, Call)
    return found
