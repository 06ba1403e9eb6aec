"""Pools of applications that come by kubectl: the controller makes, grows and ends them, on a real API server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from podberth.ipam.versions import HERE
from podberth.kube.resources import POOLS
from podberth.policy.admission import Conflicts
from tests.checkout import ROOT
from tests.contract.control.cluster import pool
from tests.contract.control.test_doors import settings
from tests.contract.declarations import documents
from tests.contract.ledgers import OPERATOR
from tests.waiting import until

if TYPE_CHECKING:
    from tests.contract.control.cluster import Cluster

NAME = "db.eth0.reports"
TENANTS = settings("tenants")


@pytest.fixture
def aside(cluster: Cluster) -> Cluster:
    """A cluster whose ledger may have such pools, and a pool that sets addresses aside."""
    store = cluster.store
    assert store.demand(HERE, store.minimum())
    cluster.apply(parent())
    return cluster


def parent(**spec: Any) -> dict[str, Any]:
    made = pool("db", "10.20.0.0/24", gateway="10.20.0.1", automatic=["10.20.0.64/28"])
    made["spec"] |= spec
    return made


def app(addresses: int, name: str = "reports", namespace: str = "db") -> dict[str, Any]:
    return {
        **pool(),
        "kind": "PodNetwork",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "deployment": {"name": name},
            "attachments": [{"ownPool": {"from": "db", "addresses": addresses}}],
        },
    }


def ranges(cluster: Cluster, name: str = NAME) -> list[str]:
    """Return what the API has of the pool; [] if there is none."""
    found = {one["metadata"]["name"]: one["spec"] for one in cluster.client.list(POOLS).items}.get(name)
    return list(found["subnets"][0].get("ranges", ())) if found else []


def test_an_application_by_kubectl_gets_its_pool_which_grows_and_goes_with_it_after_its_last_lease(
    aside: Cluster,
) -> None:
    aside.controller(own_pools=True)
    aside.apply(app(4))
    until(lambda: ranges(aside) == ["10.20.0.64-10.20.0.67"])
    until(lambda: aside.condition("podnetwork", "reports", "db")[0] == "True")
    aside.apply(app(6))
    until(lambda: ranges(aside) == ["10.20.0.64-10.20.0.69"])
    aside.node("node1")
    uid = aside.pod("db/reports-5d9c7b8f4-bcdf2", "node1")
    lease = aside.bind("db/reports-5d9c7b8f4-bcdf2", uid=uid, pool=NAME)
    assert aside.kubectl("-n", "db", "delete", "podnetwork", "reports").returncode == 0
    until(lambda: ranges(aside) == ["10.20.0.64-10.20.0.69"])
    aside.apply(app(2, "other"))
    until(lambda: ranges(aside, "db.eth0.other") == ["10.20.0.70-10.20.0.71"])
    assert ranges(aside) == ["10.20.0.64-10.20.0.69"]
    aside.ledger.unbind(lease.attachment, OPERATOR)
    until(lambda: ranges(aside) == [])


def test_one_that_can_not_have_its_pool_says_why_and_stands_in_nobody_s_way(aside: Cluster) -> None:
    aside.apply(parent(allow=[{"namespaces": ["db"]}]))
    aside.controller(own_pools=True)
    aside.apply(app(17, "greedy"), app(2, "alien", "bank"), app(2))
    until(lambda: ranges(aside) == ["10.20.0.64-10.20.0.65"])
    until(lambda: "16 IPv4 addresses left" in aside.condition("podnetwork", "greedy", "db")[1])
    until(lambda: "does not let namespace bank" in aside.condition("podnetwork", "alien", "bank")[1])
    assert ranges(aside, "bank.eth0.alien") == ranges(aside, "db.eth0.greedy") == []


def test_the_webhook_lets_those_in_that_can_have_their_pool_and_refuses_others_by_the_reason(
    aside: Cluster,
) -> None:
    aside.webhook(own_pools=True)
    aside.controller(own_pools=True)
    refused = aside.kubectl("apply", "-f", "-", stdin=app(17))
    assert refused.returncode != 0
    assert "db has 16 IPv4 addresses left for it, and 17 are wanted" in refused.stderr
    assert aside.kubectl("apply", "-f", "-", stdin=app(2)).returncode == 0
    until(lambda: ranges(aside) == ["10.20.0.64-10.20.0.65"])
    assert aside.kubectl("-n", "db", "delete", "podnetwork", "reports").returncode == 0
    until(lambda: ranges(aside) == [])


def test_a_namespace_asks_by_its_own_word_within_what_the_rule_lets_it_have(aside: Cluster) -> None:
    aside.apply(parent(allow=[{"namespaces": ["db"], "ownPools": 4}, {"namespaces": ["bank"]}]), TENANTS)
    aside.webhook(own_pools=True)
    aside.controller(own_pools=True)
    until(lambda: "has `ownPools`" in aside.kubectl("apply", "-f", "-", stdin=app(2, "alien", "bank")).stderr)
    assert aside.kubectl("apply", "-f", "-", stdin=app(3)).returncode == 0
    until(lambda: ranges(aside) == ["10.20.0.64-10.20.0.66"])
    refused = aside.kubectl("apply", "-f", "-", stdin=app(2, "other"))
    assert "may have 4 addresses of pool db in pools of its own" in refused.stderr
    assert "its others have 3, and 2 are wanted" in refused.stderr
    assert aside.kubectl("apply", "-f", "-", stdin=app(4)).returncode == 0
    until(lambda: ranges(aside) == ["10.20.0.64-10.20.0.67"])


def test_past_the_webhook_a_namespace_gets_no_more_and_its_podnetwork_says_why(aside: Cluster) -> None:
    aside.apply(parent(allow=[{"namespaces": ["db"], "ownPools": 4}]), TENANTS)
    aside.controller(own_pools=True)
    aside.apply(app(3))
    until(lambda: ranges(aside) == ["10.20.0.64-10.20.0.66"])
    aside.apply(app(2, "other"), app(5, "huge"))
    until(lambda: "its others have 3, and 2 are wanted" in aside.condition("podnetwork", "other", "db")[1])
    until(lambda: "may have 4 addresses of pool db" in aside.condition("podnetwork", "huge", "db")[1])
    assert ranges(aside, "db.eth0.other") == ranges(aside, "db.eth0.huge") == []


def test_a_pool_that_somebody_deletes_is_there_again_with_the_same_addresses(aside: Cluster) -> None:
    aside.controller(own_pools=True)
    aside.apply(app(2))
    until(lambda: ranges(aside) == ["10.20.0.64-10.20.0.65"])
    aside.node("node1")
    uid = aside.pod("db/reports-5d9c7b8f4-bcdf2", "node1")
    aside.bind("db/reports-5d9c7b8f4-bcdf2", uid=uid, pool=NAME)
    made = aside.client.get(POOLS, NAME)["metadata"]["uid"]
    assert aside.kubectl("delete", "pool", NAME).returncode == 0
    until(lambda: ranges(aside) == ["10.20.0.64-10.20.0.65"])
    assert aside.client.get(POOLS, NAME)["metadata"]["uid"] != made


def test_one_by_kubectl_that_can_not_have_its_pool_is_no_reason_to_refuse_what_others_apply(aside: Cluster) -> None:
    aside.apply(app(17, "greedy"))
    until(lambda: [one.name for one in aside.policies.pod_networks()] == ["greedy"])
    applied = aside.policies.apply(documents(app(2)), OPERATOR, source="x")
    assert [str(one) for one in applied.created] == ["PodNetwork db/reports", f"Pool {NAME}"]
    with pytest.raises(Conflicts, match="14 IPv4 addresses left for it, and 15 are wanted"):
        aside.policies.apply(documents(app(15, "other")), OPERATOR, source="y")


def test_a_pool_that_kubectl_has_deleted_can_be_applied_again_at_once(aside: Cluster) -> None:
    aside.controller()
    web = pool("web", "10.30.0.0/24")
    aside.policies.apply(documents(web), OPERATOR, source="x")
    assert aside.kubectl("delete", "pool", "web").returncode == 0
    until(lambda: aside.policies.pool("web") is None)
    aside.policies.apply(documents(web), OPERATOR, source="x")
    assert ranges(aside, "web") == []
    assert aside.client.get(POOLS, "web")["spec"]["subnets"][0]["subnet"] == "10.30.0.0/24"


def test_without_the_flag_no_pool_is_made_and_none_ends(aside: Cluster) -> None:
    aside.apply(app(2))
    aside.sweeps(aside.controller())
    assert ranges(aside) == []


def test_the_rights_of_the_manifest_are_enough(aside: Cluster) -> None:
    rights = []
    for file in ("deploy/base/controller/rights.yaml", "deploy/own-pools/rights.yaml"):
        for document in yaml.safe_load_all((ROOT / file).read_text()):
            for rule in document.get("rules", ()):
                rights += [
                    (group, resource, rule["verbs"]) for group in rule["apiGroups"] for resource in rule["resources"]
                ]
    aside.server.allow("carver", *rights)
    aside.controller(own_pools=True, kubeconfig=str(aside.server.user("carver")))
    aside.apply(app(2))
    until(lambda: ranges(aside) == ["10.20.0.64-10.20.0.65"])
    assert aside.kubectl("-n", "db", "delete", "podnetwork", "reports").returncode == 0
    until(lambda: ranges(aside) == [])
