"""What one claim costs: beside a bare write with the same client; in a pool with very many leases, and in an empty one.

The many are written into etcd as records, a hundred at a time: how they came there is nothing to a replica.
"""

from __future__ import annotations

import gc
import itertools
import json
import multiprocessing
import os
import tempfile
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Self
from uuid import UUID

from bench.cluster import crowds
from bench.cluster.history import Recorder
from bench.cluster.nodes import IFNAME, NETWORK, POOL, Node
from bench.cluster.servers import OnEtcd, server
from bench.figures import show, timed
from bench.scale import in_turn
from podberth.cni.pod import Attachment, PodRef
from podberth.cni.value import value
from podberth.ipam.address_record import AddressRecord
from podberth.ipam.lease import Actor, Event, Lease
from podberth.kube import resources
from podberth.stores.etcd import keys
from podberth.stores.etcd.client import Etcd
from podberth.stores.etcd.store import EtcdCluster
from podberth.stores.etcd.values import Put
from podberth.stores.kubernetes import objects
from podberth.stores.kubernetes.store import KubernetesCluster
from podberth.stores.replica.shared import AddressWrite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from bench.cluster.nodes import Store
    from podberth.net.ops import Address
    from podberth.stores.replica.shared import Cluster

ROUNDS = 300
LEASES = 60_000
AT_ONCE = 100  # records that one transaction writes
SPAN = 65_000  # addresses of the pool
BARE = ip_address("10.41.0.1")  # the first of those that bare writes are of: in no pool
BEGIN = 1_700_000_000 * 10**9
_SPAWN = multiprocessing.get_context("spawn")


class Lone:
    """A context with one node on a store, and a pool that has so many leases already."""

    def __init__(self, store: Store, *, leases: int = 0) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="podberth-bench-")
        folder = Path(self._folder.name)
        crowds.declare(store, SPAN, folder)
        if leases:
            assert isinstance(store, OnEtcd)
            fill(store, leases)
        self._recorder = Recorder(folder / "history")
        (name,) = crowds.reported(store, 1)
        self.node = Node(name, store, folder, self._recorder)
        self._names = itertools.count()
        self._bound: list[str] = []

    def __enter__(self) -> Self:
        self.node.start()
        self.node.ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.node.stop()
        self._recorder.close()
        self._folder.cleanup()

    def bind(self) -> float:
        """Bind for a new pod; return how long that took (ms)."""
        name = f"p{next(self._names)}"
        self._bound.append(f"c-{name}")
        return timed(partial(self.node.bind, name, f"c-{name}"))

    def unbind(self) -> float:
        """End what was bound last; return how long that took (ms)."""
        return timed(partial(self.node.unbind, self._bound.pop()))

    def bind_and_unbind(self) -> float:
        """Do both; return how long binding took (ms)."""
        took = self.bind()
        self.unbind()
        return took


def latency(kind: str, rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Return how long (ms) a bind took, and a bare write of as much with the same client, in turn."""
    with server(kind) as running, Lone(running.store) as lone:
        return in_turn({"a bare write": _bare(lone.node.cluster), "bind": lone.bind_and_unbind}, rounds)


def fullness(rounds: int = ROUNDS) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Return how long (ms) binding, and unbinding, took in an empty pool and in one with 60,000 leases, in turn."""
    empty_one, full_one = "an empty pool", f"{LEASES:,} leases"
    binds: dict[str, list[float]] = {empty_one: [], full_one: []}
    unbinds: dict[str, list[float]] = {empty_one: [], full_one: []}
    with server("etcd") as running:
        assert isinstance(running.store, OnEtcd)
        stores = (OnEtcd(url=running.store.url, prefix=f"/{name}") for name in ("empty", "full"))
        with Lone(next(stores)) as empty, Lone(next(stores), leases=LEASES) as full:
            for _ in range(rounds):
                for name, lone in ((empty_one, empty), (full_one, full)):
                    binds[name].append(lone.bind())
                    unbinds[name].append(lone.unbind())
    return binds, unbinds


@value
class Held:
    """What a node has of a cluster: by how much its process grows (bytes), its file (bytes), how long it read (s)."""

    memory: int
    disk: int
    seconds: float


def replica(leases: int = LEASES) -> tuple[Held, Held]:
    """Return what it takes to load a replica and to follow, with no leases and with so many."""
    with server("etcd") as running, tempfile.TemporaryDirectory(prefix="podberth-bench-") as folder:
        assert isinstance(running.store, OnEtcd)
        found = []
        for prefix, count in (("/empty", 0), ("/full", leases)):
            store = OnEtcd(url=running.store.url, prefix=prefix)
            crowds.declare(store, SPAN, Path(folder) / prefix[1:])
            fill(store, count)
            with _SPAWN.Pool(1) as pool:
                found.append(pool.apply(_held, (store, Path(folder) / f"of{prefix[1:]}")))
        return found[0], found[1]


def fill(store: OnEtcd, count: int) -> None:
    """Write so many leases into the pool, from its first address on."""
    client = Etcd([store.url])
    own = EtcdCluster(client, store.prefix).keys
    for at in range(0, count, AT_ONCE):
        records = [leased(crowds.FIRST + number) for number in range(at, min(at + AT_ONCE, count))]
        client.txn((), [Put(key=own.record(each.address), value=keys.packed_record(each)) for each in records])
    client.close()


def leased(address: Address) -> AddressRecord:
    """Return the record of an address that a pod on another node has."""
    name = f"full-{int(address)}"
    lease = Lease(
        address=address,
        pool=POOL,
        attachment=Attachment(network=NETWORK, container_id=f"{int(address):064x}", ifname=IFNAME),
        pod=PodRef(namespace="db", name=name, uid=str(UUID(int=int(address)))),
        netns=f"/var/run/netns/{UUID(int=int(address))}",
        node=f"node{int(address) % 1000:03}",
        since=BEGIN,
    )
    event = Event(
        seq=1, time=BEGIN, kind="Bound", address=address, pool=POOL, pod=lease.pod, ifname=IFNAME,
        attachment=lease.attachment, actor=Actor(who="plugin", why="ADD", node=lease.node), state="LEASED",
    )  # fmt: skip
    return AddressRecord(address=address, pool=POOL, seq=1, time=BEGIN, lease=lease, last=event)


def sizes() -> dict[str, int]:
    """Return how large (bytes) what a watch says of a lease is."""
    record = leased(crowds.FIRST)
    assert record.last is not None
    write = AddressWrite(record=record, revision=0, events=(record.last,), reserved_before=None)
    return {
        "etcd": len(keys.packed_record(record)),
        "Kubernetes, with its first event": len(json.dumps(objects.new_lease(write), separators=(",", ":"))),
    }


def _bare(cluster: Cluster) -> Callable[[], float]:
    records = (leased(BARE + number) for number in itertools.count())
    if isinstance(cluster, EtcdCluster):
        client = cluster.client

        def put() -> float:
            record = next(records)
            return timed(partial(client.put, f"/bare/{record.address}".encode(), keys.packed_record(record)))

        return put
    assert isinstance(cluster, KubernetesCluster)
    kube = cluster.client

    def create() -> float:
        record = next(records)
        assert record.last is not None
        write = AddressWrite(record=record, revision=0, events=(record.last,), reserved_before=None)
        return timed(partial(kube.create, resources.ADDRESS_LEASES, objects.new_lease(write)))

    return create


def _held(store: OnEtcd, folder: Path) -> Held:
    folder.mkdir()
    recorder = Recorder(folder / "history")
    node = Node("node000", store, folder, recorder)
    node.proposer.cluster.identity()  # what a connection takes is there before
    before = _resident()
    node.start()
    seconds = timed(node.ready) / 1000
    node.bind("p", "c-p")
    grown = _resident() - before
    node.stop()
    recorder.close()
    return Held(memory=grown, disk=Path(node.proposer.replica.database.path).stat().st_size, seconds=seconds)


def _resident() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def show_all(kinds: Sequence[str]) -> None:
    """Measure, and print the tables."""
    for kind in kinds:
        show(f"ledger.bind on {kind}", latency(kind), against="a bare write")
    if "etcd" in kinds:
        for title, samples in zip(("Bind in", "Unbind in"), fullness(), strict=True):
            show(title, samples, against="an empty pool")
        empty, full = replica()
        print(f"A process that loads a replica and follows, without leases and with {LEASES:,}:")
        print(f"  grows by {empty.memory / 1e6:.1f} and {full.memory / 1e6:.1f} MB:", end=" ")
        print(f"{(full.memory - empty.memory) / LEASES:.0f} bytes a lease")
        print(f"  has {full.disk / LEASES:.0f} bytes a lease on disk, and is up to date after {full.seconds:.1f} s")
    for kind, size in sizes().items():
        print(f"An address that changes hands is {size} bytes in {kind}")
