"""Attributes of a link that is there: set, put back as they were found, compared.

The link is another plugin's, and may be another one by the time of a DEL: it is known by its index.
"""

from __future__ import annotations

import errno

from podberth.linux.ground import made_anew
from podberth.linux.netlink import links
from podberth.net.ops import SetAttribute
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.linux.ground import Ground
    from podberth.linux.netlink.links import LinkInfo
    from podberth.net.facts import NetnsId
    from podberth.net.ops.attributes import Op
    from podberth.net.step import Step


_FLAGS = {"promisc": links.PROMISC, "allmulticast": links.ALLMULTI}
# A link that can't have its old value back keeps the new one: its parent has changed since, or it is on its way out.
_REFUSED = (
    errno.EINVAL,
    errno.ERANGE,
    errno.EBUSY,
    errno.ENODEV,
    errno.EADDRINUSE,
    errno.EADDRNOTAVAIL,
    errno.EOPNOTSUPP,
)


def before(at: Ground, op: Op) -> Iterator[tuple[str, str]]:
    """Yield the link's index, and the value that it has."""
    at.namespaces.changed()
    found = at.namespaces.seen(op.netns, op.ifname)
    if found is not None:
        yield "index", str(found.index)
        yield "value", _value(found, op.attribute)


def do(at: Ground, op: Op) -> None:
    """Set the value. OSError ENODEV without such a link, or what the kernel says of the value."""
    _set(at, op, at.namespaces.known_index(op.netns, op.ifname), op.value)


def undo(at: Ground, op: Op, step: Step, netns: NetnsId | None) -> None:
    """Put back what was found, on the very link, if it is still there."""
    value = step.before_of("value")
    if value is None or not at.alive(step, netns):
        return
    found = at.namespaces.link(op.netns, op.ifname)
    if found is None or str(found.index) != step.before_of("index") or _value(found, op.attribute) == value:
        return
    put_back(at, op.netns, op.ifname, op.attribute, value)


def put_back(at: Ground, netns: str, ifname: str, attribute: str, value: str) -> None:
    """Set the link's attribute to a value of before; one that the link can't have any more is left."""
    op = SetAttribute(netns=netns, ifname=ifname, attribute=attribute, value=value)
    try:
        _set(at, op, at.namespaces.known_index(netns, ifname), value)
    except OSError as refused:
        if refused.errno not in _REFUSED:
            raise


def check(at: Ground, op: Op, step: Step) -> tuple[Drift, ...]:
    """Compare the value with the op's."""
    del step
    found = at.namespaces.link(op.netns, op.ifname)
    if found is None:
        return (Drift(what=op.ifname, field="link", wanted="there", found="gone"),)
    value = _value(found, op.attribute)
    return () if value == op.value else (Drift(what=op.ifname, field=op.attribute, wanted=op.value, found=value),)


repair = made_anew(undo, do)


def _value(found: LinkInfo, attribute: str) -> str:
    if attribute in _FLAGS:
        return "on" if found.sticky & _FLAGS[attribute] else "off"
    return {"address": found.mac, "mtu": str(found.mtu), "txqueuelen": str(found.queue)}[attribute]


def _set(at: Ground, op: Op, index: int, value: str) -> None:
    if op.attribute in _FLAGS:
        body = links.set_flag(index, _FLAGS[op.attribute], on=value == "on")
    elif op.attribute == "address":
        body = links.set_mac(index, value)
    else:
        body = {"mtu": links.set_mtu, "txqueuelen": links.set_queue}[op.attribute](index, int(value))
    at.namespaces.socket(op.netns).do(links.SET, body)
    at.namespaces.changed()
