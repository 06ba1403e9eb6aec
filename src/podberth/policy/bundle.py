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
from podberth.cni.value import replace, value
from podberth.policy import yamlfiles
from podberth.policy.budget import MAX_TEXT, Amount, Scale
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
    if config_map is None or not _is_labelled(config_map):
        return {}
    data = config_map.get("data")
    if not isinstance(data, dict):
        return {}
    return {key: data[key] for key in sorted(key for key in data if isinstance(key, str) and key.endswith(ENDINGS))}


def _is_labelled(config_map: Mapping[str, object]) -> bool:
    metadata = config_map.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return isinstance(labels, dict) and labels.get(LABEL) == WANTED


def silent(config_map: Mapping[str, object]) -> str:
    """Return why a ConfigMap with the label declares nothing that anybody reads; '' if it may declare something."""
    if texts(config_map) or not _is_labelled(config_map):
        return ""
    binary = " (binaryData is not read)" if config_map.get("binaryData") else ""
    return f"it has the label {LABEL} and no key that ends with {', '.join(ENDINGS)}{binary}"


def read(
    namespace: str, name: str, documents: Mapping[str, object], earlier: Callable[[], frozenset[str]] | None = None
) -> tuple[Part, ...]:
    """Read what `texts` returned for the ConfigMap of that name, the only one of its namespace (`weighed`)."""
    return weighed(namespace, name, documents, earlier)[0]


def weighed(
    namespace: str,
    name: str,
    documents: Mapping[str, object],
    earlier: Callable[[], frozenset[str]] | None = None,
    others: Amount = Amount(),  # noqa: B008 - a frozen value
) -> tuple[tuple[Part, ...], Amount]:
    """Read what `texts` returned for the ConfigMap of that name; return it with what it came to.

    With `earlier` it is a namespace's and has limits; that answers the digests of what counts whatever the limits are,
    and is asked only of a ConfigMap beyond them. It raises what it likes. `others`: what the namespace's older
    ConfigMaps came to.
    """
    where = f"ConfigMap {namespace}/{name}"
    raw = sum(len(text) for text in documents.values() if isinstance(text, str))
    least = Amount(documents=len(documents), text=raw)
    surplus = earlier is not None and ((others + least).excess or others.compared > MAX_TEXT)
    if earlier is not None and surplus and (others.compared + raw > _COMPARED or not earlier()):
        return (_beyond_limits(where, least.complaint(others)),), Amount()  # what it costs to read it is saved
    files = tuple(_file(f"{where}: {key}", text) for key, text in documents.items())
    if earlier is None:
        return tuple(_part(namespace, file) for file in files), Amount()
    amount = _amount(Scale(), files, raw)
    if not (others + amount).excess:
        return tuple(_part(namespace, file) for file in files), amount
    exempt, rest = _divided(namespace, files, earlier(), others.compared)
    parts = tuple(_part(namespace, file) for file in exempt)
    if (others + rest).excess:
        return (*parts, _beyond_limits(where, rest.complaint(others))), Amount(compared=max(raw, rest.compared))
    return tuple(_part(namespace, file) for file in files), rest


def _beyond_limits(where: str, complaint: str) -> Part:
    return Part(source=where, complaints=(f"{where} {complaint}",))


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


def _amount(scale: Scale, files: tuple[_File, ...], raw: int) -> Amount:
    """Return what the files come to, which have so many characters as they stand."""
    amount = scale.amount((one.raw for file in files for one in file.raws), sum(max(len(f.raws), 1) for f in files))
    return replace(amount, text=max(amount.text, raw))


def _divided(
    namespace: str, files: tuple[_File, ...], digests: frozenset[str], compared: int
) -> tuple[tuple[_File, ...], Amount]:
    """Return what of the files counts whatever the limits are, and what the rest comes to."""
    scale, left = Scale(), _COMPARED - compared
    exempt: list[_File] = []
    rest: list[RawDocument] = []
    for file in files:
        raws: list[RawDocument] = []
        for raw in file.raws:
            left -= scale.text(raw.raw)
            before = left > 0 and _raw_digest(namespace, raw.raw) in digests if digests else False
            (raws if before else rest).append(raw)
        exempt.append(_File(source=file.source, raws=tuple(raws)))
    least = sum(max(len(file.raws), 1) for file in files) - sum(len(file.raws) for file in exempt)
    amount = scale.amount((raw.raw for raw in rest), least)
    kept = tuple(file for file in exempt if file.raws)
    return kept, replace(amount, compared=_COMPARED - compared - left if digests else 0)


def _declaration(namespace: str, source: str, raw: RawDocument) -> Declaration:
    document = parse_document(_at_home(raw.raw, namespace), source, raw.where)
    spec = raw.raw.get("spec") if isinstance(raw.raw, dict) else None
    return Declaration(document=document, digest=digest(namespace, document.key, spec))


def _raw_digest(namespace: str, raw: object) -> str:
    """Return the digest of a PodNetwork before it is read; '' of what is none."""
    raw = _at_home(raw, namespace)
    metadata = raw.get("metadata") if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or raw.get("kind") != "PodNetwork" or not isinstance(metadata, dict):
        return ""
    return digest(namespace, ("PodNetwork", metadata.get("namespace"), metadata.get("name")), raw.get("spec"))


def digest(namespace: str, key: tuple[object, object, object], spec: object) -> str:
    """Return what a document says, in a few characters."""
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
