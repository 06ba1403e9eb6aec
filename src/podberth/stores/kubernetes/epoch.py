"""The epoch of a ledger behind the Kubernetes API: an annotation of one Lease, changed by its resourceVersion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.ipam.epoch import epoch_form, heard, parse_epoch
from podberth.kube import errors, resources
from podberth.stores.kubernetes import notes, objects
from podberth.stores.kubernetes.predecessor import OUT_OF_SERVICE
from podberth.stores.replica.position import numbers
from podberth.stores.written import packed, parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from podberth.ipam.epoch import Epoch
    from podberth.kube.client import Client
    from podberth.stores.kubernetes.objects import Object

NAME = "podberth-epoch"
EPOCH = "podberth.io/epoch"  # an annotation
_BUSY = "others announce their pods at the same time"


def epoch(client: Client, namespace: str, decide: Callable[[Epoch | None], Epoch | None]) -> tuple[Epoch, int] | None:
    """Return the epoch, with its revision, once it is as `decide` says; None if there is none.

    An account with the rights of a release before knows of none, and goes on as that release did. A Node that an
    operator has tainted out of service is awaited no more.
    """
    found = _change(client, namespace, decide)
    dead = _dead(client, found[0].awaited) if found is not None else frozenset()
    return _change(client, namespace, lambda last: heard(last, dead)) if dead else found


def _change(client: Client, namespace: str, decide: Callable[[Epoch | None], Epoch | None]) -> tuple[Epoch, int] | None:
    def decided(lease: Object | None) -> tuple[Object | None, Epoch | None]:
        last = _read(lease) if lease is not None else None
        new = decide(last)
        return (_written(namespace, lease, new), new) if new is not None else (None, last)

    now, lease = notes.change(client, lambda: _find(client, namespace), decided, _BUSY)
    return (now, objects.revision_of(lease)) if now is not None and lease is not None else None


def _dead(client: Client, nodes: Iterable[str]) -> frozenset[str]:
    """Return those of the nodes that an operator has declared dead. A Node that is absent may be of later."""
    found = set()
    for node in nodes:
        try:
            taints = client.get(resources.NODES, node).get("spec", {}).get("taints") or ()
        except (errors.NotFound, errors.Forbidden):
            continue
        if any(taint.get("key") == OUT_OF_SERVICE for taint in taints):
            found.add(node)
    return frozenset(found)


def _find(client: Client, namespace: str) -> Object | None:
    try:
        return notes.find(client, namespace, NAME)
    except errors.Forbidden:
        return None


def _written(namespace: str, lease: Object | None, new: Epoch) -> Object:
    text = {EPOCH: packed(epoch_form(new)).decode()}
    return notes.amended(lease, text) if lease is not None else notes.new(namespace, NAME, text)


def _read(lease: Object) -> Epoch | None:
    text = notes.annotations_of(lease).get(EPOCH)
    return parse_epoch(parsed(text, f"the annotation {EPOCH} of Lease {NAME}")) if text is not None else None


def heard_of(position: str) -> int:
    """Return the version up to which a node that is at the position has heard of all addresses."""
    return numbers(position).get("leases", 0)


def regressed(client: Client, position: str) -> str:
    """Return by what the API has not come as far as the position yet; '' if it has."""
    seen = heard_of(position)
    now = int(next(iter(client.pages(resources.ADDRESS_LEASES, limit=1))).resource_version)
    return f"the API is at version {now}, and {seen} was seen" if now < seen else ""
