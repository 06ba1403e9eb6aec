"""Documents of apiVersion podberth.io/v1alpha1: kinds Pool and PodNetwork, from raw YAML or JSON to values and back.

Reading files is `yamlfiles`' business; whether documents fit together is `admission`'s.
"""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import Fields, shown
from podberth.cni.pod import NAME, NAMESPACE, joined, parted
from podberth.cni.value import replace, value
from podberth.ipam.owner import deployment_name
from podberth.ipam.pool import FOREVER, Pool
from podberth.ipam.pool_document import METADATA, parse_pool, pool_document, retention
from podberth.policy.attachment_document import MAX_ORDINALS, attachment_document, parse_attachments
from podberth.policy.podnetwork import WITH_STATEFUL_SET, PodNetwork

MAX_POOL_NAME = 63  # it is the value of a label too

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from podberth.policy.podnetwork import AttachmentPolicy

API_VERSION = "podberth.io/v1alpha1"
KINDS = ("Pool", "PodNetwork")
TARGETS = ("pod", "statefulSet", "deployment")
# What kubectl and controllers add, and what means nothing here.


@value
class Document:
    """One document. `namespace` is '' for a Pool; `source` says where it was read ('apply: db.yaml')."""

    kind: str
    namespace: str
    name: str
    body: Pool | PodNetwork
    source: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    @property
    def key(self) -> tuple[str, str, str]:
        """Kind, namespace and name: what the document is found by."""
        return self.kind, self.namespace, self.name


def parse_document(raw: object, source: str, where: str = "", *, kept: bool = False) -> Document:
    """Read one document. InvalidConfig begins with `where` ('db.yaml[1]', else `source`) and the field's path.

    `kept`: it is from a store, which says of which cluster it is. Nobody else may: one declares for one's own.
    """
    try:
        return _document(Fields(raw), source, kept=kept)
    except InvalidConfig as wrong:
        raise InvalidConfig(f"{where or source}: {wrong.message}", wrong.details) from None


def parse_documents(raws: Iterable[Any], source: str) -> tuple[Document, ...]:
    """Read what `yamlfiles.load` found; InvalidConfig says on which line the document at fault begins."""
    found = []
    for raw in raws:
        try:
            found.append(parse_document(raw.raw, source, raw.where))
        except InvalidConfig as wrong:
            line = f"the document begins on line {raw.line}" if raw.line else ""
            raise InvalidConfig(wrong.message, "; ".join(filter(None, (wrong.details, line)))) from None
    return tuple(found)


def document_of(body: Pool | PodNetwork, source: str) -> Document:
    """Return the document around a value, its source set to `source`."""
    kind, namespace = ("Pool", "") if isinstance(body, Pool) else ("PodNetwork", body.namespace)
    return Document(kind=kind, namespace=namespace, name=body.name, body=replace(body, source=source), source=source)


def raw_document(document: Document) -> dict[str, object]:
    """Return the form that `parse_document` reads back as the same document."""
    body = document.body
    return pool_document(body) if isinstance(body, Pool) else podnetwork_document(body)


def podnetwork_document(podnetwork: PodNetwork) -> dict[str, object]:
    """Return the document's form of a PodNetwork; addresses per ordinal become a `range` or a `list`."""
    spec: dict[str, object] = {}
    if podnetwork.pod is not None:
        spec["pod"] = podnetwork.pod
    elif podnetwork.deployment is not None:
        spec["deployment"] = {"name": podnetwork.deployment}
    else:
        target: dict[str, object] = {"name": podnetwork.stateful_set}
        if podnetwork.replicas is not None:
            target["replicas"] = podnetwork.replicas
        start = next((ordinals.start for policy in podnetwork.attachments for ordinals in policy.ordinals), 0)
        if start:
            target["start"] = start
        spec["statefulSet"] = target
    if podnetwork.retention != FOREVER:
        spec["retention"] = podnetwork.retention
    spec["attachments"] = [attachment_document(policy) for policy in podnetwork.attachments]
    cluster, namespace = parted(podnetwork.namespace)
    metadata = {**({"cluster": cluster} if cluster else {}), "namespace": namespace, "name": podnetwork.name}
    return {"apiVersion": API_VERSION, "kind": "PodNetwork", "metadata": metadata, "spec": spec}


def _document(fields: Fields, source: str, *, kept: bool) -> Document:
    version = fields.required("apiVersion", parsers.text)
    if version != API_VERSION:
        raise fields.fail("apiVersion", f"expected {API_VERSION!r}, got {shown(version)}")
    kind = fields.required("kind", parsers.choice(*KINDS))
    fields.only(("apiVersion", "kind", "metadata", "spec", "status"))
    if kind == "Pool":
        return document_of(parse_pool(fields), source)
    metadata, spec = fields.child("metadata"), fields.child("spec")
    if metadata is None or spec is None:
        raise fields.fail("spec" if metadata else "metadata", "required field is missing")
    if not kept and "cluster" in metadata.raw:
        raise metadata.fail("cluster", "is not said in a document: it is that of the node where it is applied")
    metadata.only(("namespace", "cluster", *METADATA))
    spec.only(("pod", "statefulSet", "deployment", "retention", "attachments"))
    return document_of(_podnetwork(metadata, spec), source)


def _podnetwork(metadata: Fields, spec: Fields) -> PodNetwork:
    namespace = joined(metadata.get("cluster", NAMESPACE, ""), metadata.required("namespace", NAMESPACE))
    name = metadata.required("name", parsers.name)
    given = [key for key in TARGETS if spec.raw.get(key) is not None]
    if len(given) != 1:
        raise spec.error(f"{spec.path}: expected exactly one of {', '.join(TARGETS[:-1])} and {TARGETS[-1]}")
    if not spec.raw.get("attachments"):
        raise spec.fail("attachments", "expected a list of at least one attachment")
    words = (FOREVER, WITH_STATEFUL_SET) if given == ["statefulSet"] else (FOREVER,)
    kept = spec.get("retention", retention(*words), FOREVER)
    found = {"pod": _of_pod, "statefulSet": _of_stateful_set, "deployment": _of_deployment}[given[0]](spec)
    named = tuple(_with_own_pool(spec, policy, namespace, name) for policy in found.attachments)
    return replace(found, namespace=namespace, name=name, retention=kept, attachments=named)


def _with_own_pool(spec: Fields, policy: AttachmentPolicy, namespace: str, name: str) -> AttachmentPolicy:
    """Return the attachment with the name of the pool that is made for it: NAMESPACE.IFNAME.NAME, for no other."""
    if policy.own is None:
        return policy
    try:
        pool = f"{parsers.label(namespace)}.{parsers.label(policy.ifname)}.{name}"
        if len(pool) > MAX_POOL_NAME:
            raise ValueError(f"a pool is called by at most {MAX_POOL_NAME} characters, and its is {pool}")  # noqa: TRY301
    except ValueError as wrong:
        raise spec.fail("attachments", f"ownPool of {policy.ifname}: {wrong}") from None
    return replace(policy, pool=pool)


def _of_pod(spec: Fields) -> PodNetwork:
    return PodNetwork(namespace="", name="", pod=spec.required("pod", NAME), attachments=parse_attachments(spec))


def _of_deployment(spec: Fields) -> PodNetwork:
    target = spec.child("deployment")
    assert target is not None
    target.only(("name",))
    name = target.required("name", deployment_name)
    return PodNetwork(namespace="", name="", deployment=name, attachments=parse_attachments(spec, shared=True))


def _of_stateful_set(spec: Fields) -> PodNetwork:
    target = spec.child("statefulSet")
    assert target is not None
    target.only(("name", "replicas", "start"))
    replicas = target.optional("replicas", parsers.integer(1, MAX_ORDINALS))
    start = target.get("start", parsers.integer(0, 10**9 - 1), 0)
    attachments = parse_attachments(spec, replicas=replicas, start=start)
    if start and not any(policy.ordinals for policy in attachments):
        raise target.fail("start", "says nothing without `ordinals` in an attachment")
    name = target.required("name", parsers.name)
    return PodNetwork(namespace="", name="", stateful_set=name, replicas=replicas, attachments=attachments)
