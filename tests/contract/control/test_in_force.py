"""Pools by kubectl, with no webhook at the door: what the check refuses does not come into force, on any node."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import CniError
from tests.contract.control.cluster import config_map, pool
from tests.contract.control.new_node import is_accepted, new_node, told
from tests.contract.declarations import documents
from tests.contract.ledgers import OPERATOR, claim
from tests.waiting import until

if TYPE_CHECKING:
    from typing import Any

    from podberth.policy.store import Policies
    from tests.contract.control.cluster import Cluster


def subnets(policies: Policies) -> dict[str, str]:
    return {one.name: ",".join(str(subnet.network) for subnet in one.subnets) for one in policies.pools()}


def ranges(policies: Policies, name: str = "db") -> list[str]:
    found = policies.pool(name)
    assert found is not None
    return [f"{span.first}-{span.last}" for subnet in found.subnets for span in subnet.ranges]


def gateway(policies: Policies) -> str:
    found = policies.pool("db")
    assert found is not None
    return str(found.subnets[0].gateway)


def in_force(cluster: Cluster, name: str) -> Any:
    return cluster.status("pool", name).get("inForce")


def patched(cluster: Cluster, *ranges: str, name: str = "db", **more: str) -> None:
    cluster.apply(pool(name, "10.20.0.0/24", ranges=list(ranges), **more))


def test_of_overlapping_pools_the_first_is_in_force_and_the_other_says_why_not(cluster: Cluster) -> None:
    cluster.controller()
    cluster.apply(pool("db", "10.20.0.0/24", gateway="10.20.0.1"))
    until(lambda: in_force(cluster, "db") is not None)
    cluster.apply(pool("aa", "10.20.0.0/16"))
    both = "pools aa and db overlap: both have 10.20.0.2-10.20.0.254"
    until(lambda: both in cluster.condition("pool", "aa")[1])
    assert cluster.condition("pool", "aa")[0] == "False"
    until(lambda: any("overlap" in message for message in told(cluster, "NotInForce")))
    until(lambda: cluster.condition("pool", "db")[0] == "True")
    policies, ledger = new_node(cluster)
    assert subnets(policies) == subnets(cluster.policies) == {"db": "10.20.0.0/24"}
    (lease,) = ledger.bind(claim("web-0"), OPERATOR)
    assert str(lease.address) == "10.20.0.2"
    with pytest.raises(CniError, match="there is no pool 'aa'"):
        ledger.bind(claim("web-1", pool="aa"), OPERATOR)


def test_a_refused_pool_comes_into_force_once_nothing_is_in_its_way(cluster: Cluster) -> None:
    cluster.controller()
    cluster.apply(pool("db", "10.20.0.0/24"))
    until(lambda: in_force(cluster, "db") is not None)
    cluster.apply(pool("other", "10.20.0.0/25"))
    until(lambda: cluster.condition("pool", "other")[0] == "False")
    assert cluster.kubectl("delete", "pool", "db").returncode == 0
    until(lambda: cluster.condition("pool", "other")[0] == "True")
    assert subnets(new_node(cluster)[0]) == {"other": "10.20.0.0/25"}


def test_ranges_that_leave_a_live_lease_outside_stay_out_of_force_until_it_ends(cluster: Cluster) -> None:
    controller = cluster.controller()
    cluster.node("node1")
    patched(cluster, "10.20.0.10-10.20.0.19")
    uid = cluster.pod("db/a", "node1")
    until(lambda: in_force(cluster, "db") is not None)
    cluster.bind("db/a", uid=uid)
    patched(cluster, "10.20.0.100-10.20.0.109")
    until(lambda: cluster.condition("pool", "db")[0] == "False")
    assert "10.20.0.10 of db/a (leased, node node1) is outside the ranges" in cluster.condition("pool", "db")[1]
    assert "what was in force before stays" in cluster.condition("pool", "db")[1]
    policies, ledger = new_node(cluster)
    assert ranges(policies) == ranges(cluster.policies) == ["10.20.0.10-10.20.0.19"]
    (usage,) = ledger.usage()
    assert (usage.size, usage.leased, usage.free) == (10, 1, 9)
    cluster.ledger.unbind(ledger.leases()[0].attachment, OPERATOR)
    until(lambda: cluster.condition("pool", "db")[0] == "True")
    until(lambda: ranges(cluster.policies) == ["10.20.0.100-10.20.0.109"])
    assert ranges(new_node(cluster)[0]) == ["10.20.0.100-10.20.0.109"]
    cluster.stop(controller)


def test_a_pool_that_is_deleted_stays_in_force_until_the_last_of_its_leases_ends(cluster: Cluster) -> None:
    cluster.controller()
    cluster.node("node1")
    uid = cluster.pod("db/a", "node1")
    cluster.apply(pool("db", "10.20.0.0/24"))
    until(lambda: in_force(cluster, "db") is not None)
    cluster.bind("db/a", uid=uid)
    assert cluster.kubectl("delete", "pool", "db").returncode == 0
    until(lambda: any("10.20.0.1" in message for message in told(cluster, "StillInForce")))
    assert subnets(cluster.policies) == {"db": "10.20.0.0/24"}
    (waits,) = cluster.policies.waiting()
    assert (waits.document, waits.kept) == ("Pool db", True)
    (lease,) = cluster.ledger.leases()
    cluster.apply(pool("other", "10.20.0.0/25"))
    until(lambda: cluster.condition("pool", "other")[0] == "False")
    cluster.ledger.unbind(lease.attachment, OPERATOR)
    until(lambda: subnets(cluster.policies) == {"other": "10.20.0.0/25"})


def test_what_a_pool_says_no_more_is_in_force_no_more(cluster: Cluster) -> None:
    cluster.controller()
    changed = pool("db", "10.20.0.0/24")
    changed["spec"] |= {"dns": {"nameservers": ["10.99.0.53"], "search": ["a"]}, "quarantine": 60}
    cluster.apply(changed)
    until(lambda: (in_force(cluster, "db") or {}).get("spec", {}).get("quarantine") == 60)
    changed["spec"]["dns"] = {"nameservers": ["10.99.0.54"]}
    del changed["spec"]["quarantine"]
    cluster.apply(changed)
    until(lambda: in_force(cluster, "db")["spec"]["dns"]["nameservers"] == ["10.99.0.54"])
    found = new_node(cluster)[0].pool("db")
    assert found is not None
    assert found.quarantine == 0
    assert found.settings.dns is not None
    assert found.settings.dns.search == ()
    until(lambda: is_accepted(cluster, "Pool", "db"))


def test_a_pool_that_is_deleted_while_pods_live_on_it_is_known_to_a_new_node_too(cluster: Cluster) -> None:
    controller = cluster.controller()
    cluster.node("node1")
    uid = cluster.pod("db/a", "node1")
    cluster.apply(pool("db", "10.20.0.0/24"))
    until(lambda: in_force(cluster, "db") is not None)
    lease = cluster.bind("db/a", uid=uid)
    cluster.sweeps(controller)
    cluster.stop(controller)
    assert cluster.kubectl("delete", "pool", "db", "--timeout=300s").returncode == 0  # nothing keeps the object
    cluster.controller()  # another one, that has never heard of the pool
    assert subnets(new_node(cluster)[0]) == {"db": "10.20.0.0/24"}
    until(lambda: any("10.20.0.1" in message for message in told(cluster, "StillInForce")))
    cluster.apply(pool("other", "10.20.0.0/25"))
    until(lambda: cluster.condition("pool", "other")[0] == "False")
    cluster.ledger.unbind(lease.attachment, OPERATOR)
    until(lambda: cluster.condition("pool", "other")[0] == "True")
    assert subnets(new_node(cluster)[0]) == {"other": "10.20.0.0/25"}


def test_a_text_that_can_not_be_read_leaves_the_last_good_one_on_a_new_node_too(cluster: Cluster) -> None:
    cluster.controller()
    patched(cluster, "10.20.0.10-10.20.0.19")
    until(lambda: in_force(cluster, "db") is not None)
    cluster.apply(pool("db", "10.20.0.0/24", gateway="10.99.0.1"))
    until(lambda: "10.99.0.1 is not in 10.20.0.0/24" in cluster.condition("pool", "db")[1])
    assert ranges(new_node(cluster)[0]) == ["10.20.0.10-10.20.0.19"]


def test_a_gateway_changed_by_kubectl_is_held_back_on_a_new_node_too(cluster: Cluster) -> None:
    cluster.controller()
    cluster.node("node1")
    uid = cluster.pod("db/a", "node1")
    patched(cluster, gateway="10.20.0.1")
    until(lambda: in_force(cluster, "db") is not None)
    cluster.bind("db/a", uid=uid)
    patched(cluster, gateway="10.20.0.254")
    until(lambda: gateway(cluster.policies) == "10.20.0.254")
    policies, ledger = new_node(cluster)
    assert gateway(policies) == "10.20.0.254"
    with pytest.raises(CniError, match=r"10.20.0.1 of pool db is held back"):
        ledger.bind(claim("web-0", "10.20.0.1"), OPERATOR)


def test_while_no_controller_has_ever_run_the_older_of_two_overlapping_pools_is_in_force(cluster: Cluster) -> None:
    cluster.apply(pool("zz", "10.20.0.0/24"))
    until(lambda: subnets(cluster.policies) == {"zz": "10.20.0.0/24"})
    made = int(time.time())
    until(lambda: int(time.time()) > made)  # what is made in one second is in order of name
    cluster.apply(pool("aa", "10.20.0.0/16"))
    assert subnets(cluster.policies) == subnets(new_node(cluster)[0]) == {"zz": "10.20.0.0/24"}
    (waits,) = cluster.policies.waiting()
    assert (waits.document, "overlap" in waits.reason, waits.kept) == ("Pool aa", True, False)
    cluster.apply(pool("zz", "10.20.0.0/25"))  # changed: still the older one
    assert subnets(new_node(cluster)[0]) == {"zz": "10.20.0.0/25"}


def test_a_config_map_s_pool_that_overlaps_with_a_pool_in_force_stays_out(cluster: Cluster) -> None:
    cluster.controller()
    cluster.apply(pool("db", "10.20.0.0/24"))
    until(lambda: in_force(cluster, "db") is not None)
    cluster.apply(config_map("pools", json.dumps(pool("aa", "10.20.0.0/16")), "podberth-system"))
    policies, _ = new_node(cluster)
    assert subnets(policies) == {"db": "10.20.0.0/24"}
    assert [str(one).partition(":")[0] for one in policies.waiting()] == ["pools aa and db overlap"]


def test_an_apply_says_what_is_in_force_and_obeys_the_check(cluster: Cluster) -> None:
    cluster.controller()
    one = documents(pool("db", "10.20.0.0/24"))
    cluster.policies.apply(one, OPERATOR, source="test")
    until(lambda: in_force(cluster, "db")["acceptedBy"] == "controller")
    cluster.policies.apply(documents(pool("db", "10.20.0.0/25")), OPERATOR, source="test")
    assert subnets(cluster.policies) == subnets(new_node(cluster)[0]) == {"db": "10.20.0.0/25"}
    assert in_force(cluster, "db")["acceptedBy"] == "controller"
