"""A DEL in two parts, for a process that stays: what the caller has to wait for, and what takes the kernel its time.

Deleting a link waits until no CPU can be sending over it any more (RCU: 20 to 50 ms), and holds the kernel's one lock
for networks meanwhile. So a DEL is answered once the old holder can't use its addresses any more and the record says
that it is being removed. Its leases last, and its record, until the link is gone: nobody else can get an address or a
device before that, whoever is killed in between. Many links are deleted in one go, and are waited for once.
"""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from time import sleep

from podberth.cni.errors import CniError, DiskFull, TryAgainLater
from podberth.verbs.delete import delete_record, end, shares_a_device, unbind_and_forget, undo_steps, with_room
from podberth.verbs.recorded import record_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from podberth.cni.call import Call
    from podberth.net.record import Record, RecordKey
    from podberth.verbs.node import Node, Plugin


_PAUSE, _TURNS = 0.02, 100  # seconds; how often it is looked whether others have ended what they are about to end
_PATIENCE = 500  # the same, for who needs nothing of it


class Occupied(TryAgainLater):
    """Code 11: somebody is at work on the container, and may be about to end what is to be ended."""


def begin(node: Node, call: Call, plugin: Plugin, later: Callable[[RecordKey], None]) -> None:
    """Do what a caller of DEL has to wait for, and leave the rest to `later`. Raises NotUndone.

    A virtual function is given back at once: the kernel would move one that is left behind in a namespace by itself.
    """

    def once() -> RecordKey | None:
        with node.host.locked(f"container:{call.container_id}"):
            record = record_of(node, call, plugin.TYPES)
            at_once = record is None or bool(record.devices)
            left = None if record is None or at_once else node.host.cut_off(record.steps, record.netns_id)
            if record is None or left is None:
                delete_record(node, call, record, plugin)
                return None
            node.attachments.removing(record.key, left)
            return record.key

    begun = with_room(node, once)
    if begun is not None:
        later(begun)


def hasten(node: Node, locked: str = "") -> None:
    """End the DELs that were begun, for whoever can't wait for what they hold; wait for those that others end.

    Whoever ends one has locked its container; what ended nothing for another reason won't by being waited for.
    `locked`: the container whose lock the caller has: nobody else can end its DELs.
    """
    begun = tuple(record.key for record in node.attachments.all() if record.removing)
    for _ in range(_TURNS):
        failures = finish(node, begun, locked=locked)
        begun = tuple(each for each, failure in failures.items() if isinstance(failure, Occupied))
        if not begun:
            return
        sleep(_PAUSE)


def alone_with(node: Node, container_id: str, locked: str, *, wait: bool = True) -> AbstractContextManager[None]:
    """Hold the container's lock, unless the caller has it: that of `locked`. TryAgainLater as `locked` of the host."""
    return nullcontext() if container_id == locked else node.host.locked(f"container:{container_id}", wait=wait)


def settle(node: Node, container_id: str) -> None:
    """Wait while others end the container's DELs that were answered, for ten seconds at most."""
    for _ in range(_PATIENCE):
        records = node.attachments.all()
        if not any(record.removing and record.attachment.container_id == container_id for record in records):
            return
        sleep(_PAUSE)


def finish(node: Node, keys: Iterable[RecordKey], why: str = "DEL", *, locked: str = "") -> dict[RecordKey, CniError]:
    """End the DELs that were begun; return what kept some from their end: they can be tried again.

    `locked`: the container whose lock the caller has already, if any.
    Whoever has ended one meanwhile (another DEL, GC, an ADD that took the address over) did all there was to do.
    """
    failures = _finish(node, keys, why, locked)
    full = [each for each, failure in failures.items() if isinstance(failure, DiskFull)]
    if full and node.room is not None and node.room.give_up():
        failures = {each: failure for each, failure in failures.items() if each not in full}
        failures |= _finish(node, full, why, locked)
    return failures


def _finish(node: Node, keys: Iterable[RecordKey], why: str, locked: str) -> dict[RecordKey, CniError]:
    failures: dict[RecordKey, CniError] = {}
    with ExitStack() as held:
        mine: list[Record] = []
        for container_id, its in _by_container(keys).items():
            try:
                # Whoever has the lock of one container may be waiting for that of another: nobody is waited for here.
                held.enter_context(alone_with(node, container_id, locked, wait=False))
            except TryAgainLater as busy:
                failures.update(dict.fromkeys(its, Occupied(busy.message, busy.details)))
            else:
                mine += [record for each in its if (record := node.attachments.find(each)) is not None]
        mine = [record for record in mine if record.removing]
        try:
            node.host.drop([step for record in mine for step in record.steps])
        except CniError:
            pass  # what can't be deleted together is undone one by one, and that says of each why not
        failures |= _end(node, mine, why)
    return failures


def _end(node: Node, records: Iterable[Record], why: str) -> dict[RecordKey, CniError]:
    """End the records, the store's part of it in one step for all those that nothing keeps apart."""
    failures: dict[RecordKey, CniError] = {}
    together: list[Record] = []
    for record in records:
        try:
            if shares_a_device(record):
                end(node, record, why)  # the next one looks for what is recorded of others
            else:
                undo_steps(node, record)
                together.append(record)
        except CniError as failure:
            failures[record.key] = failure
    try:
        unbind_and_forget(node, together, why)
    except CniError as failure:
        failures.update(dict.fromkeys((record.key for record in together), failure))
    return failures


def _by_container(keys: Iterable[RecordKey]) -> dict[str, list[RecordKey]]:
    found: dict[str, list[RecordKey]] = {}
    for key in dict.fromkeys(keys):
        found.setdefault(key.attachment.container_id, []).append(key)
    return found
