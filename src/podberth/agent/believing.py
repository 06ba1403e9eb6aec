"""Which addresses of peers count on this node, and which are in doubt: looked at again soon, and told if they stay so.

A pod may say its addresses a moment before its lease has come here. So a doubt is told after some looks only.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from podberth.agent.holders import Holders
from podberth.agent.said_networks import known, remember
from podberth.cni.errors import CniError
from podberth.netpolicy.believed import KEY, weighed
from podberth.process.jitter import Backoff
from podberth.process.reason import Reason, reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from podberth.cni.parsers import Network
    from podberth.net.ops import Address
    from podberth.netpolicy.believed import Doubt, PodKey, Said
    from podberth.process.journal import Journal
    from podberth.verbs.node import Node

LOOK = 30.0  # seconds after which a pod is looked at again, though nothing was heard
_BACKOFF = Backoff(0.2, LOOK, least=0.5)
_SURE = 5  # looks that find the same in doubt, until it is told
_FEW = 8  # doubts that the log has
_DOUBTED = Reason(
    "addresses that peers say are theirs are no ledger's for them: they choose nobody",
    f"name the networks of other plugins in {KEY} beside networkPolicies (docs/network-policies.md)",
)


class Believing:
    """By the ledgers that `ledgers` opens, each for one use, and by what the operator has said of networks.

    `folders`: where that is remembered, in the first.
    """

    def __init__(
        self,
        ledgers: Callable[[], Iterator[AbstractContextManager[Node]]],
        folders: Callable[[], Sequence[str]],
        journal: Journal,
    ) -> None:
        self._holders, self._folders, self._journal = Holders(ledgers), folders, journal
        self._by_status: dict[str, tuple[Network, ...]] = {}  # by kubeconfig
        self._unsaved: set[str] = set()  # kubeconfigs
        self._guard = threading.Lock()  # of the file, in which calls of several API servers have their part
        self._doubts: dict[PodKey, tuple[int, frozenset[Doubt]]] = {}  # how many looks have found the same

    def begin(self, recorded: Mapping[str, tuple[Network, ...]]) -> None:
        """Go on with the networks that were said last; of an API server of which that is not known with these."""
        folders = self._folders()
        self._by_status = {**recorded, **(known(folders[0]) if folders else {}), **self._by_status}

    def say(self, kubeconfig: str, networks: tuple[Network, ...]) -> bool:
        """Have addresses of these networks count by network-status; say whether it were others before."""
        news = self._by_status.get(kubeconfig) != networks
        if news or kubeconfig in self._unsaved:
            self._by_status[kubeconfig] = networks
            self._save(kubeconfig, networks)
        return news

    def _save(self, kubeconfig: str, networks: tuple[Network, ...]) -> None:
        """Remember them; what can't be written is tried again with the next call, and told once."""
        first = kubeconfig not in self._unsaved
        self._unsaved.add(kubeconfig)
        try:
            with self._guard:
                for folder in self._folders()[:1]:
                    remember(folder, kubeconfig, networks)
                    self._unsaved.discard(kubeconfig)
        except FileNotFoundError:
            pass  # a first ADD makes the folder later on
        except OSError as failure:
            if first:
                self._journal.complain("warning", "policing", reason(failure).within(f"networks of {KEY}"))

    def weighing(self, kubeconfig: str, *, ask: bool) -> Weighing:
        """Return what weighs the words of peers of one pod, once. Without `ask` nobody is asked who has an address."""
        return Weighing(self._holders, self._by_status.get(kubeconfig, ()), ask=ask)

    def pause(self, pod: PodKey, doubts: Sequence[Doubt]) -> float:
        """Return in how many seconds to look at a pod again with these peers in doubt; tell of what stays so."""
        if not doubts:
            self.forget(pod)
            return LOOK
        now = frozenset(doubts)
        tries, had = self._doubts.get(pod, (0, now))
        tries = tries + 1 if had == now else 1
        self._doubts[pod] = tries, now
        if tries == _SURE:
            about = {"pod": "/".join(pod), "peers": [str(one) for one in doubts[:_FEW]], "all": len(doubts)}
            self._journal.complain("warning", "peers not counted", _DOUBTED, about)
        return _BACKOFF.pause(tries)

    def forget(self, pod: PodKey) -> None:
        """Take note that nothing is in doubt for a pod."""
        self._doubts.pop(pod, None)


class Weighing:
    """What counts of the words of peers. `doubts` are what did not; `away`: why a ledger could not be asked."""

    def __init__(self, holders: Holders, by_status: tuple[Network, ...], *, ask: bool) -> None:
        self._holders, self._networks, self._ask = holders, by_status, ask
        self.doubts: list[Doubt] = []
        self.away: Reason | None = None

    def counted(self, said: Sequence[Said] | None) -> tuple[Address, ...] | None:
        """Return the addresses that count; None if that is not known: a set of a running pod stays as it is then."""
        if said is None:
            return None
        try:
            found = self._holders.of(said) if self._ask else self._holders.known(said)
        except CniError as failure:
            self.away, found = reason(failure), None
        if found is None:
            return None
        counted, doubts = weighed(said, found, self._networks)
        self.doubts += doubts
        return counted
