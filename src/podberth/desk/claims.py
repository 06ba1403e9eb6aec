"""Reservations as IPAMClaims (k8s.cni.cncf.io/v1alpha1), for programs that read those."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cni import ipam_claim
from podberth.ipam.owner import claim_of, is_claim, is_deployment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from podberth.ipam.lease import Reservation
    from podberth.ipam.pool import Pool
    from podberth.net.ops import Address
    from podberth.verbs.node import Node

    Document = dict[str, object]

API_VERSION, KIND = "k8s.cni.cncf.io/v1alpha1", "IPAMClaim"
POOL = "podberth.io/pool"  # label: of which pool the addresses are; and that podberth shows the reservation


def claims(node: Node) -> tuple[tuple[Document, ...], int]:
    """Return a claim for each interface that addresses are reserved for, and for how many reservations there is none.

    There is none where nobody has said the network, and for a Deployment, whose pods share addresses. A name is the
    claim's own, or the pod's with the interface behind it.
    """
    pools = {pool.name: pool for pool in node.policies.pools()}
    kept = node.ledger.reservations()
    return shown(kept, pools, lambda each: _network(node, each), lambda address: _holder(node, address))


def shown(
    reservations: Iterable[Reservation],
    pools: Mapping[str, Pool],
    network_of: Callable[[Reservation], str],
    holder_of: Callable[[Address], str],
) -> tuple[tuple[Document, ...], int]:
    """Return what `claims` does, of these reservations.

    `network_of` and `holder_of` say a reservation's network and which pod has an address now; '' where that is nobody.
    """
    found: dict[tuple[str, str, str], Document] = {}
    left = 0
    for kept in reservations:
        name, network = _name(kept), network_of(kept)
        pool = pools.get(kept.pool)
        subnet = pool.subnet_of(kept.address) if pool is not None else None
        if not name or not network or subnet is None:
            left += 1
            continue
        key = kept.pod.namespace, name, kept.ifname
        document = found.setdefault(key, _document(kept, name, network))
        status = document["status"]
        assert isinstance(status, dict)
        status["ips"].append(f"{kept.address}/{subnet.network.prefixlen}")
        status["ownerPod"] = status["ownerPod"] or holder_of(kept.address)
    return tuple(found.values()), left


def _document(kept: Reservation, name: str, network: str) -> Document:
    metadata: Mapping[str, object] = {"namespace": kept.pod.namespace, "name": name, "labels": {POOL: kept.pool}}
    spec = {"network": network, "interface": kept.ifname}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": dict(metadata),
        "spec": spec,
        "status": {"ips": [], "ownerPod": ""},
    }


def _name(kept: Reservation) -> str:
    """Return the name of a reservation's claim; '' if it can have none."""
    if is_deployment(kept.pod):
        return ""
    if is_claim(kept.pod):
        return claim_of(kept.pod)[0]
    try:
        return ipam_claim.name(f"{kept.pod.name}.{kept.ifname}")
    except ValueError:
        return ""


def _network(node: Node, kept: Reservation) -> str:
    """Return the network that a reservation is for: by its PodNetwork, or by the pod that had the address last."""
    for document in node.policies.find(kept.pod) if not is_claim(kept.pod) else ():
        for policy in document.attachments:
            if policy.ifname == kept.ifname and policy.network:
                return policy.network
    event = node.ledger.who(kept.address).event
    held = event.attachment if event is not None else None
    return held.network if held is not None and held.ifname == kept.ifname else ""


def _holder(node: Node, address: Address) -> str:
    holding = node.ledger.who(address)
    return holding.pod.name if holding.bound_to is not None and holding.pod is not None else ""
