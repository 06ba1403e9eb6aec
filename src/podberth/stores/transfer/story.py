"""What a store is made of, whatever its kind: the documents, and a story for every address it ever saw. Pure."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from podberth.cni.errors import InvalidConfig, StoreFailed
from podberth.cni.value import replace, value
from podberth.ipam.address_record import AddressRecord, changes_hands
from podberth.ipam.lifecycle import fold
from podberth.ipam.owner import is_claim
from podberth.ipam.versions import Feature
from podberth.policy.needs import needs
from podberth.policy.texts import parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from podberth.ipam.lease import Event
    from podberth.net.ops import Address
    from podberth.stores.replica.shared import DocumentText


@value
class Story:
    """One address: what is in force about it, and everything that happened to it, oldest first."""

    record: AddressRecord
    events: tuple[Event, ...]


class Side(Protocol):
    """A store, or an export, that is read from. `name` is what messages call it."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    def documents(self) -> tuple[DocumentText, ...]:
        """Return the documents in force, in order of kind, namespace and name."""
        ...

    def count(self) -> int:
        """Return how many stories there are."""
        ...

    def stories(self) -> Iterator[Story]:
        """Yield the story of every address, in order of address; each call begins anew."""
        ...


class Target(Side, Protocol):
    """A store that a whole one can be brought into."""

    def conflicts(self, source: Side) -> Iterator[str]:
        """Yield what is there and is not a part of the source, both named."""
        ...

    def take(self, source: Side, told: Callable[[int], None]) -> None:
        """Bring in what is not there yet; `told` gets how many addresses more are there."""
        ...


def rank(address: Address) -> tuple[int, bytes]:
    """Return what addresses are put in order by: IPv4 before IPv6, then as they count."""
    return address.version, address.packed


def story_of(record: AddressRecord, events: tuple[Event, ...]) -> Story:
    """Return the story, with what the record says of its last events taken from them."""
    if not events:
        return Story(record=record, events=())
    last = next((event for event in reversed(events) if changes_hands(event)), None)
    return Story(record=replace(record, seq=events[-1].seq, time=events[-1].time, last=last), events=events)


def needed(side: Side) -> frozenset[Feature]:
    """Return what a ledger has to allow before it can have all that the side has."""
    found = {feature for text in side.documents() for feature in _needs(text)}
    for story in side.stories():
        for event in story.events:
            if event.owner is not None and is_claim(event.owner):
                found.add(Feature.CLAIMS)
            if event.corrects is not None:
                found.add(Feature.CORRECTIONS)
            if ":" in event.actor.node or (event.pod is not None and ":" in event.pod.namespace):
                found.add(Feature.CLUSTERS)
    return frozenset(found)


def _needs(text: DocumentText) -> frozenset[Feature]:
    try:
        return needs(parsed(text.body, text.source))
    except InvalidConfig:  # nobody can read it, and it is carried over as it is
        return frozenset()


def flaw(story: Story) -> str:
    """Return what is wrong with a story in itself; '' if its events grow, and fold to what is in force."""
    record, events = story.record, story.events
    at = record.address
    for before, after in pairwise(events):
        if after.seq <= before.seq:
            return f"{at}: event {after.seq} is not after event {before.seq}, which stands before it"
    try:
        folded = fold(events)
    except StoreFailed as wrong:
        return f"{at}: {wrong.message}"
    held = record.lease.attachment if record.lease is not None else None
    kept = record.reservation
    whose = (str(kept.pod), kept.ifname) if kept is not None else None
    if folded.bound.get(at) != held:
        return f"{at}: bound to {folded.bound.get(at, 'nobody')} by its events, to {held or 'nobody'} by its lease"
    if folded.reserved.get(at) != whose:
        return f"{at}: its events and its reservation disagree about whom it is reserved for"
    return ""
