"""What is declared in these tests, and what is seen from outside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.netns.kubelet import Kubelet

DOCUMENTS = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: db}
spec:
  subnets: [{subnet: 10.61.0.0/24, gateway: 10.61.0.1}]
---
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: mysql}
spec:
  statefulSet: {name: mysql, replicas: 3}
  attachments:
  - {pool: db, ordinals: [{range: 10.61.0.11-10.61.0.13}]}
"""


def leases(node: Kubelet) -> dict[str, str]:
    """Return each leased address and the node it is on."""
    found = json.loads(node.podberth("leases", "--json"))["leases"]
    return {lease["address"]: lease["node"] for lease in found}


def history(node: Kubelet, of: str) -> list[dict[str, str]]:
    """Return the events of an address or of a pod."""
    found: list[dict[str, str]] = json.loads(node.podberth("history", of, "--json"))["events"]
    return found
