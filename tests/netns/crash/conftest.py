"""A node and one pod with everything that an ADD can do to an interface on a bridge, and to the node's rules."""

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
  subnets: [{subnet: 10.50.0.0/24, gateway: 10.50.0.1}]
---
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: mysql}
spec:
  pod: mysql-0
  attachments:
  - pool: db
    addresses: [10.50.0.7]
    mac: fromAddress
    rates: {egress: 100, ingress: 200}
    sysctls: {net.ipv4.conf.IFNAME.arp_notify: "1", net.ipv4.tcp_keepalive_time: "61"}
"""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Kubelet]:
    with kubelet(tmp_path / "state", DOCUMENTS) as made:
        made.network |= {"isGateway": True, "ipMasq": True}
        yield made
