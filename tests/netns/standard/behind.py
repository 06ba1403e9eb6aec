"""Interfaces of pods that no plugin made: what comes before a plugin that works on another one's result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.netns.standard.twins import Ended, Node

HOST_END = "host0"


def veth(node: Node, *addresses: str, pod: str = "pod", ifname: str = "eth0", host: str = HOST_END) -> dict[str, Any]:
    """Make a pair between the node and a pod, both ends up, and return the result that a plugin would have had."""
    full = node.pod(pod)
    node.run("ip", "link", "add", host, "type", "veth", "peer", "name", ifname, "netns", full)
    node.run("ip", "link", "set", host, "up")
    _up(node, pod, ifname, addresses)
    return result(node, addresses, pod=pod, ifname=ifname, hosts=(host,))


def macvlan(node: Node, *addresses: str, pod: str = "pod", ifname: str = "eth0") -> dict[str, Any]:
    """Make a macvlan on `up0` in a pod, up, and return the result that a plugin would have had."""
    full = node.pod(pod)
    node.run("ip", "link", "add", "link", "up0", "name", ifname, "netns", full, "type", "macvlan", "mode", "bridge")
    _up(node, pod, ifname, addresses)
    return result(node, addresses, pod=pod, ifname=ifname)


def result(
    node: Node, addresses: Sequence[str], *, pod: str = "pod", ifname: str = "eth0", hosts: Sequence[str] = (),
) -> dict[str, Any]:  # fmt: skip
    """Return a result with the node's ends, then the pod's, which has the addresses; each has the gateway `.1`."""
    (link,) = json.loads(node.run("ip", "-j", "link", "show", ifname, inside=pod))
    return {
        "cniVersion": "1.0.0",
        "interfaces": [
            *({"name": name, "mac": "02:00:00:00:00:99"} for name in hosts),
            {"name": ifname, "mac": link["address"], "sandbox": f"/run/netns/{node.pod(pod)}"},
        ],
        "ips": [{"address": address, "interface": len(hosts), "gateway": gateway(address)} for address in addresses],
        "dns": {},
    }


def gateway(address: str) -> str:
    """Return the first address of a /24 or /64."""
    host = address.partition("/")[0]
    sign = ":" if ":" in host else "."
    return f"{host.rpartition(sign)[0]}{sign}1"


def conf(type: str, **keys: object) -> dict[str, object]:  # noqa: A002 - the configuration's key
    """Return a configuration of that type, with a folder of the node's own for what is kept."""
    return {
        "cniVersion": "1.0.0",
        "name": "net",
        "type": type,
        "stateDir": "{state}/podberth",
        "dataDir": "{state}/data",
        **keys,
    }


def went(node: Node, verb: str, document: Mapping[str, object], previous: Mapping[str, object], **how: Any) -> Ended:
    """Call the plugin, which has to end well."""
    ended = node.call(verb, document, previous=previous, **how)
    assert ended.status == 0, ended.said
    return ended


def _up(node: Node, pod: str, ifname: str, addresses: Sequence[str]) -> None:
    node.run("ip", "link", "set", ifname, "up", inside=pod)
    for address in addresses:
        nodad = ("nodad",) if ":" in address else ()
        node.run("ip", "address", "add", address, "dev", ifname, *nodad, inside=pod)
