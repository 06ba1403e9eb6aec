"""What several answers have in common, as rows: leases, reservations, events, and what was declared in vain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from podberth.desk.form import LEFT_OUT, Address, Key, Pod, Time, Was, row
from podberth.ipam.moment import PROVEN

if TYPE_CHECKING:
    from podberth.ipam import elsewhere, lease
    from podberth.net import step
    from podberth.policy import changes, standing


@row
class Lease:
    """An address bound to an attachment."""

    address: Address
    pool: str
    pod: Pod | None
    pod_uid: str | None
    attachment: Key
    netns: str
    node: str
    since: Time

    @classmethod
    def of(cls, of: lease.Lease) -> Lease:
        """Return the row of a lease."""
        return cls(
            address=of.address,
            pool=of.pool,
            pod=of.pod,
            pod_uid=of.pod.uid if of.pod is not None else None,
            attachment=of.attachment,
            netns=of.netns,
            node=of.node,
            since=of.since,
        )


@row
class Reservation:
    """An address of a pod's name, or of a Deployment's."""

    address: Address
    pool: str
    pod: Pod
    ifname: str
    origin: str
    since: Time

    @classmethod
    def of(cls, of: lease.Reservation) -> Reservation:
        """Return the row of a reservation."""
        return cls(address=of.address, pool=of.pool, pod=of.pod, ifname=of.ifname, origin=of.origin, since=of.since)


@row
class Correction:
    """An operator's word about a clock. `ahead` is in nanoseconds; a `node` of null is every one."""

    first: int
    last: int
    node: str | None
    ahead: int

    @classmethod
    def of(cls, of: lease.Correction) -> Correction:
        """Return the row of a correction."""
        return cls(first=of.first, last=of.last, node=of.node or None, ahead=of.ahead)


@row
class Event:
    """A line of the ledger. `time` is what its writer's clock said, `ahead` by how many ns that was too much."""

    seq: int
    time: Time
    kind: str
    address: Address
    pool: str
    pod: Pod | None
    pod_uid: str | None
    ifname: str
    attachment: Key | None
    state: str
    owner: Pod | None
    who: str
    why: str
    node: str
    clock: str | None
    ahead: int
    corrects: Correction | None

    @property
    def true(self) -> int:
        """The best that the event itself says of when it happened (ns)."""
        return self.time - self.ahead if self.clock == PROVEN else self.time

    @classmethod
    def of(cls, of: lease.Event) -> Event:
        """Return the row of an event."""
        return cls(
            seq=of.seq,
            time=of.time,
            kind=str(of.kind),
            address=of.address,
            pool=of.pool,
            pod=of.pod,
            pod_uid=of.pod.uid if of.pod is not None else None,
            ifname=of.ifname,
            attachment=of.attachment,
            state=str(of.state),
            owner=of.owner,
            who=of.actor.who,
            why=of.actor.why,
            node=of.actor.node,
            clock=of.clock or None,
            ahead=of.ahead,
            corrects=Correction.of(of.corrects) if of.corrects is not None else None,
        )


@row
class Fence:
    """What was said about a node, and on which node (`from`)."""

    node: str
    fenced: bool
    time: Time
    who: str
    why: str
    from_: str

    @classmethod
    def of(cls, of: elsewhere.Fence) -> Fence:
        """Return the row of a fence."""
        return cls(
            node=of.node,
            fenced=not of.lifted,
            time=of.time,
            who=of.actor.who,
            why=of.actor.why,
            from_=of.actor.node,
        )


@row
class Drift:
    """One difference between what was recorded and what is there."""

    what: str
    field: str
    expected: str
    found: str

    @classmethod
    def of(cls, of: step.Drift) -> Drift:
        """Return the row of a difference."""
        return cls(what=of.what, field=of.field, expected=of.wanted, found=of.found)


@row
class Outdated:
    """What a pod was told, and would be told otherwise now."""

    field: str
    told: str
    now: str

    @classmethod
    def of(cls, of: tuple[str, str, str]) -> Outdated:
        """Return the row of `verbs.outdated`'s three words."""
        return cls(field=of[0], told=of[1], now=of[2])


@row
class Waiting:
    """What was declared and is not in force. `kept`: what was in force before under that name still is."""

    document: str
    source: str
    reason: str
    kept: bool

    @classmethod
    def of(cls, of: changes.Waiting) -> Waiting:
        """Return the row of a document that waits."""
        return cls(document=of.document, source=of.source, reason=of.reason, kept=of.kept)

    def __str__(self) -> str:
        stays = "what was in force before stays" if self.kept else "nothing of that name is in force"
        return f"{self.reason}; {stays}"


@row
class Refused:
    """What a namespace declares, and an operator should look at. `bundle` is the ConfigMap."""

    document: str
    bundle: str
    in_force: Annotated[bool, Was("inForce")]
    reason: str
    remedy: str

    @classmethod
    def of(cls, of: standing.Standing) -> Refused:
        """Return the row of a declaration."""
        return cls(document=of.document, bundle=of.bundle, in_force=of.in_force, reason=of.reason, remedy=of.remedy)


NOT_IN_FORCE = Annotated[tuple[Waiting, ...], LEFT_OUT]
REFUSED = Annotated[tuple[Refused, ...], LEFT_OUT]
