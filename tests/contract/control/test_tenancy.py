"""A namespace's ConfigMap declares addresses of pools that name it, and nothing else, whichever door it comes by."""

from __future__ import annotations

import json
from io import StringIO
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cni.errors import StoreFailed
from podberth.cni.pod import PodRef
from podberth.kube.errors import NotFound
from podberth.kube.resources import CONFIG_MAPS, EVENTS, LEASES, POD_NETWORKS
from podberth.policy import bundle
from podberth.policy.documents import parse_document
from podberth.stores.kubernetes.declared import LOCK
from podberth.stores.kubernetes.earlier import MOST, Earlier
from tests.contract.control.cluster import HOME, config_map, in_force, node, podnetwork, pool
from tests.contract.declarations import OPERATOR
from tests.waiting import until

if TYPE_CHECKING:
    from tests.contract.control.cluster import Cluster

TENANT = "other"
MARK, SEAL = "podberth-tenancy", "podberth-tenancy-seal"  # what docs/policies.md calls them
DIGESTS, LIMITS = "podberth.io/in-force-before", "podberth.io/limits"
FOR_PAYMENTS = pool("bank", "10.30.0.0/24")
FOR_PAYMENTS["spec"]["allow"] = [{"namespaces": ["payments"]}]
FOR_ALL = pool("all", "10.40.0.0/24")
FOR_ALL["spec"]["allow"] = [{"namespaces": ["*"]}]


def declared(*addresses: str, name: str = "web", namespace: str = TENANT, **attachment: Any) -> dict[str, Any]:
    """Return a ConfigMap that declares one pod."""
    return config_map(name, json.dumps(podnetwork(name, *addresses, namespace=namespace, **attachment)), namespace)


def older(cluster: Cluster) -> None:
    """Have the cluster be as one where a podberth ran that knew no limits: it took turns, and made no list."""
    for name in (MARK, SEAL, LOCK):
        try:
            cluster.client.delete(LEASES, name, HOME)
        except NotFound:
            pass
    lock = {
        "apiVersion": LEASES.api_version,
        "kind": "Lease",
        "metadata": {"name": LOCK, "namespace": HOME},
        "spec": {},
    }
    cluster.apply(lock)


WIDE = {
    "statefulSet": {"name": "grab", "replicas": 254},
    "attachments": [{"pool": "db", "ordinals": [{"range": "10.20.0.1-10.20.0.254"}]}],
}
BEYOND: dict[str, dict[str, Any]] = {
    "trust": declared("10.30.0.9", pool="bank", namespace="payments", trust="on"),
    "spoofchk": declared("10.30.0.9", pool="bank", namespace="payments", spoofchk="off"),
    "antiSpoofing": declared("10.30.0.9", pool="bank", namespace="payments", antiSpoofing=False),
    "device": declared("10.30.0.9", pool="bank", namespace="payments", device="eth9"),
    "mac": declared("10.30.0.9", pool="bank", namespace="payments", mac="02:00:00:00:00:99"),
    "an address of an open pool": declared("10.20.0.9"),
    "an address of a pool for all": declared("10.40.0.9", pool="all"),
    "an address of another's pool": declared("10.30.0.9", pool="bank"),
    "settings alone": declared(rates={"egress": 1}),
    "another's pod": config_map(
        "web", json.dumps(podnetwork("web", "10.30.0.9", pool="bank", namespace="payments")), TENANT
    ),
    "a pool": config_map("web", json.dumps(pool("mine", "10.99.0.0/24")), TENANT),
    "254 addresses of an open pool": config_map(
        "web", json.dumps({**podnetwork("grab", namespace=TENANT), "spec": WIDE}), TENANT
    ),
}


def test_nothing_beyond_a_namespace_s_right_is_in_force_and_its_config_map_is_told(cluster: Cluster) -> None:
    log = StringIO()
    cluster.apply(pool(), FOR_PAYMENTS, FOR_ALL)
    controller = cluster.controller(log=log)
    pools = [one.name for one in node(cluster).pools()]
    for number, config in enumerate(BEYOND.values()):
        cluster.apply({**config, "metadata": {**config["metadata"], "name": f"m{number}"}})
    until(
        lambda: (
            {f"m{number}" for number in range(len(BEYOND))}
            == {
                each["involvedObject"]["name"]
                for each in cluster.client.list(EVENTS).items
                if each["reason"] == "NotInForce"
            }
        )
    )
    cluster.sweeps(controller)
    assert (cluster.reserved(), in_force(node(cluster))) == ([], [])
    assert [one.name for one in node(cluster).pools()] == pools
    assert "no rule under `allow` of pool db names namespace other" in log.getvalue()
    standings = node(cluster).standings()
    assert sorted({one.bundle.partition("/")[2] for one in standings}) == sorted(f"m{n}" for n in range(len(BEYOND)))
    assert not any(one.in_force for one in standings)


def test_the_operator_can_still_declare_what_a_namespace_wanted(cluster: Cluster) -> None:
    cluster.apply(pool(), declared("10.20.0.9"))
    cluster.controller()
    cluster.apply(podnetwork("mine", "10.20.0.9"))
    until(lambda: cluster.reserved() == ["10.20.0.9 db/mine declared"])


@pytest.mark.parametrize("what", BEYOND)
def test_the_webhook_refuses_it_with_the_reason(cluster: Cluster, what: str) -> None:
    cluster.webhook()
    cluster.apply(pool(), FOR_PAYMENTS, FOR_ALL)
    assert any(
        word in cluster.refused(BEYOND[what])
        for word in (
            "the operator's choice",
            "names namespace other",
            "in namespace other",
            "names no address",
            "`macs`",
        )
    )


def test_addresses_of_a_pool_that_names_the_namespace_are_reserved_and_served(cluster: Cluster) -> None:
    cluster.webhook()
    cluster.apply(FOR_PAYMENTS, declared("10.30.0.9", pool="bank", namespace="payments"))
    cluster.controller()
    until(lambda: cluster.reserved() == ["10.30.0.9 payments/web declared"])
    assert in_force(node(cluster)) == ["PodNetwork payments/web"]
    assert node(cluster).standings() == ()
    assert cluster.kubectl("delete", "configmap", "-n", "payments", "web").returncode == 0
    until(lambda: cluster.reserved() == [])


def test_a_right_that_is_given_later_counts_and_one_that_is_withdrawn_frees_no_address(cluster: Cluster) -> None:
    late = pool("late", "10.30.0.0/24")
    config = declared("10.30.0.9", pool="late", namespace="payments")
    cluster.apply(config, late)
    controller = cluster.controller()
    until(lambda: "NotInForce" in {each["reason"] for each in cluster.client.list(EVENTS).items})
    late["spec"]["allow"] = [{"namespaces": ["payments"]}]
    cluster.apply(late)
    until(lambda: cluster.reserved() == ["10.30.0.9 payments/web declared"])
    late["spec"]["allow"] = [{"namespaces": ["bank"]}]
    cluster.apply(late)
    until(lambda: in_force(node(cluster)) == [])
    cluster.sweeps(controller, 5)
    assert cluster.reserved() == ["10.30.0.9 payments/web declared"]
    assert cluster.kubectl("delete", "configmap", "-n", "payments", "web").returncode == 0
    until(lambda: cluster.reserved() == [])


def test_what_was_in_force_before_stays_on_every_node_until_it_changes(cluster: Cluster) -> None:
    older(cluster)
    before = declared("10.20.0.9", trust="on")
    cluster.apply(pool(), before)
    (document,) = cluster.policies.pod_networks()
    assert document.attachments[0].settings.trust is True
    cluster.ledger.reserve("db", ip_address("10.20.0.10"), PodRef(namespace=TENANT, name="x"), "eth0", OPERATOR)
    controller = cluster.controller()
    until(lambda: "10.20.0.9 other/web declared" in cluster.reserved())
    new = declared("10.20.0.11", name="new")
    cluster.apply(new)
    cluster.sweeps(controller, 5)
    assert in_force(node(cluster)) == ["PodNetwork other/web"]
    (standing,) = (one for one in node(cluster).standings() if one.in_force)
    assert (standing.bundle, standing.document) == ("other/web", "PodNetwork other/web")
    assert "trust is the operator's choice" in standing.reason
    # A label, or another layout, is no change of what it declares.
    cluster.apply({**before, "metadata": {**before["metadata"], "annotations": {"note": "x"}}})
    assert in_force(node(cluster)) == ["PodNetwork other/web"]
    # What it says anew is judged anew, everywhere; the address stays while it is declared.
    cluster.apply(declared("10.20.0.9", trust="on", mac="02:00:00:00:00:99"))
    assert in_force(node(cluster)) == in_force(cluster.policies) == []
    cluster.sweeps(controller, 5)
    assert "10.20.0.9 other/web declared" in cluster.reserved()
    cluster.apply(before)
    assert in_force(node(cluster)) == ["PodNetwork other/web"]


def test_the_webhook_lets_what_was_in_force_before_be_applied_again(cluster: Cluster) -> None:
    older(cluster)
    before = declared("10.20.0.9")
    cluster.apply(pool(), before)
    cluster.webhook()
    assert in_force(node(cluster)) == ["PodNetwork other/web"]
    two = podnetwork("two", "10.20.0.12", namespace=TENANT)
    assert "PodNetwork other/two" in cluster.refused(
        {**before, "data": {**before["data"], "two.json": json.dumps(two)}}
    )
    cluster.apply({**before, "data": {**before["data"], "empty.yaml": "# nothing"}})


def test_where_no_older_podberth_ran_nothing_was_in_force_before(cluster: Cluster) -> None:
    cluster.apply(pool(), declared("10.20.0.9"))
    assert in_force(node(cluster)) == []
    assert cluster.client.get(LEASES, LOCK, HOME)["metadata"]["annotations"] == {LIMITS: "since-start"}
    with pytest.raises(NotFound):
        cluster.client.get(LEASES, MARK, HOME)
    cluster.client.delete(LEASES, LOCK, HOME)
    assert in_force(node(cluster)) == []


def test_a_list_that_is_lost_is_an_error_with_its_remedy_and_never_a_new_list(cluster: Cluster) -> None:
    older(cluster)
    cluster.apply(pool(), declared("10.20.0.9"))
    assert in_force(node(cluster)) == ["PodNetwork other/web"]
    kept = cluster.client.get(LEASES, MARK, HOME)
    cluster.apply(declared("10.20.0.10", name="waiting"))
    cluster.client.delete(LEASES, MARK, HOME)
    for lost in ((), (LOCK,)):  # whoever deletes both gets no new list either
        for name in lost:
            cluster.client.delete(LEASES, name, HOME)
        with pytest.raises(StoreFailed, match="podberth-tenancy is gone") as error:
            node(cluster).pod_networks()
        assert "restore it from a backup" in error.value.details
    again = {"metadata": {"name": MARK, "annotations": {DIGESTS: kept["metadata"]["annotations"][DIGESTS]}}, "spec": {}}
    cluster.client.create(LEASES, again, HOME)
    assert in_force(node(cluster)) == ["PodNetwork other/web"]
    cluster.client.delete(LEASES, MARK, HOME)
    words = error.value.details.rpartition("kubectl ")[2].split()
    assert cluster.kubectl(*words).returncode == 0
    assert in_force(node(cluster)) == []


def test_a_namespace_that_declares_too_much_to_be_listed_loses_that_and_blocks_nobody(cluster: Cluster) -> None:
    older(cluster)
    cluster.apply(pool(), declared("10.20.0.9", namespace="payments"))
    for half in "ab":
        small = [
            f'{{"apiVersion":"podberth.io/v1alpha1","kind":"PodNetwork","metadata":{{"name":"{half}{n}"}},'
            f'"spec":{{"pod":"{half}{n}","attachments":[{{}}]}}}}'
            for n in range(MOST // 2 + 1)
        ]
        cluster.client.create(CONFIG_MAPS, config_map(half, "\n---\n".join(small), TENANT), TENANT)
    digests = Earlier(cluster.client, HOME, LOCK).digests()
    assert len(digests) == MOST
    (part,) = bundle.read("payments", "web", bundle.texts(declared("10.20.0.9", namespace="payments")))
    assert part.declarations[0].digest in digests


def test_what_was_not_in_force_before_is_not_on_the_list(cluster: Cluster) -> None:
    older(cluster)
    mine = podnetwork("web", "10.20.0.8", namespace=TENANT)
    cluster.apply(pool(), mine, declared("10.20.0.9"))
    cluster.apply(declared("10.20.0.10", name="own"), declared("10.20.0.11", name="x"))
    cluster.apply(config_map("own", json.dumps(podnetwork("own", "10.20.0.12", namespace=TENANT)), HOME))
    assert in_force(node(cluster)) == ["PodNetwork other/own", "PodNetwork other/web", "PodNetwork other/x"]
    cluster.client.delete(POD_NETWORKS, "web", TENANT)
    cluster.client.delete(CONFIG_MAPS, "own", HOME)
    assert in_force(node(cluster)) == ["PodNetwork other/x"]


def test_a_config_map_does_not_speak_over_a_custom_resource(cluster: Cluster) -> None:
    cluster.apply(FOR_PAYMENTS, podnetwork("web", "10.30.0.8", pool="bank", namespace="payments", trust="on"))
    cluster.controller()
    until(lambda: cluster.reserved() == ["10.30.0.8 payments/web declared"])
    cluster.apply(declared("10.30.0.9", pool="bank", namespace="payments"))
    for policies in (node(cluster), cluster.policies):
        (document,) = policies.pod_networks()
        assert document.attachments[0].settings.trust is True
    assert cluster.kubectl("delete", "configmap", "-n", "payments", "web").returncode == 0
    assert in_force(cluster.policies) == ["PodNetwork payments/web"]


FOR_DB = pool()
FOR_DB["spec"]["allow"] = [{"namespaces": ["db"], "vlans": [100]}]
IN_VLAN = {
    **podnetwork("web", namespace="db"),
    "spec": {"statefulSet": {"name": "web", "replicas": 2}, "attachments": [{"pool": "db", "vlan": 100}]},
}
LURES = {
    "an address for the same pod": (
        podnetwork("op", "10.20.0.30", pod="web"), podnetwork("aaa", "10.20.0.9", pod="web"),
    ),
    "an address for a pod of its StatefulSet": (IN_VLAN, podnetwork("web-0", "10.20.0.9")),
}  # fmt: skip


@pytest.mark.parametrize("what", LURES)
@pytest.mark.parametrize("by", ["a resource", "a ConfigMap"])
def test_what_the_operator_declares_for_an_interface_goes_before_a_namespace_s(
    cluster: Cluster, what: str, by: str
) -> None:
    operators, lure = LURES[what]
    name, word = str(operators["metadata"]["name"]), config_map("op", json.dumps(operators), HOME)
    theirs = config_map("lure", json.dumps(lure))
    cluster.apply(FOR_DB, theirs)
    controller = cluster.controller()
    cluster.webhook()
    assert in_force(cluster.policies) == [f"PodNetwork db/{lure['metadata']['name']}"]
    cluster.apply(operators if by == "a resource" else word)  # what the namespace declares is not in its way
    for policies in (cluster.policies, node(cluster)):
        assert in_force(policies) == [f"PodNetwork db/{name}"]
        (standing,) = policies.standings()
        assert f"PodNetwork db/{name} (" in standing.reason
    until(lambda: "NotInForce" in {each["reason"] for each in cluster.client.list(EVENTS).items})
    cluster.sweeps(controller)
    assert ("10.20.0.30 db/web declared" in cluster.reserved()) == (name == "op")
    changed = {**theirs, "data": {**theirs["data"], "x.yaml": "# nothing"}}
    assert f"PodNetwork db/{name} (" in cluster.refused(changed)
    kind, where = ("podnetwork", "db") if by == "a resource" else ("configmap", HOME)
    assert cluster.kubectl("delete", kind, "-n", where, name if by == "a resource" else "op").returncode == 0
    until(lambda: in_force(cluster.policies) == [f"PodNetwork db/{lure['metadata']['name']}"])
    cluster.apply(changed)


def test_apply_is_not_blocked_by_a_namespace_s_word_about_the_same_interface(cluster: Cluster) -> None:
    cluster.apply(FOR_DB, config_map("lure", json.dumps(podnetwork("aaa", "10.20.0.9", pod="web"))))
    assert in_force(cluster.policies) == ["PodNetwork db/aaa"]
    document = parse_document(podnetwork("op", "10.20.0.30", pod="web"), "test")
    cluster.policies.apply((document,), OPERATOR, source="test")
    assert in_force(cluster.policies) == in_force(node(cluster)) == ["PodNetwork db/op"]
    assert cluster.reserved() == ["10.20.0.30 db/web declared"]


def test_a_pool_s_allow_is_asked_before_a_resource_reserves(cluster: Cluster) -> None:
    cluster.apply(FOR_PAYMENTS, podnetwork("web", "10.30.0.9", pool="bank", namespace=TENANT))
    cluster.controller()
    until(lambda: cluster.condition("podnetwork", "web", TENANT)[0] == "False")
    assert "pool bank does not let namespace other use it" in cluster.condition("podnetwork", "web", TENANT)[1]
    assert cluster.reserved() == []
