"""What a cluster's store is asked for: one protocol, met by etcd and the Kubernetes API; and the words both speak."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Protocol

from podberth.cni.errors import StoreFailed, TryAgainLater
from podberth.cni.value import value
from podberth.ipam.number import TIME, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from podberth.cni.pod import PodRef
    from podberth.ipam.address_record import AddressRecord, Mark
    from podberth.ipam.elsewhere import Elsewhere
    from podberth.ipam.epoch import Epoch
    from podberth.ipam.lease import Event, Reservation
    from podberth.ipam.registration import Proof, Registration
    from podberth.ipam.versions import AgentVersion, Minimum
    from podberth.net.ops import Address

    Key: TypeAlias = tuple[str, str, str]  # kind, namespace, name


@value
class DocumentText:
    """A declaration as it is kept. `body` is JSON; `origin` is what applied it; all empty if it is deleted.

    `created`: when, in words that sort by time; '' where nobody asks. `operation`: the one that makes it (`staging`),
    until which is committed it does not count; with a '+' behind, it is.
    """

    kind: str
    namespace: str
    name: str
    body: str
    source: str = ""
    origin: str = ""
    created: str = ""
    operation: str = ""

    @property
    def key(self) -> Key:
        """What it is found by."""
        return self.kind, self.namespace, self.name


@value
class Saying:
    """A document of a bundle. `before`: in force since before namespaces had limits (`policy.permit`)."""

    text: DocumentText
    before: bool = False


@value
class Bundle:
    """Documents that one object of the cluster's store declares together: a ConfigMap, by `name` ('db/web').

    `tenant`: the namespace whose word it is, '' if it is the operator's. `unread`: sources of which a part can't be
    read, and why; what they declared before stays. A source can be the whole bundle, which is `beyond` then: beyond the
    limits. A bundle that is gone has neither documents nor these. `created`: when, in words that sort by time.
    `silent`: why it declares nothing. `objects`: if it says that PodNetworks in the cluster's store are their
    namespaces' word, the digests of those that stay as they are. `uid`: which one of that name it is. `copy_of`: the
    bundle of which it is the copy (`copies`); `uid` is that one's then.
    """

    name: str
    revision: int
    tenant: str = ""
    sayings: tuple[Saying, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()
    created: str = ""
    beyond: bool = False
    silent: str = ""
    objects: frozenset[str] | None = None
    uid: str = ""
    copy_of: str = ""


@value
class Former:
    """A text that was in force before: leases of up to `until` (ns) may be of pods that were told by it, or earlier."""

    body: str
    until: int


@value
class Approved:
    """The last good text of a Pool or a PodNetwork, which is in force; an empty one if there is none.

    `told`: addresses that leases of up to a time (ns) were told of, and that the pool tells no more
    (`stores.sqlite.told`). `firm`: it is in force until something else is approved; else only while it is the newest
    text. `born`: when the document was made, as text that sorts; '' where the store does not say. `former`: texts
    before it that told pods otherwise, oldest first, while pods run that are as old.
    """

    text: DocumentText
    told: tuple[tuple[Address, int], ...] = ()
    firm: bool = False
    born: str = ""
    former: tuple[Former, ...] = ()


def told_of(raw: object) -> tuple[tuple[Address, int], ...]:
    """Return what `Approved.told` is, from what a store has for it. ValueError if it is something else.

    Somebody may have written it by hand: what every node keeps must not be more than it can keep.
    """
    found = []
    for one in raw if isinstance(raw, list) else (raw,) if raw else ():
        address, since = (one.get("address"), one.get("since")) if isinstance(one, dict) else (None, None)
        if not isinstance(address, str) or since is None:
            raise ValueError(f"expected addresses, each with a time, got {one!a:.80}")
        found.append((ip_address(address), whole(since, TIME)))
    return tuple(found)


def former_of(raw: object, read: Callable[[dict[str, object]], str]) -> tuple[Former, ...]:
    """Return what `Approved.former` is, from what a store has for it; `read` returns a text. What is none is left out.

    It says how pods came to be, and nothing of what is to be: somebody may have written it by hand.
    """
    found = []
    for one in raw if isinstance(raw, list) else ():
        try:
            found.append(Former(body=read(one), until=whole(one["until"], TIME)))
        except (KeyError, TypeError, ValueError, RecursionError):
            continue
    return tuple(found)


@value
class AddressWrite:
    """An address's next record. It replaces the one of `revision`, 0 if there must be none; `events` lead to it.

    `undone`: events that are taken back, as they never counted: their operation was given up.
    """

    record: AddressRecord
    revision: int
    events: tuple[Event, ...]
    reserved_before: Reservation | None
    undone: tuple[Event, ...] = ()


@value
class DocumentWrite:
    """A declaration's next text; it replaces the one of `revision`, 0 if there must be none."""

    text: DocumentText
    revision: int


@value
class ApprovedWrite:
    """What is approved of a Pool next: it replaces what was approved at `revision`, 0 if nothing was.

    `text_revision`: of the Pool's newest text, which must not have changed; 0 if it has none.
    """

    approved: Approved
    revision: int
    text_revision: int


@value
class Proposal:
    """What one atomic step is to change, and what it relies on.

    `minimum`: the revision of the ledger's minimum version, None if any will do.
    `pods`: names whose reservations were looked for as of `position`. `pools`: (name, revision) of those whose
    definition was used; `relied`: the same of what was approved of them. `epoch`: the revision of the epoch, 0 if there
    is none; `newest`: the record with the last event that the replica knows, which has at least that revision where the
    store was not put back. `declares`: it was checked against all declarations, which must not change meanwhile.
    `marks`: of operations that are at these addresses, or reserve some for these pods. `holds`: addresses whose records
    must be of these revisions. `counted`: namespaces whose reservations were counted as of `position`.
    """

    addresses: tuple[AddressWrite, ...]
    documents: tuple[DocumentWrite, ...]
    pods: tuple[PodRef, ...]
    pools: tuple[tuple[str, int], ...]
    declares: bool
    position: str
    approved: tuple[ApprovedWrite, ...] = ()
    relied: tuple[tuple[str, int], ...] = ()
    marks: tuple[Mark, ...] = ()
    holds: tuple[tuple[Address, int], ...] = ()
    counted: tuple[str, ...] = ()
    epoch: int | None = None
    newest: tuple[Address, int] | None = None
    minimum: int | None = 0

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not self.addresses and not self.documents and not self.approved


@value
class Seen:
    """A part of the cluster's state: records, documents, bundles of them, what was approved; each with its revision.

    `complaints`: about what is there and can't be read. `minimum`: the ledger's minimum version, None if nobody looked.

    `position`: everything up to it is in the replica once this is; '' if that can't be said. It is a number, or
    `name=number` for each of several things that are followed, separated by commas.
    `epoch`: the last one, if the ledger was ever put back, and its revision; None also if that was not asked.
    `complete`: of the parts of a whole state the last says up to which revision nothing is missing from them.
    `left`: Pools that were in force when they were deleted, and that pods may still have addresses of.
    """

    records: tuple[tuple[AddressRecord, int], ...] = ()
    documents: tuple[tuple[DocumentText, int], ...] = ()
    bundles: tuple[Bundle, ...] = ()
    approved: tuple[tuple[Approved, int], ...] = ()
    left: tuple[DocumentText, ...] = ()
    complaints: tuple[str, ...] = ()
    position: str = ""
    complete: int = 0
    epoch: tuple[Epoch, int] | None = None
    minimum: Minimum | None = None


class Stale(Exception):
    """The step relied on what has changed; nothing of it happened but what `seen` has. `seen`: what is there now."""

    def __init__(self, seen: Seen) -> None:
        super().__init__("the cluster's store has changed")
        self.seen = seen


class Away(TryAgainLater):
    """The cluster's store can't be reached."""


class Unreachable(StoreFailed):
    """The cluster's store can't be reached, and waiting does not help: somebody has to mend what the details name."""


class Outgrown(Away):
    """The ledger is for later podberths than this one, which may read it. An answer that is kept is told later."""


class Busy(TryAgainLater):
    """The cluster's store answers, and what it was asked for has to wait for somebody else."""


class NeverRead(TryAgainLater):
    """This node has not read the cluster's store yet: it knows neither what is declared nor who has what."""


class Unknown(TryAgainLater):
    """The answer to a change was lost: it may have been made, or may yet be."""


class Outdated(Exception):
    """What happened since the position is not known any more (compaction): the whole state has to be read."""


class Cluster(Protocol):
    """A cluster's store. Every method may raise TryAgainLater (it is away) and StoreFailed.

    `documents_at_once`: how many documents a step can write together with an address.
    """

    documents_at_once: int

    def one_step(self, proposal: Proposal) -> bool:
        """Say whether `commit` makes the change at once: all of it, or after a kill nothing."""
        ...

    def identity(self) -> str:
        """Return what tells this store from all others: a replica of another one is worth nothing."""
        ...

    def commit(self, proposal: Proposal) -> Seen:
        """Make the change as a whole, or raise Stale. Raises Unknown if the answer was lost: it may have been made."""
        ...

    def read(self, addresses: tuple[Address, ...], documents: tuple[Key, ...]) -> Seen:
        """Return what is there now of these."""
        ...

    def reserved_for(self, owner: PodRef) -> Seen:
        """Return the addresses that are reserved for the owner now, if a step does not rely on that by itself."""
        ...

    def load(self) -> Iterator[Seen]:
        """Yield the whole state, as it was at one moment; the last part has its position."""
        ...

    def since(self, position: str) -> Seen:
        """Return what has changed since the position, up to now. Raises Outdated."""
        ...

    def follow(self, position: str, take: Callable[[Seen], object], stopped: Callable[[], bool]) -> None:
        """Hand over what changes from the position on, until stopped. Raises Outdated.

        `stopped` is asked whenever something was heard, and every ten minutes or so: then it ends.
        """
        ...

    def trouble(self) -> str:
        """Return why a `follow` that is under way hears nothing just now; '' if it does."""
        ...

    def interrupt(self) -> None:
        """End a `follow` that waits in another thread."""
        ...

    def events(self, *, address: Address | None = None, pod: PodRef | None = None) -> Iterator[Event]:
        """Yield the events of an address, of a pod's name, of both, or all, oldest first.

        Those that an operation has brought count once it is committed.
        """
        ...

    def beyond(self, record: AddressRecord) -> tuple[Event, ...]:
        """Return the address's events that are behind its record's number: they never counted, if that is so for ever.

        What an operation brings is there before it counts.
        """
        ...

    def tidy(self) -> None:
        """Do what nobody waits for: put older events into their archive."""
        ...

    def elsewhere(self, node: str) -> Elsewhere:
        """Return what can be known here of holders on other nodes than `node`."""
        ...

    def prove(self, mine: Registration, told: Callable[[str], object], *, waited: bool) -> Proof:
        """Register this machine under its node's name, if the store has no other word for who that is.

        Return whether this machine may have the name. `told` gets what an operator should know of. `waited`: a claim
        of this boot has stood for `registration.OBJECTION`.
        """
        ...

    def regressed(self, position: str) -> str:
        """Return by what this store has not come as far as the position yet; '' if it has."""
        ...

    def census(self) -> tuple[frozenset[str], frozenset[str]]:
        """Return the nodes that are known to be the store's, and those that are declared dead."""
        ...

    def epoch(self, decide: Callable[[Epoch | None], Epoch | None]) -> tuple[Epoch, int] | None:
        """Return the epoch, with its revision, once it is as `decide` says; that may be asked again.

        `decide` is given the one that is there, and returns None to leave it as it is.
        """
        ...

    def minimum(self) -> Minimum:
        """Return the ledger's minimum version, as the store has it now."""
        ...

    def demand(self, version: str, before: Minimum) -> bool:
        """Have the ledger be for podberths of this version and later; False if it is not as it was before."""
        ...

    def agent_versions(self) -> tuple[AgentVersion, ...]:
        """Return what the agents of nodes have said of their versions."""
        ...

    def retreat(self) -> None:
        """Take back what an older podberth would misread, and which is written anew if need be."""
        ...

    def close(self) -> None:
        """Let go of all connections."""
        ...
