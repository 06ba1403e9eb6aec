"""How much the ConfigMaps of a namespace may declare, counted before any of it becomes a value. Pure.

Anybody with the right to write ConfigMaps there writes them, and every node, the controller and the webhook read them:
all of a namespace's together have one budget, however many they are, and the oldest ConfigMaps have it first. A few
lines can stand for millions of addresses, or of fields: aliases repeat what they stand for. So what documents
amount to is computed from their numbers and the ends of their ranges; nothing is expanded for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cni.value import value
from podberth.ipam.pool_document import span
from podberth.policy.attachment_document import MAX_ORDINALS

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_DOCUMENTS = 1000  # an empty or unreadable key counts as one
MAX_ADDRESSES = 16_384
MAX_TEXT = 1 << 20  # characters, as a ConfigMap holds; aliases count as what they repeat
REMEDY = "declare less in it, or have an operator declare it in podberth's own namespace"


@value
class Amount:
    """What documents come to. `text`: characters of keys, strings and brackets, aliases written out; or as it stands.

    `compared`: characters that were read for nothing, or to compare them with what was declared before the limits.
    """

    documents: int = 0
    addresses: int = 0
    text: int = 0
    compared: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            documents=self.documents + other.documents,
            addresses=self.addresses + other.addresses,
            text=self.text + other.text,
            compared=self.compared + other.compared,
        )

    @property
    def excess(self) -> bool:
        """Whether it is more than a namespace's ConfigMaps may declare."""
        return self.documents > MAX_DOCUMENTS or self.addresses > MAX_ADDRESSES or self.text > MAX_TEXT

    def complaint(self, others: Amount) -> str:
        """Say what it is beside what older ConfigMaps of the namespace declare, what may be at most, and what to do."""
        addresses = f"{self.addresses:,} addresses" if self.text <= MAX_TEXT else "addresses that were not counted"
        beside = ""
        if others.documents:
            beside = (
                f", older ConfigMaps of its namespace {others.documents:,} documents with {others.addresses:,} "
                f"addresses in {others.text:,} characters"
            )
        return (
            f"declares {self.documents:,} documents with {addresses} in {self.text:,} characters{beside}; the "
            f"ConfigMaps of a namespace declare at most {MAX_DOCUMENTS:,} documents, {MAX_ADDRESSES:,} addresses and "
            f"{MAX_TEXT:,} characters, aliases written out. None of it was read: {REMEDY}"
        )


class Scale:
    """Weighs raw documents that live as long as it does; what an alias repeats is weighed once."""

    def __init__(self) -> None:
        self._known: dict[int, int] = {}  # by the id of a container

    def text(self, raw: object) -> int:
        """Return how many characters a raw document has, aliases written out, at least."""
        if isinstance(raw, str):
            return len(raw)
        if not isinstance(raw, dict | list):
            return 1
        known = self._known.get(id(raw))
        if known is None:
            keys = sum(len(str(key)) + 1 for key in raw) if isinstance(raw, dict) else 0
            members = raw.values() if isinstance(raw, dict) else raw
            known = self._known[id(raw)] = 2 + keys + sum(self.text(member) + 1 for member in members)
        return known

    def amount(self, raws: Iterable[object], documents: int = 0) -> Amount:
        """Return what the documents come to; there are at least so many."""
        every = list(raws)
        text = sum(self.text(raw) for raw in every)
        # A text of bounded length is walked in a bounded time; of a longer one the addresses do not matter.
        addresses = sum(_addresses(raw) for raw in every) if text <= MAX_TEXT else 0
        return Amount(documents=max(documents, len(every)), addresses=addresses, text=text)


def _addresses(raw: object) -> int:
    """Return how many addresses a raw document declares; what can't be read declares none."""
    spec = _object(_object(raw).get("spec"))
    replicas = _object(spec.get("statefulSet")).get("replicas")
    count = min(max(replicas, 0), MAX_ORDINALS) if isinstance(replicas, int) else 0
    return sum(
        sum(map(_spanned, _list(attachment.get("addresses"))))
        + sum(_of_ordinals(_object(member), count) for member in _list(attachment.get("ordinals")))
        for attachment in map(_object, _list(spec.get("attachments")))
    )


def _of_ordinals(member: dict[str, object], replicas: int) -> int:
    ranged = _spanned(member["range"]) if member.get("range") is not None else 0
    return len(_list(member.get("list"))) + ranged + (replicas if member.get("base") is not None else 0)


def _spanned(raw: object) -> int:
    try:
        ends = span(raw)
    except ValueError:
        return 1
    return int(ends.last) - int(ends.first) + 1


def _object(raw: object) -> dict[str, object]:
    return raw if isinstance(raw, dict) else {}


def _list(raw: object) -> list[object]:
    return raw if isinstance(raw, list) else []
