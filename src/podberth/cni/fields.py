"""Reading outside data once, through typed fields, into values; every complaint names the field's path.

A parser is a function ``(raw) -> T`` that raises ValueError("expected ..., got ..."); `Fields` adds the path and turns
it into the CNI error that fits the document (`InvalidConfig` for a network configuration).

A person's document says what is in it: only null is as good as absent. What a program in Go marshalled (`GoFields`)
also has a zero where nobody set a field. Which zero that is depends on what the field holds:

    a field of            is not said by
    text, addresses       null, ""
    switches              null, ""; false is a value, as of a switch that is on by default
    numbers               null, "" as of a template; 0, where the field's range (`parsers.integer`) has no 0
    lists                 null, []; of a setting `routes`, [] says that there are none
    objects               null, "", {}

Any other value is right or an error, also a zero of another type: 0 is no text. The pairs of a free-form object are
its author's own words and may be empty; a null is no pair.
"""

from __future__ import annotations

from podberth.cni.errors import CniError, InvalidConfig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeVar

    T = TypeVar("T")
    D = TypeVar("D")


FEW = 8  # complaints about one document that a message has
MAX_COMPLAINT = 500  # characters of each


def shown(raw: object) -> str:
    """Return `raw` as an error message may carry it: short, printable, its type recognisable, in JSON's words.

    Containers are counted, not printed: a few YAML aliases can stand for gigabytes of text.
    """
    if raw is None or isinstance(raw, bool):
        return {None: "null", True: "true", False: "false"}[raw]
    if isinstance(raw, dict):
        return f"an object of {len(raw)} fields"
    if isinstance(raw, list | tuple | set | frozenset):
        return f"a list of {len(raw)} members"
    if isinstance(raw, int) and raw.bit_length() > 128:
        return f"a whole number of {raw.bit_length()} bits"
    if isinstance(raw, str | bytes) and len(raw) > 50:
        return f"{raw[:47]!a}... ({len(raw)} characters)"
    text = ascii(raw)
    return text if len(text) <= 200 else f"{text[:197]}..."


def few(complaints: Iterable[str]) -> tuple[str, ...]:
    """Return the first of what is wrong, each cut to a length, and how many more there are.

    What is wrong is often written by whoever wrote the document: what is said of it must not outgrow it.
    """
    every = list(complaints)
    first = [text if len(text) <= MAX_COMPLAINT else f"{text[: MAX_COMPLAINT - 3]}..." for text in every[:FEW]]
    more = len(every) - len(first)
    return (*first, f"and {more} more") if more else tuple(first)


def joined(complaints: Iterable[str], between: str = "; ") -> str:
    """Return the first of what is wrong, and how many more there are, as one text."""
    return between.join(few(complaints))


class Fields:
    """One JSON or YAML object at a known path of a document."""

    def __init__(self, raw: object, path: str = "", error: type[CniError] = InvalidConfig) -> None:
        self.path = path
        self.error = error
        if not isinstance(raw, dict):
            raise error(f"{path or 'document'}: expected an object, got {shown(raw)}")
        for key in raw:
            if not isinstance(key, str):
                raise error(f"{path or 'document'}: expected strings as keys, got {shown(key)}")
        self.raw: Mapping[str, object] = raw

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fields) and (self.path, self.error, self.raw) == (other.path, other.error, other.raw)

    __hash__ = None  # type: ignore[assignment] # what it holds can change

    def at(self, key: str) -> str:
        """Return the path of `key` in the document, as `spec.mtu` or `spec.sysctls['net.ipv4.ip_forward']`."""
        if key.isascii() and key.replace("_", "").replace("-", "").isalnum() and len(key) <= 64:
            return f"{self.path}.{key}" if self.path else key
        return f"{self.path}[{shown(key)}]"

    def fail(self, key: str, complaint: str, details: str = "") -> CniError:
        """Return (not raise) the document's error about `key`."""
        return self.error(f"{self.at(key)}: {complaint}", details)

    def from_go(self) -> GoFields:
        """Return the same object, read as what a program in Go marshalled."""
        return GoFields(self.raw, self.path, self.error)

    def said(self, key: str) -> bool:
        """Say whether there is anything under `key`, for keys that mean nothing where they stand."""
        return self.raw.get(key) is not None

    def required(self, key: str, parser: Callable[[object], T]) -> T:
        """Return the parsed field; an error if it is absent or null."""
        if self.raw.get(key) is None:
            raise self.fail(key, "required field is missing")
        return self._parsed(self.at(key), self.raw[key], parser)

    def optional(self, key: str, parser: Callable[[object], T]) -> T | None:
        """Return the parsed field, or None if it is absent or not said."""
        return self.get(key, parser, None)

    def get(self, key: str, parser: Callable[[object], T], default: D) -> T | D:
        """Return the parsed field, or `default` if it is absent or not said."""
        if self._empty(self.raw.get(key), getattr(parser, "zero", "")):
            return default
        return self._parsed(self.at(key), self.raw[key], parser)

    def each(self, key: str, parser: Callable[[object], T], *, most: int = 4096) -> tuple[T, ...]:
        """Return the parsed members of a list; empty if it is absent or null."""
        raw = self._list(key, most)
        return tuple(self._parsed(f"{self.at(key)}[{i}]", member, parser) for i, member in enumerate(raw))

    def child(self, key: str) -> Fields | None:
        """Return the object under `key`, or None if it is absent or not said."""
        if self._empty(self.raw.get(key)):
            return None
        return type(self)(self.raw[key], self.at(key), self.error)

    def section(self, key: str, details: str = "") -> Fields:
        """Return the object under `key`; an error if it is absent or not said. `details`: what to do then."""
        found = self.child(key)
        if found is None:
            raise self.fail(key, "required field is missing", details)
        return found

    def children(self, key: str, *, most: int = 4096) -> tuple[Fields, ...]:
        """Return the objects of a list under `key`; empty if it is absent or null."""
        return tuple(
            type(self)(member, f"{self.at(key)}[{i}]", self.error) for i, member in enumerate(self._list(key, most))
        )

    def pairs(
        self, key: str, name: Callable[[object], str], parser: Callable[[object], T], *, most: int = 4096
    ) -> tuple[tuple[str, T], ...]:
        """Return the (name, value) pairs of a free-form object, both parsed; empty if it is absent or null."""
        child = self.child(key)
        if child is None:
            return ()
        if len(child.raw) > most:
            raise self.fail(key, f"expected at most {most} fields, got {len(child.raw)}")
        return tuple(
            (self._parsed(child.path, inner, name), self._parsed(child.at(inner), raw, parser))
            for inner, raw in child.raw.items()
            if not self._is_no_pair(raw)
        )

    def only(self, known: Iterable[str]) -> None:
        """Refuse keys that are not `known`, naming the nearest right one."""
        names = tuple(known)
        for key in self.raw:
            if key not in names:
                from difflib import get_close_matches

                near = get_close_matches(key[:64], names, 1)
                raise self.fail(key, "unknown field" + (f"; did you mean {near[0]!r}?" if near else ""))

    def _list(self, key: str, most: int) -> list[object]:
        raw = self.raw.get(key)
        if raw is None:
            return []
        if not isinstance(raw, list):
            raise self.fail(key, f"expected a list, got {shown(raw)}")
        if len(raw) > most:
            raise self.fail(key, f"expected at most {most} members, got {len(raw)}")
        return raw

    def _empty(self, raw: object, zero: object = "") -> bool:  # noqa: ARG002 - a zero of Go's is a value here
        return raw is None

    def _is_no_pair(self, raw: object) -> bool:  # noqa: ARG002 - GoFields looks at it
        return False

    def _parsed(self, path: str, raw: object, parser: Callable[[object], T]) -> T:
        try:
            return parser(raw)
        except ValueError as wrong:
            raise self.error(f"{path}: {wrong}") from None


class GoFields(Fields):
    """One JSON object that a program in Go may have marshalled: zeros are fields that nobody set (see the table)."""

    def from_go(self) -> GoFields:
        """Return this object."""
        return self

    def said(self, key: str) -> bool:
        """Say whether there is anything under `key` that is no zero of any type."""
        return not _hollow(self.raw.get(key))

    def _empty(self, raw: object, zero: object = "") -> bool:
        return raw is None or raw == "" or (raw == zero and type(raw) is type(zero))

    def _is_no_pair(self, raw: object) -> bool:
        return raw is None


def _hollow(raw: object) -> bool:
    """Say whether a value is a zero, or an object of nothing else. How deep it goes is bounded where it is read."""
    if isinstance(raw, dict):
        return all(map(_hollow, raw.values()))
    return not raw
