"""A node that is its pods' router, and a host outside that knows no way back to them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.kubelet import Kubelet, kubelet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOCUMENTS = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: db}
spec:
  subnets:
  - {subnet: 10.50.0.0/24, gateway: 10.50.0.1}
  - {subnet: "fd00:50::/64", gateway: "fd00:50::1"}
---
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: alone}
spec:
  subnets: [{subnet: 10.51.0.0/20}]
"""
ROUTER: dict[str, object] = {"isGateway": True, "ipMasq": True}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Kubelet]:
    with kubelet(tmp_path / "state", DOCUMENTS) as made:
        made.network |= ROUTER
        yield made


@pytest.fixture
def outside(node: Kubelet) -> str:
    """A namespace at the other end of the node's uplink: 192.0.2.9 there, 192.0.2.1 the node; the like for IPv6."""
    name = node.namespace(f"outside-{node.mark}")
    node.inside(node.node, "ip", "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns", name)
    for where, link, last in ((node.node, "up0", 1), (name, "eth0", 9)):
        node.inside(where, "ip", "address", "add", f"192.0.2.{last}/24", "dev", link)
        node.inside(where, "ip", "address", "add", f"2001:db8::{last}/64", "dev", link, "nodad")
        node.inside(where, "ip", "link", "set", link, "up")
    return name


def elements(node: Kubelet) -> dict[str, str]:
    """Return every element of podberth's sets, as nft lists them: address to comment."""
    found: dict[str, str] = {}
    for each in ruleset(node):
        for member in each.get("set", {}).get("elem", []):
            found[member["elem"]["val"]] = member["elem"]["comment"]
    return found


def ruleset(node: Kubelet) -> list[dict[str, Any]]:
    """Return what `nft --json list ruleset` says, without what it says of itself."""
    listed = json.loads(node.inside(node.node, "nft", "--json", "list", "ruleset"))["nftables"]
    return [each for each in listed if "metainfo" not in each]
