"""The custom resource IPAMClaim, as clusters have it that know claims."""

from __future__ import annotations

from typing import Any

# Fields of the claim (multi-net-spec 1.3, section 8; of the status also those that came later).
CLAIMS: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {
        "name": "ipamclaims.k8s.cni.cncf.io",
        "annotations": {"api-approved.kubernetes.io": "unapproved, testing only"},
    },
    "spec": {
        "group": "k8s.cni.cncf.io",
        "scope": "Namespaced",
        "names": {"plural": "ipamclaims", "singular": "ipamclaim", "kind": "IPAMClaim"},
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "required": ["network", "interface"],
                                "properties": {
                                    "network": {"type": "string"},
                                    "interface": {"type": "string"},
                                    "ipRequests": {"type": "array", "maxItems": 2, "items": {"type": "string"}},
                                },
                            },
                            "status": {
                                "type": "object",
                                "required": ["ips", "ownerPod"],
                                "properties": {
                                    "ips": {"type": "array", "maxItems": 2, "items": {"type": "string"}},
                                    "ownerPod": {"type": "string"},
                                },
                            },
                        },
                    }
                },
            }
        ],
    },
}
