"""A ConfigMap that declares, from its object to values. Nodes, controller and webhook read it here; pure.

Each key that ends with .yaml, .yml or .json is read like a file. One document that can't be read spoils its file only:
the file's other documents count, and what the file has declared before stays, since the unreadable one may be that.
Whatever the object holds, nothing is raised but InvalidConfig.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING

from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import shown
from podberth.cni.value import value
from podberth.policy import yamlfiles
from podberth.policy.documents import parse_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from podberth.policy.documents import Document
    from podberth.policy.yamlfiles import RawDocument

LABEL, WANTED = "podberth.io/policies", "true"
ENDINGS = (".yaml", ".yml", ".json")
DIGEST = 22  # characters of a digest: 16 bytes of SHA-256 in base64


@value
class Declaration:
    """One document. `digest` is the same as long as its namespace says the same, in whatever ConfigMap and layout."""

    document: Document
    digest: str


@value
class Part:
    """One key of a ConfigMap. `source` names it in messages; `complaints` are about documents that can't be read."""

    source: str
    declarations: tuple[Declaration, ...] = ()
    complaints: tuple[str, ...] = ()


def texts(config_map: Mapping[str, object] | None) -> dict[str, object]:
    """Return the values of a ConfigMap that are documents, by key; none of one without the label."""
    metadata = config_map.get("metadata") if config_map is not None else None
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    if config_map is None or not isinstance(labels, dict) or labels.get(LABEL) != WANTED:
        return {}
    data = config_map.get("data")
    if not isinstance(data, dict):
        return {}
    return {key: data[key] for key in sorted(key for key in data if isinstance(key, str) and key.endswith(ENDINGS))}


def read(namespace: str, name: str, documents: Mapping[str, object]) -> tuple[Part, ...]:
    """Read what `texts` returned for the ConfigMap of that name."""
    where = f"ConfigMap {namespace}/{name}"
    return tuple(_part(namespace, f"{where}: {key}", text) for key, text in documents.items())


def _part(namespace: str, source: str, text: object) -> Part:
    if not isinstance(text, str):
        return Part(source=source, complaints=(f"{source}: expected a string, got {shown(text)}",))
    try:
        raws = yamlfiles.load(BytesIO(text.encode("utf-8", "surrogatepass")), source)
    except InvalidConfig as wrong:
        return Part(source=source, complaints=(wrong.message,))
    declarations, complaints = [], []
    for raw in raws:
        try:
            declarations.append(_declaration(namespace, source, raw))
        except InvalidConfig as wrong:
            complaints.append(wrong.message)
    complaints += [f"{source}: {twice} is there twice" for twice in _twice(declarations)]
    return Part(source=source, declarations=tuple(declarations), complaints=tuple(complaints))


def _declaration(namespace: str, source: str, raw: RawDocument) -> Declaration:
    document = parse_document(_at_home(raw.raw, namespace), source, raw.where)
    spec = raw.raw.get("spec") if isinstance(raw.raw, dict) else None
    text = json.dumps([namespace, *document.key, spec], sort_keys=True)
    digest = urlsafe_b64encode(sha256(text.encode()).digest())[:DIGEST].decode()
    return Declaration(document=document, digest=digest)


def _at_home(raw: object, namespace: str) -> object:
    """Return the document, with its ConfigMap's namespace if it is a PodNetwork that names none."""
    if not isinstance(raw, dict) or raw.get("kind") != "PodNetwork":
        return raw
    metadata = raw.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("namespace"):
        return raw
    return {**raw, "metadata": {**metadata, "namespace": namespace}}


def _twice(declarations: list[Declaration]) -> Iterator[str]:
    seen: set[tuple[str, str, str]] = set()
    for declaration in declarations:
        if declaration.document.key in seen:
            yield str(declaration.document)
        seen.add(declaration.document.key)
