"""Short ways to say what the tests say to an API server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.kube.resources import CONFIG_MAPS, Resource

if TYPE_CHECKING:
    from podberth.kube.client import Client, Object

DEFINITIONS = Resource(
    group="apiextensions.k8s.io",
    version="v1",
    plural="customresourcedefinitions",
    kind="CustomResourceDefinition",
    namespaced=False,
)


def config_map(name: str, value: str = "", **labels: str) -> Object:
    return {"metadata": {"name": name, "labels": labels}, "data": {"value": value}}


def put(client: Client, namespace: str, *names: str) -> str:
    """Create config maps; return the resourceVersion of the last."""
    made = [client.create(CONFIG_MAPS, config_map(name), namespace) for name in names]
    return str(made[-1]["metadata"]["resourceVersion"])


def names(items: list[Object]) -> list[str]:
    return sorted(item["metadata"]["name"] for item in items)
