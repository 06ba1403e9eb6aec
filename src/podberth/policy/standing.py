"""Declarations from namespaces that need the operator's eye: why they count, or do not."""

from __future__ import annotations

from podberth.cni.value import value

REMEDY = (
    "an operator can declare it in a ConfigMap of podberth's own namespace, or as a PodNetwork resource unless "
    "`podNetworks: tenants` is set, or name the namespace under `allow` of the pool; of an interface that the operator "
    "declares, only the operator's document counts"
)


@value
class Standing:
    """A declaration from a namespace that needs the operator's eye.

    `bundle` is its ConfigMap ('db/web') or its own name, `document` its name, or the place that can't be read.
    `in_force`: from before namespaces had limits. `reason` says what is beyond the namespace's right, or what can't be
    read. `silent`: it declares nothing at all.
    """

    bundle: str
    document: str
    in_force: bool
    reason: str
    silent: bool = False
