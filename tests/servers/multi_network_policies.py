"""The custom resource MultiNetworkPolicy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podberth.kube.errors import NotFound
from podberth.kube.resources import MULTI_NETWORK_POLICIES, Resource
from tests.waiting import until

if TYPE_CHECKING:
    from podberth.kube.client import Client

_DEFINITIONS = Resource(
    group="apiextensions.k8s.io", version="v1", plural="customresourcedefinitions", kind="CustomResourceDefinition",
    namespaced=False,
)  # fmt: skip
V1BETA2, V1BETA1 = MULTI_NETWORK_POLICIES
_LOOSE = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def _kind(versions: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": "multi-networkpolicies.k8s.cni.cncf.io",
            "annotations": {"api-approved.kubernetes.io": "unapproved, testing only"},
        },
        "spec": {
            "group": V1BETA1.group,
            "scope": "Namespaced",
            "names": {"plural": V1BETA1.plural, "singular": "multi-networkpolicy", "kind": V1BETA1.kind},
            "versions": versions,
        },
    }


def _version(name: str, schema: dict[str, Any], *, served: bool, storage: bool) -> dict[str, Any]:
    return {"name": name, "served": served, "storage": storage, "schema": {"openAPIV3Schema": schema}}


# Of the kind as the convention has it (multi-networkpolicy, scheme.yml), as loose as a CRD may be.
POLICIES = _kind([_version(V1BETA1.version, _LOOSE, served=True, storage=True)])


def versioned(*served: str) -> dict[str, Any]:
    """Return the kind with both versions, of which these are served: as in that file, v1beta2 alone has `endPort`.

    A version knows the fields of a port that it has, and the API server takes others away. Objects are stored as
    v1beta2, so that they are whole.
    """
    return _kind(
        [
            _version(V1BETA1.version, _of_ports({}), served=V1BETA1.version in served, storage=False),
            _version(
                V1BETA2.version, _of_ports({"endPort": {"type": "integer"}}), served=V1BETA2.version in served,
                storage=True,
            ),
        ]
    )  # fmt: skip


def _of_ports(more: dict[str, Any]) -> dict[str, Any]:
    port = {"port": {"x-kubernetes-int-or-string": True}, "protocol": {"type": "string"}, **more}
    rule = {**_LOOSE, "properties": {"ports": {"type": "array", "items": {"type": "object", "properties": port}}}}
    rules = {key: {"type": "array", "items": rule} for key in ("ingress", "egress")}
    return {"type": "object", "properties": {"spec": {**_LOOSE, "properties": rules}}}


def served(client: Client) -> tuple[Resource, ...]:
    """Return the versions of the kind that the server serves."""
    return tuple(one for one in MULTI_NETWORK_POLICIES if _is_served(client, one))


def _is_served(client: Client, version: Resource) -> bool:
    try:
        client.list(version, limit=1)
    except NotFound:
        return False
    return True


def serve(client: Client, kind: dict[str, Any]) -> None:
    """Have the server serve the kind in those versions, and no others; return when it does."""
    client.apply(_DEFINITIONS, kind, manager="kubectl")
    names = [one["name"] for one in kind["spec"]["versions"] if one["served"]]
    until(lambda: {one.version for one in served(client)} == set(names))


def remove(client: Client) -> None:
    """Have the server know the kind no more, and all objects of it be gone."""
    client.delete(_DEFINITIONS, POLICIES["metadata"]["name"])
    until(lambda: not served(client) and not _is_defined(client))


def _is_defined(client: Client) -> bool:
    try:
        client.get(_DEFINITIONS, POLICIES["metadata"]["name"])
    except NotFound:
        return False
    return True
