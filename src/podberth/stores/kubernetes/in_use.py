"""Pools in force that pods have addresses of, written down beside the Pools: who comes after one was deleted knows it.

They are an annotation of the Lease by which sets of declarations change one at a time. The controller writes it, with
the right that it has; everybody reads that Lease who reads all declarations. No finalizer keeps a Pool, a definition or
podberth itself from going. Pure.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import TYPE_CHECKING

from podberth.stores.kubernetes.notes import annotations_of
from podberth.stores.replica.shared import DocumentText

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from podberth.stores.kubernetes.objects import Object

IN_USE = "podberth.io/pools-in-use"
MOST = 200_000  # characters: an object's annotations hold 256 KiB
_LARGEST = 64 << 20  # bytes that are read of it: somebody may have written it by hand


def noted(lock: Object, texts: Iterable[DocumentText]) -> Object | None:
    """Return the Lease with these Pools noted in it; None if they are. What does not fit is left out."""
    annotations = annotations_of(lock)
    kept = sorted(texts, key=lambda text: (len(text.body), text.name))
    while len(packed := _packed(kept)) > MOST:
        kept.pop()
    wanted = {**annotations, IN_USE: packed} if kept else {k: v for k, v in annotations.items() if k != IN_USE}
    if wanted == annotations:
        return None
    return {**lock, "metadata": {**lock["metadata"], "annotations": wanted}}


def left(lock: Object, there: Collection[str]) -> tuple[DocumentText, ...]:
    """Return the Pools that are noted in the Lease and are not among the names of those that are there."""
    packed = annotations_of(lock).get(IN_USE, "")
    try:
        unpacked = zlib.decompressobj().decompress(base64.b64decode(packed), _LARGEST) if packed else b"[]"
        found = [[str(part) for part in one] for one in json.loads(unpacked)]
        texts = [
            DocumentText(kind="Pool", namespace="", name=name, body=body, source=source, origin=origin)
            for name, body, source, origin in found
        ]
    except (ValueError, TypeError, zlib.error, RecursionError):
        return ()  # it was written by hand: it is as if nothing was noted
    return tuple(text for text in texts if text.name not in there)


def _packed(texts: Iterable[DocumentText]) -> str:
    rows = sorted([text.name, text.body, text.source, text.origin] for text in texts)
    return base64.b64encode(zlib.compress(json.dumps(rows).encode(), 9)).decode()
