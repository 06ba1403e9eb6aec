"""What a claim's link has, wherever it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.netns.kubelet import run

if TYPE_CHECKING:
    from podberth.net.step import Drift
    from tests.netns.dra.driving import Driven


def claimed(driven: Driven) -> str:
    return driven.claim("db-0", next(iter(driven.parts.devices())))


def inside(netns: str, *argv: str) -> str:
    return run("nsenter", f"--net={netns}", *argv)


def link(netns: str) -> dict[str, Any]:
    (found,) = json.loads(inside(netns, "ip", "-json", "address", "show", "net1"))
    return dict(found)


def drifts(driven: Driven, uid: str) -> list[Drift]:
    with driven.node() as node:
        return [drift for each in driven.record(uid).steps for drift in node.host.check(each)]


def has_all(netns: str) -> bool:
    shown = link(netns)
    addresses = {each["local"] for each in shown["addr_info"] if each["scope"] == "global"}
    routes = inside(netns, "ip", "route")
    return (
        addresses == {"10.70.0.11", "fd00:70::11"}
        and "10.90.0.0/16 via 10.70.0.254" in routes
        and shown["mtu"] == 1400
        and "UP" in shown["flags"]
    )
