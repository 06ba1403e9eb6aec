"""The policies of one API server as it tells of them, in all namespaces, and how each document stands."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from podberth import objects
from podberth.agent.peers import PeerSets
from podberth.cni.errors import CniError, TryAgainLater
from podberth.kube.errors import NotFound
from podberth.kube.follow import Follower
from podberth.kube.resources import MULTI_NETWORK_POLICIES
from podberth.kube.served import served
from podberth.netpolicy.standing import HOLDING, IN_FORCE, LAST_GOOD, OUT, judged
from podberth.process.reason import Reason, reason
from podberth.stores.last_good import remember, remembered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from podberth.kube.client import Object
    from podberth.netpolicy.believed import PodKey
    from podberth.netpolicy.standing import Standing
    from podberth.process.journal import Journal

PATIENCE = 2.0  # seconds that an ADD waits for the policies
_FEW = 8  # mistakes of one policy that the log has
_AWAY = "what was heard before holds; `podberth doctor` says whether the API server can be reached"
_CORRECT = "correct the policy: `podberth explain POD` says what holds for a pod meanwhile"


class FollowedPolicies:
    """A pod that starts finds the policies of its namespace known already, though none of its pods was here before.

    `changed` is told the namespace of a policy that is new, another, or gone; '' for any. `folders`: where texts that
    hold while newer ones have mistakes are remembered, in the first.
    """

    def __init__(
        self,
        kubeconfig: str,
        folders: Callable[[], Sequence[str]],
        changed: Callable[[str], None],
        peers_changed: Callable[[Iterable[PodKey]], None],
        journal: Journal,
    ) -> None:
        self.known = threading.Event()
        self.peers = PeerSets(kubeconfig, peers_changed)
        self._kubeconfig, self._folders = kubeconfig, folders
        self._changed, self._journal, self._trouble = changed, journal, ""
        self._client = objects.client(kubeconfig)
        self._there: dict[str, dict[str, Standing]] = {}  # by namespace, and by name
        self._unsaved = ""  # why the file could not be written
        self.follower = Follower(self._client, MULTI_NETWORK_POLICIES, self)

    def of(self, namespace: str) -> Sequence[Standing]:
        """Return how the documents of a namespace stand, in order."""
        there = self._there.get(namespace, {})
        return [there[name] for name in sorted(there)]

    def standings(self) -> Sequence[Standing]:
        """Return how all documents stand."""
        return [one for namespace in tuple(self._there) for one in self.of(namespace)]

    @property
    def followers(self) -> tuple[Follower, ...]:
        """Those that follow the policies, and the peers that they name."""
        return (self.follower, *self.peers.followers)

    @property
    def trouble(self) -> str:
        """Why policies or peers are not being heard of; '' if they are."""
        return self.follower.trouble or self.peers.trouble

    def tell(self) -> None:
        """Say why policies or peers are not being heard of, once for each reason; and that they are again."""
        trouble = self.trouble
        if trouble != self._trouble:
            self._trouble = trouble
            if trouble:
                self._journal.complain("warning", "policies not heard", Reason.of(trouble, _AWAY))
            else:
                self._journal.write("info", "policies not heard", {"message": "heard again"})

    def require(self) -> None:
        """Wait until the policies are known. TryAgainLater if they can't be; a server without that kind has none."""
        if self.known.wait(PATIENCE):
            return
        try:
            served(self._client, MULTI_NETWORK_POLICIES)
        except NotFound:
            self.known.set()
        except CniError as away:
            raise TryAgainLater(
                f"networkPolicies: the policies are not known: {away.message}",
                away.details or "the runtime tries again",
            ) from away
        else:
            raise TryAgainLater("networkPolicies: the policies are not known yet", "the runtime tries again")

    def replace(self, items: Sequence[Object], resource_version: str) -> None:
        """Take these as all there are (`kube.follow.Handler`)."""
        del resource_version
        before = self._there if self.known.is_set() else self._remembered()
        there: dict[str, dict[str, Standing]] = {}
        for item in items:
            standing = self._judged(item, before)
            if standing is not None:
                there.setdefault(standing.policy.namespace, {})[standing.policy.name] = standing
        self._there = there
        self.known.set()
        self._settled("")

    def change(self, kind: str, item: Object) -> None:
        """Take one change."""
        namespace, name = item["metadata"]["namespace"], item["metadata"]["name"]
        standing = None if kind == "DELETED" else self._judged(item, self._there)
        rest = {other: one for other, one in self._there.get(namespace, {}).items() if other != name}
        self._there = {**self._there, namespace: rest if standing is None else {**rest, name: standing}}
        self._settled(namespace)

    def reached(self, resource_version: str) -> None:
        """Take note of nothing: what is followed begins anew with each agent."""

    def close(self) -> None:
        """Follow nothing more."""
        self.follower.close()
        self.peers.close()

    def _remembered(self) -> dict[str, dict[str, Standing]]:
        found: dict[str, dict[str, Standing]] = {}
        for text in remembered(self._folders(), self._kubeconfig):
            try:
                one = judged(text)
            except CniError:
                continue  # somebody has written into the file
            if one.state == IN_FORCE:
                found.setdefault(one.policy.namespace, {})[one.policy.name] = one
        return found

    def _settled(self, namespace: str) -> None:
        texts = [one.text for one in self.standings() if one.state == LAST_GOOD]
        try:
            for folder in self._folders()[:1]:
                remember(folder, self._kubeconfig, texts)
            self._unsaved = ""
        except OSError as failure:
            why = reason(failure, "free some of the node's disk: after a restart it would not know what held before")
            if self._unsaved != why:
                self._unsaved = why
                self._journal.complain("warning", "policing", why.within("texts of policies that hold"))
        self._changed(namespace)

    def _judged(self, item: Object, before: dict[str, dict[str, Standing]]) -> Standing | None:
        """Return how a document stands. What is wrong with it is told."""
        named = str(item["metadata"].get("namespace")), str(item["metadata"].get("name"))
        known = before.get(named[0], {}).get(named[1])
        about = {"policy": "/".join(named)}
        try:
            standing = judged(item, known)
        except CniError as wrong:
            self._journal.complain("warning", "policy not in force", reason(wrong, _CORRECT), about)
            return None
        if standing.mistakes and (known is None or known != standing):
            mistakes = list(standing.mistakes[:_FEW])
            why = Reason("; ".join(mistakes), _CORRECT)
            if standing.state == OUT:
                self._journal.complain("warning", "policy not in force", why, about)
            else:
                said = {**about, "state": standing.state, "mistakes": mistakes}
                self._journal.complain("warning", "policy with mistakes", why, said)
        elif known is not None and known.mistakes and standing.state in HOLDING:
            self._journal.write("info", "policy in force", about)
        return standing
