"""Whose pods are whose, by name."""

from __future__ import annotations

import pytest

from podberth.cni.pod import PodRef
from podberth.ipam.owner import deployment_of, generation_of, may_have, of_deployment

WEB = of_deployment("db", "web")


def pod(name: str, namespace: str = "db") -> PodRef:
    return PodRef(namespace=namespace, name=name, uid="u")


@pytest.mark.parametrize(
    ("name", "deployment", "template"),
    [
        ("web-7d4b9c6f5-x2x9k", "web", "7d4b9c6f5"),
        ("web-7d4b9c6f54-x2x9k", "web", "7d4b9c6f54"),
        ("web-b-bcdfg", "web", "b"),
        ("web-api-7d4b9-x2x9k", "web-api", "7d4b9"),
        ("web.v1-7d4b9-x2x9k", "web.v1", "7d4b9"),
        ("web-7d4b9-7d4b9-x2x9k", "web-7d4b9", "7d4b9"),
    ],
)
def test_a_deployments_pod_is_known_by_its_name(name: str, deployment: str, template: str) -> None:
    assert generation_of(pod(name)) == (deployment, template)
    assert deployment_of(pod(name)) == of_deployment("db", deployment)
    assert may_have(of_deployment("db", deployment), pod(name))
    assert not may_have(of_deployment("other", deployment), pod(name))


OTHERS = (
    *("web", "web-0", "web-x2x9k", "-7d4b9-x2x9k", "web--x2x9k", "web-7d4b9-x2x9", "web-7d4b9-x2x9kk"),
    *("web-7d4b9c6f54b-x2x9k", "web-7d4b1-x2x9k", "web-7d4b9-x2x9a", "web-7d4b9-x2x1k", "web-7D4b9-x2x9k", ""),
)


@pytest.mark.parametrize("name", OTHERS)
def test_a_pod_with_any_other_name_is_no_deployments(name: str) -> None:
    assert deployment_of(pod(name)) is None
    assert not may_have(WEB, pod(name))


def test_what_is_a_pods_own_is_only_that_pods() -> None:
    assert may_have(pod("web-7d4b9-x2x9k"), pod("web-7d4b9-x2x9k"))
    assert not may_have(pod("web-7d4b9-x2x9k"), pod("web-7d4b9-x2x9l"))
    assert not may_have(WEB, None)
