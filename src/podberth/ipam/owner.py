"""Whose a reservation is: a pod's name, a Deployment's name, which any of its pods may have, or an IPAMClaim. Pure.

A Deployment is written as a pod of the name `deployment/NAME`, which no pod can have; `named` reads all that may be
written down. Its pods are known by their
names alone: NAME, the hash of their template, and a suffix (kubernetes.io, "Deployment status", "Pod-template-hash").

An IPAMClaim (multi-net-spec 1.3, section 8) is written as `ipamclaim/NAME/UID`: one that is made anew under the name of
another is another. Which pods may have its address is what they refer to: any pod of its namespace may.
"""

from __future__ import annotations

from podberth.cni import ipam_claim, parsers
from podberth.cni.pod import PodRef, declared

_PREFIX, CLAIMS = "deployment/", "ipamclaim/"  # what the names of Deployments and of claims begin with
SAFE = "bcdfghjklmnpqrstvwxz2456789"  # k8s.io/apimachinery/pkg/util/rand: what hashes and suffixes are made of
MAX_HASH, SUFFIX = 10, 5
# k8s.io/apiserver/pkg/storage/names cuts what comes before a suffix to 58 characters: name, '-', hash, '-'.
MAX_NAME = 58 - MAX_HASH - 2


def of_deployment(namespace: str, name: str) -> PodRef:
    """Return the owner of what the pods of a Deployment share."""
    return PodRef(namespace=namespace, name=_PREFIX + name)


def of_claim(namespace: str, name: str, uid: str) -> PodRef:
    """Return the owner of the addresses of an IPAMClaim."""
    return PodRef(namespace=namespace, name=f"{CLAIMS}{name}/{uid}")


def named(namespace: object, name: object) -> PodRef:
    """Return the pod that somebody names, or with `deployment/NAME` the Deployment, or with `ipamclaim/NAME/UID` the
    claim. ValueError says what is wrong.
    """
    if isinstance(name, str) and name.startswith(CLAIMS):
        whole, _, uid = name.removeprefix(CLAIMS).partition("/")
        owner = declared(namespace, whole, ipam_claim.name)
        return of_claim(owner.namespace, owner.name, ipam_claim.uid(uid))
    if not isinstance(name, str) or not name.startswith(_PREFIX):
        return declared(namespace, name)
    owner = declared(namespace, name.removeprefix(_PREFIX), deployment_name)
    return of_deployment(owner.namespace, owner.name)


def deployment_name(raw: object) -> str:
    """Return the name of a Deployment whose pods' names have it whole; ValueError if it is none."""
    found = parsers.name(raw)
    if len(found) > MAX_NAME:
        raise ValueError(f"Kubernetes cuts the pods' names of a Deployment of more than {MAX_NAME} characters")
    return found


def is_deployment(owner: PodRef) -> bool:
    """Say whether it is a Deployment, not a pod."""
    return owner.name.startswith(_PREFIX)


def is_claim(owner: PodRef) -> bool:
    """Say whether it is an IPAMClaim."""
    return owner.name.startswith(CLAIMS)


def is_shared(owner: PodRef) -> bool:
    """Say whether it is a Deployment or a claim: pods of other names have its addresses, one after another."""
    return owner.name.startswith((_PREFIX, CLAIMS))


def claim_of(owner: PodRef) -> tuple[str, str]:
    """Return the name and the UID of the claim that the owner is."""
    name, _, uid = owner.name.removeprefix(CLAIMS).partition("/")
    return name, uid


def generation_of(pod: PodRef) -> tuple[str, str] | None:
    """Return the Deployment and the template's hash by the pod's name: ('web', '7d4b9') of 'web-7d4b9-x2x9k'."""
    head, _, suffix = pod.name.rpartition("-")
    name, _, template = head.rpartition("-")
    if not name or len(suffix) != SUFFIX or not 1 <= len(template) <= MAX_HASH:
        return None
    return (name, template) if all(c in SAFE for c in template + suffix) else None


def deployment_of(pod: PodRef) -> PodRef | None:
    """Return the owner of what the pod shares with the others of its Deployment; None if it is no Deployment's."""
    found = generation_of(pod)
    return of_deployment(pod.namespace, found[0]) if found is not None else None


def may_have(owner: PodRef, pod: PodRef | None) -> bool:
    """Say whether the pod is the owner by name, or one of its pods; of a claim's namespace any."""
    if pod is None or owner.namespace != pod.namespace:
        return False
    return owner.name == pod.name or is_claim(owner) or (is_deployment(owner) and deployment_of(pod) == owner)
