"""A node for the command line's tests: a real SQLite store in a directory, and a host that is told what to answer."""
# ruff: noqa: ARG002 - a host has the parameters that the protocol names

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from podberth.cli.main import main
from podberth.cni.errors import KernelRefused
from podberth.cni.pod import Attachment, PodRef
from podberth.ipam.lease import Actor, Claim, Wanted
from podberth.labels import labels
from podberth.net.facts import Link, NetnsId
from podberth.net.ops import AddAddress
from podberth.net.record import Record
from podberth.net.step import Step
from podberth.stores.sqlite.attachments import SqliteAttachments
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.ledger import SqliteLedger
from podberth.stores.sqlite.policies import SqlitePolicies
from podberth.verbs.node import Node
from tests.ended import Ended
from tests.hosts import FakeHost
from tests.moments import moment

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.net.ops import Op
    from podberth.net.step import Drift

NS = 10**9
START = 4_102_444_800 * NS  # 2100-01-01T00:00:00Z
PLUGIN = Actor(who="plugin", why="ADD", node="n1")

POOL = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: db}
spec:
  subnets:
  - {subnet: 10.20.0.0/24, gateway: 10.20.0.1, hold: [10.20.0.10-10.20.0.99]}
  - {subnet: "fd00:20::/64"}
  vlan: {id: 100}
  mtu: 9000
"""
MYSQL = """\
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: mysql}
spec:
  statefulSet: {name: mysql, replicas: 3}
  attachments:
  - pool: db
    ordinals: [{range: 10.20.0.11-10.20.0.13}, {base: "fd00:20::11"}]
    rates: {egress: 1000}
"""
POD = """\
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: first}
spec:
  pod: mysql-0
  attachments:
  - {vlan: {id: 200}, mac: fromAddress}
"""


class ToldHost(FakeHost):
    """A host whose namespaces and drifts are what a test says; undoing is noted, or refused."""

    def __init__(self, *, refuses: bool = False) -> None:
        super().__init__()
        self.drifts: dict[str, tuple[Drift, ...]] = {}
        self.refuses = refuses
        self.undone: list[Op] = []

    def named(self, name: str) -> Link | None:
        return None

    def can(self, ability: str) -> bool:
        return False

    def do(self, step: Step) -> None:
        if self.refuses:
            raise KernelRefused(f"{type(step.op).__name__}: Operation not supported")

    def undo(self, step: Step, netns: NetnsId | None) -> None:
        if self.refuses:
            raise KernelRefused(f"{type(step.op).__name__}: Device or resource busy")
        self.undone.append(step.op)

    def remove_vlan_device(self, name: str) -> None:
        raise KernelRefused(f"nobody here made {name}")

    def check(self, step: Step) -> tuple[Drift, ...]:
        return self.drifts.get(getattr(step.op, "netns", ""), ())

    def repair(self, step: Step, netns: NetnsId) -> None:
        raise KernelRefused(f"{type(step.op).__name__}: Device or resource busy")

    def link(self, netns: str | None, ifname: str) -> Link:
        return Link(name=ifname, index=1, kind="", mac="02:00:00:00:00:01", mtu=1500, up=True, ours=True)


@dataclass
class Operator:
    """Runs commands on one node. `now` is its clock, in ns; each reading of it takes a second."""

    state: Path
    host: ToldHost = field(default_factory=ToldHost)
    now: int = START

    def clock(self) -> int:
        self.now += NS
        return self.now

    def connect(self, directory: str) -> Node:
        database = Database(directory)
        return Node(
            name="n1",
            host=self.host,
            policies=SqlitePolicies(database, lambda: moment(self.clock())),
            ledger=SqliteLedger(database, clock=lambda: moment(self.clock())),
            attachments=SqliteAttachments(database),
            clock=self.clock,
            follow=lambda path: f"{path} is not followed here",
            labels=lambda kind, pod: labels(directory, "n1", kind, pod),
        )

    def __call__(self, *argv: str) -> Ended:
        out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(["--state", str(self.state), *argv], self.connect)
        out.flush()
        return Ended(code, out.buffer.getvalue().decode(), err.getvalue())

    def file(self, name: str, text: str) -> str:
        path = self.state.parent / name
        path.write_text(text)
        return str(path)

    def apply(self, *texts: str) -> None:
        ended = self("apply", "-f", self.file("given.yaml", "---\n".join(texts)))
        assert ended.code == 0, ended

    def attach(
        self, pod: str, address: str, *, container: str = "c0ffee" * 4, ifname: str = "eth0", recorded: bool = True
    ) -> Attachment:
        """Do what an ADD does to the store, with a network namespace that exists."""
        node, netns = self.connect(str(self.state)), f"/run/netns/{container}"
        namespace, name = pod.split("/")
        whose, found = PodRef(namespace=namespace, name=name, uid="u1"), ip_address(address)
        attachment = Attachment(network="banknet", container_id=container, ifname=ifname)
        wanted = Wanted(pool="db", family=found.version, address=found)
        node.ledger.bind(Claim(attachment=attachment, pod=whose, netns=netns, wanted=(wanted,)), PLUGIN)
        identity = NetnsId(device=4, inode=100 + len(self.host.namespaces))
        self.host.namespaces[netns] = identity
        if recorded:
            step = Step(op=AddAddress(netns=netns, ifname=ifname, address=_with_prefix(address)))
            record = Record(
                attachment=attachment,
                pod=whose,
                netns=netns,
                netns_id=identity,
                steps=(step,),
                done=False,
                since=self.now,
                type="podberth",
            )
            node.attachments.open(record)
            node.attachments.done(record.key)
        return attachment


def _with_prefix(address: str) -> Any:
    from ipaddress import ip_interface

    return ip_interface(f"{address}/24")
