"""The check of a whole set of documents against what is in force, before anything changes. Pure, given a `View`.

Every conflict is found and reported at once, and each names both parties. A store asks inside the transaction that
would make the changes, so that two sets applied at the same time can't both be right.
"""

from __future__ import annotations

from collections import defaultdict

from podberth.cni.errors import Refused
from podberth.cni.pod import parted
from podberth.cni.value import replace
from podberth.ipam.owner import may_have
from podberth.ipam.pool import Pool
from podberth.policy import usable
from podberth.policy.admission_pools import check_pools
from podberth.policy.changes import Changes, Declared
from podberth.policy.collision import collision
from podberth.policy.permit import APPLY, OPERATOR, Using, permit
from podberth.policy.podnetwork import PodNetwork
from podberth.policy.reserves import declared_addresses
from podberth.policy.use import Use

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TypeAlias

    from podberth.net.ops import Address
    from podberth.policy.documents import Document
    from podberth.policy.podnetwork import AttachmentPolicy
    from podberth.policy.view import View

    Target: TypeAlias = tuple[str, str | None, str | None, str | None]

SHOWN = 20  # conflicts in the message; all are in .conflicts


class Conflicts(Refused):
    """Code 102: documents that can't come into force; `conflicts` has every reason, each naming both parties."""

    def __init__(self, conflicts: Sequence[str]) -> None:
        more = f"; and {len(conflicts) - SHOWN} more" if len(conflicts) > SHOWN else ""
        super().__init__("; ".join(conflicts[:SHOWN]) + more, "nothing was changed")
        self.conflicts = tuple(conflicts)


def check(view: View, documents: Sequence[Document], deleted: Sequence[Document] = ()) -> Changes:
    """Return what putting `documents` in force and deleting `deleted` changes; raise Conflicts if it must not be."""
    return _Check(view, documents, deleted).changes()


class _Check:
    """One check: gathers conflicts while it works out the changes."""

    def __init__(self, view: View, documents: Sequence[Document], deleted: Sequence[Document]) -> None:
        self.view = view
        self.deleted = tuple(deleted)
        self.conflicts: list[str] = []
        self.fresh: dict[tuple[str, str, str], Document] = {}
        for document in documents:
            if document.key in self.fresh:
                sources = f"{self.fresh[document.key].source} and {document.source}"
                self.conflicts.append(f"{document} is there twice: in {sources}")
            self.fresh[document.key] = document
        self.before = {key: view.document(*key) for key in self.fresh}
        self.gone = {document.key for document in self.deleted}
        kept = {p.name: p for p in view.pools() if ("Pool", "", p.name) not in self.gone}
        self.pools: Mapping[str, Pool] = {
            **kept, **{d.name: d.body for d in self.fresh.values() if isinstance(d.body, Pool)}
        }  # fmt: skip
        self.by_target: dict[Target, list[PodNetwork]] = defaultdict(list)
        self.by_mac: dict[str, list[PodNetwork]] = defaultdict(list)
        for body in (document.body for document in self.fresh.values()):
            if isinstance(body, PodNetwork):
                self.by_target[_target(body)].append(body)
                for mac in {policy.settings.mac for policy in body.attachments} - {None}:
                    self.by_mac[str(mac)].append(body)

    def changes(self) -> Changes:
        created = tuple(d for key, d in self.fresh.items() if self.before[key] is None)
        same = tuple(d for key, d in self.fresh.items() if _same(d, self.before[key]))
        known = {document.key for document in (*created, *same)}
        changed = tuple(d for key, d in self.fresh.items() if key not in known)
        new = self._declared((*created, *changed))
        old = self._old((*changed, *self.deleted))
        release = self._released(old, new)
        self.conflicts += check_pools(self.view, self.pools, (*created, *changed), self.deleted, release)
        self._check_released(release)
        self._check_declared(new, release)
        self._check_neighbours((*created, *changed))
        self._check_pools_named()
        if self.conflicts:
            raise Conflicts(self.conflicts)
        return Changes(
            created=created,
            changed=changed,
            unchanged=same,
            deleted=self.deleted,
            release=release,
            reserve=tuple(declared for declared, _ in new.values() if not self._in_force(declared)),
        )

    def _declared(self, documents: Sequence[Document]) -> dict[Address, tuple[Declared, Document]]:
        """Return every address the documents declare, checked for its pool and for being declared once."""
        found: dict[Address, tuple[Declared, Document]] = {}
        for document in documents:
            if not isinstance(document.body, PodNetwork):
                continue
            for i, policy in enumerate(document.body.attachments):
                pool = self._pool(document, f"{document}: attachments[{i}]", policy)
                if pool is None:
                    continue
                for pod, address in declared_addresses(document.body, policy):
                    declared = Declared(address=address, pool=pool.name, pod=pod, ifname=policy.ifname)
                    other, by = found.setdefault(address, (declared, document))
                    if (other.pod, other.ifname) != (pod, policy.ifname):
                        first = f"{by} for {other.pod} {other.ifname}"
                        self.conflicts.append(
                            f"{address} is declared twice: by {first}, and by {document} for {pod} {policy.ifname}"
                        )
        return found

    def _pool(self, document: Document, where: str, policy: AttachmentPolicy) -> Pool | None:
        """Return the pool an attachment is about, after checking that it may be; None if it names none or can't."""
        assert isinstance(document.body, PodNetwork)
        for name in policy.pools:
            self._of_several(document, where, policy, name)
        addresses = tuple(address for _, address in declared_addresses(document.body, policy))
        if policy.pool is None and not addresses:
            return None
        around = usable.around(self.pools.values(), addresses[0]) if policy.pool is None else []
        pool = self.pools.get(policy.pool) if policy.pool is not None else around[0] if len(around) == 1 else None
        if pool is None:
            self.conflicts.append(f"{where}: {_no_pool(policy, addresses, around)}")
            return None
        for address in addresses:
            reason = usable.unusable(pool, address)
            if reason:
                self.conflicts.append(f"{where}: {address} {reason}")
        self._check_use(document, where, policy, pool, addresses)
        if pool.affinity is not None and not pool.affinity.lets(parted(document.namespace)[1]):
            names = ", ".join(pool.affinity.namespaces)
            self.conflicts.append(
                f"{where}: pool {pool.name} is for namespaces {names}, not for namespace {document.namespace}"
            )
        return pool

    def _of_several(self, document: Document, where: str, policy: AttachmentPolicy, name: str) -> None:
        """Check one of the pools that are to be tried one after another; one that is for others is passed over."""
        pool = self.pools.get(name)
        if pool is None:
            self.conflicts.append(f"{where}: there is no pool {name!r}")
        else:
            self._check_use(document, where, policy, pool, ())

    def _check_use(
        self, document: Document, where: str, policy: AttachmentPolicy, pool: Pool, addresses: tuple[Address, ...]
    ) -> None:
        vlan = policy.settings.vlan
        use = Use(
            who=f"namespace {document.namespace}",
            namespace=document.namespace,
            addresses=addresses,
            vlan=vlan.id if vlan is not None else None,
            vlan_chosen=vlan is not None,
        )
        refusal = permit(document.source, OPERATOR, APPLY, Using(pool=pool, use=use))
        if refusal is not None:
            self.conflicts.append(f"{where}: {refusal.message}; {refusal.details}")

    def _old(self, documents: Sequence[Document]) -> dict[Address, Declared]:
        """Return what the documents, as they are in force, have declared."""
        found: dict[Address, Declared] = {}
        for key in (document.key for document in documents):
            before = self.view.document(*key)
            if before is None or not isinstance(before.body, PodNetwork):
                continue
            for policy in before.body.attachments:
                for pod, address in declared_addresses(before.body, policy):
                    held = self.view.reservation(address)
                    pool = held.pool if held is not None else policy.pool or ""
                    found[address] = Declared(address=address, pool=pool, pod=pod, ifname=policy.ifname)
        return found

    def _released(
        self, old: Mapping[Address, Declared], new: Mapping[Address, tuple[Declared, Document]]
    ) -> tuple[Declared, ...]:
        """Return what nobody declares any more: not the new documents, nor another one in force."""
        return tuple(
            declared
            for address, declared in old.items()
            if (address not in new or new[address][0] != declared) and not self._still_declared(declared)
        )

    def _still_declared(self, declared: Declared) -> bool:
        return any(
            policy.ifname == declared.ifname and declared.address in other.addresses_of(policy, declared.pod)
            for other in self.view.find(declared.pod)
            if self._stays(other)
            for policy in other.attachments
        )

    def _check_released(self, release: Sequence[Declared]) -> None:
        for declared in release:
            lease = self.view.lease(declared.address)
            if lease is not None:
                self.conflicts.append(
                    f"{declared.address} would no longer be declared for {declared.pod} {declared.ifname}, but "
                    f"{lease.pod or 'container'} has it now (container {lease.attachment.container_id} on node "
                    f"{lease.node}): delete that pod first; a StatefulSet's is scaled down until then"
                )

    def _check_declared(self, new: Mapping[Address, tuple[Declared, Document]], release: Sequence[Declared]) -> None:
        """Find the addresses that somebody else has."""
        freed = {declared.address for declared in release}
        for address, (declared, document) in new.items():
            whom = (declared.pod.namespace, declared.pod.name, declared.ifname)
            held = self.view.reservation(address)
            if held is not None and address not in freed and (held.pod.namespace, held.pod.name, held.ifname) != whom:
                by = ", ".join(str(d) for d in self.view.find(held.pod)) if held.origin == "declared" else ""
                self.conflicts.append(
                    f"{document}: {address}, declared for {declared.pod} {declared.ifname}, is reserved for "
                    f"{held.pod} {held.ifname} ({held.origin}{f' by {by}' if by else ''})"
                )
            lease = self.view.lease(address)
            if lease is None:
                continue
            if not may_have(declared.pod, lease.pod) or lease.attachment.ifname != declared.ifname:
                self.conflicts.append(
                    f"{document}: {address}, declared for {declared.pod} {declared.ifname}, is leased by "
                    f"{lease.pod or 'container'} {lease.attachment.ifname} (container "
                    f"{lease.attachment.container_id} on node {lease.node})"
                )

    def _check_neighbours(self, documents: Sequence[Document]) -> None:
        """Find other PodNetworks for the same pod and interface, and MACs that are declared twice."""
        found: dict[frozenset[str], str] = {}
        for body in (document.body for document in documents):
            if not isinstance(body, PodNetwork):
                continue
            for policy in body.attachments:
                for other in self._others(body, policy.settings.mac):
                    complaint = collision(body, policy, other)
                    if complaint:
                        found.setdefault(frozenset((str(body), str(other))), complaint)
        self.conflicts += found.values()

    def _others(self, body: PodNetwork, mac: str | None) -> Iterator[PodNetwork]:
        """Yield the PodNetworks that could collide, as they will be: those of the set, and those that stay."""
        yield from self.by_target[_target(body)]
        in_force = self.view.same_target(body)
        if mac is not None:
            yield from self.by_mac[mac]
            in_force += self.view.with_mac(mac)
        yield from (other for other in in_force if self._stays(other))

    def _check_pools_named(self) -> None:
        """Find PodNetworks that stay and name a pool that goes."""
        for document in self.deleted:
            if isinstance(document.body, Pool) and document.name not in self.pools:
                self.conflicts += [
                    f"{document} can't be deleted: {other} names it"
                    for other in self.view.naming(document.name)
                    if self._stays(other)
                ]

    def _stays(self, podnetwork: PodNetwork) -> bool:
        """Say whether a PodNetwork in force is left as it is by this set."""
        key = ("PodNetwork", podnetwork.namespace, podnetwork.name)
        return key not in self.gone and (key not in self.fresh or _same(self.fresh[key], self.before[key]))

    def _in_force(self, declared: Declared) -> bool:
        held = self.view.reservation(declared.address)
        return (
            held is not None
            and held.origin == "declared"
            and (held.pool, held.pod.namespace, held.pod.name, held.ifname)
            == (declared.pool, declared.pod.namespace, declared.pod.name, declared.ifname)
        )


def _same(document: Document, before: Document | None) -> bool:
    return before is not None and replace(before.body, source="") == replace(document.body, source="")


def _no_pool(policy: AttachmentPolicy, addresses: Sequence[Address], around: Sequence[Pool]) -> str:
    if policy.own is not None:
        by = "`podberth apply` of the PodNetwork, or `podberth controller --own-pools`"
        return f"its own pool {policy.pool} is not there: it is made by {by}"
    if policy.pool is not None:
        return f"there is no pool {policy.pool!r}"
    if not around:
        return f"no pool contains {addresses[0]}; name the `pool`, or create one"
    return f"the pools {', '.join(pool.name for pool in around)} contain {addresses[0]}; name the `pool`"


def _target(podnetwork: PodNetwork) -> Target:
    return podnetwork.namespace, podnetwork.pod, podnetwork.stateful_set, podnetwork.deployment
