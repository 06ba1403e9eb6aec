"""A row of the table of hostile declarations, and short ways to write one; all in it but its fault is right."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.unit.hostile.row import ABSENT, Json, changed

if TYPE_CHECKING:
    from collections.abc import Mapping

API = "podberth.io/v1alpha1"
SAME: Json = {}  # no changes
ATTACHMENT: Json = {"pool": "db", "addresses": ["10.20.0.30"]}
REPLICAS: Json = {"pool": "db", "ordinals": [{"range": "10.20.0.30-10.20.0.32"}]}


@dataclass(frozen=True, kw_only=True, slots=True)
class Declaration:
    """A file of documents that must be refused as a whole, with `code`.

    The message names the path `at` in the document of that `index`, and contains `says`. `text`: the file as it is
    written, where JSON can't say it.
    """

    name: str
    at: str = ""
    says: str = ""
    code: int = 7
    index: int = 0
    documents: tuple[object, ...] = ()
    text: bytes | None = None
    ending: str = "yaml"

    def __str__(self) -> str:
        return self.name

    @property
    def file(self) -> str:
        """The name of the file."""
        return f"hostile.{self.ending}"

    @property
    def content(self) -> bytes:
        """The bytes of the file. JSON is YAML, but for escaped surrogates, which are written as JSON only."""
        return self.text if self.text is not None else json.dumps(list(self.documents)).encode()


def pool(metadata: object = SAME, spec: object = SAME) -> Json:
    """Return a good Pool with changes: of its metadata and spec where they are objects, else in their place."""
    return _document("Pool", {"name": "new"}, metadata, {"subnets": [{"subnet": "10.60.0.0/24"}]}, spec)


def podnetwork(metadata: object = SAME, spec: object = SAME) -> Json:
    """Return a good PodNetwork for one pod, with changes."""
    own: Json = {"namespace": "bank", "name": "new"}
    return _document("PodNetwork", own, metadata, {"pod": "new-0", "attachments": [ATTACHMENT]}, spec)


def stateful(attachment: Mapping[str, object] | None = None, **target: object) -> Json:
    """Return a good PodNetwork for three replicas, with changes of its attachment and its statefulSet."""
    made = changed(REPLICAS, attachment or {})
    whole = changed({"name": "new", "replicas": 3}, target)
    return podnetwork(spec={"pod": ABSENT, "statefulSet": whole, "attachments": [made]})


def wrong_pool(name: str, at: str, *, metadata: object = SAME, spec: object = SAME) -> Declaration:
    """Write a row of one Pool."""
    return _row(f"Pool: {name}", at, pool(metadata=metadata, spec=spec))


def wrong_podnetwork(
    name: str, at: str, *, metadata: object = SAME, spec: object = SAME, says: str = ""
) -> Declaration:
    """Write a row of one PodNetwork."""
    return _row(f"PodNetwork: {name}", at, podnetwork(metadata=metadata, spec=spec), says)


def wrong_attachment(name: str, at: str, **changes: object) -> Declaration:
    """Write a row of one PodNetwork for a pod, whose attachment has the fault."""
    made = changed(ATTACHMENT, changes)
    return _row(f"PodNetwork: {name}", f"spec.attachments[0]{at}", podnetwork(spec={"attachments": [made]}))


def wrong_ordinals(name: str, at: str, ordinals: object, **target: object) -> Declaration:
    """Write a row of one PodNetwork for a StatefulSet, whose ordinals have the fault."""
    document = stateful({"ordinals": ordinals}, **target)
    return _row(f"PodNetwork: {name}", f"spec.attachments[0].ordinals{at}", document)


def conflict(name: str, says: str, *documents: object) -> Declaration:
    """Write a row of documents that are right each by itself, but can't come into force."""
    return Declaration(name=f"apply: {name}", says=says, code=102, documents=documents)


def written(
    name: str, text: str | bytes, *, says: str = "", at: str = "", ending: str = "yaml", index: int = 0
) -> Declaration:
    """Write a row whose fault is in the YAML or JSON."""
    content = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return Declaration(name=f"{ending}: {name}", says=says, at=at, text=content, ending=ending, index=index)


def _row(name: str, at: str, document: Json, says: str = "") -> Declaration:
    text = json.dumps(document)
    ending = "json" if "\\ud" in text or "0" * 30 in text else "yaml"  # YAML has neither
    return Declaration(name=name, at=at, says=says, documents=(document,), ending=ending)


def _document(kind: str, own: Json, metadata: object, good: Json, spec: object) -> Json:
    whole = {
        "apiVersion": API,
        "kind": kind,
        "metadata": changed(own, metadata) if isinstance(metadata, dict) else metadata,
        "spec": changed(good, spec) if isinstance(spec, dict) else spec,
    }
    return changed(whole, {})
