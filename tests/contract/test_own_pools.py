"""A pool for an application, on every store: made with its PodNetwork, grown and shrunk with it, and gone with it."""

from __future__ import annotations

import threading
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest

from podberth.ipam.pool import Pool
from podberth.policy.admission import Conflicts
from tests.contract.declarations import OPERATOR, STORES
from tests.contract.labelled import Site, pool

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.cni.errors import CniError

NAME = "db.eth0.reports"


def parent(automatic: str = "10.20.0.64/28", **spec: object) -> dict[str, Any]:
    made = pool("db", "10.20.0.0/24", **spec)
    made["spec"]["subnets"] = [{"subnet": "10.20.0.0/24", "gateway": "10.20.0.1", "automatic": [automatic]}]  # type: ignore[index]
    return made


def app(name: str, addresses: int, **more: object) -> dict[str, Any]:
    return {
        "kind": "PodNetwork",
        "metadata": {"namespace": "db", "name": name},
        "spec": {
            "deployment": {"name": name},
            "attachments": [{"ownPool": {"from": "db", "addresses": addresses}, **more}],
        },
    }


def pod(name: str, number: int) -> str:
    return f"db/{name}-5d9c7b8f4-bcdf{'2456789'[number]}"


@pytest.fixture(params=STORES)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    return Site(STORES[request.param](tmp_path / "store"), tmp_path / "state")


def ranges(site: Site, name: str = NAME) -> list[str]:
    found = site.store.policies.pool(name)
    if found is None:
        return []
    return [f"{span.first}-{span.last}".replace("10.20.0.", "") for s in found.subnets for span in s.ranges]


def test_an_application_has_a_pool_of_its_own_with_its_podnetwork(site: Site) -> None:
    site.store.apply(parent(mtu=1400, quarantine="10m"))
    made = site.store.apply(app("reports", 4))
    assert made.created == ("PodNetwork db/reports", f"Pool {NAME}")
    found = site.store.policies.pool(NAME)
    assert isinstance(found, Pool)
    assert ranges(site) == ["64-67"]
    assert (found.settings.mtu, found.quarantine, str(found.subnets[0].gateway)) == (1400, 600, "10.20.0.1")
    got = [site.add(pod("reports", number), pool="db") for number in range(5)]
    assert sorted(got[:4]) == [f"10.20.0.{n}" for n in range(64, 68)]
    assert got[4].startswith(f"100: pool {NAME}: no free IPv4 address: 4 of 4 leased")
    assert site.add("db/other", pool="db") == "10.20.0.2"
    assert site.store.again().policies.pool(NAME) is not None


def test_the_parent_gives_out_nothing_that_it_sets_aside(site: Site) -> None:
    site.store.apply(pool("db", "10.20.0.8/30") | {"spec": {"subnets": [
        {"subnet": "10.20.0.8/30", "automatic": ["10.20.0.9"]}]}})  # fmt: skip
    assert site.add("db/one", pool="db") == "10.20.0.10"
    assert site.add("db/two", pool="db").startswith("100: ")
    fixed = app("x", 1)
    fixed["spec"] = {"pod": "x", "attachments": [{"pool": "db", "addresses": ["10.20.0.9"]}]}
    with pytest.raises(Conflicts, match=r"10.20.0.9 is set aside for pools of applications in pool db"):
        site.store.apply(fixed)


def test_it_grows_and_shrinks_with_its_declaration_and_keeps_what_somebody_has(site: Site) -> None:
    site.store.apply(parent(), app("reports", 2), app("other", 2))
    assert sorted((ranges(site), ranges(site, "db.eth0.other"))) == [["64-65"], ["66-67"]]
    site.store.apply(app("reports", 4), app("other", 2))
    assert len([ip for span in ranges(site) for ip in _all(span)]) == 4
    taken = {site.add(pod("reports", n), f"r{n}", pool="db") for n in range(4)}
    highest = max(taken, key=lambda text: int(ip_address(text)))
    for lease in site.store.ledger.leases(pool=NAME):
        if str(lease.address) != highest:
            site.call("DEL", str(lease.pod), lease.attachment.container_id, pool="db")
    site.store.apply(app("reports", 1), app("other", 2))
    assert ranges(site) == [f"{highest}-{highest}".replace("10.20.0.", "")]


def _all(span: str) -> range:
    first, _, last = span.partition("-")
    return range(int(first), int(last) + 1)


def test_it_goes_with_its_podnetwork_but_never_while_somebody_has_an_address(site: Site) -> None:
    site.store.apply(parent(), app("reports", 2))
    site.add(pod("reports", 0), "r0", pool="db")
    site.store.policies.delete("PodNetwork", "db", "reports", OPERATOR)
    assert ranges(site) == ["64-65"]
    assert [str(lease.address) for lease in site.store.ledger.leases()] in (["10.20.0.64"], ["10.20.0.65"])
    site.store.apply(app("other", 1))
    assert ranges(site, "db.eth0.other") == ["66-66"]  # not one of those
    site.call("DEL", pod("reports", 0), "r0", pool="db")
    gone = site.store.apply(app("other", 1))
    assert gone.deleted == (f"Pool {NAME}",)
    assert ranges(site) == []
    site.store.policies.delete("PodNetwork", "db", "other", OPERATOR)
    assert [each.name for each in site.store.policies.pools()] == ["db"]


def test_an_address_that_rests_keeps_the_pool_too(site: Site) -> None:
    site.store.apply(parent(quarantine="1h"), app("reports", 1))
    site.add(pod("reports", 0), "r0", pool="db")
    site.call("DEL", pod("reports", 0), "r0", pool="db")
    site.store.policies.delete("PodNetwork", "db", "reports", OPERATOR)
    assert ranges(site) == ["64-64"]
    site.store.apply(app("other", 1))
    assert ranges(site, "db.eth0.other") == ["65-65"]


def test_a_source_that_drops_the_podnetwork_drops_the_pool_and_no_other_does(site: Site) -> None:
    site.store.apply(parent(), source="pools")
    site.store.apply(app("reports", 2), source="directory", prune=True)
    site.store.apply(app("other", 1), source="elsewhere", prune=True)
    assert (ranges(site), ranges(site, "db.eth0.other")) == (["64-65"], ["66-66"])
    site.store.apply(app("third", 1), source="directory", prune=True)
    assert (ranges(site), ranges(site, "db.eth0.other")) == ([], ["66-66"])


def test_with_too_few_addresses_left_nothing_is_changed(site: Site) -> None:
    site.store.apply(parent("10.20.0.64/30"), app("reports", 3))
    with pytest.raises(Conflicts, match="db/other: ownPool of eth0: pool db has 1 IPv4 addresses left"):
        site.store.apply(app("other", 2))
    assert [each.name for each in site.store.policies.pod_networks()] == ["reports"]
    assert ranges(site, "db.eth0.other") == []


def test_pools_of_a_namespace_have_no_more_of_their_parent_than_its_rule_says(site: Site) -> None:
    site.store.apply(parent(allow=[{"namespaces": ["db"], "ownPools": 6}]), app("reports", 4))
    with pytest.raises(Conflicts, match=r"may have 6 addresses of pool db .*: its others have 4, and 3 are wanted"):
        site.store.apply(app("other", 3))
    site.store.apply(app("other", 2))
    with pytest.raises(Conflicts, match="its others have 4, and 3 are wanted"):
        site.store.apply(app("other", 3))
    assert (ranges(site), ranges(site, "db.eth0.other")) == (["64-67"], ["68-69"])


def test_a_rule_that_is_made_tighter_takes_nothing_and_lets_a_pool_shrink(site: Site) -> None:
    site.store.apply(parent(allow=[{"namespaces": ["db"], "ownPools": 6}]), app("reports", 4))
    site.store.apply(parent(allow=[{"namespaces": ["db"], "ownPools": 2}]))
    site.store.apply(app("reports", 4))
    assert ranges(site) == ["64-67"]
    site.store.apply(app("reports", 3))
    assert ranges(site) == ["64-66"]
    with pytest.raises(Conflicts, match="may have 2 addresses"):
        site.store.apply(app("reports", 4))


def other_parent(most: int) -> dict[str, Any]:
    made = pool("db2", "10.30.0.0/24", allow=[{"namespaces": ["db"], "ownPools": most}])
    made["spec"]["subnets"] = [{"subnet": "10.30.0.0/24", "automatic": ["10.30.0.64/28"]}]  # type: ignore[index]
    return made


def of_other(name: str, addresses: int) -> dict[str, Any]:
    return app(name, addresses, ownPool={"from": "db2", "addresses": addresses})


def test_an_application_that_chooses_another_parent_has_addresses_of_that_within_its_rule(site: Site) -> None:
    site.store.apply(parent(), other_parent(6), app("reports", 4), of_other("other", 4))
    with pytest.raises(Conflicts, match=r"may have 6 addresses of pool db2 .*: its others have 4, and 4 are wanted"):
        site.store.apply(of_other("reports", 4))
    assert ranges(site) == ["64-67"]
    site.store.apply(of_other("reports", 2))
    assert ranges(site) == ["10.30.0.68-10.30.0.69"]


def test_an_application_keeps_its_parent_while_a_pod_has_an_address_of_it(site: Site) -> None:
    site.store.apply(parent(), other_parent(8), app("reports", 2))
    assert site.add(pod("reports", 0)) in {"10.20.0.64", "10.20.0.65"}
    with pytest.raises(Conflicts, match=r"pool db2 has no addresses for it with 10\.20\.0\.6[45], which pool"):
        site.store.apply(of_other("reports", 2))
    assert ranges(site) == ["64-65"]


def test_a_parent_that_gets_other_subnets_gives_its_pools_addresses_of_these(site: Site) -> None:
    site.store.apply(parent(), app("reports", 2))
    moved = {**other_parent(8), "metadata": {"name": "db"}}
    site.store.apply(moved)
    assert ranges(site) == ["10.30.0.64-10.30.0.65"]
    assert site.add(pod("reports", 0)) in {"10.30.0.64", "10.30.0.65"}
    with pytest.raises(Conflicts, match=r"has no addresses for it with 10\.30\.0\.6[45]"):
        site.store.apply(parent())


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (pool("db", "10.20.0.0/24"), "pool db sets no addresses aside for pools of applications"),
        (pool("another", "10.30.0.0/24"), "there is no pool 'db'"),
    ],
)
def test_a_parent_that_is_missing_or_sets_nothing_aside_is_named(
    site: Site, document: dict[str, Any], why: str
) -> None:
    with pytest.raises(Conflicts, match=why):
        site.store.apply(document, app("reports", 2))
    assert site.store.policies.pools() == ()


def test_what_the_parent_changes_its_pools_have_too(site: Site) -> None:
    site.store.apply(parent(), app("reports", 2))
    made = site.store.apply(parent(mtu=9000))
    assert made.changed == ("Pool db", f"Pool {NAME}")
    found = site.store.policies.pool(NAME)
    assert found is not None
    assert found.settings.mtu == 9000


def test_a_parent_can_not_go_or_take_back_what_it_has_set_aside_while_a_pool_has_it(site: Site) -> None:
    site.store.apply(parent(), app("reports", 2))
    with pytest.raises(Conflicts, match="PodNetwork db/reports names it"):
        site.store.policies.delete("Pool", "", "db", OPERATOR)
    with pytest.raises(Conflicts, match="sets no addresses aside"):
        site.store.apply(pool("db", "10.20.0.0/24"))
    with pytest.raises(Conflicts, match=r"pools db and db\.eth0\.reports overlap"):
        site.store.apply(parent("10.20.0.128/28"))
    assert ranges(site) == ["64-65"]


def test_a_pool_of_an_application_is_for_its_namespace_alone(site: Site) -> None:
    site.store.apply(parent(), app("reports", 2))
    assert site.add("web/one", pool=NAME).startswith(f"102: pool {NAME} is for namespaces db, not for namespace web")


def test_the_same_again_changes_nothing(site: Site) -> None:
    site.store.apply(parent(), app("reports", 2))
    again = site.store.apply(parent(), app("reports", 2))
    assert (again.created, again.changed, again.deleted) == ((), (), ())


def test_a_try_changes_nothing(site: Site) -> None:
    site.store.apply(parent())
    found = site.store.apply(app("reports", 2), dry_run=True)
    assert found.created == ("PodNetwork db/reports", f"Pool {NAME}")
    assert ranges(site) == []


def test_applications_that_are_declared_at_once_share_no_address(site: Site) -> None:
    site.store.apply(parent())
    failures: list[CniError] = []

    def declare(store: Any, name: str) -> None:
        try:
            store.apply(app(name, 3))
        except Exception as failure:  # noqa: BLE001 - the test says which
            failures.append(failure)  # type: ignore[arg-type]

    clients = [(site.store.again(), f"app{n}") for n in range(5)]
    threads = [threading.Thread(target=declare, args=client) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    again = site.store.again()
    assert len(again.policies.pools()) == 6
    found = [ip for p in again.policies.pools() if p.made_for for s in p.subnets for span in s.ranges
             for ip in range(int(span.first), int(span.last) + 1)]  # fmt: skip
    assert len(found) == len(set(found)) == 15
