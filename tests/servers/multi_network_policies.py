"""The custom resource MultiNetworkPolicy."""

from __future__ import annotations

from typing import Any

# Of the kind as the convention has it (multi-networkpolicy, scheme.yml), as loose as a CRD may be.
POLICIES: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {
        "name": "multi-networkpolicies.k8s.cni.cncf.io",
        "annotations": {"api-approved.kubernetes.io": "unapproved, testing only"},
    },
    "spec": {
        "group": "k8s.cni.cncf.io",
        "scope": "Namespaced",
        "names": {"plural": "multi-networkpolicies", "singular": "multi-networkpolicy", "kind": "MultiNetworkPolicy"},
        "versions": [
            {
                "name": "v1beta1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}
