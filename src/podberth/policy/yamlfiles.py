"""From the bytes of a YAML or JSON file to raw documents: plain dicts, lists, strings and numbers.

Imported lazily, never on the ADD path unless declarations changed: `yaml` takes 15 ms to import. What the documents
mean is `documents`' business. Scalars are read by YAML 1.2's core schema: `02:00:00:00:00:11` and `on` are strings
here, not 1.1's base-60 number and boolean. The builder works on the event stream without recursion, because PyYAML's
own composer overruns the C stack on deeply nested input.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from typing import TYPE_CHECKING, Any

import yaml

from podberth.cni import strictjson
from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import shown
from podberth.cni.value import value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

MAX_BYTES = 8 * 1024 * 1024
MAX_NODES = 400_000  # after aliases are expanded
MAX_DEPTH = 64

_CORRECT = "correct the file: it needs documents in YAML 1.2, or JSON"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,18})")
_FLOAT = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{0,18}(?:[eE][-+]?[0-9]{1,2})?")
_WORDS: dict[str, object] = {
    "": None,
    **dict.fromkeys(("~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TEXT_TAGS = ("!", "tag:yaml.org,2002:str")


@value
class RawDocument:
    """One document as it was read: `where` is its file and index ('db.yaml[1]'), `line` (from 1) where it begins."""

    raw: object
    where: str
    line: int | None = None


def load(stream: BinaryIO, name: str) -> tuple[RawDocument, ...]:
    """Read every document of a stream; `name` is how messages call it. Empty documents are left out.

    A list at the top level stands for its members, as does a Kubernetes `kind: List`. Raises InvalidConfig.
    """
    data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise InvalidConfig(f"{name}: larger than {MAX_BYTES >> 20} MiB", "split it into several files")
    found = _from_json(data, name) if name.endswith(".json") else _from_yaml(data, name)
    flat = [(member, line) for raw, line in found for member in _members(raw)]
    return tuple(
        RawDocument(raw=raw, where=f"{name}[{i}]", line=line) for i, (raw, line) in enumerate(flat) if raw is not None
    )


def _members(raw: object) -> list[object]:
    if isinstance(raw, dict) and raw.get("kind") == "List" and isinstance(raw.get("items"), list):
        raw = raw["items"]
    return raw if isinstance(raw, list) else [raw]


def _from_json(data: bytes, name: str) -> list[tuple[object, int | None]]:
    return [(strictjson.loads(data.removeprefix(BOM_UTF8), name, InvalidConfig, most=MAX_BYTES), None)]


def _from_yaml(data: bytes, name: str) -> list[tuple[object, int | None]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise InvalidConfig(f"{name}: not UTF-8 at byte {wrong.start}", "save it as UTF-8") from None
    try:
        return list(_Builder(name).documents(yaml.parse(text, Loader=_LOADER)))
    except yaml.MarkedYAMLError as wrong:
        line = f":{wrong.problem_mark.line + 1}" if wrong.problem_mark else ""
        raise InvalidConfig(f"{name}{line}: not valid YAML: {wrong.problem or wrong.context}", _CORRECT) from None
    except yaml.YAMLError as wrong:  # the reader's: characters YAML does not allow
        raise InvalidConfig(f"{name}: not valid YAML: {str(wrong).splitlines()[0]}", _CORRECT) from None


class _Open:
    """A mapping or sequence whose end has not come yet; `key` is a mapping's key that waits for its value."""

    def __init__(self, made: dict[str, object] | list[object], anchor: str | None) -> None:
        self.made = made
        self.anchor = anchor
        self.key: str | None = None
        self.weight = 1  # nodes in it, aliases expanded


class _Builder:
    """Turns one stream's events into values. Aliases repeat their value, but count in full against MAX_NODES."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.line = 1
        self.open: list[_Open] = []
        self.anchors: dict[str, tuple[object, int]] = {}
        self.done: object = None
        self.nodes = 0

    def documents(self, events: Iterable[Any]) -> Iterator[tuple[object, int | None]]:
        begins = 1
        for event in events:
            self.line = event.start_mark.line + 1
            if isinstance(event, yaml.DocumentStartEvent):
                self.anchors, self.done, self.nodes = {}, None, 0
                begins = self.line + 1 if event.explicit else self.line
            elif isinstance(event, yaml.DocumentEndEvent):
                yield self.done, begins
            else:
                self._node(event)

    def _node(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise self._wrong(f"the alias *{event.anchor:.64} stands for nothing yet")
            self._put(*self.anchors[event.anchor])
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            if not event.implicit:
                raise self._wrong(f"the tag {shown(event.tag)} is not allowed")
            if len(self.open) >= MAX_DEPTH:
                raise self._wrong(f"nested deeper than {MAX_DEPTH} levels")
            self.open.append(_Open({} if isinstance(event, yaml.MappingStartEvent) else [], event.anchor))
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            closed = self.open.pop()
            if closed.anchor:
                self.anchors[closed.anchor] = (closed.made, closed.weight)
            self._put(closed.made, closed.weight, ended=True)

    def _scalar(self, event: Any) -> None:
        inside = self.open[-1] if self.open else None
        if inside is not None and isinstance(inside.made, dict) and inside.key is None:
            if event.value in inside.made:
                raise self._wrong(f"duplicate key {shown(event.value)}")
            inside.key = event.value
            return
        if event.tag is not None and event.tag not in _TEXT_TAGS:
            raise self._wrong(f"the tag {shown(event.tag)} is not allowed")
        made = _plain(event.value) if event.implicit[0] and event.tag is None else event.value
        if event.anchor:
            self.anchors[event.anchor] = (made, 1)
        self._put(made, 1)

    def _put(self, made: object, weight: int, *, ended: bool = False) -> None:
        self.nodes += 1 if ended else weight
        if self.nodes > MAX_NODES:
            raise self._wrong(f"more than {MAX_NODES} values in one document")
        if not self.open:
            self.done = made
            return
        inside = self.open[-1]
        inside.weight += weight
        if isinstance(inside.made, list):
            inside.made.append(made)
        elif inside.key is None:
            raise self._wrong("expected a plain string as key")
        else:
            inside.made[inside.key] = made
            inside.key = None

    def _wrong(self, complaint: str) -> InvalidConfig:
        return InvalidConfig(f"{self.name}:{self.line}: {complaint}", _CORRECT)


def _plain(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
