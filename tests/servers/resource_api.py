"""resource.k8s.io on an API server that does not have it: custom resources of the same names, as strict as they allow.

Bounds and patterns are those of the API (resource.k8s.io/v1): what the real one refuses of a slice or a claim's status,
this refuses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podberth.kube.resources import Resource
from tests.waiting import until

if TYPE_CHECKING:
    from tests.servers.operator import Operator

Object = dict[str, Any]

_LABEL = {"type": "string", "maxLength": 63, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"}
_TEXT = {"type": "string", "maxLength": 64}
_CIDR = {"type": "string", "pattern": "^[0-9a-f:.]+/[0-9]+$"}
_ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_ATTRIBUTES = {
    "type": "object",
    "maxProperties": 32,
    "additionalProperties": {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "properties": {"string": _TEXT, "int": {"type": "integer"}, "bool": {"type": "boolean"}, "version": _TEXT},
    },
}
_POOL = {
    "type": "object",
    "required": ["name", "generation", "resourceSliceCount"],
    "properties": {
        "name": {"type": "string", "maxLength": 253},
        "generation": {"type": "integer", "minimum": 0},
        "resourceSliceCount": {"type": "integer", "minimum": 1},
    },
}
_STATUS = {
    "type": "object",
    "required": ["driver", "pool", "device"],
    "properties": {
        "driver": {"type": "string", "maxLength": 63},
        "pool": {"type": "string", "maxLength": 253},
        "device": _LABEL,
        "networkData": {
            "type": "object",
            "properties": {
                "interfaceName": {"type": "string", "maxLength": 256},
                "hardwareAddress": {"type": "string", "maxLength": 128},
                "ips": {
                    "type": "array",
                    "maxItems": 16,
                    "items": {"type": "string", "pattern": "^[0-9a-f:.]+/[0-9]+$"},
                },
            },
        },
    },
}


def serve(operator: Operator, *versions: str) -> None:
    """Have the server know ResourceSlices and ResourceClaims in these versions, the first of which is stored."""
    operator.apply(_definition("resourceslices", "ResourceSlice", "Cluster", versions, _slice))
    operator.apply(_definition("resourceclaims", "ResourceClaim", "Namespaced", versions, _claim))
    wanted = {"resourceslices", "resourceclaims"}
    for version in versions:
        until(lambda at=version: wanted <= {one.plural for one in operator.resources(f"resource.k8s.io/{at}")})  # type: ignore[misc]


def remove(operator: Operator) -> None:
    """Have the server know neither any more, and all objects of them be gone."""
    definitions = Resource(
        group="apiextensions.k8s.io",
        version="v1",
        plural="customresourcedefinitions",
        kind="CustomResourceDefinition",
        namespaced=False,
    )
    names = ("resourceslices.resource.k8s.io", "resourceclaims.resource.k8s.io")
    for name in names:
        operator.client.delete(definitions, name)
    until(lambda: not {one["metadata"]["name"] for one in operator.client.list(definitions).items} & set(names))
    until(lambda: not operator.resources("resource.k8s.io/v1"))
    until(lambda: not operator.resources("resource.k8s.io/v1beta1"))


def _definition(plural: str, kind: str, scope: str, versions: tuple[str, ...], schema: Any) -> Object:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.resource.k8s.io",
            "annotations": {"api-approved.kubernetes.io": "unapproved, testing only"},
        },
        "spec": {
            "group": "resource.k8s.io",
            "scope": scope,
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": version == versions[0],
                    "subresources": {"status": {}} if scope == "Namespaced" else {},
                    "schema": {"openAPIV3Schema": schema(version)},
                }
                for version in versions
            ],
        },
    }


def _slice(version: str) -> Object:
    inside = {"attributes": _ATTRIBUTES}
    device = {
        "name": _LABEL,
        **({"basic": {"type": "object", "properties": inside}} if version == "v1beta1" else inside),
    }
    devices = {
        "type": "array",
        "maxItems": 128,
        "items": {"type": "object", "required": ["name"], "properties": device},
    }
    spec = {
        "type": "object",
        "required": ["driver", "pool"],
        "properties": {
            "driver": {"type": "string", "maxLength": 63},
            "nodeName": {"type": "string", "maxLength": 253},
            "pool": _POOL,
            "devices": devices,
        },
    }
    return {"type": "object", "required": ["spec"], "properties": {"spec": spec}}


def _claim(version: str) -> Object:
    del version
    status = {
        "type": "object",
        "properties": {
            "allocation": _ANY,
            "reservedFor": {"type": "array", "maxItems": 256, "items": _ANY},
            "devices": {
                "type": "array",
                "items": _STATUS,
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["driver", "device", "pool"],
            },
        },
    }
    return {"type": "object", "properties": {"spec": _ANY, "status": status}}
