"""How a change is made in a cluster: proposed on the replica, decided by the cluster's store, and if need be again."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from podberth.cni.errors import CniError, PoolExhausted, TryAgainLater
from podberth.ipam.lease import AddressBoundElsewhere
from podberth.ipam.outlook import Outlook, bare
from podberth.ipam.versions import UPGRADE, lacking, outgrown
from podberth.process.jitter import Backoff
from podberth.stores.replica.marks import promised
from podberth.stores.replica.peer_clocks import PeerClocks
from podberth.stores.replica.reaching import never_read, reaching
from podberth.stores.replica.returned import Return
from podberth.stores.replica.shared import Outdated, Outgrown, Seen, Stale, Unknown
from podberth.stores.replica.spread import Spread, moved_elsewhere
from podberth.stores.replica.tending import Tending
from podberth.stores.sqlite.claims import ALONE, Rivals
from podberth.stores.sqlite.minimum import minimum, require

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from sqlite3 import Connection
    from typing import TypeVar

    from podberth.cni.pod import PodRef
    from podberth.ipam.address_record import AddressRecord
    from podberth.ipam.versions import Feature
    from podberth.net.ops import Address
    from podberth.stores.replica.replica import Replica
    from podberth.stores.replica.shared import AddressWrite, Cluster, Proposal

    T = TypeVar("T")

ATTEMPTS = 40  # lost races until the caller is told to come again
_AT_ONCE = 3  # attempts before there is a pause between two
_BACKOFF = Backoff(0.02, 0.5)
_SETTLING = 10.0  # seconds to wait for other changes of this process that are on their way
# Seconds before each question what became of a change whose answer was lost.
_ASKING: tuple[float, ...] = (0.05, 0.2, 0.5, 1.0, 2.0)


class Unanswered(Stale):
    """The answer to a change was lost, and it was not made when that was asked: it may yet be."""


class Proposer:
    """Makes changes of a cluster's ledger. Threads share it.

    `current`: ask the cluster's store for news before each step, as there is no feed. `features`: what each change of
    this node needs of the ledger. `away` says why the feed, if there is one, hears nothing.
    `moved` is told which addresses have moved to other nodes. `attempts` and `steps` count what was asked of the
    cluster's store, and what it agreed to.
    """

    def __init__(
        self, replica: Replica, cluster: Cluster, node: str, *, current: bool, features: tuple[Feature, ...] = ()
    ) -> None:
        self.replica = replica
        self.cluster = cluster
        self.current = current
        self.features = features
        self.outlook = Outlook()
        self.away: Callable[[], str] = lambda: ""
        self.spread = Spread(node)
        self.returned = Return(replica, cluster, node)
        self.peer_clocks = PeerClocks(node)
        self.moved: Callable[[frozenset[Address]], None] = lambda _: None
        self.tending = Tending(cluster, replica, self._written)
        self.asking = _ASKING
        self.attempts = 0
        self.steps = 0
        # What this node did before it ended, or was never told the end of, may be known to the store alone.
        self._synced = False
        self._in_doubt: list[Proposal] = []
        self._beginning = threading.Lock()
        self._loading = threading.Lock()
        self._settled = threading.Condition()
        self._under_way: dict[Address, int] = {}

    def settle(
        self,
        decide: Callable[[Connection, Rivals], T],
        *,
        pods: Sequence[PodRef] = (),
        declares: bool = False,
        about: tuple[Address, ...] = (),
        operation: str = "",
        parts: bool = False,
        told: Callable[[int], object] = lambda _: None,
        patience: int = ATTEMPTS,
    ) -> tuple[T, Proposal]:
        """Make the change that `decide` makes of the replica; return its answer, and what was written.

        It is decided on what the store has of the addresses `about`, or else on what the replica has heard.
        `operation`: who does what, if all of it has to be done or nothing, however large it is. With `parts`, what no
        operation carries is done in parts. `told` gets how many addresses more are marked. `patience`: how often it is
        looked whether an operation of others is over that is in the way.

        If `decide` refuses, the replica catches up first, and `decide` is asked again: it raises only if it still
        refuses. Away if the cluster's store is; TryAgainLater if others are always faster.
        """
        fresh = self._up_to_date(about)
        asked: set[Address] = set()
        unanswered: list[tuple[T, Proposal]] = []
        for attempt in range(ATTEMPTS):
            try:
                answer, proposal = self._propose(decide, pods, declares)
            except CniError as refused:
                fresh = self._refused(refused, asked, fresh=fresh)
                continue
            if proposal.marks and not proposal.empty:
                fresh = self._meet(proposal, attempt, patience)
                continue
            late = next((one for one in unanswered if self._committed_after_all(one[1])), None)
            if late is not None:
                self._end(proposal)
                return late
            try:
                if self._made(proposal, operation, told, parts=parts):
                    return answer, proposal
            except Unanswered:
                unanswered.append((answer, proposal))
            fresh = False
            asked.clear()
            time.sleep(_BACKOFF.pause(attempt + 1 - _AT_ONCE))
        raise TryAgainLater(
            f"{ATTEMPTS} attempts to change the cluster's ledger were overtaken by others", "try again in a moment"
        )

    def _up_to_date(self, about: tuple[Address, ...]) -> bool:
        """Bring into the replica what a decision about the addresses needs; say if all is new now. Raises Away."""
        fresh = self.current and self.catch_up()
        self._begin()
        self._resolve()
        if about and not fresh:
            self._ask(about)
        return fresh

    def _meet(self, proposal: Proposal, attempt: int, patience: int) -> bool:
        """See to the operations that are in the proposal's way; say if all in the replica is new then."""
        self._end(proposal)
        with reaching():
            self.tending.meet(proposal.marks, attempt, patience)
        return self.current and self.catch_up()

    def _written(self, seen: Seen) -> None:
        with self.replica.database.lock.lock:
            news = self.replica.take(seen, own=True)
        self._notice(news)

    def _refused(self, refused: CniError, asked: set[Address], *, fresh: bool) -> bool:
        """Raise the refusal if it does not come from old news; else see to it, and return whether all is new now."""
        if isinstance(refused, PoolExhausted) and self._others_end():
            return fresh
        held = refused.lease.address if isinstance(refused, AddressBoundElsewhere) else None
        if fresh or held in asked:
            raise refused
        if held is None:
            return self.catch_up()
        # What holds one address needs no more news than that: a feed that is behind may be so by very many.
        asked.add(held)
        self._ask((held,))
        return False

    def _ask(self, addresses: tuple[Address, ...]) -> None:
        with reaching():
            self.take(self.cluster.read(addresses, ()))

    def dry_run(self, decide: Callable[[Connection, Rivals], T]) -> T:
        """Return what `decide` answers of the replica as it is; nothing is changed."""
        return self.replica.propose(lambda connection: decide(connection, ALONE))[0]

    def _begin(self) -> None:
        """See to it that the replica has been up to date once since this process has it. Raises Away."""
        with self._beginning:
            if not self._synced:
                self.catch_up()

    @property
    def outgrown(self) -> str:
        """Why this node may not write into the ledger, by what is known of its minimum version; '' if it may."""
        with self.replica.database.read() as connection:
            known = minimum(connection).version
        return outgrown(known) or next(filter(None, (lacking(known, feature) for feature in self.features)), "")

    def see(self) -> None:
        """Make sure that the replica may be asked. Raises Away, NeverRead.

        Whoever follows the store asks it as it is. Others bring it up to now before; if that can't be done, the outlook
        says whether the last that is known will do.
        """
        if self.current and not self.outlook.away:
            try:
                self.catch_up()
            except CniError as failure:
                self.missed(failure)
        elif not self.replica.filled:
            raise never_read(bare(self.outlook.away or self.away()))

    def missed(self, failure: CniError) -> None:
        """Go on by the last that is known, if whoever asks can do with that; else raise what kept the store away."""
        if not self.outlook.tolerant:
            raise failure
        if not self.replica.filled:
            raise never_read(bare(failure.message), failure.details) from failure
        self.outlook.missed(bare(failure.message), self.replica.heard)

    def catch_up(self) -> bool:
        """Bring the replica up to now; return True. Raises Away."""
        began = self.replica.clock().time
        self._caught_up()
        if self.current:
            self.replica.hear(began)
        return True

    def _caught_up(self) -> None:
        with reaching():
            compared = self.returned.in_doubt
            if self._returned():
                return
            if position := self.replica.position:
                try:
                    self.take(self.cluster.since(position))
                except Outdated:
                    self.doubt()
                    if not compared and self._returned():
                        return
                else:
                    self._synced = True
                    return
        self.load()

    def doubt(self) -> None:
        """Have the store be compared with what is known here, when it is asked next: it may have been put back."""
        self.returned.in_doubt = True

    def _returned(self) -> bool:
        """Say whether the store turns out to be put back; the replica is one of it as it is now then."""
        news = self.returned.look()
        if news is None:
            return False
        self._notice(news)
        self._synced = True
        if not self.current:
            self.cluster.interrupt()  # whoever follows the store does so from where it was
        return True

    def load(self) -> None:
        """Read the whole state into the replica. Raises Away."""
        with reaching(), self._loading:
            for news in self.replica.load(self.cluster.load()):
                self._notice(news)
        self._synced = True

    def take(self, seen: Seen) -> bool:
        """Bring what was seen into the replica; say whether it was news of an address.

        Whoever begins an epoch has seen that the store was put back. What this node knows may be of before, too.
        """
        if seen.epoch is not None and self.replica.is_later(seen.epoch):
            self.doubt()
            if self._returned():
                return True
        return self._notice(self.replica.take(seen))

    def _notice(self, news: tuple[AddressRecord, ...]) -> bool:
        self.spread.noticed(news)
        if news:
            self.peer_clocks.hear(news, self.replica.clock().uptime)
        moved = frozenset(record.address for record in news if moved_elsewhere(record, self.spread.node))
        if moved:
            self.moved(moved)
        return bool(news)

    def _propose(
        self, decide: Callable[[Connection, Rivals], T], pods: Sequence[PodRef], declares: bool
    ) -> tuple[T, Proposal]:
        with self.replica.database.lock:

            def here(connection: Connection) -> T:
                if why := outgrown(minimum(connection).version):
                    raise Outgrown(why, UPGRADE)
                for feature in self.features:
                    require(connection, feature)
                taken = promised(connection).union(self._under_way)
                rivals = Rivals(taken=taken, start=self.spread.start_in(connection))
                return decide(connection, rivals)

            answer, proposal = self.replica.propose(here, pods=pods, declares=declares)
            for write in proposal.addresses:
                address = write.record.address
                self._under_way[address] = self._under_way.get(address, 0) + 1
        return answer, proposal

    def _made(self, proposal: Proposal, operation: str, told: Callable[[int], object], *, parts: bool) -> bool:
        """Have the cluster's store make the change; False if it relied on what has changed, which is taken over.

        `operation`: who does it, if it has to be done as a whole. Raises Unanswered, once what is there is taken
        over, if the answer was lost and it was not made by then.
        """
        if proposal.empty:
            return True
        try:
            carried = not parts or self.tending.carries(proposal)
            if operation and carried and not self.cluster.one_step(proposal):
                self.attempts += 1
                with reaching():
                    self.tending.perform(proposal, operation, told)
            else:
                self._written(self._committed(proposal))  # what is made has to be known here, whatever the wait
        except Stale as stale:
            if not self.take(stale.seen):
                self.catch_up()
            self.spread.lost(write.record.pool for write in proposal.addresses)
            if isinstance(stale, Unanswered):
                raise
            return False
        finally:
            self._end(proposal)
        self.steps += 1
        return True

    def _end(self, proposal: Proposal) -> None:
        with self.replica.database.lock.lock:
            for write in proposal.addresses:
                left = self._under_way[write.record.address] - 1
                if left:
                    self._under_way[write.record.address] = left
                else:
                    del self._under_way[write.record.address]
        with self._settled:
            self._settled.notify_all()

    def _others_end(self) -> bool:
        """Wait until one of this process's changes has ended; False if there is none."""
        with self._settled:
            return bool(self._under_way) and self._settled.wait(_SETTLING)

    def _committed(self, proposal: Proposal) -> Seen:
        self.attempts += 1
        try:
            with reaching():
                return self.cluster.commit(proposal)
        except Outdated:
            self.doubt()
            raise Stale(Seen()) from None
        except Unknown:
            with reaching():
                now, made = self._wait_for_outcome(proposal)
        if made:
            return now
        raise Unanswered(now)

    def _wait_for_outcome(self, proposal: Proposal) -> tuple[Seen, bool]:
        """Return what is there after a change whose answer was lost, and whether it was made.

        TryAgainLater if nobody can be asked for now.
        """
        for pause in self.asking:
            time.sleep(pause)
            try:
                return self._read_outcome(proposal)
            except TryAgainLater:
                continue
        self._in_doubt.append(proposal)
        return self._read_outcome(proposal)

    def _read_outcome(self, proposal: Proposal) -> tuple[Seen, bool]:
        now = self._asked(proposal)
        there = {record.address: record for record, _ in now.records}
        texts = {text.key: text for text, _ in now.documents}
        made = all(texts.get(write.text.key) == write.text for write in proposal.documents) and all(
            there.get(write.record.address) == write.record or self._has_events(write) for write in proposal.addresses
        )
        return now, made

    def _committed_after_all(self, proposal: Proposal) -> bool:
        """Say whether a change came about after all; that of documents is known by their texts."""
        with reaching():
            return not proposal.documents and all(map(self._has_events, proposal.addresses))

    def _has_events(self, write: AddressWrite) -> bool:
        """Say whether the address has had these events, whatever came after them."""
        return bool(write.events) and set(write.events) <= set(self.cluster.events(address=write.record.address))

    def _asked(self, proposal: Proposal) -> Seen:
        addresses = tuple(write.record.address for write in proposal.addresses)
        return self.cluster.read(addresses, tuple(write.text.key for write in proposal.documents))

    def _resolve(self) -> None:
        """Find out what became of changes of unknown end, before anything is decided. Raises Away."""
        for proposal in tuple(self._in_doubt):
            with reaching():
                self.take(self._asked(proposal))
            if proposal in self._in_doubt:
                self._in_doubt.remove(proposal)
