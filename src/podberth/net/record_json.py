"""Steps as JSON and back, by the names and annotations of the ops: what a record is kept as. Pure."""

from __future__ import annotations

import json
from ipaddress import ip_address, ip_interface, ip_network

from podberth.cni import strictjson
from podberth.cni.errors import StoreFailed
from podberth.cni.value import checked, chosen, fields
from podberth.net import ops
from podberth.net.step import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

_READERS: dict[str, Callable[[Any], object]] = {
    "Address": ip_address,
    "Interface": ip_interface,
    "Network": ip_network,
    "tuple[str, ...]": tuple,
    "tuple[Address, ...]": lambda members: tuple(map(ip_address, members)),
    "tuple[Interface, ...]": lambda members: tuple(map(ip_interface, members)),
}


def steps_json(steps: Iterable[Step]) -> str:
    """Return the steps as one JSON text. It lacks fields that have their default.

    So an op can get fields, and a release that does not know them reads each record that makes no use of them.
    """
    return strictjson.dumps(
        [{"op": type(step.op).__name__, **_fields(step.op), "before": dict(step.before)} for step in steps]
    )


def parse_steps(text: str) -> tuple[Step, ...]:
    """Return the steps of `steps_json`; StoreFailed if the text is not of its making."""
    try:
        return tuple(_step(raw) for raw in json.loads(text))
    except (AttributeError, KeyError, TypeError, ValueError) as wrong:
        raise StoreFailed(
            f"a record's steps can't be read: {wrong}", "was the store written by a newer podberth?"
        ) from wrong


def _fields(op: object) -> dict[str, object]:
    return {name: _plain(member) for name, member in chosen(op)}


def _plain(member: object) -> object:
    if isinstance(member, tuple):
        return [_plain(one) for one in member]
    return member if member is None or isinstance(member, bool | int | str) else str(member)


def _step(raw: dict[str, Any]) -> Step:
    kind = getattr(ops, raw.pop("op"))
    before = tuple(raw.pop("before").items())
    given = {name: _read(annotation, raw.pop(name)) for name, annotation in fields(kind) if name in raw}
    if raw:
        raise TypeError(f"{kind.__name__} has no field {', '.join(raw)}")
    return Step(op=checked(kind, given), before=before)


def _read(annotation: str, member: object) -> object:
    reader = _READERS.get(annotation.removesuffix(" | None"))
    return member if member is None or reader is None else reader(member)
