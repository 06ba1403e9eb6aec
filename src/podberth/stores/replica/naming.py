"""A cluster among several that share one ledger: how its own nodes call owners and nodes, and how the ledger does.

The ledger's first cluster has no name there, and its nodes call everything as the ledger does. A node of another
cluster calls its own namespaces and nodes by their bare names, as its operators and its runtime do. It calls those of
the first cluster ':payments', and those of a third one 'third:payments' (`cni.pod.joined`). So what is of another
cluster never has the name of what is one's own, whatever it is called there.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from podberth.cni.errors import Refused
from podberth.cni.pod import joined, parted
from podberth.cni.value import fields, replace
from podberth.ipam.lease import AddressBoundElsewhere, SetExhausted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeVar

    from podberth.cni.pod import Attachment, PodRef
    from podberth.ipam.elsewhere import Elsewhere, Fence, Verdict
    from podberth.ipam.epoch import Announcement, Epoch, HeldAddress
    from podberth.ipam.lease import Actor, Claim, Correction, Event, Holding, Lease, Reservation, Usage
    from podberth.ipam.ledger import Ledger
    from podberth.ipam.lifecycle import Kind
    from podberth.ipam.pool import Pool
    from podberth.ipam.registration import Registration
    from podberth.ipam.versions import Feature
    from podberth.net.ops import Address
    from podberth.policy.changes import Applied, Followed, Waiting
    from podberth.policy.documents import Document
    from podberth.policy.operation import Done, Operation
    from podberth.policy.podnetwork import PodNetwork
    from podberth.policy.standing import Standing
    from podberth.policy.store import Policies

    T = TypeVar("T")


class Names:
    """How the names of one cluster are said on its nodes, and in the ledger."""

    def __init__(self, cluster: str) -> None:
        self.cluster = cluster

    def inward(self, of: T) -> T:
        """Return a value as the ledger says it."""
        return _renamed(of, self.inward_name) if self.cluster else of

    def outward(self, of: T) -> T:
        """Return a value as this cluster's nodes say it."""
        return _renamed(of, self.outward_name) if self.cluster else of

    def own(self, name: str) -> bool:
        """Say whether a name, as the ledger says it, is this cluster's."""
        return parted(name)[0] == self.cluster

    def inward_name(self, name: str) -> str:
        """Return a namespace's or a node's name as the ledger says it."""
        if not name or not self.cluster:
            return name
        return name.removeprefix(":") if ":" in name else joined(self.cluster, name)

    def outward_name(self, name: str) -> str:
        """Return a namespace's or a node's name as this cluster's nodes say it."""
        if not name or not self.cluster:
            return name
        cluster, bare = parted(name)
        return bare if cluster == self.cluster else name if cluster else f":{name}"

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Have what a refusal knows of leases be said as this cluster's nodes say it."""
        try:
            yield
        except AddressBoundElsewhere as held:
            why = held.message.removeprefix(AddressBoundElsewhere(held.lease).message).removeprefix(": ")
            raise AddressBoundElsewhere(self.outward(held.lease), why, held.details) from held
        except SetExhausted as full:
            raise SetExhausted(full.message, full.details, self.outward(full.holders)) from full


def _renamed(of: T, name: Callable[[str], str]) -> T:
    """Return a value with the names of namespaces and nodes in it said otherwise."""
    if isinstance(of, tuple):
        return tuple(_renamed(each, name) for each in of)  # type: ignore[return-value]
    names = getattr(type(of), "_fields", None)
    if names is None:
        return of
    changes: dict[str, object] = {}
    for field in names:
        before = getattr(of, field)
        if field in ("namespace", "node") and isinstance(before, str):
            after: object = name(before)
        elif field == "namespaces":
            after = tuple(pattern if set(pattern) <= set("*") else name(pattern) for pattern in before)
        elif field in ("awaited", "heard"):  # of an epoch: nodes
            after = tuple(map(name, before))
        else:
            after = _renamed(before, name)
        if after is not before and after != before:
            changes[field] = after
    return replace(of, **changes) if changes else of


class LedgerOf:
    """A ledger (`ipam.ledger.Ledger`) as the nodes of one cluster call what is in it."""

    def __init__(self, ledger: Ledger, names: Names) -> None:
        self._ledger = ledger
        self._names = names

    def bind(self, claim: Claim, actor: Actor, *, durable: bool = True) -> tuple[Lease, ...]:
        """Bind what the claim wants, all or none."""
        with self._names.refusals():
            return self._out(self._ledger.bind(self._in(claim), self._in(actor), durable=durable))

    def foresee(self, claim: Claim, actor: Actor) -> tuple[Lease, ...]:
        """Return what `bind` would, or raise what it would."""
        with self._names.refusals():
            return self._out(self._ledger.foresee(self._in(claim), self._in(actor)))

    def unbind(self, attachment: Attachment, actor: Actor, *, durable: bool = True) -> tuple[Lease, ...]:
        """End the attachment's leases; returns what was ended."""
        return self._out(self._ledger.unbind(attachment, self._in(actor), durable=durable))

    def unbind_all(self, attachments: Sequence[Attachment], actor: Actor, *, durable: bool = True) -> tuple[Lease, ...]:
        """End the leases of all the attachments in one step."""
        return self._out(self._ledger.unbind_all(attachments, self._in(actor), durable=durable))

    def reserve(self, pool: str, address: Address, pod: PodRef, ifname: str, actor: Actor) -> Reservation:
        """Reserve an address for a pod's name by hand."""
        return self._out(self._ledger.reserve(pool, address, self._in(pod), ifname, self._in(actor)))

    def release(self, address: Address, actor: Actor, owner: PodRef | None = None) -> Reservation | None:
        """End a manual or sticky reservation. Refused if it is another cluster's."""
        _require_own(self._ledger, self._names, (address,))
        return self._out(self._ledger.release(address, self._in(actor), self._in(owner)))

    def conflicted(self, address: Address, mac: str, attachment: Attachment, actor: Actor) -> None:
        """Record that a host answered for the address."""
        self._ledger.conflicted(address, mac, attachment, self._in(actor))

    def noted(self, attachment: Attachment, kind: Kind, actor: Actor) -> None:
        """Record that how the attachment is attached was Adjusted or Repaired."""
        self._ledger.noted(attachment, kind, self._in(actor))

    def allows(self, feature: Feature) -> bool:
        """Say whether the ledger may have it."""
        return self._ledger.allows(feature)

    def corrected(self, correction: Correction, actor: Actor) -> tuple[Address, ...]:
        """Record by how much a clock was wrong."""
        return self._ledger.corrected(self._in(correction), self._in(actor))

    def leases(self, *, pool: str | None = None, network: str | None = None) -> tuple[Lease, ...]:
        """Return the live leases of all clusters in order of address."""
        return self._out(self._ledger.leases(pool=pool, network=network))

    def of(self, attachment: Attachment) -> tuple[Lease, ...]:
        """Return the attachment's leases."""
        return self._out(self._ledger.of(attachment))

    def reservations(self, *, pool: str | None = None, pod: PodRef | None = None) -> tuple[Reservation, ...]:
        """Return the reservations of all clusters in order of address."""
        return self._out(self._ledger.reservations(pool=pool, pod=self._in(pod)))

    def idle_claims(self, node: str) -> tuple[Reservation, ...]:
        """Return what is reserved for IPAMClaims of all clusters and bound to nobody, and was on that node last."""
        return self._out(self._ledger.idle_claims(self._names.inward_name(node)))

    def who(self, address: Address, at: int | None = None) -> Holding:
        """Return who has the address now, or had it at a time."""
        return self._out(self._ledger.who(address, at))

    def history(self, *, pod: PodRef | None = None, address: Address | None = None) -> Iterator[Event]:
        """Yield the events of a pod's name, of an address, or all, oldest first."""
        return map(self._out, self._ledger.history(pod=self._in(pod), address=address))

    def usage(self, pool: str | None = None) -> tuple[Usage, ...]:
        """Return each pool's usage, by the pods of all clusters."""
        return self._ledger.usage(pool)

    def epoch(self) -> Epoch | None:
        """Return the last time that the ledger was put back to an earlier state."""
        return self._out(self._ledger.epoch())

    def announce(self, held: Sequence[HeldAddress], gone: Sequence[Lease], actor: Actor) -> Announcement:
        """Have the ledger say what this node's pods have."""
        return self._ledger.announce(self._in(tuple(held)), self._in(tuple(gone)), self._in(actor))

    def _in(self, of: T) -> T:
        return self._names.inward(of)

    def _out(self, of: T) -> T:
        return self._names.outward(of)


def _require_own(ledger: Ledger, names: Names, addresses: Sequence[Address]) -> None:
    """Raise Refused if one of the addresses is reserved for a pod of another cluster."""
    for kept in ledger.reservations() if addresses else ():
        if kept.address in addresses and not names.own(kept.pod.namespace):
            raise Refused(
                f"{kept.address} is reserved for {kept.pod}, a pod of another cluster", "release it on a node there"
            )


class PoliciesOf:
    """Declarations (`policy.store.Policies`) as the nodes of one cluster see them: its own, and all pools."""

    def __init__(self, policies: Policies, ledger: Ledger, names: Names) -> None:
        self._policies = policies
        self._ledger = ledger
        self._names = names

    def find(self, pod: PodRef) -> tuple[PodNetwork, ...]:
        """Return what is declared for the pod."""
        return self._out(self._policies.find(self._in(pod)))

    def pool(self, name: str) -> Pool | None:
        """Return the pool of that name."""
        return self._out(self._policies.pool(name))

    def pools(self) -> tuple[Pool, ...]:
        """Return every pool in order of name."""
        return self._out(self._policies.pools())

    def pod_networks(self, namespace: str | None = None) -> tuple[PodNetwork, ...]:
        """Return every PodNetwork of this cluster, or those of one namespace."""
        found = self._policies.pod_networks(self._namespace(namespace) if namespace is not None else None)
        return self._out(tuple(one for one in found if self._names.own(one.namespace)))

    def apply(
        self, documents: Sequence[Document], actor: Actor, *, source: str, prune: bool = False, dry_run: bool = False
    ) -> Applied:
        """Put all documents in force in one atomic step, with the reservations they declare; or raise `Conflicts`."""
        origin = self._origin(source)
        made = self._policies.apply(
            self._in(tuple(documents)), self._in(actor), source=origin, prune=prune, dry_run=dry_run
        )
        return replace(made, **{name: tuple(map(self._bare, getattr(made, name))) for name, _ in fields(made)})

    def operate(
        self, operation: Operation, actor: Actor, *, source: str, told: Callable[[int], object] = lambda _: None
    ) -> Done:
        """Do all that the operation is, or raise and have nothing done. Refused if it ends another cluster's."""
        _require_own(self._ledger, self._names, operation.release)
        with self._names.refusals():
            done = self._policies.operate(self._in(operation), self._in(actor), source=self._origin(source), told=told)
            return self._out(done)

    def followed(self, directory: str) -> Followed | None:
        """Return what was last seen of a directory that is kept in force."""
        return self._policies.followed(directory)

    def directories(self) -> tuple[str, ...]:
        """Return every directory that something was recorded of."""
        return self._policies.directories()

    def follow(self, directory: str, seen: Followed) -> None:
        """Record what was seen of the directory."""
        self._policies.follow(directory, seen)

    def delete(self, kind: str, namespace: str, name: str, actor: Actor) -> bool:
        """Delete one document and the reservations it declared; False if there is none."""
        return self._policies.delete(kind, self._namespace(namespace), name, self._in(actor))

    def waiting(self) -> tuple[Waiting, ...]:
        """Return what was declared and is not in force."""
        return self._policies.waiting()

    def standings(self) -> tuple[Standing, ...]:
        """Return what namespaces declare beyond their right."""
        return self._policies.standings()

    def _origin(self, source: str) -> str:
        """Return what the ledger knows a source by: a directory of that name may be in every cluster."""
        return f"cluster {self._names.cluster}: {source}" if self._names.cluster and source else source

    def _namespace(self, namespace: str) -> str:
        return self._names.inward_name(namespace)

    def _bare(self, told: T) -> T:
        """Return what was done as this cluster's nodes say it: the names of its own documents, and addresses."""
        own = f" {self._names.cluster}:"
        return told.replace(own, " ", 1) if isinstance(told, str) and self._names.cluster else told  # type: ignore[return-value]

    def _in(self, of: T) -> T:
        return self._names.inward(of)

    def _out(self, of: T) -> T:
        return self._names.outward(of)


class ElsewhereOf:
    """Other nodes (`ipam.elsewhere.Elsewhere`) as the nodes of one cluster call them."""

    def __init__(self, elsewhere: Elsewhere, names: Names) -> None:
        self._elsewhere = elsewhere
        self._names = names

    def judge(self, lease: Lease, pod: PodRef | None) -> Verdict:
        """Say whether the lease's holder is dead."""
        full = self._names.inward(lease)
        verdict = self._elsewhere.judge(full, self._names.inward(pod))
        return replace(
            verdict,
            why=verdict.why.replace(full.node, lease.node),
            advice=verdict.advice.replace(full.node, lease.node),
        )

    def tell(self, pod: PodRef, reason: str, message: str) -> None:
        """Show this to whoever looks at the pod, which is one of this cluster."""
        self._elsewhere.tell(pod, reason, message)

    def machines(self, node: str = "") -> tuple[Registration, ...]:
        """Return the machines that are registered, of all clusters, or that of one node."""
        return self._names.outward(self._elsewhere.machines(self._names.inward_name(node) if node else ""))

    def require_fenceable(self, node: str) -> None:
        """Raise Refused if that the node is dead is not said here."""
        self._elsewhere.require_fenceable(self._names.inward_name(node))

    def ask(self, node: str, question: str) -> bool:
        """Ask the node whether it lives; say whether there is anybody to be asked."""
        return self._elsewhere.ask(self._names.inward_name(node), question)

    def answered(self, node: str, question: str) -> bool:
        """Say whether the question was answered."""
        return self._elsewhere.answered(self._names.inward_name(node), question)

    def withdraw(self, node: str, question: str) -> bool:
        """Take a question back; False if it was answered."""
        return self._elsewhere.withdraw(self._names.inward_name(node), question)

    def fences(self, node: str = "") -> tuple[Fence, ...]:
        """Return what operators have said about nodes of all clusters, or about one node."""
        return self._names.outward(self._elsewhere.fences(self._names.inward_name(node) if node else ""))

    def fence(self, said: Fence) -> bool:
        """Have it said about a node of this cluster."""
        return self._elsewhere.fence(self._names.inward(said))
