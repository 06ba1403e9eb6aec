"""The resources of a Kubernetes API that podberth speaks of, as values, and the paths they are found under."""

from __future__ import annotations

from urllib.parse import quote

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


@value
class Resource:
    """One resource type. `group` is '' for the core group; `plural` is what stands in paths and RBAC rules."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool

    @property
    def api_version(self) -> str:
        """Return what objects of it have as `apiVersion`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the path below the server: of all, of a namespace's, of one object, of a subresource of it."""
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if namespace and self.namespaced:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/" + "/".join(quote(part, safe="") for part in parts)

    def shown(self, namespace: str = "", name: str = "") -> str:
        """Return how messages call it: 'addressleases.podberth.io 10.20.0.1'."""
        full = f"{self.plural}.{self.group}" if self.group else self.plural
        within = namespace if self.namespaced else ""
        return f"{full} {'/'.join(part for part in (within, name) if part)}".rstrip()


GROUP, VERSION = "podberth.io", "v1alpha1"


def _ours(plural: str, kind: str, *, namespaced: bool = False) -> Resource:
    return Resource(group=GROUP, version=VERSION, plural=plural, kind=kind, namespaced=namespaced)


POOLS = _ours("pools", "Pool")
POD_NETWORKS = _ours("podnetworks", "PodNetwork", namespaced=True)
ADDRESS_RESERVATIONS = _ours("addressreservations", "AddressReservation")
ADDRESS_LEASES = _ours("addressleases", "AddressLease")
ADDRESS_HISTORIES = _ours("addresshistories", "AddressHistory")

CONFIG_MAPS = Resource(group="", version="v1", plural="configmaps", kind="ConfigMap", namespaced=True)
NAMESPACES = Resource(group="", version="v1", plural="namespaces", kind="Namespace", namespaced=False)
NODES = Resource(group="", version="v1", plural="nodes", kind="Node", namespaced=False)
NETWORK_ATTACHMENTS = Resource(
    group="k8s.cni.cncf.io", version="v1", plural="network-attachment-definitions", kind="NetworkAttachmentDefinition",
    namespaced=True,
)  # fmt: skip
IPAM_CLAIMS = Resource(
    group="k8s.cni.cncf.io", version="v1alpha1", plural="ipamclaims", kind="IPAMClaim", namespaced=True
)
# The newest version first: of some releases of the kind, `endPort` is in v1beta2 alone.
MULTI_NETWORK_POLICIES = tuple(
    Resource(
        group="k8s.cni.cncf.io", version=version, plural="multi-networkpolicies", kind="MultiNetworkPolicy",
        namespaced=True,
    )
    for version in ("v1beta2", "v1beta1")
)  # fmt: skip
PODS = Resource(group="", version="v1", plural="pods", kind="Pod", namespaced=True)
EVENTS = Resource(group="", version="v1", plural="events", kind="Event", namespaced=True)
LEASES = Resource(group="coordination.k8s.io", version="v1", plural="leases", kind="Lease", namespaced=True)
ACCESS_REVIEWS = Resource(
    group="authorization.k8s.io",
    version="v1",
    plural="selfsubjectaccessreviews",
    kind="SelfSubjectAccessReview",
    namespaced=False,
)

# What makes an API server serve a kind: a document of ours, or whose it is.
_OURS = "`kubectl apply -k deploy/base/crds` installs podberth's kinds"
_SOURCES: Mapping[str, str] = {  # by the plural: the version does not matter
    NETWORK_ATTACHMENTS.plural: "docs/several-networks.md has its CustomResourceDefinition, and so has Multus",
    IPAM_CLAIMS.plural: "its CustomResourceDefinition is that of github.com/k8snetworkplumbingwg/ipamclaims",
    MULTI_NETWORK_POLICIES[0].plural: (
        "its CustomResourceDefinition is `scheme.yml` of github.com/k8snetworkplumbingwg/multi-networkpolicy"
    ),
}
_DRA = "Kubernetes serves it from 1.32 on; until 1.33 it has to be switched on (docs/dra.md)"


def source(resource: Resource) -> str:
    """Return what has an API server serve the kind, for those who find that it does not."""
    if resource.group == GROUP:
        return _OURS
    if resource.group == "resource.k8s.io":
        return _DRA
    return _SOURCES.get(resource.plural, f"`kubectl api-resources` shows whether it serves {resource.api_version}")
