# ruff: noqa: ARG002 - a host without a kernel has no use for most of what it is told
"""Nodes of one cluster without kernels: real ledgers, real verbs, and one wire on which every interface answers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from podberth.agent.departures import depart
from podberth.cni.pod import PodRef
from podberth.entry import handle
from podberth.net.apply import AddressAnswered
from podberth.net.facts import NetnsId
from podberth.net.ops import AddAddress, ProbeAddress
from podberth.policy.documents import parse_document
from podberth.stores.replica.ledger import ClusterLedger
from podberth.stores.replica.policies import ClusterPolicies
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica
from podberth.stores.sqlite.attachments import SqliteAttachments
from podberth.stores.sqlite.database import Database
from podberth.verbs.node import Node
from tests.contract.ledgers import OPERATOR, Clock
from tests.hosts import FakeHost

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.ipam.elsewhere import Elsewhere
    from podberth.net.ops import Address
    from podberth.net.step import Step
    from podberth.stores.replica.shared import Cluster

API = "podberth.io/v1alpha1"
POD = "mysql-0"
ADDRESS = "10.20.0.11"
DOCUMENTS = (
    {
        "apiVersion": API,
        "kind": "Pool",
        "metadata": {"name": "db"},
        "spec": {"subnets": [{"subnet": "10.20.0.0/24", "gateway": "10.20.0.1"}, {"subnet": "fd00:20::/64"}]},
    },
    {
        "apiVersion": API,
        "kind": "PodNetwork",
        "metadata": {"namespace": "bank", "name": "mysql"},
        "spec": {"pod": POD, "attachments": [{"pool": "db", "addresses": [ADDRESS, "fd00:20::11"]}]},
    },
)


class Wire:
    """Which interface answers for which address; two at a time are what must never be."""

    def __init__(self) -> None:
        self.holders: dict[Address, tuple[str, str]] = {}  # the namespace and the MAC
        self.silent: set[str] = set()  # namespaces whose node is off
        self.cut = False  # no interface can be put on it

    def add(self, address: Address, netns: str) -> None:
        if self.cut:
            raise OSError("the kernel is out of memory")
        found = self.answering(address)
        assert found is None, f"{address} is in use in {found} and {netns}"
        self.holders[address] = (netns, f"02:50:00:00:00:{len(self.holders):02x}")

    def remove(self, address: Address, netns: str) -> None:
        if address in self.holders and self.holders[address][0] == netns:
            del self.holders[address]

    def answering(self, address: Address) -> tuple[str, str] | None:
        found = self.holders.get(address)
        return found if found is not None and found[0] not in self.silent else None

    def where(self, address: str = ADDRESS) -> str:
        """Return the container that answers for the address; '' if none does."""
        found = self.answering(ip_address(address))
        return found[0].rpartition("/")[2] if found is not None else ""


class Host(FakeHost):
    """A host whose interfaces are on the wire."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self.wire = wire
        self.probed: list[Address] = []

    def do(self, step: Step) -> None:
        op = step.op
        if isinstance(op, ProbeAddress):
            self.probed.append(op.address)
            found = self.wire.answering(op.address)
            if found is not None and found[0] != op.netns:
                raise AddressAnswered(op.address, found[1])
        elif isinstance(op, AddAddress):
            self.wire.add(op.address.ip, op.netns or "")

    def undo(self, step: Step, netns: NetnsId | None) -> None:
        if isinstance(step.op, AddAddress):
            self.wire.remove(step.op.address.ip, step.op.netns or "")


@dataclass(frozen=True)
class Answer:
    """What a runtime gets."""

    code: int
    said: dict[str, Any]

    @property
    def message(self) -> str:
        return f"{self.said.get('msg', '')}; {self.said.get('details', '')}"

    @property
    def addresses(self) -> list[str]:
        return [each["address"].partition("/")[0] for each in self.said["ips"]]


class Machine:
    """One node, with a state directory of its own."""

    def __init__(self, name: str, state: Path, cluster: Cluster, elsewhere: Elsewhere, wire: Wire) -> None:
        self.state = state
        self.proposer = Proposer(Replica(str(state)), cluster, name, current=True)
        self.host = Host(wire)
        clock = Clock()
        database = Database(str(state))
        with database.write():
            pass  # as an agent makes it, before anybody asks
        self.node = Node(
            name=name,
            host=self.host,
            policies=ClusterPolicies(self.proposer),
            ledger=ClusterLedger(self.proposer, clock=clock),
            attachments=SqliteAttachments(database),
            clock=lambda: clock().true,
            follow=lambda _: "",
            elsewhere=elsewhere,
        )

    def add(self, container: str, uid: str) -> Answer:
        """Start a sandbox of the pod."""
        netns = f"/run/netns/{container}"
        self.host.namespaces.setdefault(netns, NetnsId(device=4, inode=100 + len(self.host.namespaces)))
        return self._call("ADD", container, uid)

    def status(self) -> Answer:
        """Ask whether pods can be started."""
        return self._call("STATUS", "", "", version="1.1.0")

    def delete(self, container: str, uid: str = "") -> Answer:
        """End a sandbox, as a runtime does: DEL, then its namespace."""
        answer = self._call("DEL", container, uid)
        self.remove_namespace(container)
        return answer

    def remove_namespace(self, container: str) -> None:
        self.host.namespaces.pop(f"/run/netns/{container}", None)

    def start_agent(self) -> list[str]:
        """Do what an agent does before it serves; return what became of which container."""
        return [f"{found.attachment.container_id}: {found.outcome}" for found in depart(self.node)]

    def _call(self, verb: str, container: str, uid: str, version: str = "1.0.0") -> Answer:
        args = f"IgnoreUnknown=1;K8S_POD_NAMESPACE=bank;K8S_POD_NAME={POD}"
        env = {
            "CNI_COMMAND": verb,
            "CNI_CONTAINERID": container,
            "CNI_NETNS": f"/run/netns/{container}",
            "CNI_IFNAME": "eth0",
            "CNI_PATH": "/opt/cni/bin",
            "CNI_ARGS": f"{args};K8S_POD_UID={uid}" if uid else args,
        }
        conf = {"cniVersion": version, "name": "banknet", "type": "podberth", "device": "bridge", "bridge": "br0"}
        code, stdout = handle(env, json.dumps(conf).encode(), connect=lambda _: self.node)
        said = json.loads(stdout) if stdout else {}
        return Answer(code=said["code"] if code else 0, said=said)


@dataclass
class Site:
    """A cluster: its store, its wire, its nodes."""

    directory: Path
    cluster: Cluster
    wire: Wire = field(default_factory=Wire)

    def machine(self, name: str) -> Machine:
        state = self.directory / name
        state.mkdir()
        return Machine(name, state, self.cluster, self.cluster.elsewhere(name), self.wire)

    def declare(self, machine: Machine) -> None:
        """Declare the pod, with a fixed address of each family."""
        documents = [parse_document(raw, "test") for raw in DOCUMENTS]
        machine.node.policies.apply(documents, OPERATOR, source="test")

    def story(self, machine: Machine) -> list[tuple[str, str, str]]:
        """Return what happened to the IPv4 address: kind, container, node."""
        return [
            (event.kind, event.attachment.container_id, event.actor.node)
            for event in machine.node.ledger.history(address=ip_address(ADDRESS))
            if event.attachment is not None
        ]

    def last_why(self, machine: Machine) -> str:
        return list(machine.node.ledger.history(address=ip_address(ADDRESS)))[-1].actor.why

    def holder(self, machine: Machine) -> str:
        """Return the container that the ledger says has the address; '' if nobody has."""
        bound = machine.node.ledger.who(ip_address(ADDRESS)).bound_to
        return bound.container_id if bound is not None else ""


def ref(uid: str) -> PodRef:
    return PodRef(namespace="bank", name=POD, uid=uid)
