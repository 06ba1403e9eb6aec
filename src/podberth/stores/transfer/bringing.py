"""A whole store on its way into a cluster's, as one operation (`stores.replica.staging`): it counts once all is there.

Until then nobody sees any of it, however often it is killed and begun again: what is left of an attempt before is ended
first.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from podberth.cni.errors import AddressTaken
from podberth.cni.value import replace, value
from podberth.ipam.address_record import AddressRecord, Mark, changes_hands
from podberth.stores.replica import staging
from podberth.stores.replica.shared import AddressWrite, DocumentWrite, Proposal
from podberth.stores.transfer.story import Story
from podberth.stores.transfer.verdict import same_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.net.ops import Address
    from podberth.stores.replica.shared import Cluster, DocumentText, Key

EVENTS = 32  # of one address in one step: what etcd takes in a transaction, and Kubernetes in an object


@value
class _Coming:
    """One address on its way: what is there, at which revision, and the steps that are left."""

    story: Story
    before: AddressRecord
    revision: int
    steps: tuple[Story, ...]


class Bringing:
    """One attempt. `count`: how many addresses there are at most, `documents`: how many documents are to come.

    `name` is what messages call the target. `minimum`: the revision of the target's minimum version.
    """

    def __init__(self, cluster: Cluster, name: str, by: str, count: int, documents: int, minimum: int) -> None:
        self._minimum = minimum
        self._cluster = cluster
        self._name = name
        self._by = by
        self._count = count
        self._operation = secrets.token_hex(6)
        self._primary: tuple[AddressRecord, int] | None = None
        self._addresses: dict[Address, None] = {}
        self._documents: tuple[Key, ...] = ()
        self._most = documents

    def bring(self, part: Sequence[Story]) -> None:
        """Mark what is not there yet of these addresses; it may be done again. AddressTaken if another has one."""
        seen = self._cluster.read(tuple(story.record.address for story in part), ())
        there = {record.address: (record, revision) for record, revision in seen.records}
        coming = []
        for story in part:
            record, revision = there.get(story.record.address, (nothing(story.record), 0))
            coming.append(self._coming(story, record, revision))
        coming = [one for one in coming if one.steps]
        if coming and self._primary is None:
            coming = [*self._step(coming[:1]), *coming[1:]]
        while coming := [one for one in coming if one.steps]:
            coming = self._step(coming)

    def declare(self, texts: Sequence[DocumentText]) -> None:
        """Mark documents, or write them if there is no address; it may be done again."""
        operation = self._operation if self._primary is not None else ""
        keys = tuple(text.key for text in texts)
        found = {text.key: (text, revision) for text, revision in self._cluster.read((), keys).documents}
        writes = []
        for text in texts:
            known, revision = found.get(text.key, (text, 0))
            if not revision or not (same_text(known, text) and known.operation == operation):
                writes.append(DocumentWrite(text=replace(text, operation=operation), revision=revision))
        self._documents += keys if operation else ()
        if writes:
            self._cluster.commit(replace(self._writing(()), documents=tuple(writes)))

    def commit(self) -> None:
        """Have all that is marked count; it may be done again."""
        if self._primary is None:
            return
        (found,) = self._cluster.read((self._primary[0].address,), ()).records
        record, revision = found
        if record.mark is not None and not record.mark.committed:
            word = replace(record, mark=replace(record.mark, committed=True))
            write = AddressWrite(record=word, revision=revision, events=(), reserved_before=record.reservation)
            self._cluster.commit(self._writing((write,)))
        whole = staging.Operating(
            operation=self._operation,
            primary=record.address,
            addresses=tuple(self._addresses),
            documents=self._documents,
        )
        staging.carry_through(self._cluster, whole, lambda _: None)

    def _writing(self, writes: tuple[AddressWrite, ...]) -> Proposal:
        return Proposal(
            addresses=writes, documents=(), pods=(), pools=(), declares=False, position="", minimum=self._minimum
        )

    def _coming(self, story: Story, record: AddressRecord, revision: int) -> _Coming:
        own = record.mark is not None and record.mark.operation == self._operation
        before, steps = replace(record, mark=None), steps_of(story)
        if own:  # this attempt was here: an answer was lost, or others were in the way
            self._addresses[record.address] = None
            if record.mark is not None and record.mark.primary == record.address:
                self._primary = (record, revision)
            last = max((event.seq for event in self._cluster.beyond(record)), default=record.seq)
            left = tuple(step for step in steps if step.record.seq > last)
            return _Coming(story=story, before=before, revision=revision, steps=left)
        done = reached(before, steps) if not is_nothing(before) else 0
        if done is None:
            raise AddressTaken(
                told_apart(record, self._name, story, "what is brought"),
                "release it in the one or in the other, and do it again: nothing was brought",
            )
        return _Coming(story=story, before=before, revision=revision, steps=tuple(steps[done:]))

    def _step(self, coming: Sequence[_Coming]) -> list[_Coming]:
        primary = self._primary[0].address if self._primary is not None else coming[0].story.record.address
        writes = tuple(self._write(one, primary) for one in coming)
        others = [one for one in coming if one.story.record.address != primary]
        holds = ((primary, self._primary[1]),) if self._primary is not None and others else ()
        holds = holds if len(others) == len(coming) else ()
        seen = self._cluster.commit(replace(self._writing(writes), holds=holds))
        made = {record.address: (record, revision) for record, revision in seen.records}
        self._primary = made.get(primary, self._primary)
        self._addresses |= dict.fromkeys(made)
        return [replace(one, revision=made[one.story.record.address][1], steps=one.steps[1:]) for one in coming]

    def _write(self, one: _Coming, primary: Address) -> AddressWrite:
        mark = Mark(
            operation=self._operation,
            primary=primary,
            by=self._by,
            record=replace(one.story.record, operation=self._operation),
            addresses=self._count,
            documents=self._most,
        )
        return AddressWrite(
            record=replace(one.before, mark=mark),
            revision=one.revision,
            events=one.steps[0].events,
            reserved_before=one.before.reservation,
        )


def nothing(like: AddressRecord) -> AddressRecord:
    """Return the record of an address that nobody ever had."""
    return AddressRecord(address=like.address, pool=like.pool, seq=0, time=0)


def is_nothing(record: AddressRecord) -> bool:
    """Say whether nobody ever had the address: an operation that was given up leaves such records."""
    return replace(nothing(record), written=record.written) == replace(record, mark=None, operation="")


def steps_of(story: Story) -> list[Story]:
    """Return the steps by which an address comes in; the record of each has the holder of the last."""
    if not story.events:
        return [story]
    found = []
    for at in range(0, len(story.events), EVENTS):
        so_far = story.events[: at + EVENTS]
        last = next((event for event in reversed(so_far) if changes_hands(event)), None)
        record = replace(story.record, seq=so_far[-1].seq, time=so_far[-1].time, last=last)
        found.append(Story(record=record, events=so_far[at:]))
    return found


def reached(record: AddressRecord, steps: Sequence[Story]) -> int | None:
    """Return how many of the steps were made; None if the record is of none of them."""
    plain = _plain(record)
    return next((n for n, step in enumerate(steps, 1) if _plain(step.record) == plain), None)


def told_apart(record: AddressRecord, here: str, story: Story, there: str) -> str:
    """Return in words that the address is another's in the one store than in the other."""
    return f"{record.address} is {_words(record)} in {here}, {_words(story.record)} in {there}"


def _plain(record: AddressRecord) -> AddressRecord:
    return replace(record, last=None, written=None, mark=None, operation="")


def _words(record: AddressRecord) -> str:
    held, kept = record.lease, record.reservation
    whose = f"leased by {held.pod or held.attachment.container_id}" if held is not None else ""
    whose = whose or (f"reserved for {kept.pod}" if kept is not None else "free")
    return f"{whose} after event {record.seq}"
