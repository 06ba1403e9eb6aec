"""A machine's registration, and what operators said about a node, as clusters' stores keep them: JSON. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podberth.ipam.elsewhere import Fence
from podberth.ipam.lease import Actor
from podberth.ipam.number import TIME, number_in
from podberth.ipam.registration import Registration
from podberth.stores.written import packed, parsed, parsed_list, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAMES = ("machine", "boot", "key", "time", "claim", "former")
_LATER = ("version", "place")  # left out where nobody has said it


def packed_registration(machine: Registration) -> bytes:
    """Return a machine's registration as it is written."""
    said = {name: text for name in _LATER if (text := getattr(machine, name))}
    return packed({name: getattr(machine, name) for name in _NAMES} | said)


def read_registration(node: str, value: bytes | str) -> Registration:
    """Read what `packed_registration` wrote. StoreFailed if it is none: unknown is not unregistered."""
    form = parsed(value, f"the registration of node {node}")
    try:
        machine, boot, key = (str(form[name]) for name in ("machine", "boot", "key"))
        former = tuple(map(str, form["former"]))
        later = {name: str(form.get(name, "")) for name in _LATER}
        time, claim = number_in(form, "time", TIME), str(form["claim"])
        return Registration(
            node=node, machine=machine, boot=boot, key=key, time=time, claim=claim, former=former, **later
        )
    except (ValueError, KeyError, TypeError, OverflowError) as wrong:
        raise unreadable(f"the registration of node {node}", wrong) from None


def packed_fences(said: Iterable[Fence]) -> bytes:
    """Return all that was said about one node, as it is written."""
    return packed([fence_form(one) for one in said])


def read_fences(node: str, value: bytes | str) -> tuple[Fence, ...]:
    """Read what `packed_fences` wrote, oldest first. StoreFailed if it is none."""
    try:
        return tuple(fence_of(node, form) for form in parsed_list(value, f"the fences of node {node}"))
    except (ValueError, KeyError, TypeError, AttributeError) as wrong:
        raise unreadable(f"the fences of node {node}", wrong) from None


def fence_form(one: Fence) -> dict[str, Any]:
    """Return a fence without its node, in JSON's terms."""
    return {
        "time": one.time, "lifted": one.lifted, "who": one.actor.who, "why": one.actor.why, "node": one.actor.node,
    }  # fmt: skip


def fence_of(node: str, form: Any) -> Fence:
    """Return the fence that the form is. ValueError, KeyError or TypeError if it is none."""
    time = number_in(form, "time", TIME)
    who, why, by = str(form["who"]), str(form["why"]), str(form["node"])
    f"{node}{who}{why}{by}".encode()  # half a character is no text that can be told to anybody
    return Fence(
        node=node,
        actor=Actor(who=who, why=why, node=by),
        time=time,
        lifted=bool(form["lifted"]),
    )
