"""The one JSON form of answers, and the JSON Schema that says it: both follow from the types of a value's fields.

A field's name is its key, in snake_case. A time is RFC 3339 in UTC. A word of a type that JSON has not, says in its
annotation how it is written (`Spelled`). Remarks may stand there too: `LEFT_OUT`, `UNSAID`, and `Was`.
"""

from __future__ import annotations

import types
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache
from ipaddress import IPv4Address, IPv6Address
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    TypeVar,
    Union,
    cast,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from podberth.cni.pod import Attachment, PodRef

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    T = TypeVar("T")

NS = 10**9
DRAFT = "https://json-schema.org/draft/2020-12/schema"
NAMED = ("pod", "reserved_for", "owner", "namespace", "node")  # keys that name an owner or a node
_PLAIN: dict[object, dict[str, object]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    object: {},
    types.NoneType: {"type": "null"},
}


@dataclass(frozen=True, slots=True, eq=False)
class Spelled:
    """How a word is written, and the part of a JSON Schema that says so."""

    write: Callable[[Any], object]
    schema: dict[str, object]


@dataclass(frozen=True, slots=True)
class Was:
    """The key of release 0.1, or of an agent of it. It stands beside the key of now for one release."""

    key: str


class LeftOut:
    """The key is left out where nothing is to be said."""


class Unsaid:
    """The field is for whoever draws the answer, and no part of its document."""


LEFT_OUT, UNSAID = LeftOut(), Unsaid()


def rfc3339(time: int) -> str:
    """Return a time (ns since the epoch) in UTC with all its nine digits, as `--at` takes it back without loss."""
    seconds = datetime.fromtimestamp(time // NS, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{seconds}.{time % NS:09}Z"


def names(of: Attachment) -> dict[str, object]:
    """Return the three names that make an attachment."""
    return {"network": of.network, "container_id": of.container_id, "ifname": of.ifname}


_STRING: dict[str, object] = {"type": "string"}
_KEY = {"network": _STRING, "container_id": _STRING, "ifname": _STRING}
Time = Annotated[int, Spelled(rfc3339, {"type": "string", "format": "date-time"})]
Address = Annotated[IPv4Address | IPv6Address, Spelled(str, {"type": "string"})]
Pod = Annotated[PodRef, Spelled(str, {"type": "string"})]
Key = Annotated[Attachment, Spelled(names, {"type": "object", "properties": _KEY, "required": list(_KEY)})]


@dataclass_transform(frozen_default=True, kw_only_default=True)
def row(cls: type[T]) -> type[T]:
    """Make a frozen value of the class, which an answer may have as a part."""
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


class Answer:
    """An answer: a `row` whose document names its schema. `SCHEMA` is a name and a number, as 'leases/1'.

    A new key leaves the number as it is. A key that goes, or means another thing, makes it another number.
    """

    __slots__ = ()
    SCHEMA: ClassVar[str]

    def document(self) -> dict[str, object]:
        """Return the JSON form."""
        return {"schema": self.SCHEMA, **json_form(self)}


def json_form(of: object) -> dict[str, object]:
    """Return the JSON form of a row."""
    made: dict[str, object] = {}
    for name, kind in _kinds(cast("Any", type(of))):
        found, remarks = getattr(of, name), _remarks(kind)
        if LEFT_OUT in remarks and found in (None, (), ""):
            continue
        made[name.rstrip("_")] = written = _written(kind, found)
        made.update({remark.key: written for remark in remarks if isinstance(remark, Was)})
    return made


def schema(of: type[Answer]) -> dict[str, object]:
    """Return the JSON Schema of an answer."""
    parts: dict[str, object] = {}
    said = _object(of, parts)
    properties = cast("dict[str, object]", said["properties"])
    as_of: dict[str, object] = {"type": ["string", "null"], "format": "date-time"}
    extra = {"as_of": as_of, "asOf": {**as_of, "deprecated": True}, "away": _STRING}
    said["properties"] = {"schema": {"const": of.SCHEMA}, **properties, **extra}
    said["required"] = ["schema", *cast("list[str]", said["required"])]
    return {"$schema": DRAFT, "title": of.SCHEMA, **said, **({"$defs": parts} if parts else {})}


def placed(document: object, own: str) -> object:
    """Return a document with the cluster of each pod, or node, as a key of its own; the first cluster has none.

    `own`: of the node that answers, whose pods and nodes are called by their bare names there.
    """
    if isinstance(document, list):
        return [placed(each, own) for each in document]
    if not isinstance(document, dict) or "apiVersion" in document:  # a declaration is the cluster's own
        return document
    made = {key: placed(each, own) for key, each in document.items()}
    clusters: dict[str, dict[str, str]] = {}
    for key in NAMED:
        if isinstance(named := made.get(key), str) and named:
            cluster, bare = named.partition(":")[::2] if ":" in named else (own, named)
            clusters.setdefault(cluster, {})[key] = bare
    if clusters:
        first, names = next(iter(clusters.items()))  # the owner's, if there is one: a node of another keeps its own
        return {**made, **names, **({"cluster": first} if first else {})}
    return made


@cache
def _kinds(of: type[Any]) -> tuple[tuple[str, object], ...]:
    """Return name and type of the fields that a document has."""
    hints = get_type_hints(of, include_extras=True)
    kinds = ((field.name, hints[field.name]) for field in fields(of))
    return tuple((name, kind) for name, kind in kinds if UNSAID not in _remarks(kind))


def _remarks(kind: object) -> tuple[object, ...]:
    return get_args(kind)[1:] if get_origin(kind) is Annotated else ()


def _spelling(kind: object) -> Spelled | None:
    return next((remark for remark in _remarks(kind) if isinstance(remark, Spelled)), None)


def _bare(kind: object) -> object:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _choices(kind: object) -> tuple[object, ...]:
    """Return what a union has, None among it; of another type itself."""
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def _written(kind: object, found: Any) -> object:
    if found is None:
        return None
    spelled = _spelling(kind)
    if spelled is not None:
        return spelled.write(found)
    kinds = [each for each in _choices(_bare(kind)) if each is not types.NoneType]
    if len(kinds) == 1 and kinds[0] is not kind:
        return _written(kinds[0], found)
    if get_origin(kind) is tuple:
        return [_written(get_args(kind)[0], each) for each in found]
    return json_form(found) if hasattr(found, "__dataclass_fields__") else found


def _said(kind: object, parts: dict[str, object]) -> dict[str, object]:
    """Return the schema of a field's type; rows go into `parts`."""
    spelled = _spelling(kind)
    if spelled is not None:
        return spelled.schema
    kind = _bare(kind)
    if len(kinds := _choices(kind)) > 1:
        return _either([_said(each, parts) for each in kinds])
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _said(get_args(kind)[0], parts)}
    if get_origin(kind) is dict:
        return {"type": "object", "additionalProperties": _said(get_args(kind)[1], parts)}
    if kind in _PLAIN:
        return _PLAIN[kind]
    assert isinstance(kind, type), kind
    if kind.__name__ not in parts:
        parts[kind.__name__] = {}
        parts[kind.__name__] = _object(kind, parts)
    return {"$ref": f"#/$defs/{kind.__name__}"}


def _either(said: list[dict[str, object]]) -> dict[str, object]:
    """Return the schema of one of several; null beside one plain type is written short."""
    if len(said) == 2 and said[1] == {"type": "null"} and isinstance(said[0].get("type"), str) and len(said[0]) <= 2:
        return {**said[0], "type": [said[0]["type"], "null"]}
    return {"anyOf": said}


def _object(of: type, parts: dict[str, object]) -> dict[str, object]:
    properties = dict(_properties(of, parts))
    kept = [name.rstrip("_") for name, kind in _kinds(of) if LEFT_OUT not in _remarks(kind)]
    if set(properties) & set(NAMED):
        properties["cluster"] = {"type": "string"}
    description = " ".join((of.__doc__ or "").split())
    return {"description": description, "type": "object", "properties": properties, "required": kept}


def _properties(of: type, parts: dict[str, object]) -> Iterator[tuple[str, dict[str, object]]]:
    for name, kind in _kinds(of):
        said = _said(kind, parts)
        yield name.rstrip("_"), said
        for remark in _remarks(kind):
            if isinstance(remark, Was):
                yield remark.key, {**said, "deprecated": True}
