"""A driver, a link for it to offer, and pods' network namespaces."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from podberth.dra.devices import Shared, devices
from tests.netns.dra.driving import Driven, namespace
from tests.netns.kubelet import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POOLS = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: trade}
spec:
  subnets:
  - {subnet: 10.70.0.0/24, hold: [10.70.0.2-10.70.0.99]}
  - {subnet: "fd00:70::/64"}
  routes: [{dst: 10.90.0.0/16, gw: 10.70.0.254}]
  mtu: 1400
---
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: plain}
spec:
  subnets: [{subnet: 10.71.0.0/24}]
---
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: db-0}
spec:
  pod: db-0
  attachments:
  - {ifname: net1, pool: trade, addresses: [10.70.0.11, "fd00:70::11"], rates: {egress: 50, ingress: 20}}
"""


@pytest.fixture
def parent() -> Iterator[str]:
    name = f"u{uuid.uuid4().hex[:6]}"
    run("ip", "link", "add", name, "type", "veth", "peer", "name", f"{name}p")
    for each in (name, f"{name}p"):
        run("ip", "link", "set", each, "up")
    yield name
    run("ip", "link", "delete", name)


@pytest.fixture(params=["bridge", "macvlan"])
def driven(request: pytest.FixtureRequest, tmp_path: Path, parent: str) -> Iterator[Driven]:
    kind = str(request.param)
    link = f"b{parent}" if kind == "bridge" else parent
    offered = devices((), (Shared(kind=kind, link=link, places=2),))
    made = Driven(tmp_path, POOLS, lambda: offered)
    yield made
    made.kept.close()


@pytest.fixture
def pod() -> Iterator[str]:
    with namespace() as path:
        yield path


@pytest.fixture
def other() -> Iterator[str]:
    with namespace() as path:
        yield path
