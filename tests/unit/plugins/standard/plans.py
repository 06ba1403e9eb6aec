"""What a standard type plans on a node that a test describes, in the words of a golden case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podberth.cni.value import chosen
from tests.unit.plugins import golden
from tests.unit.plugins.golden import NETNS

if TYPE_CHECKING:
    from podberth.net.facts import HostDevice
    from podberth.net.plan import Plan
    from podberth.verbs.node import Plugin

__all__ = ["NETNS", "described", "planned"]


def described(
    *links: str,
    in_pod: str = "",
    default: str = "",
    default_in_pod: str = "",
    devices: dict[str, HostDevice] | None = None,
) -> dict[str, Any]:
    """Return a node with links of 1500 bytes, one in the pod, default routes and devices."""
    return {
        "links": {name: {} for name in links},
        "links_in_pod": {in_pod: {}},
        "default_link": default,
        "default_link_in_pod": default_in_pod,
        "devices": {name: dict(chosen(device)) for name, device in (devices or {}).items()},
    }


def planned(plugin: Plugin, node: dict[str, Any], **said: Any) -> Plan:
    """Return the plan of a network of the plugin's type that says this."""
    return golden.planned({"cniVersion": "1.0.0", "name": "net", "type": plugin.TYPES[0], **said}, node)
