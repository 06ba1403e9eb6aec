"""From the ledger's values to the objects of the Kubernetes API, and back. Pure.

An AddressLease is the record of one address with its latest events; deploy/base/crds has the schemas.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from hashlib import sha256
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from podberth.cni.errors import CniError, StoreFailed
from podberth.ipam.address_record import changes_hands, event_form, parse_event, parse_record, record_form
from podberth.ipam.lifecycle import State
from podberth.ipam.number import digits, number_in
from podberth.kube.names import address_name
from podberth.policy import bundle, settings_map
from podberth.policy.budget import Amount
from podberth.policy.documents import parse_document, raw_document
from podberth.policy.permit import TENANT, role_of
from podberth.stores.replica.shared import Approved, Bundle, DocumentText, Saying, Seen, former_of, told_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from podberth.cni.pod import PodRef
    from podberth.ipam.address_record import AddressRecord
    from podberth.ipam.lease import Event
    from podberth.policy.documents import Document
    from podberth.stores.replica.shared import AddressWrite

    Object = dict[str, Any]

API_VERSION = "podberth.io/v1alpha1"
POOL, NODE, ADDRESS = "podberth.io/pool", "podberth.io/node", "podberth.io/address"  # labels; NODE of a note, too
RESERVED_FOR = "podberth.io/reserved-for"  # a label too: of whose name, as `name_label` writes it
MACHINE = "podberth.io/machine"  # a label too: the holder is on a machine that is no Node, called so by `machine_name`
SOURCE, ORIGIN = "podberth.io/source", "podberth.io/origin"  # annotations
OPERATION = "podberth.io/operation"  # one too: which makes the document (`stores.replica.staging`)
CONTROLLER = "controller"  # who has accepted what is in force: an `apply` is obeyed only as long as nothing is newer
FINALIZER = "podberth.io/ledger"  # what was deleted by hand stays: the ledger is never rewritten
NOTHING = Amount()
_MAY_BE_ABSENT = ("pool", "reservation", "lease", "restUntil", "rest", "written", "mark", "operation")
_OF_A_POD = ("namespace", "pod", "uid")
# The network namespace of an imported lease. Not an empty string, which API servers take for null (1.20), and not
# left out: 0.1.0 takes a record without it for damaged. It is no path, and so nobody's namespace.
_UNKNOWN = "unknown"


def number(seq: int) -> str:
    """Return an event's number as a key that sorts as it counts."""
    return f"{seq:012d}"


def name_label(pod: PodRef) -> str:
    """Return a pod's name as the value of a label, which may have 63 characters: a part of its hash."""
    return sha256(str(pod).encode()).hexdigest()[:40]


def machine_name(node: str) -> str:
    """Return the name of a machine's Lease: machines may be called what no object of Kubernetes can."""
    return f"podberth-machine-{sha256(node.encode()).hexdigest()[:32]}"


def new_lease(write: AddressWrite, *, alone: bool = False) -> Object:
    """Return the object of an address that has none yet. `alone`: its writer is a machine that is no Node."""
    said = {name: label for name, label in _of_machine(write, alone=alone).items() if label is not None}
    return {
        "apiVersion": API_VERSION,
        "kind": "AddressLease",
        "metadata": {
            "name": address_name(write.record.address),
            "labels": {**_labels(write.record), **said},
            "finalizers": [FINALIZER],
        },
        "spec": {**_record_form(write.record), "state": str(_state(write.record)), "history": _history(write.events)},
    }


def lease_patch(write: AddressWrite, *, alone: bool | None = False) -> Object:
    """Return the merge patch by which the address's object becomes the next one, if it is of the revision known.

    `alone`: its holder is on a machine that is no Node; None leaves what the object says of that.
    """
    form = _record_form(write.record)
    spec: Object = {**dict.fromkeys(_MAY_BE_ABSENT), **form, "state": str(_state(write.record))}
    if "lease" in form:  # a merge would keep what is not said
        spec["lease"] = {**dict.fromkeys(_OF_A_POD), **form["lease"]}
    if write.events or write.undone:
        spec["history"] = {**{number(event.seq): None for event in write.undone}, **_history(write.events)}
    labels = {POOL: None, NODE: None, RESERVED_FOR: None, **_labels(write.record), **_of_machine(write, alone=alone)}
    return {"metadata": {"resourceVersion": str(write.revision), "labels": labels}, "spec": spec}


def read_lease(found: Object) -> tuple[AddressRecord, int]:
    """Return the record that the object has, and its revision. StoreFailed if it has none."""
    with _named("AddressLease", found):
        spec = found["spec"]
        seq = number_in(spec, "sequence", at="spec")
        counted = [event for event in events_in(found) if event.seq <= seq]
        last = next((event for event in reversed(counted) if changes_hands(event)), None)
        return parse_record(_known(spec), last), revision_of(found)


def _record_form(record: AddressRecord) -> Object:
    form = record_form(record)
    for each in (form, form.get("mark", {}).get("record", {})):
        if "lease" in each and not each["lease"]["netns"]:
            each["lease"]["netns"] = _UNKNOWN
    return form


def _known(spec: Object) -> Object:
    mark = spec.get("mark")
    spec = {**spec, "mark": {**mark, "record": _known(mark["record"])}} if mark else spec
    lease = spec.get("lease")
    return {**spec, "lease": {**lease, "netns": ""}} if lease and lease["netns"] == _UNKNOWN else spec


def read_leases(items: Iterable[Object]) -> Seen:
    """Return the records of all that are some; one that can't be read keeps nobody from the others."""
    records, complaints = [], []
    for item in items:
        try:
            records.append(read_lease(item))
        except StoreFailed as wrong:
            complaints.append(wrong.message)
    return Seen(records=tuple(records), complaints=tuple(complaints))


def events_in(found: Object) -> tuple[Event, ...]:
    """Return the events that an AddressLease still has, oldest first."""
    with _named("AddressLease", found):
        spec = found["spec"]
        address = ip_address(spec["address"])
        history = sorted((spec.get("history") or {}).items())
        return tuple(parse_event(address, digits(key), form) for key, form in history)


def archive(events: Iterable[Event]) -> Object:
    """Return the AddressHistory of events of one address."""
    kept = tuple(events)
    name = address_name(kept[0].address)
    return {
        "apiVersion": API_VERSION,
        "kind": "AddressHistory",
        "metadata": {"name": f"{name}.{number(kept[0].seq)}", "labels": {ADDRESS: name}},
        "spec": {
            "address": str(kept[0].address),
            "first": kept[0].seq,
            "last": kept[-1].seq,
            "events": [{"sequence": event.seq, **event_form(event)} for event in kept],
        },
    }


def archived_in(found: Object) -> tuple[Event, ...]:
    """Return the events of an AddressHistory."""
    with _named("AddressHistory", found):
        spec = found["spec"]
        address = ip_address(spec["address"])
        return tuple(parse_event(address, number_in(form, "sequence"), form) for form in spec["events"])


def without(found: Object, events: Iterable[Event]) -> Object:
    """Return the merge patch that takes events, which are archived, out of an AddressLease."""
    gone = {number(event.seq): None for event in events}
    return {"metadata": {"resourceVersion": found["metadata"]["resourceVersion"]}, "spec": {"history": gone}}


def new_document(text: DocumentText) -> Object:
    """Return the custom resource of a document."""
    made: Object = json.loads(text.body)
    annotations = {SOURCE: text.source, ORIGIN: text.origin}
    annotations |= {OPERATION: text.operation} if text.operation else {}
    return {**made, "metadata": {**made["metadata"], "annotations": annotations}}


def read_document(found: Object, kind: str) -> tuple[DocumentText, int]:
    """Return the document that the object is, and its revision; what it says is not checked here."""
    metadata = found["metadata"]
    namespace = metadata.get("namespace", "")
    kept = metadata.get("annotations") or {}
    where = f"{namespace}/{metadata['name']}" if namespace else metadata["name"]
    source = kept.get(SOURCE) or f"kubernetes: {kind} {where}"
    named = {"name": metadata["name"], **({"namespace": namespace} if namespace else {})}
    raw = {"apiVersion": API_VERSION, "kind": kind, "metadata": named, "spec": found.get("spec")}
    return (
        DocumentText(
            kind=kind, namespace=namespace, name=metadata["name"], body=body_of(raw, source), source=source,
            origin=kept.get(ORIGIN, ""), created=created(found), operation=str(kept.get(OPERATION) or ""),
        ),
        revision_of(found),
    )  # fmt: skip


def read_approved(found: Object, kind: str, *, gone: bool = False) -> tuple[Approved, int]:
    """Return what of a document is in force by its status, and the object's revision; an empty text if it has none."""
    metadata, said = found["metadata"], (found.get("status") or {}).get("inForce")
    born = str(metadata.get("creationTimestamp", ""))
    nothing = DocumentText(kind=kind, namespace=metadata.get("namespace", ""), name=metadata["name"], body="")
    if gone or not isinstance(said, dict) or not isinstance(said.get("spec"), dict):
        return Approved(text=nothing, born=born), revision_of(found)
    try:
        told = told_of(said.get("told"))
    except ValueError:
        return Approved(text=nothing, born=born), revision_of(found)
    kept = said.get("annotations")  # the API checks nothing of these
    kept = kept if isinstance(kept, dict) else {}
    annotations = {SOURCE: str(kept.get("source", "")), ORIGIN: str(kept.get("origin", ""))}
    named = {name: metadata[name] for name in ("name", "namespace", "resourceVersion") if name in metadata}
    text, revision = read_document({"metadata": {**named, "annotations": annotations}, "spec": said["spec"]}, kind)
    former = former_of(
        said.get("former"), lambda one: read_document({"metadata": named, "spec": one.get("spec")}, kind)[0].body
    )
    firm = said.get("acceptedBy") == CONTROLLER
    return Approved(text=text, told=told, firm=firm, born=born, former=former), revision


def approved_form(approved: Approved) -> Object:
    """Return what `read_approved` reads, as the field of an object's status."""
    text = approved.text
    names = {"source": text.source, "origin": text.origin}
    told = [{"address": str(address), "since": since} for address, since in approved.told]
    return {
        "spec": json.loads(text.body)["spec"],
        "annotations": {name: said for name, said in names.items() if said},
        **({"told": told} if text.kind == "Pool" else {}),
        "former": [{"spec": json.loads(one.body)["spec"], "until": one.until} for one in approved.former],
        "acceptedBy": CONTROLLER if approved.firm else "apply",
    }


def approved_patch(found: Object, approved: Approved) -> Object:
    """Return the merge patch by which an object's status says what is in force, and nothing of what was before."""
    before = (found.get("status") or {}).get("inForce")
    return {"status": {"inForce": _instead(before, approved_form(approved))}}


def _instead(before: object, after: Object) -> Object:
    """Return the merge patch that makes `after` of what was there: a merge keeps what is not said to be gone."""
    known = before if isinstance(before, dict) else {}
    return {
        **dict.fromkeys(known.keys() - after.keys()),
        **{name: _instead(known.get(name), one) if isinstance(one, dict) else one for name, one in after.items()},
    }


def weighed_bundle(
    config_map: Object,
    home: str,
    earlier: frozenset[str],
    *,
    gone: bool = False,
    others: Amount = NOTHING,
    objects: Callable[[], frozenset[str]] = frozenset,
) -> tuple[Bundle, Amount]:
    """Return what a ConfigMap declares, and what that comes to; `home` is podberth's own namespace.

    `earlier` has digests of what stays, `objects` answers those of PodNetworks that stay where these are tenants'.
    `others`: what older ConfigMaps of the namespace come to.
    """
    namespace, name = config_map["metadata"]["namespace"], config_map["metadata"]["name"]
    tenant = role_of(namespace, home) == TENANT
    parts: tuple[bundle.Part, ...] = ()
    amount = NOTHING
    if not gone:
        texts = bundle.texts(config_map)
        parts, amount = bundle.weighed(namespace, name, texts, (lambda: earlier) if tenant else None, others)
    unread = tuple((part.source, "; ".join(part.complaints)) for part in parts if part.complaints)
    settings = None if gone or tenant or name != settings_map.NAME else settings_map.read(config_map)
    if settings is not None and settings.complaint:
        unread = (*unread, (settings_map.source(namespace), settings.complaint))
    made = Bundle(
        name=f"{namespace}/{name}",
        revision=revision_of(config_map),
        tenant=namespace if tenant else "",
        sayings=tuple(
            Saying(text=_text(declaration.document), before=declaration.digest in earlier)
            for part in parts
            for declaration in part.declarations
        ),
        unread=unread,
        created=created(config_map),
        uid=str(config_map["metadata"].get("uid") or ""),
        beyond=any(part.source == f"ConfigMap {namespace}/{name}" for part in parts),
        silent="" if gone or settings is not None else bundle.silent(config_map),
        objects=objects() if settings is not None and settings.tenants else None,
    )
    return made, amount


def created(found: Object) -> str:
    """Return when an object was made, in words that sort by time (RFC 3339, in seconds, UTC)."""
    return str(found["metadata"].get("creationTimestamp") or "")


def _text(document: Document) -> DocumentText:
    kind, namespace, name = document.key
    body = json.dumps(raw_document(document), separators=(",", ":"))
    source = document.source
    return DocumentText(kind=kind, namespace=namespace, name=name, body=body, source=source, origin=source)


def body_of(raw: object, source: str) -> str:
    """Return a document's text as the replica writes it; as it stands, if it is none."""
    try:
        raw = raw_document(parse_document(raw, source))
    except CniError:
        pass  # whoever puts it in force says what is wrong with it
    return json.dumps(raw, separators=(",", ":"))


def revision_of(found: Object) -> int:
    """Return an object's resource version; it grows with each of its changes (etcd's revision)."""
    return int(found["metadata"]["resourceVersion"])


def _labels(record: AddressRecord) -> dict[str, str]:
    labels = {POOL: record.pool}
    if record.lease is not None and len(record.lease.node) <= 63:
        labels[NODE] = record.lease.node
    kept = record.reservation or (record.mark.record.reservation if record.mark is not None else None)
    if kept is not None:
        labels[RESERVED_FOR] = name_label(kept.pod)
    return labels


def _of_machine(write: AddressWrite, *, alone: bool | None) -> dict[str, str | None]:
    """Return the label by which an address says that its holder is on a machine which is no Node; None takes it away.

    The holder's own node says it, by the event by which it writes. All others leave it as it is.
    """
    record, mark = write.record, write.record.mark
    lease = record.lease or (mark.record.lease if mark is not None else None)
    if lease is None:
        return {MACHINE: None}
    if alone is None or all(event.actor.node != lease.node for event in write.events):
        return {}
    return {MACHINE: machine_name(lease.node) if alone else None}


def _history(events: Iterable[Event]) -> Object:
    return {number(event.seq): event_form(event) for event in events}


def _state(record: AddressRecord) -> State:
    return {
        (False, False): State.FREE,
        (True, False): State.RESERVED,
        (False, True): State.LEASED,
        (True, True): State.HELD,
    }[record.reservation is not None, record.lease is not None]


@contextmanager
def _named(kind: str, found: Object) -> Iterator[None]:
    """Have what can't be read of an object be a StoreFailed that names it."""
    try:
        yield
    except StoreFailed as wrong:
        if wrong.message.startswith(kind):
            raise
        why = wrong.message.removeprefix("the cluster's store: ")
    except (KeyError, TypeError, AttributeError, ValueError) as wrong:
        why = str(wrong)
    else:
        return
    raise StoreFailed(f"{kind} {_name(found)} can't be read: {why}", "was it written by hand?")


def _name(found: Object) -> str:
    return str((found.get("metadata") or {}).get("name", "?"))
