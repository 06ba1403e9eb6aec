"""Leases of ours that nobody holds: each is a note in podberth's own namespace, by its annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.kube import errors, resources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from podberth.kube.client import Client
    from podberth.stores.kubernetes.objects import Object


def find(client: Client, namespace: str, name: str) -> Object | None:
    """Return the note of that name; None if there is none. Forbidden says which roles have to be applied."""
    try:
        return client.get(resources.LEASES, name, namespace)
    except errors.NotFound:
        return None
    except errors.Forbidden as wrong:
        details = "apply the roles of this version: kubectl apply -k deploy/overlays/..."
        raise type(wrong)(wrong.message, details) from None


def new(namespace: str, name: str, annotations: Mapping[str, str], labels: Mapping[str, str] | None = None) -> Object:
    """Return a note that is not written yet."""
    metadata = {"name": name, "namespace": namespace, "annotations": dict(annotations)}
    metadata |= {"labels": dict(labels)} if labels else {}
    return {"apiVersion": resources.LEASES.api_version, "kind": resources.LEASES.kind, "metadata": metadata, "spec": {}}


def annotations_of(note: Object) -> dict[str, str]:
    """Return what it says; one that was made by hand may say nothing."""
    return note["metadata"].get("annotations") or {}
