"""Serving an IPAM plugin: addresses for an interface that another plugin makes (SPEC.md section 4)."""

from __future__ import annotations

from podberth.cni.call import Verb
from podberth.cni.errors import InvalidConfig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from podberth.cni.call import Call
    from podberth.cni.fields import Fields
    from podberth.cni.keys import Key
    from podberth.cni.result import Result

    class IpamPlugin(Protocol):
        """A module of `podberth.ipam_plugins`. What it keeps of what it gave is its own business."""

        TYPES: tuple[str, ...]  # of the `ipam` sections that it serves
        KEYS: tuple[Key, ...]  # its keys of such a section

        def add(self, call: Call, ipam: Fields) -> Result:
            """Give addresses, all or none."""
            ...

        def delete(self, call: Call, ipam: Fields) -> None:
            """Take back what was given. Succeeds where there is nothing."""
            ...

        def check(self, call: Call, ipam: Fields) -> None:
            """Raise Drifted if what was given is not there any more."""
            ...

        def collect(self, call: Call, ipam: Fields) -> None:
            """Take back what is given to no valid attachment of the network (SPEC.md 1.1.0, GC)."""
            ...

        def status(self, call: Call, ipam: Fields) -> None:
            """Raise what keeps it from giving addresses to anybody on this node. A pool that is full does not."""
            ...


def serve_ipam(call: Call, plugin: IpamPlugin) -> Result | None:
    """Do what is asked; return ADD's result, None for the other verbs. InvalidConfig unless `ipam` names the plugin."""
    ipam = call.conf.ipam
    named = ipam.raw.get("type") if ipam is not None else None
    if ipam is None or named not in plugin.TYPES:
        raise InvalidConfig(
            f"ipam.type: expected {plugin.TYPES[0]!r}, which was called, got {named!r}",
            "an IPAM plugin is called by the plugin that makes the interface: name it there",
        )
    if call.verb is Verb.ADD:
        return plugin.add(call, ipam)
    if call.verb is Verb.GC and call.conf.valid_attachments is None:
        raise InvalidConfig("cni.dev/valid-attachments: required for GC", "an empty list means that none is valid")
    {Verb.DEL: plugin.delete, Verb.CHECK: plugin.check, Verb.GC: plugin.collect, Verb.STATUS: plugin.status}[call.verb](
        call, ipam
    )
    return None
