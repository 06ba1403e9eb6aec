"""Whether two stores say the same: their documents, what is in force of each address, and every event. Pure.

An event's number orders the events of one address; which numbers they are is each store's own, and is not compared.
"""

from __future__ import annotations

from itertools import chain, zip_longest
from typing import TYPE_CHECKING

from podberth.cni.errors import InvalidConfig
from podberth.cni.value import replace, value
from podberth.policy.texts import parsed
from podberth.stores.transfer.story import flaw, rank

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.ipam.address_record import AddressRecord
    from podberth.ipam.lease import Event
    from podberth.stores.replica.shared import DocumentText
    from podberth.stores.transfer.story import Side, Story

SHOWN = 20  # differences that are told one by one


@value
class Verdict:
    """What a target has, and how it differs from its source: `differences` are the first of `wrong`."""

    documents: int
    addresses: int
    leases: int
    reservations: int
    events: int
    wrong: int
    differences: tuple[str, ...]


def verify(source: Side, target: Side) -> Verdict:
    """Read both sides and compare them; the target's events have to fold to what it has in force."""
    counts = _counts()
    wrong = 0
    shown: list[str] = []
    for difference in chain(_of_documents(source, target), _of_stories(source, target, _counted(target, counts))):
        wrong += 1
        if len(shown) < SHOWN:
            shown.append(difference)
    return Verdict(documents=len(target.documents()), wrong=wrong, differences=tuple(shown), **counts)


def tally(side: Side) -> Verdict:
    """Read one side and count what it has; stories that are wrong in themselves are its differences."""
    counts = _counts()
    wrong = [found for story in _counted(side, counts) if (found := flaw(story))]
    return Verdict(documents=len(side.documents()), wrong=len(wrong), differences=tuple(wrong[:SHOWN]), **counts)


def differences(source: Side, target: Side) -> Iterator[str]:
    """Yield each difference, in words that name the address or document and both sides."""
    yield from _of_documents(source, target)
    yield from _of_stories(source, target, target.stories())


def same_text(one: DocumentText, other: DocumentText) -> bool:
    """Say whether two documents are the same, however each store writes it."""
    return (one.key, one.source, one.origin) == (other.key, other.source, other.origin) and _body(one) == _body(other)


def _counts() -> dict[str, int]:
    return {"addresses": 0, "leases": 0, "reservations": 0, "events": 0}


def _counted(side: Side, counts: dict[str, int]) -> Iterator[Story]:
    for story in side.stories():
        counts["addresses"] += 1
        counts["leases"] += story.record.lease is not None
        counts["reservations"] += story.record.reservation is not None
        counts["events"] += len(story.events)
        yield story


def _of_documents(source: Side, target: Side) -> Iterator[str]:
    here = {text.key: text for text in source.documents()}
    there = {text.key: text for text in target.documents()}
    for key in sorted(here.keys() | there.keys()):
        one, other = here.get(key), there.get(key)
        if one is None or other is None:
            lacks = source.name if one is None else target.name
            yield f"{' '.join(filter(None, key))} is not in {lacks}"
        elif not same_text(one, other):
            yield f"{' '.join(filter(None, key))} is another in {target.name} than in {source.name}"


def _of_stories(source: Side, target: Side, there: Iterator[Story]) -> Iterator[str]:
    here = source.stories()
    one, other = next(here, None), next(there, None)
    while one is not None or other is not None:
        if other is None or (one is not None and rank(one.record.address) < rank(other.record.address)):
            assert one is not None, "one of the two is there"
            yield f"{one.record.address} is in {source.name}, and not in {target.name}"
            one = next(here, None)
        elif one is None or rank(other.record.address) < rank(one.record.address):
            yield f"{other.record.address} is in {target.name}, and not in {source.name}"
            other = next(there, None)
        else:
            if found := _difference(one, other, source.name, target.name) or flaw(other):
                yield found
            one, other = next(here, None), next(there, None)


def _difference(one: Story, other: Story, here: str, there: str) -> str:
    at = one.record.address
    for nth, (event, twin) in enumerate(zip_longest(one.events, other.events), 1):
        if event is None or twin is None:
            return f"{at} has {len(one.events)} events in {here}, {len(other.events)} in {there}"
        if _plain_event(event) != _plain_event(twin):
            return f"{at}: its event {nth} is {_words(event)} in {here}, {_words(twin)} in {there}"
    if _plain(one.record) != _plain(other.record):
        return f"{at} is {_holder(one.record)} in {here}, {_holder(other.record)} in {there}"
    return ""


def _plain(record: AddressRecord) -> AddressRecord:
    pool = record.pool if record.lease is not None or record.reservation is not None else ""
    return replace(record, seq=0, last=None, pool=pool, written=None, mark=None, operation="")


def _plain_event(event: Event) -> Event:
    return replace(event, seq=0)


def _words(event: Event) -> str:
    whose = event.pod or (event.attachment.container_id if event.attachment is not None else "nobody")
    return f"{event.kind} {whose} at {event.time}"


def _holder(record: AddressRecord) -> str:
    words = []
    if record.reservation is not None:
        words.append(f"reserved for {record.reservation.pod} ({record.reservation.ifname})")
    if record.lease is not None:
        words.append(f"leased by {record.lease.pod or record.lease.attachment.container_id}")
    return " and ".join(words) or (f"resting until {record.rest_until}" if record.rest_until else "free")


def _body(text: DocumentText) -> object:
    try:
        return parsed(text.body, text.source)
    except InvalidConfig:
        return text.body
