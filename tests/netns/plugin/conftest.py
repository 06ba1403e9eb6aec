"""A node with a few pools and declared pods."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
  - {subnet: 10.50.0.0/24, gateway: 10.50.0.1, hold: [10.50.0.2-10.50.0.99]}
---
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: dual}
spec:
  subnets:
  - {subnet: 10.60.0.0/24, gateway: 10.60.0.1}
  - {subnet: "fd00:60::/64", gateway: "fd00:60::1"}
  mtu: 1400
  routes: [{dst: 0.0.0.0/0}, {dst: 192.0.2.0/24, gw: 10.60.0.9, priority: 7}]
  dns: {nameservers: [10.0.0.53], search: [bank.example]}
---
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: mysql}
spec:
  statefulSet: {name: mysql, replicas: 3}
  attachments:
  - {pool: db, ordinals: [{range: 10.50.0.11-10.50.0.13}], mac: fromAddress}
---
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: tagged}
spec:
  statefulSet: {name: tagged, replicas: 3}
  attachments:
  - {pool: db, ordinals: [{list: [10.50.0.21, 10.50.0.22, 10.50.0.23]}], vlan: {id: 100}}
"""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Kubelet]:
    with kubelet(tmp_path / "state", DOCUMENTS) as made:
        yield made
