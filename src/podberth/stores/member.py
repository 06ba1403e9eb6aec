"""A node as a member of a cluster: which store it is told to use, and what it keeps of it in its state directory."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from podberth.cni.errors import CniError, InvalidConfig, Refused, TryAgainLater
from podberth.cni.pod import joined
from podberth.ipam.lease import Actor
from podberth.ipam.registration import ASK, Registration, absent, remedy
from podberth.ipam.versions import HERE, Feature
from podberth.process.log import notice
from podberth.process.loop import Loop
from podberth.process.reason import Reason
from podberth.stores import chosen as choice
from podberth.stores.clock import NodeClock
from podberth.stores.elsewhere import LastKnown
from podberth.stores.identity import NodeIdentity, registration, see, was_seen
from podberth.stores.replica.feed import Feed
from podberth.stores.replica.ledger import ClusterLedger
from podberth.stores.replica.naming import ElsewhereOf, LedgerOf, Names, PoliciesOf
from podberth.stores.replica.policies import ClusterPolicies
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica
from podberth.stores.replica.shared import Seen
from podberth.stores.replica.undelivered import JournalledLedger, Undelivered
from podberth.stores.sqlite.ledger import SqliteLedger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from podberth.ipam.elsewhere import Elsewhere
    from podberth.ipam.ledger import Ledger
    from podberth.ipam.moment import Opinion, Uptime
    from podberth.ipam.outlook import Outlook
    from podberth.ipam.registration import Proof
    from podberth.net.ops import Address
    from podberth.policy.store import Policies
    from podberth.stores.chosen import Chosen
    from podberth.stores.replica.shared import Cluster

READY = 5.0  # seconds that a process which stays waits for the first news of its cluster
_HEARING = 10.0  # seconds between two times that it is written down how far what is known goes
# A server that vanishes is noticed after 13 s (etcd) or 30 s (kube.wire): up to so long before now all is known.
_UNNOTICED = 30 * 10**9  # ns
_UPKEEP = 1.0  # seconds between two looks whether the store is back, and what there is to tidy up


class Member:
    """The ledger and the declarations of the node's cluster. With `staying` they are followed in a thread of their own.

    Without, each question asks the store first: a process that ends soon has no time to follow. `moved` is told which
    addresses have moved to other nodes. `machine`: this machine's machine-id and boot_id, '' if they are not known.
    `opinions` on this node's clock: they come after the cluster's own.
    """

    def __init__(
        self,
        directory: str,
        chosen: Chosen,
        *,
        staying: bool,
        moved: Callable[[frozenset[Address]], None] = lambda _: None,
        machine: tuple[str, str] = ("", ""),
        opinions: Sequence[Callable[[Uptime], Opinion | None]] = (),
    ) -> None:
        self._chosen = chosen
        self._of_nodes = chosen.store == choice.KUBERNETES and chosen.kubernetes.nodes == choice.REQUIRED
        self._directory = directory
        self._machine = machine
        self.cluster = connected(chosen)
        node = joined(chosen.cluster, chosen.node)
        self.proposer = self._proposer(node, current=not staying)
        self.proposer.moved = moved
        self.clock = NodeClock((*_dated(chosen, self.cluster), *opinions, self.proposer.peer_clocks))
        self._declared = ClusterPolicies(self.proposer)
        self._known = LastKnown(self.cluster.elsewhere(node), self.away, self.proposer.outlook, directory)
        self._actor = Actor(who="agent", why="declared", node=node)
        self._feed = Feed(self.proposer, _tell) if staying else None
        self._hear_at = 0.0
        self._upkeep = Loop("member", self._keep_up, _tell)
        self._undelivered = Undelivered(directory)
        self._next_proof = 0.0  # by time.monotonic
        self._refused = ""  # why this podberth may not write, as was logged last
        self.identity = NodeIdentity(self._prove, node)
        self._ledger = self._journalled()
        self.ledger, self.policies, self.elsewhere = self._doors()
        if self._feed is not None:
            self._feed.start()
            self._feed.ready(READY)
            self._upkeep.start()

    def _proposer(self, node: str, *, current: bool) -> Proposer:
        replica = Replica(self._directory, told=_tell)
        features = (Feature.CLUSTERS,) if self._chosen.cluster else ()
        proposer = Proposer(replica, self.cluster, node, current=current, features=features)
        proposer.away = self.away
        proposer.returned.told = _tell
        return proposer

    def _journalled(self) -> JournalledLedger:
        replica = self.proposer.replica
        return JournalledLedger(
            ClusterLedger(self.proposer, clock=self.clock, identity=self.identity),
            SqliteLedger(replica.database, clock=self.clock),
            self._undelivered,
            self.away,
            binding=self._chosen.when_away == choice.LAST_KNOWN,
            complete=lambda: replica.filled,
        )

    def _doors(self) -> tuple[Ledger, Policies, Elsewhere]:
        """Return what this node's processes use: of a ledger in etcd, which several clusters may have, by its names."""
        if self._chosen.store != choice.ETCD:
            return self._ledger, self._declared, self._known
        names = Names(self._chosen.cluster)
        policies = PoliciesOf(self._declared, self._ledger, names)
        return LedgerOf(self._ledger, names), policies, ElsewhereOf(self._known, names)

    @property
    def name(self) -> str:
        """How leases name this node."""
        return self._chosen.node

    def away(self) -> str:
        """Return why the cluster's store can't be reached; '' if it can, as far as this process knows."""
        return self._feed.away if self._feed is not None else self.proposer.outlook.away

    @property
    def outlook(self) -> Outlook:
        """How what this process answers is known."""
        return self.proposer.outlook

    def probe(self) -> None:
        """Try what of the cluster this node keeps itself: the replica, the journal. StoreFailed if one is unusable.

        Whether the cluster's store answers is no matter of this node's: nobody is asked.
        """
        self.proposer.replica.probe()
        self._undelivered.probe()

    def close(self) -> None:
        """Stop following, and let go of the store."""
        self._upkeep.stop()
        if self._feed is not None:
            self._feed.stop()
        self.cluster.close()

    def _keep_up(self) -> float:
        if not self.away():
            self._prove_in_time()
            if self._outgrown():
                return _UPKEEP
            if not self.identity.foreign:
                self._ledger.replay(_tell)
            for what in self.proposer.tending.tend():
                _tell(what)
            self.cluster.tidy()
            if self._chosen.store == choice.ETCD:  # in a Kubernetes cluster the controller does it
                for name in self._declared.accept():
                    notice(Reason(f"Pool {name}: its newest text is in force", "nothing is to be done"))
                if self._ledger.allows(Feature.PODNETWORKS_IN_FORCE):
                    self._declared.accept_podnetworks(reserving=self._actor)
            if time.monotonic() > self._hear_at:
                self._hear_at = time.monotonic() + _HEARING
                self.proposer.replica.hear(self.proposer.replica.clock().time - _UNNOTICED)
        return _UPKEEP

    def _outgrown(self) -> bool:
        """Say whether this node may not write into the ledger, by its minimum version; the log has it once."""
        before, self._refused = self._refused, self.proposer.outgrown
        if self._refused and self._refused != before:
            notice(Reason(f"{self._refused}; nothing is written until then", "bring this node to that version"))
        return bool(self._refused)

    def _prove_in_time(self) -> None:
        """Ask whether this machine still is the node, now and then."""
        if time.monotonic() < self._next_proof:
            return
        self.proposer.take(Seen(minimum=self.cluster.minimum()))  # what is followed need not say it
        before = self.identity.refusal
        proof = self.identity.refresh()
        if proof.refusal and proof.refusal != before:
            _tell(proof.refusal)
        self.proposer.take(Seen(epoch=self.cluster.epoch(lambda _: None)))
        self._next_proof = time.monotonic() + ASK
        if not self._of_nodes:  # of Nodes operators say it in Kubernetes
            self._known.remember()

    def _prove(self, waited: bool) -> Proof:
        node = self.proposer.spread.node
        now, version = self.proposer.replica.clock().time, HERE if self._feed is not None else ""
        mine = registration(self._directory, node, *self._machine, now, version=version)
        proof = self.cluster.prove(mine, _tell, waited=waited)
        if proof.absent:
            return absent(node, known=was_seen(self._directory, node))
        if not proof.refusal and self._of_nodes:
            see(self._directory, node)
        return proof


def require_node(directory: str) -> None:
    """Raise Refused if the directory's cluster says that this machine's name is no Node's, and it never was.

    Nothing else is found out: a cluster that does not answer, or that can't be asked, says nothing.
    """
    try:
        chosen = choice.chosen(directory)
        if chosen.store != choice.KUBERNETES or chosen.kubernetes.nodes == choice.NONE:
            return
        missing = not was_seen(directory, chosen.node) and _is_missing(chosen)
    except CniError:
        return
    if missing:  # one that was a Node may be one again: what runs here is looked after meanwhile
        raise Refused(absent(chosen.node, known=False).refusal, remedy(chosen.node, none=True))


def _is_missing(chosen: Chosen) -> bool:
    cluster = connected(chosen)
    try:
        mine = Registration(node=chosen.node, machine="", boot="", key="")
        return cluster.prove(mine, _tell, waited=False).absent
    finally:
        cluster.close()


def connected(chosen: Chosen) -> Cluster:
    """Return the cluster's store that was chosen. InvalidConfig, StoreFailed if that can't be made out."""
    if chosen.store == choice.ETCD:
        try:
            from podberth.stores.etcd.settings import Settings
            from podberth.stores.etcd.store import EtcdCluster
        except ModuleNotFoundError as missing:
            if (missing.name or "").partition(".")[0] not in ("google", "grpc"):
                raise
            raise TryAgainLater(
                "the ledger is in etcd, which this node's agent reaches, and no agent answers", "start `podberth agent`"
            ) from None

        assert chosen.etcd is not None
        settings = Settings.parse(chosen.etcd)
        return EtcdCluster(settings.client(), settings.prefix)
    if chosen.store == choice.KUBERNETES:
        from podberth.kube.client import Client
        from podberth.kube.config import load
        from podberth.stores.kubernetes.store import KubernetesCluster

        at = chosen.kubernetes
        return KubernetesCluster(
            Client(load(at.kubeconfig, at.context)), at.namespace, chosen.node, alone=at.nodes == choice.NONE
        )
    raise InvalidConfig(f"store: {chosen.store} is no cluster's store", "choose with `podberth store use`")


def _dated(chosen: Chosen, cluster: Cluster) -> tuple[Callable[[Uptime], Opinion | None], ...]:
    """Return the opinion of the cluster's own API, if it has one."""
    if chosen.store != choice.KUBERNETES:
        return ()
    from podberth.stores.kubernetes.opinion import Dated
    from podberth.stores.kubernetes.store import KubernetesCluster

    return (Dated(cluster.client),) if isinstance(cluster, KubernetesCluster) else ()


def _tell(what: str) -> None:
    """Notice what a part of the store says; where it says no next step, `doctor` does."""
    notice(Reason.of(what, "`podberth doctor` says how this node stands with the cluster's store"))
