"""Whose interface it is: the pod, and the attachment; and how a pod may be called.

There are two rules for a pod's name, and both are here. What is *declared* for a pod (a PodNetwork, an
AddressReservation, `podberth reserve`, a sheet) names it as Kubernetes lets pods be called: RFC 1123, lower case. What
a runtime *calls* a pod is taken as it comes, as long as it can be a part of a file's name: podman also uses capitals
and '_'. So a name that no pod can have is refused where somebody writes it down, and a container is never refused for
what its runtime calls it.
"""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.fields import shown
from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Parsers of what is declared: a namespace's name, and a pod's.
NAMESPACE, NAME = parsers.label, parsers.name


@value
class PodRef:
    """A pod as a runtime names it in CNI_ARGS (K8S_POD_NAMESPACE, K8S_POD_NAME, K8S_POD_UID).

    In a ledger of several clusters `namespace` is one of a cluster (`joined`).
    """

    namespace: str
    name: str
    uid: str = ""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def api_uid(self) -> str:
        """The UID by which an API server knows the pod; '' if that is not known.

        A static pod's own UID is a hash without '-', and the API server's mirror of it has another (kubelet,
        pkg/kubelet/config/common.go).
        """
        return self.uid if "-" in self.uid else ""


@value
class Attachment:
    """One interface of one container on one network: the key of everything recorded (SPEC.md, section 2)."""

    network: str
    container_id: str
    ifname: str

    def __str__(self) -> str:
        return f"{self.network}/{self.container_id}/{self.ifname}"


def joined(cluster: str, namespace: str) -> str:
    """Return a namespace, or a node, of a cluster as a ledger of several calls it: 'b:payments'.

    The ledger's first cluster has no name there: what is its own is called as it is.
    """
    return f"{cluster}:{namespace}" if cluster else namespace


def parted(name: str) -> tuple[str, str]:
    """Return the cluster, '' for the first, and the bare name of what `joined` made."""
    cluster, colon, bare = name.partition(":")
    return (cluster, bare) if colon else ("", name)


def called(raw: object) -> str:
    """Return what a runtime calls a pod, or its namespace; ValueError if that can't be a name at all."""
    found = parsers.identifier(raw)
    if ".." in found:
        raise ValueError(f"expected a name without '..', got {shown(found)}")
    return found


def declared(namespace: object, name: object, parse: Callable[[object], str] = NAME) -> PodRef:
    """Return the pod that somebody names; ValueError says which part is no name that Kubernetes has for one.

    `parse` reads the name.
    """
    return PodRef(namespace=_part("namespace", NAMESPACE, namespace), name=_part("pod", parse, name))


def _part(field: str, parse: Callable[[object], str], raw: object) -> str:
    try:
        return parse(raw)
    except ValueError as wrong:
        raise ValueError(f"{field}: {wrong}") from None
