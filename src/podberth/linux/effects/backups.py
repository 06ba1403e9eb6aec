"""The file in which the CNI project's `tuning` keeps a link's attributes of before, to be put back by a DEL."""

from __future__ import annotations

import os

from podberth.linux.effects import attributes
from podberth.linux.netlink import links

_HEX = frozenset("0123456789abcdefABCDEF")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.linux.ground import Ground
    from podberth.net import ops

_SAVED = {
    "mtu": "mtu", "mac": "address", "promisc": "promisc", "allmulti": "allmulticast", "txQLen": "txqueuelen",
}  # fmt: skip


def restore(at: Ground, op: ops.AdoptBackup, *, alive: bool) -> None:
    """Set the attributes that the file keeps, and remove it; one that can't be read is removed too."""
    import json

    try:
        with open(op.path, "rb") as file:
            text = file.read(1 << 16)
    except FileNotFoundError:
        return
    try:
        saved = dict(json.loads(text))
    except (TypeError, ValueError, RecursionError):
        saved = {}
    found = at.namespaces.link(op.netns, op.ifname) if alive else None
    for key, attribute in _SAVED.items() if found is not None else ():
        kept = _text(attribute, saved.get(key))
        if kept is not None:
            attributes.put_back(at, op.netns, op.ifname, attribute, kept)
    if found is not None and "mac" in saved and not found.alias:
        tuned = links.set_group(found.index, links.RETUNED)  # prevResult has the other MAC
        at.namespaces.socket(op.netns).do(links.SET, tuned)
    os.unlink(op.path)


def _text(attribute: str, saved: object) -> str | None:
    """Return the value as an attribute's text; None for one that is no such value."""
    if attribute == "address":
        octets = saved.split(":") if isinstance(saved, str) else []
        fine = len(octets) == 6 and all(len(each) == 2 and set(each) <= _HEX for each in octets)
        return str(saved) if fine else None
    if attribute in ("promisc", "allmulticast"):
        return {True: "on", False: "off"}[saved] if isinstance(saved, bool) else None
    return str(saved) if type(saved) is int and 0 <= saved < 1 << 31 else None


def back_up(op: ops.AdoptBackup) -> None:
    """Write the file, unless there is one: that has older values. It is whole, or not there."""
    import json

    if os.path.exists(op.path):
        return
    keys = {attribute: key for key, attribute in _SAVED.items()}
    saved: dict[str, object] = {}
    for attribute, _, value in (each.partition("=") for each in op.values):
        saved[keys[attribute]] = (
            value == "on" if value in ("on", "off") else value if attribute == "address" else int(value)
        )
    os.makedirs(os.path.dirname(op.path), mode=0o700, exist_ok=True)
    draft = f"{op.path}.{os.getpid()}"
    with open(draft, "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        json.dump(saved, file)
    os.replace(draft, op.path)
