"""Where things are in etcd, and how they are written there: keys and values of a cluster's ledger. No calls.

Below the prefix:

    s/a/ADDRESS                the record of an address; never deleted
    s/d/KIND/NAMESPACE/NAME    a document; one that was deleted is empty
    s/i/NAME                   of a Pool the last good text, which is in force; empty if there is none
    s/i/NAMESPACE%2FNAME       the same of a PodNetwork: one part, so that no older agent takes it for a document
    s/v                        the ledger's minimum version (ipam.versions); without the key it is the first
    e/ADDRESS/SEQ              an event of the ledger; never rewritten
    h/ADDRESS/SEQ              older events of an address together, compressed; SEQ is that of the first
    p/NAMESPACE/POD/SEQ/ADDRESS    which events a pod's name is in
    n/NAMESPACE/POD/ADDRESS    which addresses are reserved for a pod's name
    g                          written by every change of documents: one at a time
    m/NODE                     the machine that is registered under a node's name
    f/NODE                     what operators have said about a node: that nothing runs there any more, or again
    r                          the last epoch: when the ledger was put back, and which nodes have announced their pods

An ADDRESS is 4 or 16 bytes in hexadecimal, a SEQ 16 digits of it: both sort as they count.
"""

from __future__ import annotations

import json
import zlib
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from podberth.cni.errors import StoreFailed
from podberth.cni.value import replace
from podberth.ipam.address_record import event_form, parse_event, parse_record, record_form
from podberth.ipam.epoch import epoch_form, parse_epoch
from podberth.ipam.number import digits, number_in
from podberth.ipam.versions import Minimum
from podberth.stores.replica.shared import Approved, DocumentText, former_of, told_of
from podberth.stores.written import packed, parsed, parsed_list, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from podberth.cni.pod import PodRef
    from podberth.ipam.address_record import AddressRecord
    from podberth.ipam.epoch import Epoch
    from podberth.ipam.lease import Event
    from podberth.net.ops import Address
    from podberth.stores.replica.shared import Key


_BY_HAND = "was it written by hand?"


class Keys:
    """The keys below one prefix."""

    def __init__(self, prefix: str) -> None:
        self.root = prefix.rstrip("/").encode() + b"/"
        self.state = self.root + b"s/"
        self.records = self.root + b"s/a/"
        self.documents = self.root + b"s/d/"
        self.approved = self.root + b"s/i/"
        self.minimum = self.root + b"s/v"
        self.events = self.root + b"e/"
        self.archive = self.root + b"h/"
        self.declared = self.root + b"g"
        self.epoch = self.root + b"r"
        self.fences = self.root + b"f/"
        self.nodes = self.root + b"m/"

    def record(self, address: Address) -> bytes:
        """Where the record of the address is."""
        return self.records + _hex(address)

    def document(self, key: Key) -> bytes:
        """Where the document is."""
        return self.documents + "/".join(_quoted(part) for part in key).encode()

    def approved_of(self, key: Key) -> bytes:
        """Where it is said what of the document is in force."""
        _, namespace, name = key
        return self.approved + _quoted(f"{namespace}/{name}" if namespace else name).encode()

    def event(self, address: Address, seq: int) -> bytes:
        """Where the event is."""
        return self.events_of(address) + b"%016x" % seq

    def events_of(self, address: Address) -> bytes:
        """What the events of the address begin with."""
        return self.events + _hex(address) + b"/"

    def archive_of(self, address: Address) -> bytes:
        """What the older events of the address begin with."""
        return self.archive + _hex(address) + b"/"

    def pod_event(self, pod: PodRef, seq: int, address: Address) -> bytes:
        """Where it is said that the pod's name is in the event."""
        return self.pod_events(pod) + b"%016x/" % seq + _hex(address)

    def pod_events(self, pod: PodRef) -> bytes:
        """What the keys begin with that name a pod's events."""
        return self.root + f"p/{_quoted(pod.namespace)}/{_quoted(pod.name)}/".encode()

    def reserved(self, pod: PodRef) -> bytes:
        """What the keys begin with that name the addresses reserved for a pod."""
        return self.reserved_in(pod.namespace) + f"{_quoted(pod.name)}/".encode()

    def reserved_in(self, namespace: str) -> bytes:
        """What the keys begin with that name the addresses reserved for a namespace's pods."""
        return self.root + f"n/{_quoted(namespace)}/".encode()

    def fence(self, node: str) -> bytes:
        """Where it is said whether anything runs on the node."""
        return self.fences + _quoted(node).encode()

    def node(self, node: str) -> bytes:
        """Where it is said which machine is registered under the node's name."""
        return self.nodes + _quoted(node).encode()


def address_in(key: bytes, part: int) -> Address:
    """Return the address that is a part of a key; `part` counts from the end, -1 is the last."""
    return ip_address(bytes.fromhex(key.split(b"/")[part].decode()))


def sequence_in(key: bytes, part: int) -> int:
    """Return the number that is a part of a key."""
    return digits(key.split(b"/")[part], 16)


def packed_record(record: AddressRecord) -> bytes:
    """Return a record as it is written."""
    form = record_form(record)
    if record.last is not None:
        form["last"] = {"sequence": record.last.seq, **event_form(record.last)}
    return packed(form)


def read_record(value: bytes) -> AddressRecord:
    """Read a record. StoreFailed if it is none."""
    form = parsed(value)
    last = form.get("last")
    if not last:
        return parse_record(form)
    try:
        address, seq = ip_address(form["address"]), number_in(last, "sequence", at="last")
    except (ValueError, KeyError, TypeError, AttributeError) as wrong:
        raise unreadable(f"the last event of the record of {form.get('address')}", wrong) from None
    return parse_record(form, parse_event(address, seq, last))


def packed_document(text: DocumentText) -> bytes:
    """Return a document as it is written."""
    if not text.body:
        return b""
    made = {"operation": text.operation} if text.operation else {}
    return packed({"body": json.loads(text.body), "source": text.source, "origin": text.origin, **made})


def read_document(key: bytes, value: bytes) -> DocumentText:
    """Read a document; `key` ends with its kind, namespace and name. StoreFailed if the key is no document's.

    A value that is none is passed on as it is: the document is there, and whoever puts it in force says what is wrong.
    """
    kind, namespace, name = _name_of(key)
    if not value:
        return DocumentText(kind=kind, namespace=namespace, name=name, body="")
    try:
        form = parsed(value)
        body = json.dumps(form["body"], separators=(",", ":"))
        source, origin, operation = str(form["source"]), str(form["origin"]), str(form.get("operation", ""))
    except (StoreFailed, KeyError, ValueError, RecursionError):
        body, source, origin = value.decode("utf-8", "replace"), f"etcd: {kind} {namespace}/{name}", ""
        operation = ""
    return DocumentText(
        kind=kind, namespace=namespace, name=name, body=body, source=source, origin=origin, operation=operation
    )


def packed_approved(approved: Approved) -> bytes:
    """Return what was approved as it is written."""
    text = approved.text
    if not text.body:
        return b""
    told = [{"address": str(address), "since": since} for address, since in approved.told]
    former = [{"body": json.loads(one.body), "until": one.until} for one in approved.former]
    said = {"source": text.source, "origin": text.origin, "told": told, **({"former": former} if former else {})}
    return packed({"body": json.loads(text.body), **said})


def read_approved(key: bytes, value: bytes) -> Approved:
    """Read what was approved of a document; `key` ends with its name. StoreFailed if it is none."""
    namespace, slash, name = unquote(key.split(b"/")[-1].decode("utf-8", "replace")).rpartition("/")
    text = DocumentText(kind="PodNetwork" if slash else "Pool", namespace=namespace, name=name, body="")
    if not value:
        return Approved(text=text, firm=True)
    form = parsed(value)
    try:
        body = json.dumps(form["body"], separators=(",", ":"))
        source, origin = str(form["source"]), str(form["origin"])
        told = told_of(form["told"])
    except (KeyError, TypeError, ValueError, RecursionError) as wrong:
        raise unreadable(f"the text in force of {text.kind} {name}", wrong) from None
    former = former_of(form.get("former"), lambda one: packed(one["body"]).decode())
    text = replace(text, body=body, source=source, origin=origin)
    return Approved(text=text, told=told, firm=True, former=former)


def _name_of(key: bytes) -> Key:
    parts = [unquote(part) for part in key.decode("utf-8", "replace").split("/")]
    if len(parts) < 3 or not all(part.isprintable() for part in parts[-3:]):
        raise StoreFailed("expected a key that ends with KIND/NAMESPACE/NAME", _BY_HAND)
    kind, namespace, name = parts[-3:]
    return kind, namespace, name


def packed_event(event: Event) -> bytes:
    """Return an event as it is written."""
    return packed(event_form(event))


def read_event(key: bytes, value: bytes) -> Event:
    """Read an event; `key` ends with its address and number."""
    try:
        address, seq = address_in(key, -2), sequence_in(key, -1)
    except (ValueError, IndexError) as wrong:
        where = key.decode("ascii", "replace")
        raise StoreFailed(f"the cluster's store: {where} is no event's key: {wrong}", _BY_HAND) from None
    return parse_event(address, seq, parsed(value))


def packed_archive(events: Iterable[Event]) -> bytes:
    """Return events of one address together, compressed."""
    return zlib.compress(packed([{"sequence": event.seq, **event_form(event)} for event in events]), 9)


def read_archive(key: bytes, value: bytes) -> tuple[Event, ...]:
    """Read what `packed_archive` wrote; `key` ends with the address and the first event's number."""
    try:
        forms = parsed_list(zlib.decompress(value))
        return tuple(parse_event(address_in(key, -2), number_in(form, "sequence"), form) for form in forms)
    except StoreFailed as wrong:
        why = wrong.message.removeprefix("the cluster's store: ")
    except (zlib.error, ValueError, KeyError, TypeError, AttributeError) as wrong:
        why = str(wrong)
    raise StoreFailed(f"the cluster's store: the archive {key.decode('ascii', 'replace')}: {why}", _BY_HAND)


def packed_minimum(version: str) -> bytes:
    """Return a ledger's minimum version as it is written. 0.1.0 can't read it, and reads nothing anew from then on."""
    return f"podberth {version} or later".encode()


def read_minimum(value: bytes, revision: int) -> Minimum:
    """Read what `packed_minimum` wrote. Of what is none, nobody can say that it may write: see `versions.number`."""
    words = value.decode("utf-8", "replace").split()
    return Minimum(version=words[1] if len(words) > 1 else "", revision=revision)


def packed_epoch(epoch: Epoch) -> bytes:
    """Return an epoch as it is written."""
    return packed(epoch_form(epoch))


def read_epoch(value: bytes) -> Epoch:
    """Read what `packed_epoch` wrote. StoreFailed if it is none."""
    return parse_epoch(parsed(value, "its epoch"))


def node_in(key: bytes) -> str:
    """Return the node that the key of a registration, or of what is said about a node, ends with."""
    return unquote(key.split(b"/")[-1].decode("utf-8", "replace"))


def _hex(address: Address) -> bytes:
    return address.packed.hex().encode()


def _quoted(part: str) -> str:
    return quote(part, safe="")
