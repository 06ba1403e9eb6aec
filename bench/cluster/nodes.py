"""One simulated node: a replica, its feed, a client of the real store; every call on its ledger is recorded.

It registers as a machine does, and asks now and then whether it still is the node.
"""

from __future__ import annotations

import time
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, Protocol

from bench.cluster.history import OK, REFUSED, UNKNOWN
from podberth.cni.errors import AddressTaken, CniError, InvalidConfig, PoolExhausted, Refused
from podberth.cni.pod import Attachment, PodRef
from podberth.ipam.lease import Actor, AddressBoundElsewhere, Claim, Wanted
from podberth.ipam.moment import Opinion
from podberth.ipam.registration import ASK
from podberth.stores.clock import NodeClock
from podberth.stores.identity import NodeIdentity, registration
from podberth.stores.replica.feed import Feed
from podberth.stores.replica.ledger import ClusterLedger
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.cluster.history import Recorder
    from podberth.ipam.moment import Uptime
    from podberth.ipam.registration import Proof
    from podberth.stores.replica.shared import Cluster

POOL, NETWORK, IFNAME = "cluster", "banknet", "eth0"
READY = 60.0  # seconds until a replica must have been up to date once
# Refusals after which it is known that nothing was done.
CERTAIN = (AddressTaken, AddressBoundElsewhere, PoolExhausted, InvalidConfig, Refused)
BOOT = "boot-1"  # of every machine but copies
HASTE = 15  # times as fast as a cluster's nodes these ask who they are, and believe a claim
_KEPT = 10**9  # ns: how far NTP holds a clock


class Store(Protocol):
    """Where a cluster's store is."""

    @property
    def followed(self) -> bool:
        """Say whether replicas of it are kept up to date by a feed."""
        ...

    @property
    def old_refusals(self) -> bool:
        """Say whether a node may call an address taken that no longer is, where its feed has not told it yet."""
        ...

    @property
    def precision(self) -> int:
        """Return by how much (ns) a second opinion on a clock may be wrong."""
        ...

    @property
    def register(self) -> bool:
        """Say whether machines register by themselves; else others report which machine a node is."""
        ...

    def opinions(self, cluster: Cluster) -> tuple[Callable[[Uptime], Opinion | None], ...]:
        """Return what the store itself knows of the time."""
        ...

    def report(self, node: str, machine: str, boot: str) -> None:
        """Say which machine a node is, where machines do not register."""
        ...

    def open(self, node: str) -> Cluster:
        """Return a client of its own for a node."""
        ...

    def fence(self, node: str) -> None:
        """Say, as an operator does, that nothing runs on the node any more."""
        ...


class Node:
    """`skew` is by how much (ns) its clock is wrong, which NTP does not mend unless it is `disciplined`.

    All its folder has, and the history, outlive its process.
    """

    def __init__(self, name: str, store: Store, folder: Path, recorder: Recorder, boot: str = BOOT) -> None:
        self.name = name
        self.boot = boot
        self.skew = 0
        self.disciplined = True
        self._directory = str(folder / name)
        self._place = folder.name
        self._next_proof = 0.0  # by time.monotonic
        self.cluster = store.open(name)
        self.proposer = Proposer(Replica(str(folder / name)), self.cluster, name, current=not store.followed)
        opinions = store.opinions(self.cluster)
        clock = NodeClock((*opinions, self._ntp, self.proposer.peer_clocks), wall=lambda: time.time_ns() + self.skew)
        self.identity = NodeIdentity(self._prove, name, lambda: time.monotonic() * HASTE)
        self.ledger = ClusterLedger(self.proposer, clock=clock, identity=self.identity)
        self._recorder = recorder
        self._add = Actor(who="plugin", why="ADD", node=name)
        self._del = Actor(who="plugin", why="DEL", node=name)
        self._feed = Feed(self.proposer, lambda _: None) if store.followed else None

    def start(self) -> None:
        """Begin to follow."""
        if self._feed is not None:
            self._feed.start()

    def ready(self) -> None:
        """Return once the replica has been up to date."""
        if self._feed is not None and not self._feed.ready(READY):
            raise RuntimeError(f"{self.name}: the store could not be followed: {self._feed.away}")

    def stop(self) -> None:
        """End the feed and all connections."""
        if self._feed is not None:
            self._feed.stop()
        self.proposer.replica.database.close()
        self.cluster.close()

    def prove(self) -> None:
        """Ask whether this machine still is the node, if it is time to; a store that is away says nothing."""
        if time.monotonic() < self._next_proof:
            return
        self._next_proof = time.monotonic() + ASK / HASTE
        with suppress(CniError):
            self.identity.refresh()

    def bind(
        self,
        pod: str,
        container: str,
        *,
        address: str = "",
        sticky: bool = False,
        takeover: tuple[Attachment, ...] = (),
    ) -> str:
        """Bind an address to the pod's container; return it. Raises what the ledger does."""
        named = ip_address(address) if address else None
        claim = Claim(
            attachment=attached(container),
            pod=PodRef(namespace="db", name=pod),
            netns="/x",
            wanted=(Wanted(pool=POOL, family=4, address=named),),
            sticky=sticky,
            takeover=takeover,
        )

        def act() -> tuple[str, ...]:
            return tuple(str(lease.address) for lease in self.ledger.bind(claim, self._add))

        over = tuple(attachment.container_id for attachment in takeover)
        got = self._recorded(
            act, kind="bind", attachment=container, pod=f"db/{pod}", address=address, sticky=sticky, takeover=over
        )
        return got[0]

    def unbind(self, container: str) -> tuple[str, ...]:
        """End what the container has; return it."""

        def act() -> tuple[str, ...]:
            return tuple(str(lease.address) for lease in self.ledger.unbind(attached(container), self._del))

        return self._recorded(act, kind="unbind", attachment=container)

    def reserve(self, address: str, pod: str) -> None:
        """Reserve the address for the pod's name."""

        def act() -> tuple[str, ...]:
            made = self.ledger.reserve(POOL, ip_address(address), PodRef(namespace="db", name=pod), IFNAME, self._add)
            return (str(made.address),)

        self._recorded(act, kind="reserve", address=address, pod=f"db/{pod}")

    def release(self, address: str) -> None:
        """End a reservation."""

        def act() -> tuple[str, ...]:
            ended = self.ledger.release(ip_address(address), self._del)
            return (str(ended.address),) if ended is not None else ()

        self._recorded(act, kind="release", address=address)

    def _recorded(self, act: Callable[[], tuple[str, ...]], **asked: object) -> tuple[str, ...]:
        name = self._recorder.begin(node=self.name, boot=self.boot, place=self._place, **asked)
        try:
            got = act()
        except CniError as refused:
            certain = isinstance(refused, CERTAIN)
            about = (str(refused.lease.address),) if isinstance(refused, AddressBoundElsewhere) else ()
            self._recorder.end(name, REFUSED if certain else UNKNOWN, got=about, refusal=type(refused).__name__)
            raise
        self._recorder.end(name, OK, got=got)
        return got

    def _ntp(self, _: Uptime) -> Opinion | None:
        return Opinion(time=time.time_ns(), within=_KEPT) if self.disciplined else None

    def _prove(self, waited: bool) -> Proof:
        mine = registration(self._directory, self.name, machine_of(self.name), self.boot, time.time_ns())
        return self.cluster.prove(mine, lambda _: None, waited=waited)


def machine_of(node: str) -> str:
    """Return the machine-id of a node; a copy has it too."""
    return f"machine-of-{node}"


def attached(container: str) -> Attachment:
    """Return the one attachment that a container here has."""
    return Attachment(network=NETWORK, container_id=container, ifname=IFNAME)
