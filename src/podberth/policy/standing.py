"""Declarations from namespaces that need the operator's eye: why they count, or do not."""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.pod import PodRef
    from podberth.policy.podnetwork import PodNetwork

REMEDY = (
    "an operator can declare it in a ConfigMap of podberth's own namespace, or as a PodNetwork resource unless "
    "`podNetworks: tenants` is set, or name the namespace under `allow` of the pool; of an interface that the operator "
    "declares, only the operator's document counts"
)

# What to do about each kind of complaint.
FOREIGN = "have an operator declare it, in a ConfigMap of podberth's own namespace"
CHOICE = (
    "leave it out, or have an operator declare the pod: in a ConfigMap of podberth's own namespace, or as a PodNetwork "
    "resource unless `podNetworks: tenants` is set"
)
SPOKEN_OF = "delete it: of an interface that the operator declares, only the operator's document counts"
NO_ADDRESS = "name the pod's addresses: a namespace declares nothing else"
ELSEWHERE = "name a pool that is there, and that the addresses lie in"
UNREAD = (
    "correct it, or delete it; what it declared before stays in force, where no controller runs on nodes that read that"
)
SILENT = "put the documents into `data`, or take the label away"


@value
class Standing:
    """A declaration from a namespace that needs the operator's eye.

    `bundle` is its ConfigMap ('db/web') or its own name, `document` its name, or the place that can't be read.
    `in_force`: from before namespaces had limits. `reason` says what is beyond the namespace's right, or what can't be
    read, `remedy` what to do about it. `silent`: it declares nothing at all. `body`: the document, if it can be read.
    """

    bundle: str
    document: str
    in_force: bool
    reason: str
    silent: bool = False
    remedy: str = REMEDY
    body: PodNetwork | None = None

    def concerns(self, pod: PodRef) -> bool:
        """Say whether it is about the pod, or may be: a text of its namespace that can't be read."""
        if self.body is not None:
            return self.body.is_for(pod)
        return self.bundle.partition("/")[0] == pod.namespace


def worded(one: Standing) -> str:
    """Return in a sentence how a declaration stands, and why."""
    if one.in_force:
        return f"in force, as it was declared before namespaces had limits: {one.reason}"
    if one.silent:
        return f"declares nothing: {one.reason}"
    if one.document.startswith("ConfigMap "):
        return f"can't be read: {one.reason}"
    return f"not in force: {one.reason}"
