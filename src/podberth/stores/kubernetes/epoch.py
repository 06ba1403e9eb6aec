"""The epoch of a ledger behind the Kubernetes API: an annotation of one Lease, changed by its resourceVersion."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from podberth.cni.errors import StoreFailed, TryAgainLater
from podberth.ipam.epoch import epoch_form, parse_epoch
from podberth.kube import errors, resources
from podberth.stores.kubernetes import objects

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.ipam.epoch import Epoch
    from podberth.kube.client import Client
    from podberth.stores.kubernetes.objects import Object

NAME = "podberth-epoch"
EPOCH = "podberth.io/epoch"  # an annotation
_ATTEMPTS = 16


def epoch(client: Client, namespace: str, decide: Callable[[Epoch | None], Epoch | None]) -> tuple[Epoch, int] | None:
    """Return the epoch, with its revision, once it is as `decide` says; None if there is none.

    An account with the rights of a release before knows of none, and goes on as that release did.
    """
    for _ in range(_ATTEMPTS):
        lease = _find(client, namespace)
        found = _read(lease) if lease is not None else None
        new = decide(found)
        if new is None:
            return (found, objects.revision_of(lease)) if lease is not None and found is not None else None
        try:
            made = _written(client, namespace, lease, new)
        except (errors.Conflict, errors.AlreadyExists):
            continue
        return new, objects.revision_of(made)
    raise TryAgainLater("others announce their pods at the same time", "it can be done again")


def _find(client: Client, namespace: str) -> Object | None:
    try:
        return client.get(resources.LEASES, NAME, namespace)
    except (errors.NotFound, errors.Forbidden):
        return None


def _written(client: Client, namespace: str, lease: Object | None, new: Epoch) -> Object:
    text = json.dumps(epoch_form(new), separators=(",", ":"))
    if lease is None:
        made = {
            "apiVersion": resources.LEASES.api_version,
            "kind": resources.LEASES.kind,
            "metadata": {"name": NAME, "namespace": namespace, "annotations": {EPOCH: text}},
            "spec": {},
        }
        return client.create(resources.LEASES, made, namespace)
    metadata = lease["metadata"]
    annotations = {**(metadata.get("annotations") or {}), EPOCH: text}
    return client.replace(resources.LEASES, {**lease, "metadata": {**metadata, "annotations": annotations}})


def _read(lease: Object) -> Epoch | None:
    text = (lease["metadata"].get("annotations") or {}).get(EPOCH)
    if text is None:
        return None
    try:
        form = json.loads(text)
    except (ValueError, RecursionError) as wrong:
        raise StoreFailed(
            f"Lease {NAME}: its annotation {EPOCH} can't be read: {wrong}", "was it written by hand?"
        ) from None
    return parse_epoch(form)
