"""A cluster's store as a side of a transfer: read address by address, filled as a whole.

It is filled by one operation (`transfer.bringing`): what is there counts once all of it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cni.errors import Refused, TryAgainLater
from podberth.cni.value import replace
from podberth.ipam.versions import NEEDS, UPGRADE, Minimum, allows, older, outgrown, require
from podberth.stores.replica import staging
from podberth.stores.replica.marks import OVER
from podberth.stores.replica.shared import Stale
from podberth.stores.transfer.bringing import Bringing, is_nothing, reached, steps_of, told_apart
from podberth.stores.transfer.story import Story, needed, rank, story_of
from podberth.stores.transfer.verdict import same_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from podberth.ipam.address_record import AddressRecord, Mark
    from podberth.ipam.versions import Feature
    from podberth.net.ops import Address
    from podberth.stores.replica.shared import Approved, Cluster, DocumentText, Key
    from podberth.stores.transfer.story import Side

PART = 64  # addresses, or documents, of one step
ATTEMPTS = 5  # at one step that others have disturbed, or whose answer was lost


class ClusterStore:
    """A cluster's store; nobody else writes to it meanwhile."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster = cluster
        self.name = name

    def identity(self) -> str:
        """Return what tells this store from all others, by whichever path it is named."""
        return self._cluster.identity()

    def documents(self) -> tuple[DocumentText, ...]:
        """Return the documents in force."""
        found: dict[Key, DocumentText] = {}
        approved: dict[Key, Approved] = {}
        over = self._committed()
        for seen in self._cluster.load():
            there = [text for text, _ in seen.documents if text.body]
            found |= {text.key: text for text in there if text.operation in ("", *over) or OVER in text.operation}
            approved |= {one.text.key: one for one, _ in seen.approved if one.text.body}
        # What is in force, not a newer text that was refused. A Pool that is deleted may be so; a PodNetwork is not.
        found |= {key: one.text for key, one in approved.items() if key[0] == "Pool" or (one.firm and key in found)}
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
            if record is not None and reached(record, steps_of(story)) is None:
                yield told_apart(record, self.name, story, source.name)
        yield from (f"{' '.join(filter(None, key))} is in {self.name}, and not in {source.name}" for key in texts)
        yield from (f"{address} is in {self.name}, and not in {source.name}" for address in sorted(here, key=rank))

    def take(self, source: Side, told: Callable[[int], None]) -> None:
        """Bring in what is not here yet, as one operation. AddressTaken if somebody else wrote meanwhile."""
        minimum = self._ready(needed(source))
        for mark in self._marks():
            staging.settle(self._cluster, mark, lambda _: None, abandon=True)
        by = f"{source.name} brought into {self.name}"
        here = {text.key: text for text in self.documents()}
        wanted = sorted(source.documents(), key=lambda text: text.kind == "Pool")
        texts = [text for text in wanted if text.key not in here or not same_text(here[text.key], text)]
        bringing = Bringing(self._cluster, self.name, by, source.count(), len(texts), minimum.revision)
        part: list[Story] = []
        for story in source.stories():
            part.append(story)
            if len(part) == PART:
                self._settled(lambda part=part: bringing.bring(part))  # type: ignore[misc]
                told(len(part))
                part = []
        self._settled(lambda: bringing.bring(part))
        told(len(part))
        for at in range(0, len(texts), PART):
            self._settled(lambda at=at: bringing.declare(texts[at : at + PART]))  # type: ignore[misc]
        self._settled(bringing.commit)

    def _ready(self, features: frozenset[Feature]) -> Minimum:
        """Have the ledger be one that may have all of these, and return its minimum version.

        Refused if an older agent is on it.
        """
        found = self._cluster.minimum()
        if why := outgrown(found.version):
            raise Refused(f"{self.name}: {why}", UPGRADE)
        for feature in sorted(features):
            if not allows(found.version, feature):
                if older(NEEDS[feature], self._cluster.agent_versions(), (), 0):
                    require(found.version, feature)
                self._cluster.demand(NEEDS[feature], found)
                found = self._cluster.minimum()
                require(found.version, feature)
        return found

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

    def _records(self) -> dict[Address, AddressRecord]:
        """Return what counts of every address that anybody ever had."""
        found = {record.address: record for seen in self._cluster.load() for record, _ in seen.records}
        marks = [record.mark for record in found.values() if record.mark is not None]
        over = {mark.operation for mark in marks if mark.committed}
        made = {
            address: record.mark.record if record.mark is not None and record.mark.operation in over else record
            for address, record in found.items()
        }
        plain = {address: replace(record, mark=None, operation="") for address, record in made.items()}
        return {address: record for address, record in plain.items() if not is_nothing(record)}

    def _committed(self) -> set[str]:
        return {mark.operation for mark in self._marks() if mark.committed}

    def _marks(self) -> tuple[Mark, ...]:
        """Return a mark of each operation that has some, one that says whether it is committed first of all."""
        found: dict[str, Mark] = {}
        for seen in self._cluster.load():
            for record, _ in seen.records:
                if record.mark is not None and (record.mark.operation not in found or record.mark.committed):
                    found[record.mark.operation] = record.mark
        return tuple(found.values())
