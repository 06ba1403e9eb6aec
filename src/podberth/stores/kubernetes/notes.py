"""Leases of ours that nobody holds: each is a note in podberth's own namespace, by its annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from podberth.cni.errors import TryAgainLater
from podberth.kube import errors, resources

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from podberth.kube.client import Client
    from podberth.stores.kubernetes.objects import Object

T = TypeVar("T")
_ATTEMPTS = 16  # to write what others write at the same time


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


def amended(note: Object, annotations: Mapping[str, str | None]) -> Object:
    """Return the note with these annotations, and with its other ones; None takes one away."""
    both = {**annotations_of(note), **annotations}
    left = {key: text for key, text in both.items() if text is not None}
    return {**note, "metadata": {**note["metadata"], "annotations": left}}


def change(
    client: Client,
    find: Callable[[], Object | None],
    decide: Callable[[Object | None], tuple[Object | None, T]],
    busy: str,
) -> tuple[T, Object | None]:
    """Change a note by its resourceVersion; return the answer of `decide`, and the note as it is then.

    `decide` is given what `find` returns. It says what the note becomes, None to leave it. It may be asked again: it
    has no effects. TryAgainLater with `busy` if others were faster every time.
    """
    for _ in range(_ATTEMPTS):
        found = find()
        new, answer = decide(found)
        if new is None:
            return answer, found
        try:
            if found is None:
                return answer, client.create(resources.LEASES, new, new["metadata"]["namespace"])
            return answer, client.replace(resources.LEASES, new)
        except (errors.AlreadyExists, errors.Conflict, errors.NotFound):
            continue
    raise TryAgainLater(busy, "it can be done again")
