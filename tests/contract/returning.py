"""A cluster of nodes with one store, which can be saved and put back: in memory, in etcd, behind the Kubernetes API."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from podberth.ipam.epoch import HeldAddress
from podberth.ipam.lease import Actor
from podberth.kube.client import Client
from podberth.kube.config import load
from podberth.stores.etcd.client import Etcd
from podberth.stores.etcd.store import EtcdCluster
from podberth.stores.kubernetes.store import KubernetesCluster
from podberth.stores.replica.ledger import ClusterLedger
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica
from tests.contract.clusters import clear_kubernetes, kube_server
from tests.contract.ledgers import Clock, InMemory, OnKubernetes, addresses, claim, pool
from tests.servers.etcd import EtcdServer
from tests.servers.operator import SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from podberth.ipam.epoch import Epoch
    from podberth.ipam.lease import Lease
    from podberth.stores.replica.shared import Cluster
    from tests.contract.ledgers import ClusterBackend

SUBNET = "10.20.0.0/24"


class Site:
    """A cluster of nodes with one store, which can be saved and put back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def proposer(self, node: str) -> Proposer:
        folder = self.folder / node
        folder.mkdir(exist_ok=True)
        return Proposer(Replica(str(folder)), self.cluster(), node, current=True)

    def node(self, name: str) -> Node:
        return Node(self, name)

    def cluster(self) -> Cluster:
        raise NotImplementedError

    def save(self) -> None:
        raise NotImplementedError

    def put_back(self) -> None:
        raise NotImplementedError


class Node:
    """One node. `pods` is what its records say of its pods."""

    def __init__(self, site: Site, name: str) -> None:
        self.name = name
        self.proposer = site.proposer(name)
        self.ledger = ClusterLedger(self.proposer, clock=Clock())
        self.pods: dict[str, tuple[Lease, ...]] = {}

    @property
    def actor(self) -> Actor:
        return Actor(who="plugin", why="ADD", node=self.name)

    def start(self, container: str, *fixed: str) -> str:
        """Start a pod; return its address."""
        self.pods[container] = self.ledger.bind(claim(container, *fixed, container=container), self.actor)
        return addresses(self.pods[container])[0]

    def stop(self, container: str) -> None:
        self.ledger.unbind(claim(None, container=container).attachment, self.actor)
        del self.pods[container]

    def announce(self) -> None:
        held = [
            HeldAddress(address=one.address, attachment=one.attachment, pod=one.pod, netns=one.netns)
            for leases in self.pods.values()
            for one in leases
        ]
        self.ledger.announce(held, (), self.actor)

    def epoch(self) -> Epoch:
        self.proposer.doubt()  # as an agent whose connection broke
        self.proposer.catch_up()
        found = self.ledger.epoch()
        assert found is not None
        return found


class InMemorySite(Site):
    """The protocol's own reference."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.backend: ClusterBackend = InMemory(folder / "operator")
        self.backend.define(pool("db", SUBNET))
        self.state: dict[str, object] = {}

    def cluster(self) -> Cluster:
        return self.backend.cluster

    def save(self) -> None:
        self.state = {k: deepcopy(v) for k, v in vars(self.backend.cluster).items() if k != "guard"}

    def put_back(self) -> None:
        vars(self.backend.cluster).update(deepcopy(self.state))


class EtcdSite(Site):
    """A real etcd of its own, whose data are saved and put back as a copy of its disk."""

    def __init__(self, folder: Path, server: EtcdServer) -> None:
        super().__init__(folder)
        self.server = server
        made = InMemory(folder / "pools")  # what a pool's document looks like
        made.cluster = self.cluster()
        made.operator = made.client()
        made.define(pool("db", SUBNET))

    def cluster(self) -> Cluster:
        return EtcdCluster(Etcd([self.server.url]), "/podberth")

    def save(self) -> None:
        self.server.save()

    def put_back(self) -> None:
        self.server.put_back()


class SnapshotSite(EtcdSite):
    """The same, saved and put back by etcd's own tool: what comes back is a cluster of another identity."""

    def save(self) -> None:
        self.file = self.server.snapshot()

    def put_back(self) -> None:
        self.server.restore(self.file)


class KubernetesSite(Site):
    """A real API server, whose etcd is saved and put back as a copy of its disk."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.client = Client(load(str(kube_server().kubeconfig)), timeout=SECONDS)
        made = OnKubernetes(folder / "pools")
        made.define(pool("db", SUBNET))

    def cluster(self) -> Cluster:
        return KubernetesCluster(self.client, "default", "test")

    def save(self) -> None:
        kube_server().save()

    def put_back(self) -> None:
        kube_server().put_back()


def sites(kind: str, folder: Path) -> Iterator[Site]:
    """Yield a site of that kind: memory, etcd, etcdctl or kubernetes."""
    if kind == "memory":
        yield InMemorySite(folder)
    elif kind == "kubernetes":
        site = KubernetesSite(folder)
        yield site
        site.client.close()
        clear_kubernetes()
    else:
        with EtcdServer() as server:
            yield (SnapshotSite if kind == "etcdctl" else EtcdSite)(folder, server)
