"""What policies let pass over the networks of this node's pods, kept level.

It is level-driven: whatever changes, a policy, a pod or a peer, has what is wanted of a pod compared with what is in
its namespace. So nothing depends on which changes were heard of, and what somebody changed inside is put right.
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING

from podberth.agent.believing import Believing
from podberth.agent.due import Due
from podberth.cni.errors import CniError, TryAgainLater
from podberth.net.seen import POD, ObjectSought
from podberth.netpolicy.believed import Doubt
from podberth.netpolicy.pods import labels_of, ports_of
from podberth.netpolicy.ruling import Link, Ruled, chosen_by, peers_of, ruling
from podberth.netpolicy.standing import holding, unknown
from podberth.process.jitter import Backoff
from podberth.process.reason import Reason, reason
from podberth.verbs.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from podberth.agent.believing import Weighing
    from podberth.agent.followed import FollowedPolicies
    from podberth.cni.parsers import Network
    from podberth.kube.follow import Follower
    from podberth.net.host import Host
    from podberth.net.record import Record
    from podberth.netpolicy.believed import PodKey
    from podberth.netpolicy.standing import Standing
    from podberth.process.journal import Journal
    from podberth.verbs.node import Guarded, Node

LOOPS = 3  # pods that are looked at at once, each of another namespace: one that hangs delays its own namespace alone
_UNDER_WAY = 120.0  # seconds that an ADD may take from its rules on until it is recorded
_BACKOFF = Backoff(0.2, 15.0)
_MANY = Reason(
    "the namespace's policies name more sets of peers than a node follows for one: these choose nobody",
    "name fewer different selectors in the namespace's policies (docs/network-policies.md)",
)
_LOUD = 10  # tries after which it is said what keeps a pod from being looked at, though it is to be tried again


class Policing:
    """The policies of each API server that calls have named, and a loop that keeps pods' links to them.

    `nodes` opens the stores of meta plugins' calls, each for one use, in `folders`; `ledgers` those of addresses.
    `look` answers for pods of this node.
    """

    def __init__(
        self,
        nodes: Callable[[], Iterator[AbstractContextManager[Node]]],
        folders: Callable[[], Sequence[str]],
        ledgers: Callable[[], Iterator[AbstractContextManager[Node]]],
        look: Callable[[ObjectSought], Mapping[str, object] | None],
        journal: Journal,
    ) -> None:
        self._nodes, self._folders, self._look, self._journal = nodes, folders, look, journal
        self._believing = Believing(ledgers, folders, journal)
        self._guard = threading.Lock()
        self._clusters: dict[str, FollowedPolicies] = {}
        self._expected: dict[PodKey, float] = {}  # since when an ADD is under way, by the monotonic clock
        self._tries: dict[PodKey, int] = {}
        self._due: Due[PodKey, None] = Due(
            "policing", self._levelled, lambda why: journal.complain("warning", "policing", why),
            loops=LOOPS, whose=lambda pod: pod[0],
        )  # fmt: skip
        self.start = self._due.start

    def stop(self, seconds: float) -> None:
        """End, after the pod that is being looked at, but for at most so long."""
        self._due.stop(seconds)

    def close(self) -> None:
        """Follow nothing more."""
        with self._guard:
            clusters, self._clusters = list(self._clusters.values()), {}
        for each in clusters:
            each.close()

    @property
    def standings(self) -> tuple[Standing, ...]:
        """How all policies stand that are followed."""
        return tuple(one for cluster in tuple(self._clusters.values()) for one in cluster.standings())

    @property
    def followers(self) -> tuple[Follower, ...]:
        """Those that follow the API servers named so far."""
        return tuple(one for cluster in tuple(self._clusters.values()) for one in cluster.followers)

    @property
    def silence(self) -> float | None:
        """For how long (seconds) the server of policies has said nothing; None if none is followed."""
        return max((each.follower.silence for each in tuple(self._clusters.values())), default=None)

    def changed(self, namespace: str, name: str) -> None:
        """Look at the pod, soon."""
        self._due.put((namespace, name), None)

    def follow(self) -> None:
        """Follow the API servers whose policies hold for pods that run, and look at these."""
        running = sorted(((record.since, found) for _, record, found in self._running()), key=lambda one: one[0])
        self._believing.begin({found.kubeconfig: found.by_status for _, found in running})  # the newest pod's counts
        for _, found in running:
            self._cluster(found.kubeconfig)
            self.changed(found.pod.namespace, found.pod.name)

    def believe(self, kubeconfig: str, networks: tuple[Network, ...]) -> None:
        """Have addresses of these networks count by the peers' network-status, for all pods of an API server."""
        if self._believing.say(kubeconfig, networks):
            self._policies_changed("")

    def guard(self, host: Host, found: Guarded) -> None:
        """Put into a pod's namespace what policies let pass, before its networks are there.

        TryAgainLater if the policies are not known: no pod runs without what may be declared for it.
        """
        key = found.pod.namespace, found.pod.name
        self._expected[key] = monotonic()
        cluster = self._cluster(found.kubeconfig)
        cluster.require()
        doubtful = unknown(cluster.of(found.pod.namespace), (network for _, network in found.links))
        if doubtful:
            raise TryAgainLater(
                f"networkPolicies: policy {doubtful[0]} can't be read, and this node does not know what held before:"
                f" {doubtful[0].mistakes[0]}",
                "correct the policy, or delete it; the runtime tries again",
            )
        if self._police(host, cluster, found, ask=False) is None:
            raise TryAgainLater(
                f"the API server has no pod {found.pod}: its labels are not known", "the runtime tries again"
            )
        self._due.again(key, None, 0.1)

    def _cluster(self, kubeconfig: str) -> FollowedPolicies:
        with self._guard:
            found = self._clusters.get(kubeconfig)
            if found is None:
                from podberth.agent.followed import FollowedPolicies  # most nodes follow nothing

                found = FollowedPolicies(kubeconfig, self._folders, self._policies_changed, self._put, self._journal)
                self._clusters[kubeconfig] = found
                found.follower.start()
            return found

    def _put(self, pods: Iterable[PodKey]) -> None:
        for pod in pods:
            self._due.put(pod, None)

    def _policies_changed(self, namespace: str) -> None:
        """Look at the pods of a namespace, '' for all."""
        running = {(found.pod.namespace, found.pod.name) for _, _, found in self._running()}
        self._put(pod for pod in running if namespace in ("", pod[0]))

    def _running(self, pod: PodKey | None = None) -> Iterator[tuple[Node, Record, Guarded]]:
        """Yield what is policed: of every pod, or of those of a name."""
        for opened in self._nodes():
            with opened as node:
                for record in node.attachments.all() if node.stored() else ():
                    named = (record.pod.namespace, record.pod.name) if record.pod is not None else None
                    found = guarded(record) if pod in (None, named) else None
                    if found is not None:
                        yield node, record, found

    def _levelled(self, pod: PodKey, _: None) -> None:
        """Look at a pod of that name; what can't be done is tried again, later each time."""
        try:
            there, doubts = self._all_levelled(pod)
        except CniError as failure:
            tries = self._tries[pod] = self._tries.get(pod, 0) + 1
            if not isinstance(failure, TryAgainLater) or tries == _LOUD:
                self._journal.complain("warning", "policing", reason(failure), {"pod": "/".join(pod)})
            self._due.again(pod, None, _BACKOFF.pause(tries))
            return
        self._tries.pop(pod, None)
        if there:
            self._expected.pop(pod, None)
            self._due.again(pod, None, self._believing.pause(pod, doubts))
        elif monotonic() - self._expected.get(pod, -_UNDER_WAY) < _UNDER_WAY:
            self._due.again(pod, None, 0.2)  # its ADD has not come to its record yet
        else:
            self._expected.pop(pod, None)
            self._believing.forget(pod)
            for cluster in tuple(self._clusters.values()):
                cluster.peers.need(pod, ())
        for cluster in tuple(self._clusters.values()):
            cluster.peers.tidy()
            cluster.tell()

    def _all_levelled(self, pod: PodKey) -> tuple[bool, tuple[Doubt, ...]]:
        """Bring every namespace of a pod of that name level; return whether there is any, and which peers are in doubt.

        TryAgainLater if a ledger can't be asked about peers; all else is level then.
        """
        there, doubts, away = False, dict[Doubt, None](), None
        for node, record, _ in self._running(pod):
            there = True
            with node.host.locked(f"container:{record.attachment.container_id}", wait=False):
                now = node.attachments.find(record.key)
                again = guarded(now) if now is not None and now.done else None
                if again is not None and node.host.netns_id(again.netns) == again.netns_id:
                    cluster = self._cluster(again.kubeconfig)
                    if cluster.known.is_set():
                        weighing = self._police(node.host, cluster, again)
                        doubts |= dict.fromkeys(weighing.doubts if weighing is not None else ())
                        away = away or (weighing.away if weighing is not None else None)
        if away is not None:
            raise TryAgainLater(
                f"peers of policies: {away}", f"it is tried again, and running pods keep what they have; {away.todo}"
            )
        return there, tuple(doubts)

    def _police(self, host: Host, cluster: FollowedPolicies, found: Guarded, *, ask: bool = True) -> Weighing | None:
        """Bring one namespace level; None if the API server has no such pod, which then stays as it is.

        So does a pod that a policy may choose of which nobody knows what holds. Return how peers' words were weighed.
        """
        weighing = self._believing.weighing(found.kubeconfig, ask=ask)
        standings = cluster.of(found.pod.namespace)
        if unknown(standings, (network for _, network in found.links)):
            return weighing
        key = found.pod.namespace, found.pod.name
        sought = ObjectSought(
            kubeconfig=found.kubeconfig, kind=POD, namespace=key[0], name=key[1], uid=found.pod.api_uid
        )
        raw = self._look(sought)
        if raw is None:
            return None
        pod = Ruled(
            namespace=found.pod.namespace,
            labels=labels_of(raw),
            links=tuple(Link(ifname=ifname, network=network) for ifname, network in found.links),
            ports=ports_of(raw),
        )
        chosen = chosen_by(holding(standings), pod)
        refused = cluster.peers.need(key, peers_of(chosen))
        if refused:
            self._journal.complain(
                "warning", "peers refused", _MANY, {"pod": str(found.pod), "sets": [str(one) for one in refused]}
            )
        wanted = ruling(
            chosen, pod, lambda peers: () if peers in refused else weighing.counted(cluster.peers.said(peers))
        )
        if host.police(found.netns, found.netns_id, wanted):
            about = {"pod": str(found.pod), "policies": [str(policy) for policy in chosen] or None}
            self._journal.write("info", "policed", about)
        return weighing
