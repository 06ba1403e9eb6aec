"""What is in force, in memory, and what a set of documents would change of it: for the tests of admission."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.cni.pod import Attachment, PodRef
from podberth.ipam.lease import Lease, Reservation
from podberth.ipam.owner import deployment_of
from podberth.ipam.pool import Pool
from podberth.policy.admission import Conflicts, check
from podberth.policy.documents import Document, document_of
from podberth.policy.podnetwork import PodNetwork
from podberth.policy.reserves import declared_addresses
from tests.unit.policy.declared import ip, pool, subnet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.net.ops import Address
    from podberth.policy.changes import Changes

DB = pool(
    "db",
    subnet(
        "10.20.0.0/24", gateway="10.20.0.1", ranges=("10.20.0.0-10.20.0.200", "10.20.0.255"), exclude=("10.20.0.50",)
    ),
    "fd00:20::/64",
)


def _is_for(podnetwork: PodNetwork, pod: PodRef) -> bool:
    """Say whether it is declared for the pod, by whichever name; for a Deployment as an owner: for that."""
    if podnetwork.pod is not None:
        return (podnetwork.namespace, podnetwork.pod) == (pod.namespace, pod.name)
    if podnetwork.owner is not None:
        return podnetwork.owner in (pod, deployment_of(pod))
    return podnetwork.ordinal(pod) is not None


class Memory:
    """What is in force, in memory: every document's addresses reserved, leases as given."""

    def __init__(
        self, *bodies: Pool | PodNetwork, leases: tuple[Lease, ...] = (), manual: tuple[Reservation, ...] = ()
    ):
        self.documents = {d.key: d for d in (document_of(body, "apply: old.yaml") for body in bodies)}
        self.leases = leases
        self.reservations = {r.address: r for r in manual}
        for network in self.networks():
            for policy in network.attachments:
                for pod, address in declared_addresses(network, policy):
                    self.reservations[address] = reservation(str(address), str(pod), policy.ifname, "declared")

    def networks(self) -> tuple[PodNetwork, ...]:
        return tuple(d.body for d in self.documents.values() if isinstance(d.body, PodNetwork))

    def document(self, kind: str, namespace: str, name: str) -> Document | None:
        return self.documents.get((kind, namespace, name))

    def pools(self) -> tuple[Pool, ...]:
        return tuple(d.body for d in self.documents.values() if isinstance(d.body, Pool))

    def find(self, pod: PodRef) -> tuple[PodNetwork, ...]:
        return tuple(n for n in self.networks() if _is_for(n, pod))

    def same_target(self, body: PodNetwork) -> tuple[PodNetwork, ...]:
        target = (body.namespace, body.target)
        return tuple(n for n in self.networks() if (n.namespace, n.target) == target and n.name != body.name)

    def with_mac(self, mac: str) -> tuple[PodNetwork, ...]:
        return tuple(n for n in self.networks() if mac in [a.settings.mac for a in n.attachments])

    def naming(self, pool: str) -> tuple[PodNetwork, ...]:
        return tuple(n for n in self.networks() if pool in [a.pool for a in n.attachments])

    def reservation(self, address: Address) -> Reservation | None:
        return self.reservations.get(address)

    def lease(self, address: Address) -> Lease | None:
        return next((lease for lease in self.leases if lease.address == address), None)

    def held(self, pool: str) -> Iterator[Reservation | Lease]:
        yield from (r for r in self.reservations.values() if r.pool == pool)
        yield from (lease for lease in self.leases if lease.pool == pool)


def ref(text: str) -> PodRef:
    namespace, _, name = text.partition("/")
    return PodRef(namespace=namespace, name=name)


def reservation(address: str, pod: str, ifname: str = "eth0", origin: str = "manual") -> Reservation:
    return Reservation(address=ip(address), pool="db", pod=ref(pod), ifname=ifname, origin=origin, since=1)


def lease(address: str, pod: str, ifname: str = "eth0") -> Lease:
    at = Attachment(network="banknet", container_id="c1", ifname=ifname)
    return Lease(address=ip(address), pool="db", attachment=at, pod=ref(pod), netns="/n", node="node1", since=1)


def docs(*bodies: Pool | PodNetwork) -> list[Document]:
    return [document_of(body, "apply: new.yaml") for body in bodies]


def conflicts(view: Memory, *bodies: Pool | PodNetwork, deleted: tuple[Pool | PodNetwork, ...] = ()) -> tuple[str, ...]:
    with pytest.raises(Conflicts) as found:
        check(view, docs(*bodies), docs(*deleted))
    return found.value.conflicts


def changes(view: Memory, *bodies: Pool | PodNetwork, deleted: tuple[Pool | PodNetwork, ...] = ()) -> Changes:
    return check(view, docs(*bodies), docs(*deleted))


def released(of: Changes) -> list[str]:
    return [f"{d.address} {d.pod} {d.ifname}" for d in of.release]


def reserved(of: Changes) -> list[str]:
    return [f"{d.address} {d.pool} {d.pod} {d.ifname}" for d in of.reserve]
