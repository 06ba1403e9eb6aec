"""What a review asks for, in podberth's words: documents to come into force, documents to go, a reservation. Pure.

An object of which nothing changes that podberth reads is let through as it is: also one that was wrong from before the
webhook was there has to lose its finalizers, get its labels, and go.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from podberth.cni.errors import InvalidConfig
from podberth.cni.value import value
from podberth.policy import yamlfiles
from podberth.policy.address_reservation import parse_reservation
from podberth.policy.documents import parse_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from podberth.controller.review import Review
    from podberth.policy.address_reservation import AddressReservation
    from podberth.policy.documents import Document

    Key = tuple[str, str, str]

API_VERSION = "podberth.io/v1alpha1"
LABEL = ("podberth.io/policies", "true")
_ENDINGS = (".yaml", ".yml", ".json")
KINDS = ("Pool", "PodNetwork")


@value
class Asked:
    """`deleted` are keys of documents: kind, namespace, name. `ended` is a reservation as it was before."""

    documents: tuple[Document, ...] = ()
    deleted: tuple[Key, ...] = ()
    reserved: AddressReservation | None = None
    ended: AddressReservation | None = None

    @property
    def nothing(self) -> bool:
        """Whether nothing changes that podberth reads."""
        return self == Asked()


def asked(review: Review, home: str) -> Asked:
    """Return what comes into force and what goes; `home` is podberth's namespace. InvalidConfig names the field."""
    if review.kind in KINDS:
        return _of_document(review)
    if review.kind == "AddressReservation":
        return _of_reservation(review)
    if review.kind == "ConfigMap":
        return _of_map(review, home)
    return Asked()


def _of_document(review: Review) -> Asked:
    if review.new is None:
        return Asked(deleted=((review.kind, review.namespace, review.name),))
    if _same(review, "spec"):
        return Asked()
    return Asked(documents=(parse_document(_raw(review, review.new), f"kubernetes: {review}", str(review)),))


def _of_reservation(review: Review) -> Asked:
    if review.new is None or _same(review, "spec"):
        return Asked()  # what it reserved goes back to the pool; a pod that has it keeps it
    wanted = parse_reservation(_raw(review, review.new), str(review))
    try:
        before = parse_reservation(_raw(review, review.old), str(review)) if review.old is not None else None
    except InvalidConfig:
        before = None
    return Asked(reserved=wanted, ended=before)


def _of_map(review: Review, home: str) -> Asked:
    before, now = _policies(review.old), _policies(review.new)
    if before == now:
        return Asked()
    documents = tuple(_documents(review, now, home))
    keys = {document.key for document in documents}
    return Asked(documents=documents, deleted=tuple(key for key in _keys(review, before, home) if key not in keys))


def _policies(found: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the texts of a ConfigMap that are documents; none of one without the label."""
    if found is None or (found["metadata"].get("labels") or {}).get(LABEL[0]) != LABEL[1]:
        return {}
    return {key: text for key, text in sorted((found.get("data") or {}).items()) if key.endswith(_ENDINGS)}


def _documents(review: Review, texts: dict[str, str], home: str) -> Iterator[Document]:
    for key, text in texts.items():
        source = f"{review}: {key}"
        for raw in yamlfiles.load(BytesIO(text.encode()), source):
            document = parse_document(_at_home(raw.raw, review.namespace), source, raw.where)
            if review.namespace != home and (document.kind == "Pool" or document.namespace != review.namespace):
                raise InvalidConfig(
                    f"{raw.where}: {document} can't be declared in namespace {review.namespace}",
                    f"outside {home} a ConfigMap declares PodNetworks of its own namespace only",
                )
            yield document


def _keys(review: Review, texts: dict[str, str], home: str) -> tuple[Key, ...]:
    """Return what the ConfigMap has declared before; what could not be read was never in force."""
    found: list[Key] = []
    for key, text in texts.items():
        try:
            found += (document.key for document in _documents(review, {key: text}, home))
        except InvalidConfig:
            continue
    return tuple(found)


def _at_home(raw: object, namespace: str) -> object:
    """Return the document, with its ConfigMap's namespace if it is a PodNetwork that names none."""
    if not isinstance(raw, dict) or raw.get("kind") != "PodNetwork":
        return raw
    metadata = raw.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("namespace"):
        return raw
    return {**raw, "metadata": {**metadata, "namespace": namespace}}


def _raw(review: Review, found: Mapping[str, Any]) -> dict[str, object]:
    """Return the object without what the API server keeps in it."""
    metadata = {"name": review.name, **({"namespace": review.namespace} if review.namespace else {})}
    return {"apiVersion": API_VERSION, "kind": review.kind, "metadata": metadata, "spec": found.get("spec")}


def _same(review: Review, part: str) -> bool:
    return review.new is not None and review.old is not None and review.new.get(part) == review.old.get(part)
