"""The ledger of a cluster (`ipam.ledger.Ledger`), as one of its nodes sees it.

Who has what is read from the replica; what changes it is a step that the cluster's store makes, or does not.
"""

from __future__ import annotations

from podberth.cni.errors import CniError, TryAgainLater
from podberth.cni.value import replace
from podberth.ipam.lifecycle import Edge, Kind, answered
from podberth.ipam.owner import is_claim
from podberth.stores.replica.reaching import reaching
from podberth.stores.replica.shared import Away
from podberth.stores.sqlite import changes, claims, rows
from podberth.stores.sqlite.counts import usages
from podberth.stores.sqlite.ledger import SqliteLedger
from podberth.stores.sqlite.minimum import allows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from sqlite3 import Connection

    from podberth.cni.pod import Attachment, PodRef
    from podberth.ipam.epoch import Announcement, Epoch, HeldAddress
    from podberth.ipam.lease import Actor, Claim, Correction, Event, Holding, Lease, Reservation, Usage
    from podberth.ipam.moment import Clock, Moment
    from podberth.ipam.timeline import Beginning
    from podberth.ipam.versions import Feature
    from podberth.net.ops import Address
    from podberth.stores.identity import NodeIdentity
    from podberth.stores.replica.proposer import Proposer
    from podberth.stores.replica.shared import Proposal
    from podberth.stores.sqlite.claims import Rivals


_PATIENCE = 12  # looks at an operation that is in a pod's way, until it is refused: two seconds
_STEP = 20  # addresses that are corrected together


class ClusterLedger:
    """`clock` is the replica's too, from now on; `identity` knows whether this machine is the node.

    A step that is answered is durable: the cluster's store has it.
    """

    def __init__(self, proposer: Proposer, clock: Clock, identity: NodeIdentity | None = None) -> None:
        self._proposer = proposer
        self._clock = clock
        self._identity = identity
        proposer.replica.clock = clock
        self._here = SqliteLedger(proposer.replica.database, clock)

    def bind(self, claim: Claim, actor: Actor, *, durable: bool = True) -> tuple[Lease, ...]:  # noqa: ARG002
        """Bind what the claim wants, all or none; the same claim again returns the same leases and writes nothing.

        Refused if this machine is not the node that the cluster's store knows under its name.
        """
        if self._identity is not None:
            self._identity.require()

        def decide(connection: Connection, rivals: Rivals) -> tuple[Lease, ...]:
            return claims.bind(connection, claim, actor, self._now(), rivals)

        self._proposer.replica.begin()
        pods = (claim.pod,) if claim.pod is not None else ()
        owners = {wanted.owner for wanted in claim.wanted if wanted.owner is not None and is_claim(wanted.owner)}
        leases, made = self._proposer.settle(decide, pods=(*pods, *sorted(owners, key=str)), patience=_PATIENCE)
        if owners:
            self._must_be_only(claim, actor, made)
        written = {write.record.address: write.record.lease for write in made.addresses}
        return tuple(written.get(lease.address) or lease for lease in leases)

    def _must_be_only(self, claim: Claim, actor: Actor, made: Proposal) -> None:
        """Take back what was reserved for an IPAMClaim at the same moment as something else on another node.

        A step of the Kubernetes API can't rely on that nothing else is reserved for it. So it is looked at after the
        step too: of two nodes one at least sees the other's. TryAgainLater then: the next try finds what is left.
        """
        for write in made.addresses:
            kept = write.record.reservation
            if kept is None or write.reserved_before is not None or not is_claim(kept.pod):
                continue
            with reaching():
                self._proposer.take(self._proposer.cluster.reserved_for(kept.pod))
            others = [one for one in self._here.reservations(pool=kept.pool, pod=kept.pod) if _is_second(one, kept)]
            if others:
                self._take_back(claim, replace(actor, why=f"{actor.why}: {others[0].address} is the claim's"), kept)
                raise TryAgainLater(
                    f"{others[0].address} was reserved for {kept.pod} on another node at the same moment",
                    "nothing has to be done: the next try asks for that one",
                )

    def _take_back(self, claim: Claim, actor: Actor, kept: Reservation) -> None:
        def end(connection: Connection, _: Rivals) -> None:
            claims.unbind(connection, claim.attachment, actor, self._now())
            if rows.reservation_at(connection, kept.address) == kept:
                changes.release(connection, kept, actor, self._now())

        self._proposer.settle(end, about=(kept.address,))

    def foresee(self, claim: Claim, actor: Actor) -> tuple[Lease, ...]:
        """Return what `bind` would return by all that is known here, or raise what it would. Nothing is changed."""

        def decide(connection: Connection, rivals: Rivals) -> tuple[Lease, ...]:
            return claims.bind(connection, claim, actor, self._now(), rivals, awaited=False)

        self._see()
        self._proposer.replica.begin()
        return self._proposer.dry_run(decide)

    def unbind(self, attachment: Attachment, actor: Actor, *, durable: bool = True) -> tuple[Lease, ...]:
        """End the attachment's leases; returns what was ended, empty if there were none."""
        return self.unbind_all((attachment,), actor, durable=durable)

    def unbind_all(self, attachments: Sequence[Attachment], actor: Actor, *, durable: bool = True) -> tuple[Lease, ...]:  # noqa: ARG002
        """End the leases of all the attachments in one step; returns what was ended.

        Refused if another machine is the node.
        """
        if self._identity is not None and not self._identity.proven and any(map(self.of, attachments)):
            self._identity.require_no_other()

        def decide(connection: Connection, _: Rivals) -> tuple[Lease, ...]:
            now = self._now()
            return tuple(lease for each in attachments for lease in claims.unbind(connection, each, actor, now))

        return self._proposer.settle(decide)[0]

    def reserve(self, pool: str, address: Address, pod: PodRef, ifname: str, actor: Actor) -> Reservation:
        """Reserve an address for a pod's name by hand; the same again returns the reservation. Raises AddressTaken."""

        def decide(connection: Connection, _: Rivals) -> Reservation:
            claims.known(connection, pool)
            return changes.reserve(connection, pool, address, pod, ifname, "manual", actor, self._now())

        return self._proposer.settle(decide, about=(address,))[0]

    def release(self, address: Address, actor: Actor, owner: PodRef | None = None) -> Reservation | None:
        """End a manual or sticky reservation; AddressTaken for a declared one: its PodNetwork has to change."""

        def decide(connection: Connection, _: Rivals) -> Reservation | None:
            return claims.release(connection, address, actor, self._now(), owner)

        return self._proposer.settle(decide, about=(address,))[0]

    def conflicted(self, address: Address, mac: str, attachment: Attachment, actor: Actor) -> None:
        """Record that a host with `mac` answered for the address while `attachment` was to get it."""

        def decide(connection: Connection, _: Rivals) -> None:
            changes.conflicted(connection, address, attachment, answered(actor, mac), self._now())

        self._proposer.settle(decide)

    def noted(self, attachment: Attachment, kind: Kind, actor: Actor) -> None:
        """Record for each address of the attachment that it was Adjusted or Repaired."""
        self._proposer.settle(lambda connection, _: claims.noted(connection, attachment, kind, actor, self._now()))

    def allows(self, feature: Feature) -> bool:
        """Say whether the ledger may have it, by its minimum version."""
        self._see()
        with self._proposer.replica.database.read() as connection:
            return allows(connection, feature)

    def corrected(self, correction: Correction, actor: Actor) -> tuple[Address, ...]:
        """Record by how much a clock was wrong, for each address with such events, in steps of many."""
        known = {event.address for event in self.history() if event.corrects == correction}
        about = {
            event.address
            for event in self.history()
            if correction.first <= event.seq <= correction.last
            and event.kind != Kind.CORRECTED
            and correction.node in ("", event.actor.node)
        }
        found = sorted(about - known, key=lambda address: (address.version, address.packed))
        for at in range(0, len(found), _STEP):
            part = tuple(found[at : at + _STEP])

            def decide(connection: Connection, _: Rivals, part: tuple[Address, ...] = part) -> None:
                for address in part:
                    changes.corrected(connection, address, correction, actor, self._now())

            self._proposer.settle(decide, about=part)
        return tuple(found)

    def epoch(self) -> Epoch | None:
        """Return the last time that the ledger was put back to an earlier state; None if it never was."""
        return self._here.epoch()

    def announce(self, held: Sequence[HeldAddress], gone: Sequence[Lease], actor: Actor) -> Announcement:
        """Have the ledger say what this node's pods have, in steps of many; the last one is that it has said so."""
        from podberth.stores.replica.announcing import announce

        if self._identity is not None:
            self._identity.require()
        return announce(self._proposer, held, gone, actor)

    def leases(self, *, pool: str | None = None, network: str | None = None) -> tuple[Lease, ...]:
        """Return the live leases in order of address."""
        self._see()
        return self._here.leases(pool=pool, network=network)

    def of(self, attachment: Attachment) -> tuple[Lease, ...]:
        """Return the attachment's leases."""
        self._see()
        return self._here.of(attachment)

    def reservations(self, *, pool: str | None = None, pod: PodRef | None = None) -> tuple[Reservation, ...]:
        """Return the reservations in order of address; `pod` matches by namespace and name."""
        self._see()
        return self._here.reservations(pool=pool, pod=pod)

    def idle_claims(self, node: str) -> tuple[Reservation, ...]:
        """Return what is reserved for IPAMClaims and bound to nobody, and was bound on that node last; by address."""
        self._see()
        return self._here.idle_claims(node)

    def who(self, address: Address, at: int | None = None) -> Holding:
        """Return who has the address now, or had it at time `at` (ns since the epoch). Away if only the store knows."""
        if at is None:
            self._see()
            return self._here.who(address)
        from podberth.ipam.timeline import beyond, told_at

        now = self._now().true
        if at > now:
            return beyond(address, Edge.NOT_YET)
        return told_at(address, self.history(address=address), at, now, lambda: self._beginning(address, now))

    def _beginning(self, address: Address, now: int) -> Beginning | None:
        """Return when the ledger begins. Raises Away if the question about the address is not answered here."""
        from podberth.ipam.timeline import FIRST, beginning

        events = self.history()
        if self._proposer.outlook.partial:
            raise Away(
                f"who had {address} then is in the cluster's store alone, which is away: {self._proposer.outlook.away}",
                f"ask again when it is back; `podberth history {address}` has the last event that is known here",
            )
        return beginning((event for nth, event in enumerate(events) if nth < FIRST or event.corrects is not None), now)

    def history(self, *, pod: PodRef | None = None, address: Address | None = None) -> Iterator[Event]:
        """Yield the events of a pod's name, of an address, of both, or all, oldest first, up to those of right now."""
        if not self._proposer.outlook.tolerant:
            return self._proposer.cluster.events(address=address, pod=pod)
        return iter(self._story(pod, address))

    def usage(self, pool: str | None = None) -> tuple[Usage, ...]:
        """Return each pool's usage, a row per pool and family."""
        self._see()
        with self._proposer.replica.database.read() as connection:
            return usages(connection, pool, self._now())

    def _now(self) -> Moment:
        return self._clock()

    def _story(self, pod: PodRef | None, address: Address | None) -> tuple[Event, ...]:
        """Return the events; of each address the last one alone, if the store is away."""
        proposer = self._proposer
        if not proposer.outlook.away:
            try:
                return tuple(proposer.cluster.events(address=address, pod=pod))
            except CniError as failure:
                proposer.missed(failure)
        proposer.see()
        proposer.outlook.partial = True
        return tuple(self._here.history(pod=pod, address=address))

    def _see(self) -> None:
        self._proposer.see()


def _is_second(one: Reservation, kept: Reservation) -> bool:
    same_leg = (one.ifname, one.address.version) == (kept.ifname, kept.address.version)
    return same_leg and one.address != kept.address
