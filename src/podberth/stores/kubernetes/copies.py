"""Copies of ConfigMaps' last good documents (`stores.replica.copies`): ConfigMaps in podberth's own namespace.

They have the label podberth.io/policies too, with a value of their own, so that every node hears of them by the watch
that it has. A podberth of a release before asks for the other value. Anywhere else that value makes no copy. Pure.
"""

from __future__ import annotations

import base64
import json
import zlib
from hashlib import sha256
from typing import TYPE_CHECKING

from podberth.cni.errors import InvalidConfig
from podberth.kube import resources
from podberth.policy.bundle import LABEL, WANTED
from podberth.policy.texts import parsed
from podberth.stores.kubernetes import objects
from podberth.stores.replica.shared import Bundle, DocumentText, Saying

if TYPE_CHECKING:
    from collections.abc import Iterable

    from podberth.stores.kubernetes.objects import Object
    from podberth.stores.replica.copies import Copy

LAST_GOOD = "last-good"
FOLLOWED = f"{LABEL} in ({WANTED},{LAST_GOOD})"  # what is listed and watched: ConfigMaps that declare, and copies
OF, MADE = "podberth.io/copy-of", "podberth.io/copy-of-created"  # annotations
DOCUMENTS = "documents.json.zlib"
_LARGEST = 64 << 20  # bytes that are read of a copy: somebody may have written it by hand


def is_copy(found: Object, home: str) -> bool:
    """Say whether a ConfigMap is a copy; `home` is podberth's own namespace."""
    return _label(found) == LAST_GOOD and str(found["metadata"].get("namespace", "")) == home


def declares(found: Object) -> bool:
    """Say whether a ConfigMap has the label by which it declares."""
    return _label(found) == WANTED


def read(found: Object, *, gone: bool = False) -> Bundle:
    """Return what a copy says: nothing of what can't be read."""
    metadata = found["metadata"]
    annotations = metadata.get("annotations") or {}
    return Bundle(
        name=f"{metadata['namespace']}/{metadata['name']}",
        revision=objects.revision_of(found),
        sayings=() if gone else _sayings((found.get("binaryData") or {}).get(DOCUMENTS)),
        created=str(annotations.get(MADE, "")),
        copy_of=str(annotations.get(OF, "")),
    )


def new(copy: Copy, home: str) -> Object:
    """Return the ConfigMap that a copy is; of a revision, if it replaces one."""
    metadata: Object = {
        "name": copy.name.partition("/")[2] or f"podberth-last-good-{sha256(copy.of.encode()).hexdigest()[:20]}",
        "namespace": home,
        "labels": {LABEL: LAST_GOOD, "app.kubernetes.io/part-of": "podberth"},
        "annotations": {OF: copy.of, MADE: copy.created},
    }
    metadata |= {"resourceVersion": str(copy.revision)} if copy.revision else {}
    data = base64.b64encode(zlib.compress(json.dumps(_rows(copy.sayings)).encode(), 9)).decode()
    return {
        "apiVersion": resources.CONFIG_MAPS.api_version,
        "kind": resources.CONFIG_MAPS.kind,
        "metadata": metadata,
        "binaryData": {DOCUMENTS: data},
    }


def _label(found: Object) -> str:
    return str((found["metadata"].get("labels") or {}).get(LABEL, ""))


def _rows(sayings: Iterable[Saying]) -> list[list[str | bool]]:
    return [[one.text.body, one.text.source, one.text.origin, one.before] for one in sayings]


def _sayings(packed: object) -> tuple[Saying, ...]:
    try:
        unpacked = zlib.decompressobj().decompress(base64.b64decode(str(packed)), _LARGEST) if packed else b"[]"
        return tuple(_saying(*row) for row in json.loads(unpacked))
    except (ValueError, TypeError, zlib.error, RecursionError, InvalidConfig):
        return ()  # written by hand, or by a later podberth: it is as if there was no copy


def _saying(body: str, source: str, origin: str, before: object) -> Saying:
    document = parsed(body, source)
    kind, namespace, name = document.key
    text = DocumentText(kind=kind, namespace=namespace, name=name, body=body, source=str(source), origin=str(origin))
    return Saying(text=text, before=before is True)
