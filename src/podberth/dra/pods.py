"""What a runtime tells of pods (`nri.plugin.Pods`), as far as it concerns resource claims.

Of two ways to keep a pod from starting, only the second is used: an error about its sandbox has containerd 2.1 forget
the sandbox, whose processes stay for ever. So a sandbox goes on, whatever happens. Its containers are refused until
their links are there, and each try of kubelet's brings them anew.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from podberth.cni.errors import CniError, TryAgainLater
from podberth.process.errand import Errand
from podberth.process.loop import report
from podberth.process.reason import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from podberth.dra.driver import Driver
    from podberth.dra.prepared import Prepared, PreparedClaims
    from podberth.nri.messages import Pod
    from podberth.process.reason import Reason


class ClaimedPods:
    """Carries links into pods and out of them. `failed` is told what could not be done."""

    def __init__(self, driver: Driver, claims: PreparedClaims, failed: Callable[[Reason], object]) -> None:
        self._driver, self._claims, self._failed = driver, claims, failed
        self._guard = threading.Lock()
        self._there: dict[str, str] = {}  # by a claim's UID, the sandbox that has its links
        self._asking: set[str] = set()  # UIDs of claims of earlier pods that the API server is being asked for
        self._ended: set[str] = set()  # sandboxes that have stopped since the runtime has listed all there are

    def synchronize(self, pods: tuple[Pod, ...]) -> None:
        """Bring to each pod what it has missed. The runtime, which waits two seconds at most, waits for none of it."""
        with self._guard:
            self._ended.clear()
        Errand(lambda: self._look_after(pods))

    def run(self, pod: Pod) -> None:
        """Bring the pod its links, and say nothing of what can't be brought: its containers are refused."""
        try:
            self._bring(pod, anew=True)
        except Exception as failure:  # noqa: BLE001 - the runtime must get no error for an answer, whatever this was
            report(self._failed, reason(failure).within(str(pod)))

    def create(self, pod: Pod) -> None:
        """Bring the pod what it lacks, for a container. CniError says what it lacks still."""
        self._bring(pod, anew=False)

    def stop(self, pod: Pod) -> None:
        """Take the pod's links out of its namespace, which is about to end. What can't be taken is made anew later.

        An agent that has just started does not know which sandbox has them: then the namespace tells, and a runtime
        that names none gets nothing taken.
        """
        with self._guard:
            self._ended.add(pod.id)
        for claim in self._claims.of_pod(pod.uid):
            with self._guard:
                there = self._there.get(claim.uid)
                if there != pod.id and (there is not None or not pod.netns):
                    continue  # a sandbox that came after it has the links, or may have them
                self._there.pop(claim.uid, None)
            try:
                self._driver.take_home(claim.uid, pod.netns)
            except CniError as failure:
                report(self._failed, reason(failure).within(f"{pod}: {claim}"))

    def remove(self, pod: Pod) -> None:
        """Forget the sandbox."""
        with self._guard:
            self._ended.discard(pod.id)

    def _look_after(self, pods: tuple[Pod, ...]) -> None:
        for pod in pods:
            with self._guard:
                ended = pod.id in self._ended
            if not ended:
                self.run(pod)

    def _take_over(self, pod: Pod) -> None:
        """Have claims of an earlier pod of the name looked at: one may be this pod's by now. Nobody waits for that.

        Meanwhile the fence keeps the pod's containers from starting, and kubelet tries again.
        """
        with self._guard:
            earlier = self._claims.of_earlier(pod.namespace, pod.name, pod.uid)
            asked = [claim for claim in earlier if claim.uid not in self._asking]
            self._asking.update(claim.uid for claim in asked)
        if not asked:
            return
        try:
            Errand(lambda: self._taken_over(pod, asked))
        except BaseException:  # no thread can be had
            self._answered(asked)
            raise

    def _taken_over(self, pod: Pod, claims: Sequence[Prepared]) -> None:
        try:
            for claim in claims:
                try:
                    if self._driver.hand_over(claim.uid, pod.uid):
                        self._driver.bring(claim.uid, pod.netns)
                except Exception as failure:  # noqa: BLE001 - it is asked again at kubelet's next try
                    report(self._failed, reason(failure).within(f"{pod}: {claim}"))
        finally:
            self._answered(claims)

    def _answered(self, claims: Sequence[Prepared]) -> None:
        with self._guard:
            self._asking.difference_update(claim.uid for claim in claims)

    def _bring(self, pod: Pod, *, anew: bool) -> None:
        self._take_over(pod)
        claims = self._claims.of_pod(pod.uid)
        for claim in claims:
            with self._guard:
                there = self._there.get(claim.uid) == pod.id
            if there and not anew:
                continue
            if not pod.netns:
                raise TryAgainLater(
                    f"{claim}: the runtime names no network namespace of the pod", "is it on the node's network?"
                )
            try:
                self._driver.bring(claim.uid, pod.netns)
            except CniError as failure:
                raise TryAgainLater(f"{claim}: {reason(failure)}", failure.details) from failure
            with self._guard:
                kept = {uid: sandbox for uid, sandbox in self._there.items() if self._claims.find(uid) is not None}
                self._there = {**kept, claim.uid: pod.id}
