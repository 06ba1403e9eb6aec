"""Whose addresses a pod has that refers to an IPAMClaim. Loaded only for such a pod. Pure."""

from __future__ import annotations

from podberth.cni.errors import InvalidConfig
from podberth.cni.value import value
from podberth.ipam import owner
from podberth.policy.usable import contains

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.cni.ipam_claim import IpamClaim
    from podberth.cni.pod import PodRef
    from podberth.ipam.pool import Pool
    from podberth.net.ops import Address
    from podberth.policy.layer import Provenance
    from podberth.policy.precedence import Question


@value
class OfClaim:
    """The `owner` that a claim is, by the ledger. `ips`: addresses that the claim says it has, or asks for.

    `standby`: the pod is the target of a live migration, and another may have them still.
    """

    owner: PodRef
    ips: tuple[Address, ...]
    standby: bool


def of_claim(question: Question, claim: IpamClaim, families: Sequence[Provenance], pool: Pool) -> OfClaim:
    """Return what the pod's claim comes to. InvalidConfig where another names an address, or it can't be had."""
    pod = question.pod
    if pod is None:
        raise InvalidConfig("ipamClaim: a claim is a pod's, and the caller named none", "pass K8S_POD_NAME in CNI_ARGS")
    said = f"IPAMClaim {pod.namespace}/{claim.name}"
    named = next((one for one in families if one.value is not None), None)
    if named is not None:
        raise InvalidConfig(
            f"addresses: {question.ifname} of {pod} has its address from {said}, and the {named.source} {named.detail}"
            f" names {named.value}",
            "take the one or the other away: an interface has one address of each family",
        )
    outside = next((ip for ip in claim.ips if not contains(pool, ip)), None)
    if outside is not None:
        raise InvalidConfig(
            f"{said}: {outside} is not in pool {pool.name}, from which {question.ifname} of {pod} has its addresses",
            "extend the pool, or make the claim anew without that address",
        )
    whose = owner.of_claim(pod.namespace, claim.name, claim.uid)
    return OfClaim(owner=whose, ips=claim.ips, standby=claim.standby)
