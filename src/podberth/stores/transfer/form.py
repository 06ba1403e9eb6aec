"""An export: a store as lines of JSON. Read from a file as often as need be, written line by line.

    {"podberth": "export", "version": 1, "of": "sqlite ...", "time": ns}
    {"document": {"kind", "namespace", "name", "body", "source", "origin"}}
    {"address": {the record, as clusters' stores have it, with "events": [{"sequence", ...}]}}
    {"end": {"documents": N, "addresses": N, "events": N}}

The documents come first, and the addresses in order; an export without its last line was cut short.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from podberth.cni import parsers
from podberth.cni.errors import CniError, InvalidConfig, IOFailure, StoreFailed
from podberth.cni.fields import Fields
from podberth.cni.strictjson import dumps, loads
from podberth.ipam.address_record import event_form, parse_event, parse_record, record_form
from podberth.ipam.number import number_in
from podberth.policy.documents import parse_document
from podberth.stores.replica.shared import DocumentText
from podberth.stores.transfer.story import Story, flaw, rank, story_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.stores.transfer.story import Side

VERSION = 1
LINE = 64 << 20  # bytes of the longest line: an address with a hundred thousand events
_ENDS = ("documents", "addresses", "events")


def lines(side: Side, time: int) -> Iterator[str]:
    """Yield the lines of an export of the side, made at `time` (ns), each with its newline."""
    yield _line({"podberth": "export", "version": VERSION, "of": side.name, "time": time})
    counts = dict.fromkeys(_ENDS, 0)
    for text in side.documents():
        counts["documents"] += 1
        named = {"kind": text.kind, "namespace": text.namespace, "name": text.name}
        body = json.loads(text.body)
        yield _line({"document": {**named, "body": body, "source": text.source, "origin": text.origin}})
    for story in side.stories():
        counts["addresses"] += 1
        counts["events"] += len(story.events)
        events = [{"sequence": event.seq, **event_form(event)} for event in story.events]
        form = record_form(story.record)
        if story.record.lease is not None:
            form["lease"]["netns"] = story.record.lease.netns  # '' if it is not known, as 0.1.0 says it
        yield _line({"address": {**form, "events": events}})
    yield _line({"end": counts})


class Export:
    """An export in a file. All of it is read and checked once, when it is opened; InvalidConfig names the line."""

    def __init__(self, path: str) -> None:
        self.name = path
        self._documents: list[DocumentText] = []
        self._counts = dict.fromkeys(_ENDS, 0)
        for _ in self._read():
            pass

    def documents(self) -> tuple[DocumentText, ...]:
        """Return the documents."""
        return tuple(self._documents)

    def count(self) -> int:
        """Return how many stories there are."""
        return self._counts["addresses"]

    def stories(self) -> Iterator[Story]:
        """Yield the story of every address."""
        return self._read()

    def _read(self) -> Iterator[Story]:
        self._documents = []
        counts = dict.fromkeys(_ENDS, 0)
        last: tuple[int, bytes] = (0, b"")
        ended = False
        for number, line in self._lines():
            if number == 1:
                self._header(line)
                continue
            if ended:
                raise self._wrong(number, "expected nothing behind the line that ends the export")
            if line.raw.keys() == {"document"} and not counts["addresses"]:
                self._documents.append(self._document(line))
                counts["documents"] += 1
            elif line.raw.keys() == {"address"}:
                story = self._story(number, line)
                if rank(story.record.address) <= last:
                    raise self._wrong(number, f"expected an address after the one before, got {story.record.address}")
                last = rank(story.record.address)
                counts["addresses"] += 1
                counts["events"] += len(story.events)
                yield story
            elif line.raw.keys() == {"end"}:
                self._ended(number, line, counts)
                ended = True
            else:
                raise self._wrong(number, "expected a document, an address or the end")
        if not ended:
            raise InvalidConfig(f"{self.name}: the export is cut short", "make it again")
        self._counts = counts

    def _lines(self) -> Iterator[tuple[int, Fields]]:
        try:
            with open(self.name, "rb") as file:
                number = 0
                while line := file.readline(LINE + 1):
                    number += 1
                    where = f"{self.name}:{number}"
                    yield number, Fields(loads(line, where, InvalidConfig, most=LINE), where)
        except OSError as failure:
            raise IOFailure(f"{self.name}: {failure.strerror}", "name a file that can be read") from None

    def _header(self, line: Fields) -> None:
        if line.raw.get("podberth") != "export":
            raise InvalidConfig(f"{self.name}: is no export of podberth's", "`podberth export` makes one")
        line.required("version", parsers.integer(VERSION, VERSION))

    def _document(self, line: Fields) -> DocumentText:
        found = line.child("document")
        assert found is not None, "the caller has seen it"
        body = found.raw.get("body")
        source = found.get("source", str, "")
        document = parse_document(body, source, found.at("body"), kept=True)
        named = tuple(found.raw.get(key) for key in ("kind", "namespace", "name"))
        if named != document.key:
            raise found.fail("body", f"is {document}, and not what the line names")
        return DocumentText(
            kind=document.kind,
            namespace=document.namespace,
            name=document.name,
            body=dumps(body),
            source=source,
            origin=found.get("origin", str, ""),
        )

    def _story(self, number: int, line: Fields) -> Story:
        form: Any = line.raw["address"]
        try:
            record = parse_record(form)
            raws = form["events"]
            events = tuple(parse_event(record.address, number_in(raw, "sequence"), raw) for raw in raws)
        except StoreFailed as wrong:
            raise self._wrong(number, wrong.message.removeprefix("the cluster's store: ")) from None
        except (KeyError, TypeError, ValueError, AttributeError) as wrong:
            raise self._wrong(number, f"the address can't be read: {type(wrong).__name__}: {wrong}") from None
        story = story_of(record, events)
        if (story.record.seq, story.record.time) != (record.seq, record.time):
            raise self._wrong(number, f"{record.address}: its record is of event {record.seq}, which is not its last")
        if wrong_with_it := flaw(story):
            raise self._wrong(number, wrong_with_it)
        return story

    def _ended(self, number: int, line: Fields, counts: dict[str, int]) -> None:
        said = line.raw["end"]
        if said != counts:
            raise self._wrong(number, f"expected {counts} by the lines before")

    def _wrong(self, number: int, complaint: str) -> CniError:
        return InvalidConfig(f"{self.name}:{number}: {complaint}", "was the export changed, or cut short?")


def _line(form: dict[str, object]) -> str:
    return dumps(form) + "\n"
