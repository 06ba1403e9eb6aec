"""A ConfigMap that declares, from its object to values. Nodes, controller and webhook read it here; pure.

Each key that ends with .yaml, .yml or .json is read like a file. One document that can't be read spoils its file only:
the file's other documents count, and what the file has declared before stays, since the unreadable one may be that.
Of one that a namespace declares and that is beyond its limits (`policy.budget`), nothing comes into force.
Whatever the object holds, nothing is raised but InvalidConfig.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING

from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import few, shown
from podberth.cni.value import value
from podberth.policy import yamlfiles
from podberth.policy.budget import MAX_TEXT, Scale
from podberth.policy.documents import parse_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from podberth.policy.documents import Document
    from podberth.policy.yamlfiles import RawDocument

LABEL, WANTED = "podberth.io/policies", "true"
ENDINGS = (".yaml", ".yml", ".json")
_COMPARED = 16 * MAX_TEXT  # characters of documents that are compared with what was there before, of one ConfigMap
DIGEST = 22  # characters of a digest: 16 bytes of SHA-256 in base64


@value
class Declaration:
    """One document. `digest` is the same as long as its namespace says the same, in whatever ConfigMap and layout."""

    document: Document
    digest: str


@value
class Part:
    """One key of a ConfigMap. `source` names it in messages; `complaints` are about documents that can't be read.

    One that is about the whole ConfigMap has that as its source.
    """

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


def read(
    namespace: str, name: str, documents: Mapping[str, object], earlier: Callable[[], frozenset[str]] | None = None
) -> tuple[Part, ...]:
    """Read what `texts` returned for the ConfigMap of that name.

    With `earlier` it is a namespace's and has limits; that answers the digests of what counts whatever the limits are,
    and is asked only of a ConfigMap beyond them. It raises what it likes.
    """
    where = f"ConfigMap {namespace}/{name}"
    files = tuple(_file(f"{where}: {key}", text) for key, text in documents.items())
    excess = _beyond(namespace, files, earlier) if earlier is not None else None
    if excess is None:
        return tuple(_part(namespace, file) for file in files)
    exempt, complaint = excess
    return (
        *(_part(namespace, file) for file in exempt),
        Part(source=where, complaints=(f"{where} {complaint}",)),
    )


@value
class _File:
    """One key's documents, before they are values."""

    source: str
    raws: tuple[RawDocument, ...] = ()
    complaint: str = ""


def _file(source: str, text: object) -> _File:
    if not isinstance(text, str):
        return _File(source=source, complaint=f"{source}: expected a string, got {shown(text)}")
    try:
        return _File(source=source, raws=yamlfiles.load(BytesIO(text.encode("utf-8", "surrogatepass")), source))
    except InvalidConfig as wrong:
        return _File(source=source, complaint=wrong.message)


def _part(namespace: str, file: _File) -> Part:
    declarations, complaints = [], [file.complaint] if file.complaint else []
    for raw in file.raws:
        try:
            declarations.append(_declaration(namespace, file.source, raw))
        except InvalidConfig as wrong:
            complaints.append(wrong.message)
    complaints += [f"{file.source}: {twice} is there twice" for twice in _twice(declarations)]
    return Part(source=file.source, declarations=tuple(declarations), complaints=few(complaints))


def _beyond(
    namespace: str, files: tuple[_File, ...], earlier: Callable[[], frozenset[str]]
) -> tuple[tuple[_File, ...], str] | None:
    """Return what counts of files that are beyond the limits, and what is wrong with the rest; None if they are not."""
    scale = Scale()
    least = sum(max(len(file.raws), 1) for file in files)
    if not scale.amount((raw.raw for file in files for raw in file.raws), least).excess:
        return None
    digests, left = earlier(), _COMPARED
    exempt: list[_File] = []
    rest: list[RawDocument] = []
    for file in files:
        raws: list[RawDocument] = []
        for raw in file.raws:
            left -= scale.text(raw.raw)
            before = left > 0 and _raw_digest(namespace, raw.raw) in digests if digests else False
            (raws if before else rest).append(raw)
        exempt.append(_File(source=file.source, raws=tuple(raws)))
    amount = scale.amount((raw.raw for raw in rest), least - sum(len(file.raws) for file in exempt))
    return (tuple(file for file in exempt if file.raws), amount.complaint()) if amount.excess else None


def _declaration(namespace: str, source: str, raw: RawDocument) -> Declaration:
    document = parse_document(_at_home(raw.raw, namespace), source, raw.where)
    spec = raw.raw.get("spec") if isinstance(raw.raw, dict) else None
    return Declaration(document=document, digest=_digest(namespace, document.key, spec))


def _raw_digest(namespace: str, raw: object) -> str:
    """Return the digest of a PodNetwork before it is read; '' of what is none."""
    raw = _at_home(raw, namespace)
    metadata = raw.get("metadata") if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or raw.get("kind") != "PodNetwork" or not isinstance(metadata, dict):
        return ""
    return _digest(namespace, ("PodNetwork", metadata.get("namespace"), metadata.get("name")), raw.get("spec"))


def _digest(namespace: str, key: tuple[object, object, object], spec: object) -> str:
    text = json.dumps([namespace, *key, spec], sort_keys=True)
    return urlsafe_b64encode(sha256(text.encode()).digest())[:DIGEST].decode()


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
