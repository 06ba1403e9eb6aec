"""All that is in force about one address, as a cluster's store keeps it: one small object for each address. Pure.

The forms are plain dictionaries, the same in etcd and in the Kubernetes API. What the store hands back is read as
outside data is: whatever is wrong with it is a StoreFailed that names the address.
"""

from __future__ import annotations

from ipaddress import ip_address

from podberth.cni.errors import StoreFailed
from podberth.cni.pod import Attachment, PodRef, joined, parted
from podberth.cni.value import value
from podberth.ipam.lease import Actor, Correction, Event, Lease, Reservation
from podberth.ipam.moment import Uptime
from podberth.ipam.number import SPAN, TIME, number_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeAlias

    from podberth.net.ops import Address

    Form: TypeAlias = dict[str, Any]

NOTES = ("Adjusted", "Conflicted", "Corrected", "Repaired")  # kinds of event with which nothing changes hands


@value
class Rest:
    """A released address is no other pod's for `length` (ns), counted from `since` of the node that released it."""

    length: int
    since: Uptime


@value
class Mark:
    """What an operation (`stores.replica.staging`) makes of an address, once it is committed: `record`.

    `primary`: the address whose mark says whether it is: that one is the operation's own object. `by`: who does what.
    `addresses` and `documents`: how many of each the operation marks.
    """

    operation: str
    primary: Address
    by: str
    record: AddressRecord
    addresses: int
    documents: int = 0
    committed: bool = False


@value
class AddressRecord:
    """`rest_until` (ns): when a released address has rested; 0 if nobody ever had it, or somebody has it now.

    That is by its writer's clock. `rest` is what counts; None if a release before 0.2 wrote it.
    `seq` and `time` (ns) are its last event's; `last` is the last event by which it changed hands.
    `written`: how long the node that wrote the record had run by then: its word that this much time has passed.
    `mark`: of the operation that is at the address; until it is committed, all else counts. `operation`: the last one
    that was, '' if none was.
    """

    address: Address
    pool: str
    seq: int
    time: int
    reservation: Reservation | None = None
    lease: Lease | None = None
    rest_until: int = 0
    last: Event | None = None
    rest: Rest | None = None
    written: Uptime | None = None
    mark: Mark | None = None
    operation: str = ""


def record_form(record: AddressRecord) -> Form:
    """Return the form that `parse_record` reads as the same record, `last` apart: its place differs between stores."""
    form: Form = {
        "address": str(record.address),
        # None if a host answered for an address that no pool gives out.
        **({"pool": record.pool} if record.pool else {}),
        "sequence": record.seq,
        "time": record.time,
    }
    kept, lease = record.reservation, record.lease
    if kept is not None:
        form["reservation"] = {
            **_placed(kept.pod.namespace),
            "pod": kept.pod.name,
            "ifname": kept.ifname,
            "origin": kept.origin,
            "since": kept.since,
        }
    if lease is not None:
        form["lease"] = {
            **_attachment_form(lease.attachment),
            **_pod_form(lease.pod),
            "netns": lease.netns,
            "node": lease.node,
            "since": lease.since,
        }
    if record.rest_until:
        form["restUntil"] = record.rest_until
    if record.rest is not None:
        form["rest"] = {"length": record.rest.length, **_uptime_form(record.rest.since)}
    if record.written is not None:
        form["written"] = _uptime_form(record.written)
    if record.operation:
        form["operation"] = record.operation
    if record.mark is not None:
        form["mark"] = _mark_form(record.mark)
    return form


def parse_record(form: Mapping[str, Any], last: Event | None = None) -> AddressRecord:
    """Read a record; StoreFailed if it is none."""
    try:
        address, pool = ip_address(form["address"]), str(form.get("pool", ""))
        return AddressRecord(
            address=address,
            pool=pool,
            seq=number_in(form, "sequence"),
            time=number_in(form, "time", TIME),
            reservation=_reservation(address, pool, form.get("reservation")),
            lease=_lease(address, pool, form.get("lease")),
            rest_until=number_in(form, "restUntil", TIME, default=0),
            last=last,
            rest=_rest(form.get("rest")),
            written=_uptime("written", form["written"]) if form.get("written") is not None else None,
            mark=_mark(form["mark"]) if form.get("mark") is not None else None,
            operation=str(form.get("operation") or ""),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as wrong:
        raise _unreadable("the record of", form, wrong) from None


def event_form(event: Event) -> Form:
    """Return the form that `parse_event` reads as the same event, given its address and number."""
    return {
        "time": event.time,
        "kind": event.kind,
        "state": event.state,
        **({"pool": event.pool} if event.pool else {}),
        **_pod_form(event.pod),
        **({"owner": event.owner.name} if event.owner is not None else {}),
        "ifname": event.ifname,
        **(
            {"network": event.attachment.network, "containerID": event.attachment.container_id}
            if event.attachment is not None
            else {}
        ),
        "who": event.actor.who,
        "why": event.actor.why,
        "node": event.actor.node,
        **({"clock": event.clock} if event.clock else {}),
        **({"ahead": event.ahead} if event.ahead else {}),
        **({"corrects": _correction_form(event.corrects)} if event.corrects is not None else {}),
    }


def parse_event(address: Address, seq: int, form: Mapping[str, Any]) -> Event:
    """Read an event; StoreFailed if it is none."""
    try:
        container = form.get("containerID", "")
        ifname = str(form["ifname"])
        return Event(
            seq=seq,
            time=number_in(form, "time", TIME),
            kind=str(form["kind"]),
            address=address,
            pool=str(form.get("pool", "")),
            pod=_pod(form),
            ifname=ifname,
            attachment=Attachment(network=str(form["network"]), container_id=str(container), ifname=ifname)
            if container
            else None,
            actor=Actor(who=str(form["who"]), why=str(form["why"]), node=str(form["node"])),
            state=str(form["state"]),
            owner=PodRef(namespace=_namespace(form), name=str(form["owner"])) if "owner" in form else None,
            clock=str(form.get("clock", "")),
            ahead=number_in(form, "ahead", SPAN, default=0),
            corrects=_correction(form.get("corrects")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as wrong:
        raise _unreadable(f"event {seq} of", {"address": str(address)}, wrong) from None


def changes_hands(event: Event) -> bool:
    """Say whether somebody got or lost the address by the event."""
    return event.kind not in NOTES


def counted(record: AddressRecord, primary: AddressRecord | None) -> int:
    """Return the number up to which events count of an address that an operation has marked; `primary`: its object."""
    mark, word = record.mark, primary.mark if primary is not None else None
    if mark is not None and word is not None and word.committed and word.operation == mark.operation:
        return mark.record.seq
    return record.seq


def _mark_form(of: Mark) -> Form:
    form = record_form(of.record)
    if of.record.last is not None:
        form["last"] = {"sequence": of.record.last.seq, **event_form(of.record.last)}
    said = {"operation": of.operation, "primary": str(of.primary), "by": of.by}
    return {
        **said, "addresses": of.addresses, "documents": of.documents, "committed": of.committed, "record": form,
    }  # fmt: skip


def _mark(form: Mapping[str, Any]) -> Mark:
    made = form["record"]
    address, last = ip_address(made["address"]), made.get("last")
    event = parse_event(address, number_in(last, "sequence"), last) if last else None
    return Mark(
        operation=str(form["operation"]),
        primary=ip_address(form["primary"]),
        by=str(form.get("by", "")),
        record=parse_record(made, event),
        addresses=number_in(form, "addresses", at="mark"),
        documents=number_in(form, "documents", default=0, at="mark"),
        committed=form.get("committed") is True,
    )


def _uptime_form(of: Uptime) -> Form:
    return {"boot": of.boot, "uptime": of.ns}


def _uptime(field: str, form: Mapping[str, Any]) -> Uptime:
    return Uptime(boot=str(form["boot"]), ns=number_in(form, "uptime", at=field))


def _rest(form: Mapping[str, Any] | None) -> Rest | None:
    if form is None:
        return None
    return Rest(length=number_in(form, "length", at="rest"), since=_uptime("rest", form))


def _correction_form(of: Correction) -> Form:
    named = {"node": of.node} if of.node else {}  # not an empty one, as `_pod_form` says
    return {"first": of.first, "last": of.last, **named, "ahead": of.ahead}


def _correction(form: Mapping[str, Any] | None) -> Correction | None:
    if form is None:
        return None
    first, last = (number_in(form, name, at="corrects") for name in ("first", "last"))
    ahead = number_in(form, "ahead", SPAN, at="corrects")
    return Correction(first=first, last=last, node=str(form.get("node", "")), ahead=ahead)


def _attachment_form(attachment: Attachment) -> Form:
    return {
        "network": attachment.network,
        "containerID": attachment.container_id,
        "ifname": attachment.ifname,
    }


def _pod_form(pod: PodRef | None) -> Form:
    if pod is None:
        return {}
    # Not an empty one: API servers take "" for null (1.20), which a schema's string is not.
    return {**_placed(pod.namespace), "pod": pod.name, **({"uid": pod.uid} if pod.uid else {})}


def _placed(namespace: str) -> Form:
    """Return a namespace with its cluster, which the first one of a ledger has no name for."""
    cluster, bare = parted(namespace)
    return {**({"cluster": cluster} if cluster else {}), "namespace": bare}


def _namespace(form: Mapping[str, Any]) -> str:
    return joined(str(form.get("cluster", "")), str(form.get("namespace", "")))


def _pod(form: Mapping[str, Any]) -> PodRef | None:
    name = str(form.get("pod", ""))
    return PodRef(namespace=_namespace(form), name=name, uid=str(form.get("uid", ""))) if name else None


def _reservation(address: Address, pool: str, form: Mapping[str, Any] | None) -> Reservation | None:
    if form is None:
        return None
    return Reservation(
        address=address,
        pool=pool,
        pod=PodRef(namespace=_namespace(form), name=str(form["pod"])),
        ifname=str(form["ifname"]),
        origin=str(form["origin"]),
        since=number_in(form, "since", TIME, at="reservation"),
    )


def _lease(address: Address, pool: str, form: Mapping[str, Any] | None) -> Lease | None:
    if form is None:
        return None
    return Lease(
        address=address,
        pool=pool,
        attachment=Attachment(
            network=str(form["network"]), container_id=str(form["containerID"]), ifname=str(form["ifname"])
        ),
        pod=_pod(form),
        netns=str(form["netns"]),
        node=str(form["node"]),
        since=number_in(form, "since", TIME, at="lease"),
    )


def _unreadable(what: str, form: Mapping[str, Any], wrong: Exception) -> StoreFailed:
    which = form.get("address") if hasattr(form, "get") else None
    return StoreFailed(
        f"the cluster's store: {what} {which or 'an unknown address'} can't be read: {type(wrong).__name__}: {wrong}",
        "was it written by hand, or by a newer podberth?",
    )
