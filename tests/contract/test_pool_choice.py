"""Which of several pools an ADD takes from, on every store: the first that is for the pod and not full."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from podberth.catalogue import find_plugin
from podberth.cni.errors import Refused
from podberth.cni.pod import PodRef
from podberth.cni.value import replace
from podberth.desk.explain import explain
from podberth.desk.prospect import configuration
from podberth.policy.admission import Conflicts
from podberth.verbs.outdated import outdated
from tests.contract.declarations import OPERATOR, STORES
from tests.contract.labelled import IN_ZONE_A, IN_ZONE_B, ZONE, Site, declared, pool
from tests.unit.policy.declared import ip

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.cni.netconf import NetConf


@pytest.fixture(params=STORES)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    return Site(STORES[request.param](tmp_path / "store"), tmp_path / "state")


SMALL, LARGE = pool("small", "10.20.0.8/31"), pool("large", "10.30.0.0/24")
BOTH = ["small", "large"]


def test_the_pools_of_a_network_are_tried_in_order_until_one_has_an_address(site: Site) -> None:
    site.store.apply(SMALL, LARGE)
    got = [site.add(f"web/{name}", pools=BOTH) for name in "abc"]
    assert got == ["10.20.0.8", "10.20.0.9", "10.30.0.1"]
    site.call("DEL", "web/a", pools=BOTH)
    assert site.add("web/d", pools=BOTH) == "10.20.0.8"


def test_when_all_are_full_each_is_named(site: Site) -> None:
    site.store.apply(SMALL, pool("tiny", "10.40.0.8/32"))
    for name in "abc":
        site.add(f"web/{name}", pools=["small", "tiny"])
    refused = site.add("web/d", pools=["small", "tiny"])
    assert refused.startswith("100: none of the pools has an address for it: pool small: no free IPv4 address")
    assert "pool tiny: no free IPv4 address: 1 of 1 leased" in refused
    assert len(site.store.ledger.leases()) == 3


def test_a_podnetwork_names_pools_in_order_too_and_goes_before_the_network(site: Site) -> None:
    site.store.apply(SMALL, LARGE, declared("mysql-0", "large", "small"))
    assert site.add("db/mysql-0", pools=BOTH) == "10.30.0.1"
    assert site.add("db/other", pools=BOTH) == "10.20.0.8"


def test_a_family_that_is_full_sends_the_whole_interface_to_the_next_pool(site: Site) -> None:
    dual = pool("dual", "10.20.0.0/24")
    dual["spec"]["subnets"].append({"subnet": "fd00:20::8/128"})  # type: ignore[index]
    other = pool("other", "10.30.0.0/24")
    other["spec"]["subnets"].append({"subnet": "fd00:30::/64"})  # type: ignore[index]
    site.store.apply(dual, other)
    assert site.add("web/a", pools=["dual", "other"]) == "10.20.0.1"
    said = site.call("ADD", "web/b", pools=["dual", "other"])
    assert [each["address"] for each in said["ips"]] == ["10.30.0.1/24", "fd00:30::1/64"]
    assert [str(lease.address) for lease in site.store.ledger.leases(pool="dual")] == ["10.20.0.1", "fd00:20::8"]


def test_a_pod_keeps_its_address_whichever_pool_it_is_of(site: Site) -> None:
    site.store.apply(SMALL, LARGE)
    for name in "ab":
        site.add(f"web/{name}", pools=BOTH)
    assert site.add("db/mysql-0", "c1", pools=BOTH, sticky=True) == "10.30.0.1"
    for container in ("c1", "c-a", "c-b"):
        site.call("DEL", "db/mysql-0" if container == "c1" else f"web/{container[-1]}", container, pools=BOTH)
    assert site.add("db/mysql-0", "c2", pools=BOTH, sticky=True) == "10.30.0.1"
    assert site.add("web/c", pools=BOTH) == "10.20.0.8"
    reserved = site.store.ledger.reservations()
    assert [(str(one.address), one.pool) for one in reserved] == [("10.30.0.1", "large")]


def test_a_reservation_by_hand_in_a_later_pool_counts(site: Site) -> None:
    site.store.apply(SMALL, LARGE)
    site.store.ledger.reserve("large", ip("10.30.0.77"), PodRef(namespace="db", name="mysql-0"), "eth0", OPERATOR)
    assert site.add("db/mysql-0", pools=BOTH) == "10.30.0.77"
    assert site.add("db/mysql-1", pools=BOTH) == "10.20.0.8"


def test_an_address_in_use_by_its_own_pod_elsewhere_is_waited_for_and_no_other_pool_serves(site: Site) -> None:
    site.store.apply(SMALL, LARGE)
    site.store.ledger.reserve("large", ip("10.30.0.77"), PodRef(namespace="db", name="mysql-0"), "eth0", OPERATOR)
    assert site.add("db/mysql-0", "c1", pools=BOTH) == "10.30.0.77"
    site.node = replace(site.node, name="worker-2")
    assert site.add("db/mysql-0", "c2", pools=BOTH).startswith("11: ")


def test_a_pool_that_does_not_allow_the_namespace_refuses_and_is_not_passed_over(site: Site) -> None:
    site.store.apply(pool("gold", "10.50.0.0/24", allow=[{"namespaces": ["db"]}]), LARGE)
    assert site.add("web/a", pools=["gold", "large"]).startswith("102: pool gold does not let pod web/a use it")
    assert site.add("web/a", pools=["large", "gold"]) == "10.30.0.1"


def test_a_limit_on_sticky_reservations_refuses_and_is_not_passed_over(site: Site) -> None:
    site.store.apply(pool("kept", "10.50.0.0/24", stickyReservations=1), LARGE)
    assert site.add("db/a", pools=["kept", "large"], sticky=True) == "10.50.0.1"
    assert site.add("db/b", pools=["kept", "large"], sticky=True).startswith("102: pool kept keeps 1 IPv4 addresses")


def test_a_pool_that_there_is_not_is_an_error_once_it_is_its_turn(site: Site) -> None:
    site.store.apply(SMALL)
    assert site.add("web/a", pools=["small", "missing"]) == "10.20.0.8"
    assert site.add("web/b", pools=["missing", "small"]).startswith("7: pool: there is no pool 'missing'")


def test_addresses_that_all_rest_make_a_pool_full(site: Site) -> None:
    site.store.apply(pool("resting", "10.50.0.8/32", quarantine="1h"), LARGE)
    assert site.add("web/a", pools=["resting", "large"]) == "10.50.0.8"
    site.call("DEL", "web/a", pools=["resting", "large"])
    assert site.add("web/b", pools=["resting", "large"]) == "10.30.0.1"


def test_a_call_that_comes_again_keeps_the_pool_that_it_has(site: Site) -> None:
    site.store.apply(SMALL, LARGE)
    ipam = {"type": "podberth", "pools": BOTH}
    conf: dict[str, Any] = {"type": "bridge", "device": None, "bridge": None, "ipam": ipam}
    for name in "ab":
        site.add(f"web/{name}", **conf)
    assert site.add("web/c", **conf) == "10.30.0.1"
    site.call("DEL", "web/a", **conf)
    assert site.add("web/c", **conf) == "10.30.0.1"


def test_explain_says_which_pool_serves_and_why_the_others_do_not(site: Site) -> None:
    site.store.apply(SMALL, pool("b", "10.60.0.0/24", affinity=IN_ZONE_B), LARGE, declared("m", "small", "b", "large"))
    for name in "ab":
        site.add(f"web/{name}", pool="small")
    before = list(site.store.ledger.history())
    (found,) = explain(site.node, PodRef(namespace="db", name="m")).interfaces
    assert [str(each.address) for each in found.addresses] == ["10.30.0.1"]
    assert [(each.pool, each.why.partition(":")[0]) for each in found.passed_over] == [
        ("small", "pool small"), ("b", f"pool b is for nodes with {ZONE}=b; node worker-1 has {ZONE}=a"),
    ]  # fmt: skip
    (named,) = [each for each in found.values if each.field == "pool"]
    assert (named.value, named.detail.rpartition(": ")[2]) == ("large", "3 of small, b, large")
    assert list(site.store.ledger.history()) == before
    assert site.add("db/m") == "10.30.0.1"


def test_a_pool_for_other_nodes_is_passed_over(site: Site) -> None:
    site.store.apply(pool("a", "10.20.0.0/24", affinity=IN_ZONE_A), pool("b", "10.30.0.0/24", affinity=IN_ZONE_B))
    assert site.add("web/one", pools=["a", "b"]) == "10.20.0.1"
    site.labels["Node"] = {ZONE: "b"}
    assert site.add("web/two", pools=["a", "b"]) == "10.30.0.1"
    site.labels["Node"] = {}
    refused = site.add("web/three", pools=["a", "b"])
    assert refused.startswith(
        f"102: none of the pools is for it: pool a is for nodes with {ZONE}=a; node worker-1 has no"
    )
    assert "pool b is for nodes with" in refused


def test_a_pool_that_is_named_alone_refuses_whom_it_is_not_for(site: Site) -> None:
    affinity = {"podSelector": {"matchLabels": {"app": "mysql"}}, "namespaces": ["db"]}
    site.store.apply(pool("db", "10.20.0.0/24", affinity=affinity))
    assert site.add("web/a", pool="db").startswith("102: pool db is for namespaces db, not for namespace web")
    assert site.asked == []
    site.labels |= {"Pod db/web-0": {"app": "web"}, "Pod db/mysql-0": {"app": "mysql"}}
    refused = site.add("db/web-0", pool="db")
    assert refused.startswith("102: pool db is for pods with app=mysql; pod db/web-0 has app=web")
    assert site.add("db/mysql-0", pool="db") == "10.20.0.1"


def test_labels_that_are_not_known_take_no_address_of_any_pool(site: Site) -> None:
    affinity = {"podSelector": {"matchLabels": {"app": "mysql"}}}
    site.store.apply(pool("db", "10.20.0.0/24", affinity=affinity), LARGE)
    refused = site.add("db/mysql-0", pools=["db", "large"])
    assert refused.startswith("11: the labels of Pod db/mysql-0 are not known")
    assert site.store.ledger.leases() == ()
    (found,) = explain(site.node, PodRef(namespace="db", name="mysql-0"), _conf("db")).interfaces
    assert (found.refusal.code if found.refusal else 0) == 11
    assert site.add("db/mysql-0", pools=["large", "db"]) == "10.30.0.1"


def test_a_namespace_s_labels_choose_a_pool(site: Site) -> None:
    affinity = {"namespaceSelector": {"matchExpressions": [{"key": "tier", "operator": "Exists"}]}}
    site.store.apply(pool("tiered", "10.20.0.0/24", affinity=affinity), LARGE)
    site.labels |= {"Namespace db": {"tier": "1"}, "Namespace web": {}}
    assert site.add("db/a", pools=["tiered", "large"]) == "10.20.0.1"
    assert site.add("web/b", pools=["tiered", "large"]) == "10.30.0.1"


def test_a_network_of_another_name_has_another_pool(site: Site) -> None:
    site.store.apply(pool("bank", "10.20.0.0/24", affinity={"networks": ["banknet"]}), LARGE)
    assert site.add("web/a", pools=["bank", "large"]) == "10.20.0.1"
    assert site.add("web/b", pools=["bank", "large"], name="othernet") == "10.30.0.1"


def test_a_fixed_address_of_another_zone_is_refused_with_both_parties(site: Site) -> None:
    site.store.apply(pool("a", "10.20.0.0/24", affinity=IN_ZONE_A), pool("b", "10.30.0.0/24", affinity=IN_ZONE_B))
    both = ["a", "b"]
    assert site.add("db/mysql-0", "c1", pools=both, sticky=True) == "10.20.0.1"
    site.call("DEL", "db/mysql-0", "c1", pools=both, sticky=True)
    site.labels["Node"] = {ZONE: "b"}
    words = f"10.20.0.1 is reserved for db/mysql-0 (eth0, sticky), and pool a is for nodes with {ZONE}=a; node worker-1"
    refused = site.add("db/mysql-0", "c2", pools=both, sticky=True)
    assert refused.startswith(f"102: {words} has {ZONE}=b; start the pod where the pool is for it")
    (found,) = explain(site.node, PodRef(namespace="db", name="mysql-0"), _conf(*both)).interfaces
    assert found.refusal is not None
    assert found.refusal.msg.startswith(words)
    site.labels["Node"] = {ZONE: "a"}
    assert site.add("db/mysql-0", "c3", pools=both, sticky=True) == "10.20.0.1"


def test_a_declared_address_of_another_zone_is_refused_too(site: Site) -> None:
    fixed = declared("mysql-0")
    fixed["spec"]["attachments"] = [{"pool": "b", "addresses": ["10.30.0.9"]}]  # type: ignore[index]
    site.store.apply(pool("b", "10.30.0.0/24", affinity=IN_ZONE_B), fixed)
    refused = site.add("db/mysql-0")
    assert refused.startswith("102: 10.30.0.9 is reserved for db/mysql-0 (eth0, declared), and pool b is for nodes")


def test_what_runs_is_not_touched_when_labels_change(site: Site) -> None:
    site.store.apply(pool("a", "10.20.0.0/24", affinity=IN_ZONE_A))
    said = site.call("ADD", "web/one", pool="a")
    site.labels["Node"] = {ZONE: "b"}
    assert site.call("CHECK", "web/one", pool="a", prevResult=said) == {}
    assert site.call("DEL", "web/one", pool="a") == {}


def test_a_pod_that_runs_in_a_pool_that_is_no_more_on_the_list_is_told_what_it_would_have_now(site: Site) -> None:
    site.store.apply(SMALL, LARGE, pool("third", "10.70.0.0/24", mtu=1400))
    site.add("web/one", pools=["small", "large"])
    (record,) = site.node.attachments.all()
    before = outdated(site.node, record, find_plugin)
    conf = json.loads(record.conf) | {"pools": ["third", "large"]}
    now = outdated(site.node, replace(record, conf=json.dumps(conf)), find_plugin)
    assert (before, now) == ((), ())  # nothing is known of an address that no pool of the list has


def test_an_address_that_somebody_names_picks_the_pool_of_the_list_that_has_it(site: Site) -> None:
    site.store.apply(SMALL, LARGE, declared("mysql-0", "small", "large"))
    fixed = declared("mysql", namespace="db")
    fixed["spec"] = {
        "statefulSet": {"name": "mysql"},
        "attachments": [{"ordinals": [{"list": ["10.30.0.9"]}]}],
    }
    site.store.apply(fixed)
    (found,) = explain(site.node, PodRef(namespace="db", name="mysql-0")).interfaces
    assert [str(each.address) for each in found.addresses] == ["10.30.0.9"]
    assert site.add("db/mysql-0") == "10.30.0.9"


def test_a_declaration_for_pods_of_a_namespace_that_the_pool_is_not_for_is_refused(site: Site) -> None:
    fixed = declared("web-0", namespace="web")
    fixed["spec"]["attachments"] = [{"pool": "db", "addresses": ["10.20.0.9"]}]  # type: ignore[index]
    with pytest.raises(Conflicts, match="pool db is for namespaces db, not for namespace web"):
        site.store.apply(pool("db", "10.20.0.0/24", affinity={"namespaces": ["db"]}), fixed)


def test_pools_that_are_named_have_to_be_there_and_stay(site: Site) -> None:
    with pytest.raises(Conflicts, match="there is no pool 'large'"):
        site.store.apply(SMALL, declared("mysql-0", "small", "large"))
    site.store.apply(SMALL, LARGE, declared("mysql-0", "small", "large"))
    with pytest.raises((Conflicts, Refused), match="PodNetwork db/mysql-0 names it"):
        site.store.policies.delete("Pool", "", "large", OPERATOR)


def _conf(*pools: str) -> NetConf:
    conf = {"cniVersion": "1.0.0", "name": "banknet", "type": "podberth", "device": "bridge", "bridge": "br0"}
    return configuration({**conf, "pools": list(pools), "sticky": True})
