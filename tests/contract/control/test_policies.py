"""MultiNetworkPolicies at the webhook, on a real API server: one that can't be read is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.multi_network_policies import POLICIES, V1BETA1, V1BETA2, versioned
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.kube.resources import Resource
    from tests.contract.control.cluster import Cluster


@pytest.fixture(params=[V1BETA1, V1BETA2], ids=lambda version: str(version.version))
def version(request: pytest.FixtureRequest) -> Resource:
    """The version that a policy is written in."""
    found: Resource = request.param
    return found


@pytest.fixture
def served(cluster: Cluster) -> Iterator[Cluster]:
    """Yield a cluster that has the kind in both versions, and a webhook."""
    cluster.apply(versioned("v1beta1", "v1beta2"))
    until(lambda: cluster.kubectl("get", "multi-networkpolicies").returncode == 0)
    cluster.webhook()
    yield cluster
    cluster.kubectl("delete", "crd", POLICIES["metadata"]["name"])


def policy(version: Resource, spec: dict[str, Any], networks: str = "storage") -> dict[str, Any]:
    return {
        "apiVersion": version.api_version,
        "kind": version.kind,
        "metadata": {
            "namespace": "db", "name": "p", "annotations": {"k8s.v1.cni.cncf.io/policy-for": networks},
        },
        "spec": spec,
    }  # fmt: skip


def test_a_typo_in_a_policy_is_refused_at_the_door_by_its_path_and_what_is_right_is_taken(
    served: Cluster, version: Resource
) -> None:
    right = policy(version, {"podSelector": {"matchLabels": {"app": "db"}}, "ingress": []})
    wrong = policy(version, {"podSelector": {"matchExpressions": [{"key": "app", "operator": "is"}]}})
    named = "spec.podSelector.matchExpressions[0].operator"
    until(lambda: named in served.kubectl("apply", "-f", "-", stdin=wrong).stderr)
    assert served.kubectl("apply", "-f", "-", stdin=right).returncode == 0
    for one in (wrong, policy(version, right["spec"], "../x")):
        assert served.kubectl("apply", "-f", "-", stdin=one).returncode != 0
    assert served.client.get(version, "p", "db")["spec"] == right["spec"]
