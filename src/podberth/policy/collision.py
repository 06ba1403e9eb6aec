"""Whether two PodNetworks contradict each other: the same interface of the same pod, or the same MAC. Pure."""

from __future__ import annotations

from podberth.cni.pod import PodRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.policy.podnetwork import AttachmentPolicy, PodNetwork


def collision(body: PodNetwork, policy: AttachmentPolicy, other: PodNetwork) -> str:
    """Return how `policy` of `body` contradicts `other`, in words that name both; empty if it does not.

    `other` may be `body` itself: then its other interfaces are looked at. A pod's own document and its StatefulSet's
    may speak of the same interface: the pod's goes before.
    """
    itself = (body.namespace, body.name) == (other.namespace, other.name)
    same_target = (body.namespace, body.target) == (other.namespace, other.target)
    mac = policy.settings.mac
    for theirs in other.attachments:
        same_ifname = policy.ifname == theirs.ifname
        same_network = policy.network == theirs.network or None in (policy.network, theirs.network)
        if same_target and same_ifname and same_network and not itself:
            return f"{body} and {other} both declare {policy.ifname} of {body.target} in namespace {body.namespace}"
        same_mac = mac is not None and ":" in mac and mac == theirs.settings.mac
        if same_mac and not (same_ifname and (same_target or _one_pod(body, other))):
            whose = f"{body} twice, for {policy.ifname} and {theirs.ifname}" if itself else f"both {body} and {other}"
            return f"the MAC {mac} is declared by {whose}"
    return ""


def _one_pod(body: PodNetwork, other: PodNetwork) -> bool:
    """Say whether one is a pod's own document and the other its StatefulSet's."""
    single, of_set = (body, other) if body.pod is not None else (other, body)
    pod = PodRef(namespace=single.namespace, name=single.pod or "")
    return single.pod is not None and of_set.ordinal(pod) is not None
