"""The ledger: who holds which address, and everything that ever happened to it. One protocol, several stores."""

from __future__ import annotations

from typing import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from ipaddress import IPv4Address, IPv6Address

    from podberth.cni.pod import Attachment, PodRef
    from podberth.ipam.epoch import Announcement, Epoch, HeldAddress
    from podberth.ipam.lease import Actor, Claim, Correction, Event, Holding, Lease, Reservation, Usage
    from podberth.ipam.lifecycle import Kind
    from podberth.ipam.versions import Feature


class Ledger(Protocol):
    """Every method is one atomic step: it happened as a whole, durably, or not at all.

    The contract suite (tests/contract) is the definition; every back end passes it on the real thing.
    """

    def bind(self, claim: Claim, actor: Actor, *, durable: bool = True) -> tuple[Lease, ...]:
        """Bind what the claim wants; the same claim again returns the same leases and writes nothing.

        Not `durable`: in a store that is the node's own, what the caller writes before it answers makes it so.
        An address not named is the one reserved for the pod's name and interface, or the one of an attachment in
        `takeover`, or the pool's next. Raises PoolExhausted, AddressTaken (reserved for or leased by another pod;
        excluded), AddressBoundElsewhere, TryAgainLater (named, and in quarantine since another pod released it).
        """
        ...

    def foresee(self, claim: Claim, actor: Actor) -> tuple[Lease, ...]:
        """Return what `bind` would return now, or raise what it would raise. Nothing is changed.

        A node that the ledger awaits is taken to have announced its pods, as its ADD would.
        """
        ...

    def unbind(self, attachment: Attachment, actor: Actor, *, durable: bool = True) -> tuple[Lease, ...]:
        """End the attachment's leases; returns what was ended, empty if there were none. `durable` as with `bind`."""
        ...

    def unbind_all(self, attachments: Sequence[Attachment], actor: Actor, *, durable: bool = True) -> tuple[Lease, ...]:
        """End the leases of all the attachments in one step; else as `unbind`."""
        ...

    def reserve(
        self, pool: str, address: IPv4Address | IPv6Address, pod: PodRef, ifname: str, actor: Actor
    ) -> Reservation:
        """Reserve an address for a pod's name by hand; the same again returns the reservation. Raises AddressTaken."""
        ...

    def release(
        self, address: IPv4Address | IPv6Address, actor: Actor, owner: PodRef | None = None
    ) -> Reservation | None:
        """End a manual or sticky reservation (AddressTaken for a declared one: its PodNetwork has to change).

        With `owner` only one that is this owner's; None if it is not.
        """
        ...

    def conflicted(self, address: IPv4Address | IPv6Address, mac: str, attachment: Attachment, actor: Actor) -> None:
        """Record that a host with `mac` answered for the address while `attachment` was to get it."""
        ...

    def noted(self, attachment: Attachment, kind: Kind, actor: Actor) -> None:
        """Record that how the attachment is attached was Adjusted or Repaired: an event for each of its addresses."""
        ...

    def allows(self, feature: Feature) -> bool:
        """Say whether the ledger may have it, by its minimum version: what needs a later one is refused."""
        ...

    def corrected(self, correction: Correction, actor: Actor) -> tuple[IPv4Address | IPv6Address, ...]:
        """Record by how much a clock was wrong: an event for each address that has such events; return those.

        One where the same is recorded already gets no other: what was interrupted can be done again.
        """
        ...

    def leases(self, *, pool: str | None = None, network: str | None = None) -> tuple[Lease, ...]:
        """Return the live leases in order of address."""
        ...

    def of(self, attachment: Attachment) -> tuple[Lease, ...]:
        """Return the attachment's leases."""
        ...

    def reservations(self, *, pool: str | None = None, pod: PodRef | None = None) -> tuple[Reservation, ...]:
        """Return the reservations in order of address; `pod` matches by namespace and name."""
        ...

    def idle_claims(self, node: str) -> tuple[Reservation, ...]:
        """Return what is reserved for IPAMClaims and bound to nobody, and was bound on that node last; by address."""
        ...

    def who(self, address: IPv4Address | IPv6Address, at: int | None = None) -> Holding:
        """Return who has the address now, or had it at time `at` (ns since the epoch).

        Of a time before the ledger, or still to come, nothing is said: the state is one of `lifecycle.Edge`.
        """
        ...

    def history(
        self, *, pod: PodRef | None = None, address: IPv4Address | IPv6Address | None = None
    ) -> Iterator[Event]:
        """Yield the events of a pod's name, of an address, or all, oldest first."""
        ...

    def usage(self, pool: str | None = None) -> tuple[Usage, ...]:
        """Return each pool's usage, a row per pool and family."""
        ...

    def epoch(self) -> Epoch | None:
        """Return the last time that the ledger was put back to an earlier state; None if it never was."""
        ...

    def announce(self, held: Sequence[HeldAddress], gone: Sequence[Lease], actor: Actor) -> Announcement:
        """Have the ledger say what this node's pods have, whatever it said when it came back; end what is `gone`.

        The node, `actor.node`, is awaited no more.
        """
        ...
