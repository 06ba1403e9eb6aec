"""The ledger's words: claims, leases, reservations, events.

Leases and reservations are the fold of the events, in the order of their numbers. Times are nanoseconds since the
epoch. An event has the time of its writer's clock, which may be wrong; `ipam.timeline` says when it happened.
"""

from __future__ import annotations

from podberth.cni.errors import AddressTaken, PoolExhausted, TryAgainLater
from podberth.cni.value import value
from podberth.ipam.moment import PROVEN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    from podberth.cni.pod import Attachment, PodRef


@value
class Actor:
    """Who did it and why, for the auditor: `who` is 'plugin', 'uid 0 (root)', ...; `why` is 'ADD', 'apply db.yaml'."""

    who: str
    why: str
    node: str


@value
class Wanted:
    """One address of a claim: any of `pool` of IP `family` (4 or 6), or exactly `address`.

    `owner`: one of those reserved for that Deployment (`ipam.owner`), and no other. Of an IPAMClaim: the one that is
    reserved for it, or else `address`, or any, which is reserved for it then.
    """

    pool: str
    family: int
    address: IPv4Address | IPv6Address | None = None
    owner: PodRef | None = None


@value
class Claim:
    """What an ADD asks of the ledger: one address for each of `wanted`, all or none.

    `sticky`: an address taken from a pool stays reserved for the pod's name. `takeover`: leases of these attachments
    may be moved to this one (their holder is the same pod by name and dead, which the caller has checked); `moved` is
    why, for the ledger.
    """

    attachment: Attachment
    pod: PodRef | None
    netns: str
    wanted: tuple[Wanted, ...]
    sticky: bool = False
    takeover: tuple[Attachment, ...] = ()
    moved: str = ""
    avoid: tuple[IPv4Address | IPv6Address, ...] = ()


@value
class Lease:
    """An address bound to an attachment since `since` (ns)."""

    address: IPv4Address | IPv6Address
    pool: str
    attachment: Attachment
    pod: PodRef | None
    netns: str
    node: str
    since: int


@value
class Reservation:
    """An address of a pod's name, or of a Deployment's (`ipam.owner`).

    `origin`: 'declared' (by a PodNetwork), 'manual' (podberth reserve) or 'sticky'.
    """

    address: IPv4Address | IPv6Address
    pool: str
    pod: PodRef
    ifname: str
    origin: str
    since: int


@value
class Correction:
    """The clock that `node` ('': any node) wrote the events `first` to `last` by was `ahead` (ns; below 0: behind).

    An operator's word: it goes before what the events say of their clock, and before earlier corrections.
    """

    first: int
    last: int
    node: str
    ahead: int


@value
class Keeping:
    """An address to be reserved for a pod's name, or a Deployment's; `origin` is 'manual' or 'sticky'.

    `only`: refused if the pod's interface has one of that family in the pool already, as its ADD asks for one.
    """

    address: IPv4Address | IPv6Address
    pool: str
    pod: PodRef
    ifname: str
    origin: str = "manual"
    only: bool = False


@value
class Event:
    """One line of the ledger; `kind` is one of `lifecycle.Kind`. `time` is what its writer's clock said.

    `owner`: the Deployment that the address is reserved for, None if it is a pod's own; `pod` is then the one that has
    it, or had it.
    `clock`: 'proven' if a second opinion was asked, by which the clock was `ahead` (ns); 'unproven' if there was none;
    '' if a release before 0.2 wrote it. `corrects`: with kind Corrected.
    """

    seq: int
    time: int
    kind: str
    address: IPv4Address | IPv6Address
    pool: str
    pod: PodRef | None
    ifname: str
    attachment: Attachment | None
    actor: Actor
    state: str  # the address's state after the event
    owner: PodRef | None = None
    clock: str = ""
    ahead: int = 0
    corrects: Correction | None = None

    @property
    def proven(self) -> bool:
        """Whether a second opinion was asked on its writer's clock. Nothing that can't be undone rests on another."""
        return self.clock == PROVEN

    @property
    def true(self) -> int:
        """The best that the event itself says of when it happened (ns): all arithmetic on its time is with this.

        What other events say of that, corrections too, is `ipam.timeline`'s.
        """
        return self.time - self.ahead if self.proven else self.time


@value
class Holding:
    """Who had an address at a time: whom it was reserved for, the attachment that had it, the event that says so.

    `state` is one of `lifecycle.State`, or of `lifecycle.Edge` for a time of which the ledger can't know.
    `since`: when (ns) the event happened, by all that is known. `between`: the answer rests on clocks that nobody
    vouched for: any event of this span may be earlier or later. `begins`: with UNKNOWN, when the ledger does.
    """

    address: IPv4Address | IPv6Address
    state: str
    event: Event | None
    reserved_for: PodRef | None
    bound_to: Attachment | None
    pod: PodRef | None
    since: int | None = None
    between: tuple[int, int] | None = None
    begins: int | None = None


@value
class Usage:
    """A pool's addresses of one family, counted. `resting`: released, until the pool's quarantine has passed."""

    pool: str
    family: int
    size: int
    free: int
    leased: int
    reserved: int  # reserved and not leased
    resting: int

    @property
    def shares(self) -> dict[str, int]:
        """How many addresses are in each state; together they are all of it."""
        shown = {"free": self.free, "leased": self.leased, "reserved": self.reserved, "resting": self.resting}
        return {**shown, "held": self.size - sum(shown.values())}


class SetExhausted(PoolExhausted):
    """Code 100: pods of the Deployment have all of its addresses; `holders` says which."""

    def __init__(self, message: str, details: str, holders: tuple[Lease, ...]) -> None:
        super().__init__(message, details)
        self.holders = holders


class AddressLeased(AddressTaken):
    """Code 101: another attachment has the address; `lease` says which."""

    def __init__(self, lease: Lease) -> None:
        super().__init__(
            f"{lease.address} of pool {lease.pool} is leased by"
            f" {lease.pod or 'container ' + lease.attachment.container_id}"
            f" ({lease.attachment.ifname}, node {lease.node})",
            "name another address, or delete that pod first; a StatefulSet's is scaled down until then",
        )
        self.lease = lease


class AddressBoundElsewhere(TryAgainLater):
    """Code 11: the address is bound to another attachment of the same pod name; `lease` says which.

    `why` says what is waited for, `advice` what can be done about it.
    """

    def __init__(self, lease: Lease, why: str = "", advice: str = "") -> None:
        super().__init__(
            f"{lease.address} is still bound to {lease.pod or lease.attachment.container_id}"
            f" (container {lease.attachment.container_id}, interface {lease.attachment.ifname}, node {lease.node})"
            + (f": {why}" if why else ""),
            advice or "it moves to the new sandbox once the old one is deleted or its network namespace is gone",
        )
        self.lease = lease


class Unannounced(TryAgainLater):
    """Code 11: the ledger was put back to an earlier state, and this node has not announced its pods to it yet."""

    def __init__(self) -> None:
        super().__init__(
            "the ledger was put back to an earlier state, and this node has not said yet which addresses its pods have",
            "nothing has to be done: it does so before its next address",
        )


class Unheard(TryAgainLater):
    """Code 11: the ledger was put back, and `nodes` have not announced their pods: the address may be one of theirs."""

    def __init__(self, what: str, nodes: tuple[str, ...]) -> None:
        first = nodes[0]
        more = f" and {len(nodes) - 1} more" if len(nodes) > 1 else ""
        super().__init__(
            f"the ledger was put back to an earlier state, and node {first}{more} has not said yet which addresses its"
            f" pods have: {what} may be one of them",
            "a node says so by itself once its agent reaches the store; if it is lost:"
            f" `podberth fence {first} --why REASON`",
        )
        self.nodes = nodes
