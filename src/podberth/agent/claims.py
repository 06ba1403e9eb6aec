"""IPAMClaims: their status is written after the ADD is answered, and their address ends once they are deleted.

Both are level-driven. A status is written anew at each start of the agent. What the ledger keeps for a claim is
compared with the API server again and again, while no pod has it. A server that can't be asked says nothing: not known
is never gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth import objects
from podberth.agent.known_servers import known, remember
from podberth.agent.statuses import Statuses
from podberth.cni.errors import CniError
from podberth.ipam.owner import claim_of
from podberth.process.jitter import Backoff
from podberth.process.loop import Loop
from podberth.process.reason import reason
from podberth.verbs.claims import end, idle, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from podberth.ipam.lease import Reservation
    from podberth.networks.claim import ClaimStatus
    from podberth.process.reason import Reason
    from podberth.verbs.node import Node

FIRST, LOOK = 1.0, 60.0  # seconds until the first look at what is kept for claims, and between two
SOON, LATE = 60.0, 300.0  # seconds until a claim that is still there is asked for again, and at most
AT_ONCE = 64  # claims that are asked for in one turn, which must end in time
_IDLE = Backoff(SOON, LATE, least=0.5)


class Claims:
    """`nodes` opens each store of addresses for one use; `calls` those of meta plugins' calls, in `folders`.

    `standing_by` is told of a pod that may not have its address yet. `ended` gets what was released; `failed` why
    something could not be done.
    """

    def __init__(
        self,
        nodes: Callable[[], Iterator[AbstractContextManager[Node]]],
        calls: Callable[[], Iterator[AbstractContextManager[Node]]],
        folders: Callable[[], Iterable[str]],
        standing_by: Callable[[], None],
        ended: Callable[[Mapping[str, object]], None],
        failed: Callable[[Reason], object],
    ) -> None:
        self._nodes, self._calls, self._folders = nodes, calls, folders
        self._standing_by = standing_by
        self._ended, self._failed = ended, failed
        self._statuses: Statuses[tuple[str, str], tuple[str, ClaimStatus]] = Statuses(
            "claim status",
            lambda _, told: objects.show_claim(*told),
            lambda claim, _: f"status of IPAMClaim {'/'.join(claim)}",
            failed,
        )
        self._loop = Loop("claims", self._turn, failed)
        self._pauses: dict[Reservation, tuple[int, float]] = {}  # how often each was found, and turns until the next
        self._told = ""

    def start(self) -> None:
        """Begin, with the status of all claims that pods here refer to."""
        self._statuses.start()
        self._loop.start(after=FIRST)
        for opened in self._calls():
            with opened as node:
                for kubeconfig, status in shown(node):
                    self._put(kubeconfig, status)

    def stop(self, seconds: float) -> None:
        """End."""
        self._loop.end(seconds)
        self._statuses.stop(seconds)

    def put(self, folder: str, kubeconfig: str, status: ClaimStatus) -> None:
        """Have a claim's status written, and remember its API server: the pod may be gone by the next start."""
        if status.standby:
            self._standing_by()
        else:
            self._put(kubeconfig, status)
        try:
            remember(folder, kubeconfig)
        except OSError as failure:
            self._failed(reason(failure))

    def show(self, kubeconfig: str, status: ClaimStatus) -> None:
        """Have a claim's status written that a pod has by now."""
        self._put(kubeconfig, status)

    def _put(self, kubeconfig: str, status: ClaimStatus) -> None:
        self._statuses.put((status.namespace, status.name), (kubeconfig, status))

    def _turn(self) -> float:
        """Ask for the claims whose turn it is, of all that no pod has."""
        there: dict[Reservation, tuple[int, float]] = {}
        servers = tuple(dict.fromkeys(server for folder in self._folders() for server in known(folder)))
        left = AT_ONCE
        for opened in self._nodes() if servers else ():
            with opened as node:
                for kept in longest_first(idle(node), self._pauses):
                    tries, pause = self._pauses.get(kept, (0, 0.0))
                    there[kept] = tries, pause - LOOK
                    if pause > 0 or left <= 0:
                        continue
                    answered = self._ended_or_not(node, servers, kept)
                    left = left - 1 if answered else 0  # a server that is away is away for all
                    there[kept] = tries + 1, _IDLE.pause(tries + 1)
        self._pauses = there
        return LOOK

    def _ended_or_not(self, node: Node, servers: tuple[str, ...], kept: Reservation) -> bool:
        """Release what is kept for a claim that all API servers say is gone; say whether they answered."""
        name, uid = claim_of(kept.pod)
        try:
            gone = all(objects.claim_is_gone(server, kept.pod.namespace, name, uid) for server in servers)
            if gone and end(node, kept):
                self._ended({"claim": f"{kept.pod.namespace}/{name}", "address": str(kept.address)})
        except (CniError, OSError) as failure:
            why = reason(failure)
            if why != self._told:
                self._told = why
                self._failed(why)
            return False
        self._told = ""
        return True


def longest_first(idle: Iterable[Reservation], pauses: Mapping[Reservation, tuple[int, float]]) -> list[Reservation]:
    """Return them by how long each has waited to be asked for: of more than a turn asks for, none waits for ever.

    `pauses` are the seconds until each is to be asked for again; below zero it waits already.
    """
    return sorted(idle, key=lambda kept: pauses.get(kept, (0, 0.0))[1])
