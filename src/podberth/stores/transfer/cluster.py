"""A cluster's store as a side of a transfer: read address by address, filled in parts that can be begun again.

Of an address the holder is there with the first part of its events, so that nobody else can have it from then on;
documents come last, and pools after all others: until the whole is there, no address can be taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cni.errors import AddressTaken, Refused, TryAgainLater
from podberth.cni.value import replace
from podberth.ipam.address_record import changes_hands
from podberth.ipam.versions import NEEDS, UPGRADE, Minimum, allows, older, outgrown, require
from podberth.stores.replica.shared import AddressWrite, DocumentWrite, Proposal, Stale
from podberth.stores.transfer.story import Story, needed, rank, story_of
from podberth.stores.transfer.verdict import same_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from podberth.ipam.address_record import AddressRecord
    from podberth.ipam.versions import Feature
    from podberth.net.ops import Address
    from podberth.stores.replica.shared import Cluster, DocumentText, Key
    from podberth.stores.transfer.story import Side

PART = 64  # addresses, or documents, of one step
EVENTS = 32  # of one address in one step: what etcd takes in a transaction, and Kubernetes in an object
ATTEMPTS = 5  # at one step that others have disturbed, or whose answer was lost


class ClusterStore:
    """A cluster's store; nobody else writes to it meanwhile."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster = cluster
        self._minimum = Minimum()
        self.name = name

    def identity(self) -> str:
        """Return what tells this store from all others, by whichever path it is named."""
        return self._cluster.identity()

    def documents(self) -> tuple[DocumentText, ...]:
        """Return the documents in force."""
        found: dict[Key, DocumentText] = {}
        approved: dict[Key, DocumentText] = {}
        for seen in self._cluster.load():
            found |= {text.key: text for text, _ in seen.documents if text.body}
            approved |= {one.text.key: one.text for one, _ in seen.approved if one.text.body}
        found |= approved  # what is in force, not a newer text that was refused
        return tuple(found[key] for key in sorted(found))

    def count(self) -> int:
        """Return how many addresses have a record."""
        return len(self._records())

    def stories(self) -> Iterator[Story]:
        """Yield the story of every address, each up to its record as it was when this began."""
        records = self._records()
        for address in sorted(records, key=rank):
            record = records[address]
            events = tuple(event for event in self._cluster.events(address=address) if event.seq <= record.seq)
            yield story_of(record, events)

    def conflicts(self, source: Side) -> Iterator[str]:
        """Yield what is here and is not a part of the source."""
        here, texts = self._records(), {text.key: text for text in self.documents()}
        for text in source.documents():
            found = texts.pop(text.key, text)
            if not same_text(found, text):
                yield f"{' '.join(filter(None, text.key))} is another in {self.name} than in {source.name}"
        for story in source.stories():
            record = here.pop(story.record.address, None)
            if record is not None and _reached(record, _steps(story)) is None:
                yield _told_apart(record, self.name, story, source.name)
        yield from (f"{' '.join(filter(None, key))} is in {self.name}, and not in {source.name}" for key in texts)
        yield from (f"{address} is in {self.name}, and not in {source.name}" for address in sorted(here, key=rank))

    def take(self, source: Side, told: Callable[[int], None]) -> None:
        """Bring in what is not here yet, in parts. AddressTaken if somebody else wrote meanwhile."""
        self._ready(needed(source))
        part: list[Story] = []
        for story in source.stories():
            part.append(story)
            if len(part) == PART:
                self._settled(lambda part=part: self._bring(part))  # type: ignore[misc]
                told(len(part))
                part = []
        self._settled(lambda: self._bring(part))
        told(len(part))
        texts = sorted(source.documents(), key=lambda text: text.kind == "Pool")
        for at in range(0, len(texts), PART):
            self._settled(lambda at=at: self._declare(texts[at : at + PART]))  # type: ignore[misc]

    def _ready(self, features: frozenset[Feature]) -> None:
        """Have the ledger be one that may have all of these, unless an older agent is on it: Refused then."""
        found = self._cluster.minimum()
        if why := outgrown(found.version):
            raise Refused(f"{self.name}: {why}", UPGRADE)
        for feature in sorted(features):
            if not allows(found.version, feature):
                if older(NEEDS[feature], self._cluster.announced(), (), 0):
                    require(found.version, feature)
                self._cluster.demand(NEEDS[feature], found)
                found = self._cluster.minimum()
                require(found.version, feature)
        self._minimum = found

    def _settled(self, step: Callable[[], None]) -> None:
        """Make the step; again, from what is there then, if it was disturbed."""
        for attempt in range(ATTEMPTS):
            try:
                step()
            except (Stale, TryAgainLater) as disturbed:
                if attempt == ATTEMPTS - 1:
                    if isinstance(disturbed, TryAgainLater):
                        raise
                    raise TryAgainLater(
                        f"others are writing to {self.name}", "end whatever uses it, then run this again"
                    ) from None
            else:
                return

    def _bring(self, part: list[Story]) -> None:
        seen = self._cluster.read(tuple(story.record.address for story in part), ())
        there = {record.address: (record, revision) for record, revision in seen.records}
        left: list[tuple[list[Story], int]] = []
        for story in part:
            record, revision = there.get(story.record.address, (None, 0))
            steps = _steps(story)
            done = 0 if record is None else _reached(record, steps)
            if done is None:
                assert record is not None, "what is not there is reached by no step"
                raise AddressTaken(_told_apart(record, self.name, story, "what is brought"))
            left.append((steps[done:], revision))
        while left := [(steps, revision) for steps, revision in left if steps]:
            made = self._commit(tuple(_write(steps[0], revision) for steps, revision in left))
            left = [(steps[1:], made[steps[0].record.address]) for steps, _ in left]

    def _declare(self, texts: list[DocumentText]) -> None:
        found = {text.key: (text, revision) for text, revision in self._read_documents(texts).items()}
        writes = tuple(
            DocumentWrite(text=text, revision=found[text.key][1] if text.key in found else 0)
            for text in texts
            if text.key not in found or not same_text(found[text.key][0], text)
        )
        if writes:
            self._commit((), writes)

    def _read_documents(self, texts: list[DocumentText]) -> dict[DocumentText, int]:
        keys: tuple[Key, ...] = tuple(text.key for text in texts)
        return dict(self._cluster.read((), keys).documents)

    def _commit(
        self, addresses: tuple[AddressWrite, ...], documents: tuple[DocumentWrite, ...] = ()
    ) -> dict[Address, int]:
        proposal = Proposal(
            addresses=addresses,
            documents=documents,
            pods=(),
            pools=(),
            declares=False,
            position="",
            minimum=self._minimum.revision,
        )  # what it relies on are the revisions alone
        return {record.address: revision for record, revision in self._cluster.commit(proposal).records}

    def _records(self) -> dict[Address, AddressRecord]:
        return {record.address: record for seen in self._cluster.load() for record, _ in seen.records}


def _steps(story: Story) -> list[Story]:
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


def _reached(record: AddressRecord, steps: list[Story]) -> int | None:
    """Return how many of the steps were made; None if the record is of none of them."""
    plain = replace(record, last=None, written=None)
    return next((n for n, step in enumerate(steps, 1) if replace(step.record, last=None, written=None) == plain), None)


def _write(step: Story, revision: int) -> AddressWrite:
    before = step.record.reservation if revision else None
    return AddressWrite(record=step.record, revision=revision, events=step.events, reserved_before=before)


def _told_apart(record: AddressRecord, here: str, story: Story, there: str) -> str:
    return f"{record.address} is {_words(record)} in {here}, {_words(story.record)} in {there}"


def _words(record: AddressRecord) -> str:
    held, kept = record.lease, record.reservation
    whose = f"leased by {held.pod or held.attachment.container_id}" if held is not None else ""
    whose = whose or (f"reserved for {kept.pod}" if kept is not None else "free")
    return f"{whose} after event {record.seq}"
