"""Values to messages and back; the calls that carry them are elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podberth.stores.etcd import messages
from podberth.stores.etcd.values import Batch, Event, Found, Get, KeyValue, Put, Status, Txn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.stores.etcd.values import Answer, Compare, Op

_SIGNS = {"=": 0, ">": 1, "<": 2, "!=": 3}  # Compare.CompareResult
_TARGETS = {"version": 0, "create_revision": 1, "mod_revision": 2, "value": 3}  # Compare.CompareTarget
_DELETED = 1  # Event.EventType


def txn_request(compares: Sequence[Compare], success: Sequence[Op], failure: Sequence[Op]) -> Any:
    """Return the message of a transaction."""
    return messages.TxnRequest(
        compare=[_compare(each) for each in compares],
        success=[_op(each) for each in success],
        failure=[_op(each) for each in failure],
    )


def range_request(get: Get) -> Any:
    """Return the message that reads a key or a range."""
    return messages.RangeRequest(
        key=get.key,
        range_end=get.end,
        limit=get.limit,
        revision=get.revision,
        keys_only=get.keys_only,
        min_mod_revision=get.since,
    )


def watch_request(key: bytes, end: bytes, revision: int) -> Any:
    """Return the message that begins a watch."""
    return messages.WatchRequest(
        create=messages.WatchCreateRequest(key=key, range_end=end, start_revision=revision, progress_notify=True)
    )


def txn(answer: Any) -> Txn:
    """Return what became of a transaction."""
    return Txn(
        succeeded=answer.succeeded,
        revision=answer.header.revision,
        answers=tuple([_answer(each) for each in answer.responses]),
    )


def found(answer: Any) -> Found:
    """Return what a read found."""
    return Found(revision=answer.header.revision, kvs=tuple([_kv(each) for each in answer.kvs]), more=answer.more)


def batch(answer: Any, seen: int) -> Batch:
    """Return the changes after revision `seen`: etcd before 3.4.25 and 3.5.8 can send some a second time."""
    events = [Event(kv=_kv(each.kv), deleted=each.type == _DELETED) for each in answer.events]
    # The header's revision may be ahead of the events that it comes with: there it says nothing of what was seen.
    reached = events[-1].kv.mod_revision if events else answer.header.revision
    return Batch(revision=max(seen, reached), events=tuple([each for each in events if each.kv.mod_revision > seen]))


def status(answer: Any) -> Status:
    """Return what a member says of itself."""
    return Status(
        version=answer.version,
        revision=answer.header.revision,
        cluster=answer.header.cluster_id,
        member=answer.header.member_id,
        leader=answer.leader,
        size=answer.db_size,
        size_in_use=answer.db_size_in_use,
        errors=tuple(answer.errors),
    )


def _compare(of: Compare) -> Any:
    return messages.Compare(
        result=_SIGNS[of.sign], target=_TARGETS[of.what], key=of.key, range_end=of.end, **{of.what: of.to}
    )


def _op(of: Op) -> Any:
    if isinstance(of, Put):
        return messages.RequestOp(put=messages.PutRequest(key=of.key, value=of.value))
    if isinstance(of, Get):
        return messages.RequestOp(range=range_request(of))
    return messages.RequestOp(delete=messages.DeleteRangeRequest(key=of.key, range_end=of.end))


def _answer(of: Any) -> Answer:
    which = of.WhichOneof("one")
    if which == "put":
        return None
    if which == "range":
        return found(of.range)
    deleted: int = of.delete.deleted
    return deleted


def _kv(of: Any) -> KeyValue:
    return KeyValue(
        key=of.key,
        value=of.value,
        create_revision=of.create_revision,
        mod_revision=of.mod_revision,
        version=of.version,
    )
