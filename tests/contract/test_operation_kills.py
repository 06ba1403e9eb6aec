"""An operation's command killed between each two of its writes: the store is as before, or complete; nobody saw half.

Meanwhile pods start, and one who asks as an ADD does looks at the store all the time.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from contextlib import ExitStack
from itertools import count
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

import pytest

from podberth.cni.errors import CniError
from podberth.cni.value import value
from podberth.ipam.lease import Keeping
from podberth.ipam.lifecycle import fold
from podberth.ipam.versions import HERE, Minimum
from podberth.kube.client import Client
from podberth.kube.config import load
from podberth.policy.documents import document_of
from podberth.policy.operation import Operation
from podberth.stores.clock import node_clock
from podberth.stores.etcd.client import Etcd
from podberth.stores.etcd.store import EtcdCluster
from podberth.stores.kubernetes.store import KubernetesCluster
from podberth.stores.replica.feed import Feed
from podberth.stores.replica.ledger import ClusterLedger
from podberth.stores.replica.policies import ClusterPolicies
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.ledger import SqliteLedger
from podberth.stores.sqlite.policies import SqlitePolicies
from tests.contract.clusters import clear_kubernetes, etcd_server, kube_server
from tests.contract.ledgers import OPERATOR, PLUGIN, claim, ip, pod, pool, subnet
from tests.contract.transfers import Node, filled
from tests.servers.operator import SECONDS
from tests.sizes import seed, size
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from podberth.ipam.ledger import Ledger
    from podberth.policy.store import Policies
    from podberth.stores.replica.shared import Cluster

KILLS = size(1, 1000)  # points at which a command is killed, of a store: in a soak all that there are
STORES = ("sqlite", "etcd", "kubernetes")
COMMANDS = ("csv", "whereabouts", "host-local", "release", "migrate")
MANY = {"sqlite": 8, "etcd": 70, "kubernetes": 5}  # addresses: more than a transaction of etcd takes
BANK = pool("bank", subnet("10.60.0.0/24", gateway="10.60.0.1", hold=("10.60.0.100-10.60.0.199",)))


@value
class Side:
    """A store, as one of its clients has it; `proposer` of a cluster's."""

    ledger: Ledger
    policies: Policies
    proposer: Proposer | None = None


@value
class Store:
    """An empty store: the document that names it, and how a client is made, which follows it or asks each time."""

    kind: str
    document: dict[str, Any]
    client: Callable[[bool], Side]


@value
class Facts:
    """All that an ADD can know of an operation, in the order in which it is asked for."""

    pools: frozenset[str]
    reserved: frozenset[str]
    leased: frozenset[str]


@value
class Command:
    """An operation's command; `about`: the addresses, or the pool, that it is about."""

    words: tuple[str, ...]
    addresses: frozenset[str]
    into: Store


def on_sqlite(folder: Path, ends: ExitStack) -> Store:
    def client(follows: bool) -> Side:
        database = Database(str(folder / "state"))
        ends.callback(database.close)
        return Side(ledger=SqliteLedger(database, node_clock), policies=SqlitePolicies(database, node_clock))

    return Store(kind="sqlite", document={"store": "sqlite"}, client=client)


def on_etcd(folder: Path, ends: ExitStack) -> Store:
    prefix = f"/{uuid4().hex}"
    place = {"endpoints": [etcd_server().url], "prefix": prefix}
    document = {"store": "etcd", "node": "node1", "etcd": place}
    return Store(
        kind="etcd",
        document=document,
        client=in_cluster(folder, lambda: EtcdCluster(Etcd([etcd_server().url]), prefix), ends),
    )


def on_kubernetes(folder: Path, ends: ExitStack) -> Store:
    clear_kubernetes()
    kubeconfig = str(kube_server().kubeconfig)
    document = {"store": "kubernetes", "node": "node1"}
    document["kubernetes"] = {"kubeconfig": kubeconfig, "namespace": "default"}  # type: ignore[assignment]
    made = lambda: KubernetesCluster(Client(load(kubeconfig), timeout=SECONDS), "default", "node2")  # noqa: E731
    return Store(kind="kubernetes", document=document, client=in_cluster(folder, made, ends))


def in_cluster(folder: Path, made: Callable[[], Cluster], ends: ExitStack) -> Callable[[bool], Side]:
    number = count()

    def opened() -> Cluster:
        cluster = made()
        ends.callback(cluster.close)
        return cluster

    def client(follows: bool) -> Side:
        proposer = Proposer(Replica(str(folder / f"replica-{next(number)}")), opened(), "node2", current=not follows)
        ends.callback(proposer.replica.database.close)
        return Side(
            ledger=ClusterLedger(proposer, clock=proposer.replica.clock),
            policies=ClusterPolicies(proposer),
            proposer=proposer,
        )

    assert opened().demand(HERE, Minimum())  # no older agent is there
    return client


MADE = {"sqlite": on_sqlite, "etcd": on_etcd, "kubernetes": on_kubernetes}


class Watching:
    """One who asks as an ADD does, all the time, and says what was seen that is neither before nor after."""

    def __init__(self, store: Store, about: frozenset[str]) -> None:
        self.side = store.client(True)
        self._about = about
        self._feed = Feed(self.side.proposer, lambda _: None) if self.side.proposer is not None else None
        self.seen: list[Facts] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        if self._feed is not None:
            self._feed.start()
            assert self._feed.ready(60)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        if self._feed is not None:
            self._feed.stop()

    def _look(self) -> None:
        while not self._ended.is_set():
            found = facts(self.side, self._about)
            if not self.seen or self.seen[-1] != found:
                self.seen.append(found)


def facts(side: Side, about: frozenset[str]) -> Facts:
    return Facts(
        pools=frozenset(each.name for each in side.policies.pools() if each.name != "bank"),
        reserved=frozenset(str(each.address) for each in side.ledger.reservations()) & about,
        leased=frozenset(str(each.address) for each in side.ledger.leases()) & about,
    )


class Binding:
    """Pods that start meanwhile, wherever there is room; each has the address that it was told."""

    def __init__(self, store: Store) -> None:
        self._side = store.client(False)
        self.bound: dict[str, str] = {}
        self.refused: list[str] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._bind)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _bind(self) -> None:
        for n in range(40):
            if self._ended.is_set():
                return
            try:
                (lease,) = self._side.ledger.bind(claim(f"meanwhile-{n}", pool="bank"), PLUGIN)
            except CniError as refused:
                self.refused.append(refused.message)
            else:
                self.bound[f"meanwhile-{n}"] = str(lease.address)


def csv(store: Store, folder: Path, many: int) -> Command:
    declare(store)
    rows = [f"10.60.0.{100 + n},db,sheet-{n},bank" for n in range(many)]
    sheet = folder / "sheet.csv"
    sheet.write_text("\n".join(("address,namespace,pod,pool", *rows)) + "\n")
    return command(store, many, "import", "csv", str(sheet))


def host_local(store: Store, folder: Path, many: int) -> Command:
    declare(store)
    directory = folder / "macnet"
    directory.mkdir()
    for n in range(many):
        (directory / f"10.60.0.{100 + n}").write_text(f"container-{n}\neth0")
    return command(store, many, "import", "host-local", "--dir", str(directory))


def whereabouts(store: Store, folder: Path, many: int) -> Command:
    declare(store)
    allocations = {str(n): {"id": f"c-{n}", "podref": f"db/found-{n}", "ifName": "net1"} for n in range(10, 10 + many)}
    made = {"kind": "IPPool", "metadata": {"name": "macpool"}}
    items = [{**made, "spec": {"range": "10.61.0.0/24", "allocations": allocations}}]
    file = folder / "pools.json"
    file.write_text(json.dumps({"items": items}))
    words = ("import", "whereabouts", "-f", str(file), "--network", "macnet", "--make-pool", "--reserve")
    return Command(words=words, addresses=frozenset(f"10.61.0.{n}" for n in range(10, 10 + many)), into=store)


def release(store: Store, folder: Path, many: int) -> Command:
    declare(store)
    kept = [
        Keeping(address=ip(f"10.60.0.{100 + n}"), pool="bank", pod=pod(f"goes-{n}"), ifname="eth0") for n in range(many)
    ]
    store.client(False).policies.operate(Operation(keep=tuple(kept)), OPERATOR, source="test")
    return command(store, many, "release", "--pool", "bank", "--namespace", "db")


def migrate(store: Store, folder: Path, many: int) -> Command:
    source = filled(Node(folder / "source"), 40 if store.kind == "etcd" else 1)
    target = folder / "target.json"
    target.write_text(json.dumps(store.document))
    to = str(folder / "state") if store.kind == "sqlite" else str(target)
    ledger, _ = source.parts()
    about = {str(one.address) for one in ledger.leases()} | {str(one.address) for one in ledger.reservations()}
    words = ("--state", str(folder / "source"), "migrate", "--to", to, "--force")
    return Command(words=words, addresses=frozenset(about), into=store)


MAKERS = {"csv": csv, "host-local": host_local, "whereabouts": whereabouts, "release": release, "migrate": migrate}


def declare(store: Store) -> None:
    store.client(False).policies.apply([document_of(BANK, "test")], OPERATOR, source="test")


def command(store: Store, many: int, *words: str) -> Command:
    return Command(words=words, addresses=frozenset(f"10.60.0.{100 + n}" for n in range(many)), into=store)


def prepared(store: str, name: str, folder: Path, ends: ExitStack) -> Command:
    folder.mkdir()
    made = MADE[store](folder, ends)
    (folder / "state").mkdir(mode=0o700)
    if store != "sqlite":
        (folder / "state" / "store.json").write_text(json.dumps(made.document))
    found = MAKERS[name](made, folder, MANY[store])
    if found.words[0] != "--state":
        found = Command(words=("--state", str(folder / "state"), *found.words), addresses=found.addresses, into=made)
    return found


def run(at: int, when: str, words: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "tests.contract.killed", str(at), when, *words]
    return subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE, check=False)


def points(writes: int) -> list[tuple[int, str]]:
    """Return the points at which the command is killed: before it writes for the n-th time, and after the last one."""
    every = [*((n, "before") for n in range(1, writes + 1)), (writes, "after")]
    return every if len(every) <= KILLS else sorted(random.Random(seed(36)).sample(every, KILLS))


def end_what_is_left(side: Side) -> None:
    """Do as an agent does when nothing was heard of an operation for a while."""
    if side.proposer is None:
        return
    side.proposer.catch_up()
    for mark in side.proposer.replica.operations():
        side.proposer.tending.end(mark)
    side.proposer.catch_up()
    assert side.proposer.replica.operations() == ()


def adds_up(side: Side) -> None:
    folded = fold(side.ledger.history())
    assert folded.bound == {lease.address: lease.attachment for lease in side.ledger.leases()}
    assert folded.reserved == {kept.address: (str(kept.pod), kept.ifname) for kept in side.ledger.reservations()}


def never_back(seen: list[Facts], before: Facts, after: Facts) -> None:
    """Assert that whatever was asked after something of the operation was there saw all that it asked for."""
    facets = [name for name in ("pools", "reserved", "leased") if getattr(before, name) != getattr(after, name)]
    there = [getattr(each, name) == getattr(after, name) for each in seen for name in facets]
    assert there == sorted(there)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("store", STORES)
def test_a_killed_command_has_done_all_or_nothing_and_nobody_saw_half(store: str, name: str, tmp_path: Path) -> None:
    with ExitStack() as ends:
        whole = prepared(store, name, tmp_path / "whole", ends)
        before = facts(whole.into.client(False), whole.addresses)
        done = run(0, "before", whole.words)
        assert done.returncode == 0, done.stdout + done.stderr
        after = facts(whole.into.client(False), whole.addresses)
        assert before != after
    outcomes = set()
    for n, when in points(int(done.stdout.split()[-1])):
        with ExitStack() as ends:
            one = prepared(store, name, tmp_path / f"{n}-{when}", ends)
            outcomes.add(killed_at(n, when, one, before, after, name))
    assert outcomes <= {"before", "after"}
    assert outcomes


def killed_at(n: int, when: str, one: Command, before: Facts, after: Facts, name: str) -> str:
    """Kill the command there, and return what has become of it; it can be run again, and then all is done."""
    binding = Binding(one.into)
    with Watching(one.into, one.addresses) as watching:
        if name == "migrate":
            ended = run(n, when, one.words)
        else:
            with binding:
                ended = run(n, when, one.words)
        assert ended.returncode == -9, f"{n} {when}: {ended.stdout}{ended.stderr}"
        side = one.into.client(False)
        end_what_is_left(side)
        found = facts(side, one.addresses)
        until(lambda: watching.seen[-1] == found, f"{n} {when}: {found}")
    whole = (before, after)
    assert found in whole, f"{n} {when}"
    for seen in watching.seen:
        for facet in ("pools", "reserved", "leased"):
            assert getattr(seen, facet) in {getattr(each, facet) for each in whole}, f"{n} {when}: {facet} of {seen}"
    never_back(watching.seen, before, after)
    adds_up(side)
    leased = {str(lease.pod.name): str(lease.address) for lease in side.ledger.leases() if lease.pod is not None}
    assert {pod: leased.get(pod) for pod in binding.bound} == binding.bound
    again = run(0, "before", one.words)
    assert again.returncode == 0, f"{n} {when}: {again.stdout}{again.stderr}"
    finished = one.into.client(False)
    assert facts(finished, one.addresses) == after
    adds_up(finished)
    return "after" if found == after else "before"
