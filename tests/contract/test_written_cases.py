"""Cases that Spiderpool has written down for affinity, reclaim, assignment and annotations, on every store.

docs/cases.md says which case is which test.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cni.pod import PodRef
from podberth.cni.value import replace
from tests.contract.declarations import OPERATOR, STORES
from tests.contract.labelled import IN_ZONE_A, IN_ZONE_B, ZONE, Site, declared, pool

if TYPE_CHECKING:
    from pathlib import Path

MYSQL = {"podSelector": {"matchLabels": {"app": "mysql"}}}
TIERED = {"namespaceSelector": {"matchLabels": {"tier": "gold"}}}
DUAL = [{"subnet": "10.20.0.0/24"}, {"subnet": "fd00:20::/64"}]


@pytest.fixture(params=STORES)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    return Site(STORES[request.param](tmp_path / "store"), tmp_path / "state")


def held(site: Site) -> dict[str, str]:
    """Return which pod has which address."""
    return {str(lease.pod): str(lease.address) for lease in site.store.ledger.leases()}


def test_a_pod_on_a_node_that_the_pool_is_for_runs(site: Site) -> None:
    site.store.apply(pool("a", "10.20.0.0/24", affinity=IN_ZONE_A))
    assert site.add("web/one", pool="a") == "10.20.0.1"


def test_a_pod_on_a_node_that_the_pool_is_not_for_fails(site: Site) -> None:
    site.store.apply(pool("b", "10.20.0.0/24", affinity=IN_ZONE_B))
    assert site.add("web/one", pool="b").startswith(f"102: pool b is for nodes with {ZONE}=b; node worker-1 has")
    assert held(site) == {}


def test_a_pod_of_a_namespace_that_the_pool_is_for_runs(site: Site) -> None:
    site.store.apply(pool("gold", "10.20.0.0/24", affinity=TIERED))
    site.labels["Namespace db"] = {"tier": "gold"}
    assert site.add("db/one", pool="gold") == "10.20.0.1"


def test_a_pod_of_a_namespace_that_the_pool_is_not_for_fails(site: Site) -> None:
    site.store.apply(pool("gold", "10.20.0.0/24", affinity=TIERED))
    site.labels["Namespace web"] = {"tier": "tin"}
    assert site.add("web/one", pool="gold").endswith("name another pool")
    assert "namespaces with tier=gold; namespace web has tier=tin" in site.add("web/one", pool="gold")


def test_a_pod_whose_labels_the_pool_is_for_runs(site: Site) -> None:
    site.store.apply(pool("db", "10.20.0.0/24", affinity=MYSQL))
    site.labels["Pod db/mysql-0"] = {"app": "mysql"}
    assert site.add("db/mysql-0", pool="db") == "10.20.0.1"


def test_a_pod_whose_labels_the_pool_is_not_for_fails(site: Site) -> None:
    site.store.apply(pool("db", "10.20.0.0/24", affinity=MYSQL))
    site.labels["Pod db/web-0"] = {}
    assert "pods with app=mysql; pod db/web-0 has no app" in site.add("db/web-0", pool="db")


def test_a_daemon_set_over_zones_has_the_pool_of_each_zone(site: Site) -> None:
    site.store.apply(pool("a", "10.20.0.0/24", affinity=IN_ZONE_A), pool("b", "10.30.0.0/24", affinity=IN_ZONE_B))
    got = []
    for number, zone in enumerate("abab"):
        site.labels["Node"] = {ZONE: zone}
        site.node = replace(site.node, name=f"worker-{number}")
        got.append(site.add(f"kube-system/logs-{number}", pools=["a", "b"]))
    assert [address.split(".")[1] for address in got] == ["20", "30", "20", "30"]
    assert len(set(got)) == 4


def test_a_stateful_set_that_is_restarted_keeps_its_addresses_in_a_pool_for_its_labels(site: Site) -> None:
    site.store.apply(pool("db", "10.20.0.0/24", affinity=MYSQL))
    names = [f"db/mysql-{number}" for number in range(3)]
    site.labels |= {f"Pod {name}": {"app": "mysql"} for name in names}
    first = {name: site.add(name, f"a-{name[-1]}", pool="db", sticky=True) for name in names}
    for name in names:
        site.call("DEL", name, f"a-{name[-1]}", pool="db", sticky=True)
    again = {name: site.add(name, f"b-{name[-1]}", pool="db", sticky=True) for name in reversed(names)}
    assert again == first


def test_a_namespace_has_several_pools_and_a_pool_several_namespaces(site: Site) -> None:
    both = {"namespaces": ["db", "web"]}
    site.store.apply(
        pool("one", "10.20.0.0/24", affinity=both), pool("two", "10.30.0.0/24", affinity={"namespaces": ["db"]})
    )
    assert [site.add("db/a", pool="one"), site.add("db/b", pool="two")] == ["10.20.0.1", "10.30.0.1"]
    assert site.add("web/c", pool="one").startswith("10.20.0.")
    assert site.add("web/d", pool="two").startswith("102: ")


def test_a_pod_keeps_its_address_when_one_of_its_name_in_another_namespace_ends(site: Site) -> None:
    site.store.apply(pool("db", "10.20.0.0/24"))
    for namespace in ("db", "web"):
        site.add(f"{namespace}/same", f"c-{namespace}", pool="db", sticky=True)
    site.call("DEL", "web/same", "c-web", pool="db")
    (gone,) = site.store.ledger.reservations(pod=PodRef(namespace="web", name="same"))
    site.store.ledger.release(gone.address, OPERATOR)
    (kept,) = site.store.ledger.reservations()
    assert held(site) == {"db/same": str(kept.address)}
    assert site.add("db/other", pool="db") != str(kept.address)


def test_a_lease_of_an_older_container_of_the_pod_is_no_hindrance_once_its_namespace_is_gone(site: Site) -> None:
    site.store.apply(pool("db", "10.20.0.8/32"))
    assert site.add("db/mysql-0", "older", pool="db", sticky=True) == "10.20.0.8"
    del site.host.namespaces["/run/netns/older"]
    assert site.add("db/mysql-0", "newer", pool="db", sticky=True) == "10.20.0.8"
    assert site.call("DEL", "db/mysql-0", "older", pool="db") == {}
    assert held(site) == {"db/mysql-0": "10.20.0.8"}


def test_addresses_of_a_stateful_set_that_was_scaled_down_are_free_once_released(site: Site) -> None:
    site.store.apply(pool("db", "10.20.0.8/30"))
    for number in range(2):
        site.add(f"db/mysql-{number}", pool="db", sticky=True)
        site.call("DEL", f"db/mysql-{number}", pool="db")
    assert site.add("web/one", pool="db").startswith("100: ")
    for kept in site.store.ledger.reservations():
        site.store.ledger.release(kept.address, OPERATOR)
    assert site.add("web/one", pool="db") in ("10.20.0.9", "10.20.0.10")


@pytest.mark.parametrize("sticky", [True, False])
def test_two_stateful_sets_that_scale_up_and_down_on_one_pool_never_share_an_address(site: Site, sticky: bool) -> None:
    site.store.apply(pool("db", "10.20.0.0/27"))
    had: dict[str, str] = {}
    for up, down in ((5, 2), (8, 3), (4, 0)):
        for name in ("mysql", "redis"):
            for number in range(up):
                pod = f"db/{name}-{number}"
                if pod in held(site):
                    continue
                got = site.add(pod, f"{pod[3:]}-{up}", pool="db", sticky=sticky)
                assert got == (had.setdefault(pod, got) if sticky else got)
        now = held(site)
        assert len(set(now.values())) == len(now) == 2 * max(up, 0)
        for lease in site.store.ledger.leases():
            if lease.pod is not None and int(lease.pod.name.rpartition("-")[2]) >= down:
                site.call("DEL", str(lease.pod), lease.attachment.container_id, pool="db")
    assert held(site) == {}


def test_workloads_of_all_kinds_that_compete_for_one_pool_have_each_address_once(site: Site) -> None:
    """As many pods as addresses, from several threads, over and over; each time all are served."""
    site.store.apply(pool("db", "10.20.0.0/28"))
    names = [f"{kind}-{number}" for kind in ("deploy-abc", "set", "daemon", "job") for number in range(3)]
    complaints: list[str] = []

    def life(name: str) -> None:
        for turn in range(3):
            said = site.call("ADD", f"web/{name}", f"c-{name}-{turn}", pool="db")
            if "ips" not in said:
                complaints.append(str(said))
            site.call("DEL", f"web/{name}", f"c-{name}-{turn}", pool="db")

    threads = [threading.Thread(target=life, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert complaints == []
    assert held(site) == {}
    owners: dict[str, str] = {}
    for event in site.store.ledger.history():
        if event.kind == "Bound":
            assert owners.setdefault(str(event.address), str(event.attachment)) == str(event.attachment)
        elif event.kind == "Unbound":
            assert owners.pop(str(event.address)) == str(event.attachment)


@pytest.mark.parametrize("families", [[DUAL[0]], [DUAL[1]], DUAL], ids=["IPv4", "IPv6", "both"])
@pytest.mark.parametrize("name", ["one", "web-5d9c7b8f4-abcde", "mysql-0", "logs-x7k2p", "job-1-z9"])
def test_a_pod_of_any_workload_has_an_address_of_each_family_of_its_pool(
    site: Site, families: list[dict[str, str]], name: str
) -> None:
    made = pool("db", "10.20.0.0/24")
    made["spec"]["subnets"] = families  # type: ignore[index]
    site.store.apply(made)
    said = site.call("ADD", f"web/{name}", pool="db")
    assert [one["address"].partition("/")[2] for one in said["ips"]] == [one["subnet"][-2:] for one in families]


def test_a_pod_fails_when_its_pool_has_no_address_left(site: Site) -> None:
    site.store.apply(pool("db", "10.20.0.8/32"))
    assert site.add("web/one", pool="db") == "10.20.0.8"
    assert site.add("web/two", pool="db").startswith("100: pool db: no free IPv4 address: 1 of 1 leased")


@pytest.mark.parametrize("family", DUAL, ids=["IPv4", "IPv6"])
def test_a_pod_of_a_network_with_both_families_has_one_alone_by_its_own_pool(
    site: Site, family: dict[str, str]
) -> None:
    both, single = pool("both", "10.20.0.0/24"), pool("single", "10.30.0.0/24")
    both["spec"]["subnets"] = DUAL  # type: ignore[index]
    single["spec"]["subnets"] = [{"subnet": family["subnet"].replace("20", "30")}]  # type: ignore[index]
    site.store.apply(both, single, declared("one", "single"))
    assert len(site.call("ADD", "db/one", pool="both")["ips"]) == 1
    assert len(site.call("ADD", "db/two", pool="both")["ips"]) == 2


def annotated(*attachments: object) -> dict[str, Any]:
    annotations = {"podberth.io/network": json.dumps(list(attachments))}
    return {
        "capabilities": {"io.kubernetes.cri.pod-annotations": True},
        "runtimeConfig": {"io.kubernetes.cri.pod-annotations": annotations},
    }


ASKING = {"allow": [{"namespaces": ["db", "web"], "podRequests": True}]}


def test_an_annotation_s_pools_are_tried_in_their_order(site: Site) -> None:
    site.store.apply(
        pool("one", "10.20.0.8/32", **ASKING), pool("two", "10.30.0.0/24", **ASKING), pool("net", "10.40.0.0/24")
    )
    wish = annotated({"pools": ["one", "two"]})
    assert [site.add(f"web/{name}", pool="net", **wish) for name in "ab"] == ["10.20.0.8", "10.30.0.1"]
    assert site.add("web/c", pool="net") == "10.40.0.1"


def test_an_annotation_goes_before_the_network_and_a_podnetwork_before_both(site: Site) -> None:
    site.store.apply(
        *(pool(name, f"10.{n}.0.0/24", **ASKING) for n, name in enumerate(("own", "asked", "net"), 20)),
        declared("declared", "own"),
    )
    wish = annotated({"pools": ["asked"]})
    assert site.add("db/declared", pool="net", **wish) == "10.20.0.1"
    assert site.add("db/asks", pool="net", **wish) == "10.21.0.1"
    assert site.add("db/none", pool="net") == "10.22.0.1"


@pytest.mark.parametrize(
    ("wish", "at"),
    [
        ({"pools": ["one", "one"]}, "pools: expected each pool once"),
        ({"pools": ["one", "mis sing"]}, "pools: expected a name of lower-case"),
        ({"pools": ["one"], "pool": "one"}, "pools: is said beside `pool`"),
        ({"pools": ["one*"]}, "pools: expected a name of lower-case"),
        ({"ippool": ["one"]}, "ippool: unknown field"),
    ],
)
def test_a_pod_with_an_annotation_that_is_wrong_fails(site: Site, wish: dict[str, Any], at: str) -> None:
    site.store.apply(pool("one", "10.20.0.0/24", **ASKING))
    refused = site.add("web/a", pool="one", **annotated(wish))
    assert refused.startswith(f"7: pod annotation podberth.io/network: attachments[0].{at}"), refused


def test_an_annotation_that_names_an_interface_twice_is_wrong(site: Site) -> None:
    site.store.apply(pool("one", "10.20.0.0/24", **ASKING))
    refused = site.add("web/a", pool="one", **annotated({"pools": ["one"]}, {"pools": ["one"]}))
    assert "an earlier attachment declares 'eth0'" in refused


def test_an_annotation_about_one_interface_leaves_the_other_its_network_s_pool(site: Site) -> None:
    site.store.apply(pool("one", "10.20.0.0/24", **ASKING), pool("net", "10.40.0.0/24"))
    wish = annotated({"ifname": "net1", "pools": ["one"]})
    first = site.call("ADD", "web/a", pool="net", **wish)
    second = site.call("ADD", "web/a", ifname="net1", pool="net", **wish)
    assert [one["ips"][0]["address"] for one in (first, second)] == ["10.40.0.1/24", "10.20.0.1/24"]


def test_an_interface_whose_pools_are_full_takes_nothing_of_another_interface_s(site: Site) -> None:
    site.store.apply(pool("one", "10.20.0.8/32", **ASKING), pool("two", "10.30.0.0/24", **ASKING))
    wish = annotated({"pools": ["one"]}, {"ifname": "net1", "pools": ["two"]})
    site.add("web/before", pool="two", **annotated({"pools": ["one"]}))
    for turn in range(5):
        assert site.add("web/a", f"c-{turn}", pool="two", **wish).startswith("100: pool one: no free IPv4 address")
    assert held(site) == {"web/before": "10.20.0.8"}


def test_another_pool_in_a_declaration_is_the_one_of_the_next_start(site: Site) -> None:
    site.store.apply(pool("one", "10.20.0.0/24"), pool("two", "10.30.0.0/24"), declared("mysql-0", "one"))
    assert site.add("db/mysql-0", "c1") == "10.20.0.1"
    site.store.apply(declared("mysql-0", "two", "one"))
    assert held(site) == {"db/mysql-0": "10.20.0.1"}
    site.call("DEL", "db/mysql-0", "c1")
    assert site.add("db/mysql-0", "c2") == "10.30.0.1"
    assert site.store.ledger.reservations(pod=PodRef(namespace="db", name="mysql-0")) == ()
