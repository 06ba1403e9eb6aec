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
from podberth.cni.value import replace
from podberth.kube import resources
from podberth.policy.bundle import LABEL, WANTED
from podberth.policy.texts import parsed
from podberth.stores.kubernetes import objects
from podberth.stores.replica.shared import Bundle, DocumentText, Saying

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podberth.stores.kubernetes.objects import Object
    from podberth.stores.replica.copies import Copy

LAST_GOOD = "last-good"
FOLLOWED = f"{LABEL} in ({WANTED},{LAST_GOOD})"  # what is listed and watched: ConfigMaps that declare, and copies
OF, UID = "podberth.io/copy-of", "podberth.io/copy-of-uid"  # annotations
DOCUMENTS = "documents.json.zlib"
_LARGEST = 64 << 20  # bytes that are read of a copy: somebody may have written it by hand


def is_copy(found: Object, home: str) -> bool:
    """Say whether a ConfigMap is a copy, by its name the only one of that ConfigMap.

    `home` is podberth's own namespace: whoever writes there is the operator, or the controller.
    """
    metadata = found["metadata"]
    of = str(_annotations(found).get(OF) or "")
    mine = str(metadata.get("namespace", "")) == home and _label(found) == LAST_GOOD
    return mine and bool(of) and metadata["name"] == name_of(of)


def name_of(of: str) -> str:
    """Return what the copy of a ConfigMap ('db/web') is called."""
    return f"podberth-last-good-{sha256(of.encode('utf-8', 'replace')).hexdigest()[:20]}"


def declares(found: Object) -> bool:
    """Say whether a ConfigMap has the label by which it declares."""
    return _label(found) == WANTED


def read(found: Object, *, gone: bool = False) -> Bundle:
    """Return what a copy says: nothing of what can't be read. One that is gone is of nothing."""
    metadata, annotations = found["metadata"], _annotations(found)
    made = Bundle(name=f"{metadata['namespace']}/{metadata['name']}", revision=objects.revision_of(found))
    if gone:
        return made
    said = tuple(_sayings((found.get("binaryData") or {}).get(DOCUMENTS)))
    return replace(made, sayings=said, uid=str(annotations.get(UID) or ""), copy_of=str(annotations[OF]))


def new(copy: Copy, home: str) -> Object:
    """Return the ConfigMap that a copy is; of a revision, if it replaces one."""
    metadata: Object = {
        "name": name_of(copy.of),
        "namespace": home,
        "labels": {LABEL: LAST_GOOD, "app.kubernetes.io/part-of": "podberth"},
        "annotations": {OF: copy.of, UID: copy.uid},
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


def _annotations(found: Object) -> Object:
    return found["metadata"].get("annotations") or {}


def _rows(sayings: Iterable[Saying]) -> list[list[str | bool]]:
    return [[one.text.body, one.text.source, one.text.origin, one.before] for one in sayings]


def _sayings(packed: object) -> Iterator[Saying]:
    """Yield what can be read: somebody may have written it by hand, or a later podberth."""
    try:
        unpacked = zlib.decompressobj().decompress(base64.b64decode(str(packed)), _LARGEST) if packed else b"[]"
        rows = json.loads(unpacked)
    except (ValueError, zlib.error, RecursionError):
        return
    for row in rows if isinstance(rows, list) else ():
        try:
            yield _saying(*row)
        except (TypeError, ValueError, InvalidConfig):
            continue


def _saying(body: str, source: str, origin: str, before: object) -> Saying:
    kind, namespace, name = parsed(body, str(source)).key
    text = DocumentText(kind=kind, namespace=namespace, name=name, body=body, source=str(source), origin=str(origin))
    return Saying(text=text, before=before is True)
