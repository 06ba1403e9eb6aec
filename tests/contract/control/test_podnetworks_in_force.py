"""PodNetworks by kubectl, with no webhook at the door: what the check refuses leaves the last good one in force."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from podberth.kube.resources import POD_NETWORKS
from tests.contract.control.cluster import of_set, podnetwork, pool
from tests.contract.control.new_node import is_accepted, new_node, told
from tests.contract.declarations import documents
from tests.contract.ledgers import OPERATOR
from tests.waiting import until

if TYPE_CHECKING:
    from podberth.policy.store import Policies
    from tests.contract.control.cluster import Cluster


def mtus(policies: Policies) -> dict[str, int | None]:
    return {one.name: one.attachments[0].settings.mtu for one in policies.pod_networks()}


def ready(cluster: Cluster, name: str) -> tuple[str, str, str]:
    """Return status, reason and message of the condition Ready."""
    for one in cluster.status("podnetwork", name, "db").get("conditions") or ():
        if one["type"] == "Ready":
            return one["status"], one["reason"], one.get("message", "")
    return "", "", ""


def says(cluster: Cluster, name: str, why: str) -> bool:
    return why in ready(cluster, name)[2]


def older(cluster: Cluster, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cluster.status("podnetwork", name, "db").get("older") or []
    return found


def accepted(cluster: Cluster, *texts: dict[str, Any]) -> None:
    """Apply PodNetworks, and return once the controller has accepted each as it stands."""
    cluster.apply(*texts)
    names = [text["metadata"]["name"] for text in texts]
    until(lambda: all(is_accepted(cluster, "PodNetwork", name, "db") for name in names))


def test_a_text_that_the_check_refuses_leaves_the_last_good_one_on_a_new_node_too(cluster: Cluster) -> None:
    cluster.controller()
    cluster.apply(pool("db", "10.20.0.0/24"))
    accepted(cluster, podnetwork("web", "10.20.0.7", mtu=1400), podnetwork("other", "10.20.0.8"))
    for bad, why in (
        (podnetwork("web", "10.20.0.8", mtu=9000), "is reserved for db/other"),
        (podnetwork("web", pool="nowhere", mtu=9000), "there is no pool 'nowhere'"),
        (podnetwork("web", pod="other", mtu=9000), "PodNetwork db/other"),
    ):
        cluster.apply(bad)
        until(partial(says, cluster, "web", why))
        assert ready(cluster, "web")[:2] == ("False", "NotInForce")
        assert "what was in force before stays" in ready(cluster, "web")[2]
        assert mtus(new_node(cluster)[0]) == mtus(cluster.policies) == {"web": 1400, "other": None}
        until(lambda why=why: any(why in message for message in told(cluster, "NotInForce")))  # type: ignore[misc]
        assert [one.document for one in cluster.policies.waiting()] == ["PodNetwork db/web"]
    assert "10.20.0.7 db/web declared" in cluster.reserved()
    accepted(cluster, podnetwork("web", "10.20.0.7", mtu=9000))
    until(lambda: ready(cluster, "web")[0] == "True")
    assert mtus(new_node(cluster)[0])["web"] == 9000


def test_a_refused_text_comes_into_force_by_itself_once_nothing_is_in_its_way(cluster: Cluster) -> None:
    cluster.controller()
    cluster.apply(pool("db", "10.20.0.0/24"))
    accepted(cluster, podnetwork("web", "10.20.0.7", mtu=1400), podnetwork("other", "10.20.0.8"))
    cluster.apply(podnetwork("web", "10.20.0.8", mtu=9000))
    until(lambda: ready(cluster, "web")[0] == "False")
    cluster.client.delete(POD_NETWORKS, "other", "db")
    until(lambda: mtus(new_node(cluster)[0]) == {"web": 9000})
    until(lambda: "10.20.0.8 db/web declared" in cluster.reserved())


def test_a_target_that_changes_its_kind_is_in_force_without_the_former_one(cluster: Cluster) -> None:
    """A merge would leave a pod and a StatefulSet in one document, which nobody can read."""
    cluster.controller()
    cluster.apply(pool("db", "10.20.0.0/24"))
    accepted(cluster, podnetwork("web", "10.20.0.7"))
    accepted(cluster, of_set("web", 2, {"list": ["10.20.0.10", "10.20.0.11"]}))
    (found,) = new_node(cluster)[0].pod_networks()
    assert (found.pod, found.stateful_set) == (None, "web")


def test_what_apply_puts_in_force_is_so_for_a_new_node_at_once(cluster: Cluster) -> None:
    controller = cluster.controller()
    cluster.apply(pool("db", "10.20.0.0/24"))
    accepted(cluster, podnetwork("web", mtu=1400))
    cluster.stop(controller)
    cluster.policies.apply(documents(podnetwork("web", mtu=1500)), OPERATOR, source="x")
    assert mtus(new_node(cluster)[0]) == {"web": 1500}


def test_one_of_which_nothing_was_accepted_counts_as_it_stands_and_says_so(cluster: Cluster) -> None:
    cluster.controller()
    cluster.apply(podnetwork("web", pool="nowhere", mtu=1400))
    until(lambda: "it counts as it stands" in ready(cluster, "web")[2])
    assert mtus(new_node(cluster)[0]) == {"web": 1400}


def test_pods_that_run_with_former_values_are_listed_until_they_restart(cluster: Cluster) -> None:
    cluster.controller()
    cluster.node("node1")
    cluster.apply(pool("db", "10.20.0.0/24", gateway="10.20.0.1"))
    accepted(cluster, podnetwork("web", "10.20.0.7", mtu=1400), podnetwork("other", "10.20.0.8"))
    web, other = (cluster.pod(f"db/{name}", "node1") for name in ("web", "other"))
    lease = cluster.bind("db/web", uid=web, address="10.20.0.7")
    cluster.bind("db/other", uid=other, address="10.20.0.8")
    accepted(cluster, podnetwork("web", "10.20.0.7", mtu=1500))
    kept = {"pod": "db/web", "interface": "eth0", "field": "mtu", "told": "1400", "now": "1500"}
    until(lambda: older(cluster, "web") == [kept])
    cluster.apply(pool("db", "10.20.0.0/24", gateway="10.20.0.254"))
    gateway = {"interface": "eth0", "field": "gateway", "told": "10.20.0.1", "now": "10.20.0.254"}
    until(lambda: older(cluster, "other") == [{"pod": "db/other", **gateway}])
    until(lambda: older(cluster, "web") == [{"pod": "db/web", **gateway}, kept])
    accepted(cluster, podnetwork("web", "10.20.0.7", mtu=1400))
    until(lambda: [one["field"] for one in older(cluster, "web")] == ["gateway"])
    cluster.ledger.unbind(lease.attachment, OPERATOR)
    cluster.bind("db/web", uid=web, address="10.20.0.7")
    until(lambda: older(cluster, "web") == [])
