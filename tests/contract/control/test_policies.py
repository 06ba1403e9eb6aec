"""MultiNetworkPolicies at the webhook, on a real API server: one that can't be read is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from podberth.kube.resources import MULTI_NETWORK_POLICIES
from tests.servers.multi_network_policies import POLICIES
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.control.cluster import Cluster


@pytest.fixture
def served(cluster: Cluster) -> Iterator[Cluster]:
    """Yield a cluster that has the kind, and a webhook."""
    cluster.apply(POLICIES)
    until(lambda: cluster.kubectl("get", "multi-networkpolicies").returncode == 0)
    cluster.webhook()
    yield cluster
    cluster.kubectl("delete", "crd", POLICIES["metadata"]["name"])


def policy(spec: dict[str, Any], networks: str = "storage") -> dict[str, Any]:
    return {
        "apiVersion": MULTI_NETWORK_POLICIES.api_version,
        "kind": MULTI_NETWORK_POLICIES.kind,
        "metadata": {
            "namespace": "db", "name": "p", "annotations": {"k8s.v1.cni.cncf.io/policy-for": networks},
        },
        "spec": spec,
    }  # fmt: skip


def test_a_typo_in_a_policy_is_refused_at_the_door_by_its_path_and_what_is_right_is_taken(served: Cluster) -> None:
    right = policy({"podSelector": {"matchLabels": {"app": "db"}}, "ingress": []})
    wrong = policy({"podSelector": {"matchExpressions": [{"key": "app", "operator": "is"}]}})
    named = "spec.podSelector.matchExpressions[0].operator"
    until(lambda: named in served.kubectl("apply", "-f", "-", stdin=wrong).stderr)
    assert served.kubectl("apply", "-f", "-", stdin=right).returncode == 0
    for one in (wrong, policy(right["spec"], "../x")):
        assert served.kubectl("apply", "-f", "-", stdin=one).returncode != 0
    assert served.client.get(MULTI_NETWORK_POLICIES, "p", "db")["spec"] == right["spec"]
