"""The back ends a ledger can have, each on the real thing, and short ways to say what is done to one."""

from __future__ import annotations

import tempfile
from functools import partial
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Protocol

from podberth.cni.pod import Attachment, PodRef
from podberth.ipam.lease import Actor, Claim, Wanted
from podberth.ipam.moment import Opinion, Uptime, judged
from podberth.ipam.owner import of_deployment
from podberth.ipam.pool import Pool, Span, Subnet
from podberth.ipam.versions import HERE, Minimum
from podberth.policy.changes import Declared
from podberth.policy.documents import document_of
from podberth.stores.replica.ledger import ClusterLedger
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica
from podberth.stores.sqlite import documents as table
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.declared import declare, define_pool, drop_pool, undeclare
from podberth.stores.sqlite.ledger import SqliteLedger
from tests.contract.clusters import in_etcd, in_kubernetes
from tests.contract.memory_cluster import MemoryCluster

if TYPE_CHECKING:
    from pathlib import Path
    from sqlite3 import Connection

    from podberth.ipam.lease import Lease
    from podberth.ipam.ledger import Ledger
    from podberth.ipam.moment import Moment
    from podberth.net.ops import Address
    from podberth.policy.documents import Document
    from podberth.stores.replica.shared import Cluster
    from podberth.stores.sqlite.claims import Rivals

PLUGIN = Actor(who="plugin", why="ADD", node="node1")
OPERATOR = Actor(who="uid 0 (root)", why="apply db.yaml", node="node1")
SECOND = 10**9
NOON = 1_800_000_000 * SECOND


class Clock:
    """A node's clock that stands until time passes (`tick`) or somebody sets it (`step`).

    `proven`: a second opinion is there, which is right.
    """

    def __init__(self, now: int = NOON, *, proven: bool = False) -> None:
        self.now = now
        self.proven = proven
        self.boot = "boot 1"
        self.began = now - 1000 * SECOND  # by this clock, as it stands
        self.ahead = 0

    def __call__(self) -> Moment:
        uptime = Uptime(boot=self.boot, ns=self.now - self.began)
        opinions = [Opinion(time=self.now - self.ahead, within=SECOND)] if self.proven else []
        return judged(self.now, uptime, opinions)

    def tick(self, seconds: float = 1) -> int:
        """Let time pass; return what the clock says then."""
        self.now += int(seconds * SECOND)
        return self.now

    def step(self, seconds: float) -> None:
        """Set the clock: no time passes."""
        self.now += int(seconds * SECOND)
        self.began += int(seconds * SECOND)
        self.ahead += int(seconds * SECOND)

    def restart(self) -> None:
        """Have the machine begin anew, at once."""
        self.boot = f"boot {int(self.boot[5:]) + 1}"
        self.began = self.now


class Backend(Protocol):
    """One store, empty at first. Every `open` is another client of it."""

    clock: Clock

    def __init__(self, directory: Path) -> None: ...

    def open(self) -> Ledger: ...

    def define(self, *pools: Pool) -> None: ...

    def drop(self, pool: str) -> None: ...

    def declare(self, *declared: Declared) -> None: ...

    def undeclare(self, *declared: Declared) -> None: ...


class SqliteBackend:
    """A file in a directory."""

    def __init__(self, directory: Path) -> None:
        self.clock = Clock()
        self.directory = directory
        self.database = Database(str(directory))

    def open(self) -> Ledger:
        return SqliteLedger(Database(str(self.directory)), clock=self.clock)

    def define(self, *pools: Pool) -> None:
        with self.database.write() as connection:
            for pool in pools:
                define_pool(connection, pool)

    def drop(self, pool: str) -> None:
        with self.database.write() as connection:
            drop_pool(connection, pool)

    def declare(self, *declared: Declared) -> None:
        with self.database.write() as connection:
            for one in declared:
                declare(connection, one, OPERATOR, self.clock)

    def undeclare(self, *declared: Declared) -> None:
        with self.database.write() as connection:
            for one in declared:
                undeclare(connection, one, OPERATOR, self.clock)


class ClusterBackend:
    """A cluster's store, and a replica of it for each client. What is declared is so by documents, as it is there."""

    def __init__(self, directory: Path) -> None:
        self.clock = Clock()
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.cluster = self.made()
        assert self.cluster.demand(HERE, Minimum())  # every kind of record may be there
        self.operator = self.client()

    def made(self) -> Cluster:
        """Return a store of this kind, empty."""
        raise NotImplementedError

    def client(self) -> Proposer:
        """Return another client of the store, with a replica of its own."""
        folder = tempfile.mkdtemp(prefix="replica-", dir=self.directory)
        proposer = Proposer(Replica(folder), self.cluster, "node1", current=True)
        proposer.replica.clock = self.clock
        return proposer

    def open(self) -> Ledger:
        return ClusterLedger(self.client(), clock=self.clock)

    def define(self, *pools: Pool) -> None:
        for each in pools:
            document = document_of(each, "test")

            def put(connection: Connection, _: Rivals, document: Document = document, pool: Pool = each) -> None:
                table.put(connection, document, "test")
                define_pool(connection, pool)

            self.operator.settle(put, declares=True)

    def drop(self, pool: str) -> None:
        def remove(connection: Connection, _: Rivals) -> None:
            document = table.get(connection, "Pool", "", pool)
            assert document is not None
            table.remove(connection, document.key)
            drop_pool(connection, pool)

        self.operator.settle(remove, declares=True)

    def declare(self, *declared: Declared) -> None:
        for one in declared:
            self.operator.settle(partial(self._declare, one))

    def undeclare(self, *declared: Declared) -> None:
        for one in declared:
            self.operator.settle(partial(self._undeclare, one))

    def _declare(self, one: Declared, connection: Connection, _: Rivals) -> None:
        declare(connection, one, OPERATOR, self.clock)

    def _undeclare(self, one: Declared, connection: Connection, _: Rivals) -> None:
        undeclare(connection, one, OPERATOR, self.clock)


class InMemory(ClusterBackend):
    """The protocol's own reference."""

    def made(self) -> Cluster:
        return MemoryCluster()


class OnEtcd(ClusterBackend):
    """A prefix of a real etcd."""

    def made(self) -> Cluster:
        return in_etcd()


class OnKubernetes(ClusterBackend):
    """A real API server."""

    def made(self) -> Cluster:
        return in_kubernetes()


CLUSTERS: tuple[type[ClusterBackend], ...] = (InMemory, OnEtcd, OnKubernetes)
BACKENDS: tuple[type[Backend], ...] = (SqliteBackend, *CLUSTERS)


def ip(text: str) -> Address:
    return ip_address(text)


def spans(*texts: str) -> tuple[Span, ...]:
    return tuple(Span(first=ip(t.partition("-")[0]), last=ip(t.rpartition("-")[2])) for t in texts)


def subnet(
    network: str,
    *,
    gateway: str = "",
    ranges: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    hold: tuple[str, ...] = (),
) -> Subnet:
    return Subnet(
        network=ip_network(network),
        gateway=ip(gateway) if gateway else None,
        ranges=spans(*ranges),
        exclude=spans(*exclude),
        hold=spans(*hold),
    )


def pool(name: str, *subnets: Subnet | str, allocation: str = "lowest", quarantine: int = 0) -> Pool:
    made = tuple(subnet(each) if isinstance(each, str) else each for each in subnets)
    return Pool(name=name, subnets=made, allocation=allocation, quarantine=quarantine)


def pod(name: str, uid: str = "u") -> PodRef:
    namespace, _, own = name.rpartition("/")
    return PodRef(namespace=namespace or "db", name=own, uid=uid)


def attachment(container: str, ifname: str = "eth0", network: str = "banknet") -> Attachment:
    return Attachment(network=network, container_id=container, ifname=ifname)


def claim(
    name: str | None,
    *addresses: str,
    container: str = "",
    ifname: str = "eth0",
    pool: str = "db",
    families: tuple[int, ...] = (4,),
    sticky: bool = False,
    takeover: tuple[Attachment, ...] = (),
    avoid: tuple[str, ...] = (),
    uid: str = "u",
    owner: str = "",
) -> Claim:
    """Return a claim of the pod for the addresses named, or one of each family; of its Deployment's, the `owner`'s."""
    whose = of_deployment("db", owner) if owner else None
    named = tuple(Wanted(pool=pool, family=ip(a).version, address=ip(a)) for a in addresses)
    return Claim(
        attachment=attachment(container or f"c-{name}", ifname),
        pod=pod(name, uid) if name is not None else None,
        netns=f"/run/netns/{container or name}",
        wanted=named or tuple(Wanted(pool=pool, family=family, owner=whose) for family in families),
        sticky=sticky,
        takeover=takeover,
        avoid=tuple(ip(a) for a in avoid),
    )


def addresses(leases: tuple[Lease, ...]) -> list[str]:
    return [str(lease.address) for lease in leases]


def shared(name: str, *addresses: str, ifname: str = "eth0") -> tuple[Declared, ...]:
    """Return what a PodNetwork declares for a Deployment."""
    owner = of_deployment("db", name)
    return tuple(Declared(address=ip(a), pool="db", pod=owner, ifname=ifname) for a in addresses)


def declared(address: str, name: str, ifname: str = "eth0", pool: str = "db") -> Declared:
    return Declared(address=ip(address), pool=pool, pod=pod(name, ""), ifname=ifname)
