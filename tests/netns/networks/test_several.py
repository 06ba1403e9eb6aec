"""A pod with several networks, by a real API server's definitions and annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.netns.networks.conftest import leg

if TYPE_CHECKING:
    from tests.netns.networks.conftest import Site


def test_a_pod_without_an_annotation_has_the_clusters_network_alone(site: Site) -> None:
    pod = site.pod("web-0")
    added = site.call("ADD", pod)
    assert added.code == 0, added.stdout
    assert added.address.startswith("10.80.0.")
    assert set(site.node.links(pod.netns)) == {"lo", "eth0"}
    assert site.call("CHECK", pod, prevResult=added.result).code == 0
    assert [(one["name"], one["interface"], one["default"]) for one in site.status(pod)] == [("cluster", "eth0", True)]
    assert site.call("DEL", pod).code == 0
    assert set(site.node.links(pod.netns)) == {"lo"}


def test_a_pod_has_a_leg_for_each_network_that_it_selects_and_they_go_with_it(site: Site) -> None:
    site.define("storage", leg(site.folder))
    pod = site.pod("mysql-0", "storage, bank/storage@backup")
    added = site.call("ADD", pod)
    assert added.code == 0, added.stdout
    links = site.node.links(pod.netns)
    assert set(links) == {"lo", "eth0", "net1", "backup"}
    told = site.status(pod)
    assert [(one["name"], one["interface"]) for one in told] == [
        ("cluster", "eth0"), ("bank/storage", "net1"), ("bank/storage", "backup"),
    ]  # fmt: skip
    assert all(one["mac"] == links[one["interface"]]["address"] for one in told)
    assert [ip for one in told[1:] for ip in one["ips"]] == ["10.81.0.2", "10.81.0.3"]
    assert site.call("CHECK", pod, prevResult=added.result).code == 0
    assert site.call("DEL", pod).code == 0
    assert set(site.node.links(pod.netns)) == {"lo"}
    assert site.node.rows("SELECT * FROM leases") == []
    assert site.call("DEL", pod).code == 0
