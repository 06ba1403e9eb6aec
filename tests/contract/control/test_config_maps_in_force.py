"""ConfigMaps by kubectl, with no webhook at the door: what does not pass leaves the last good text in force."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from podberth.kube.resources import CONFIG_MAPS
from podberth.stores.kubernetes.copies import FOLLOWED, LAST_GOOD, OF, is_copy
from tests.contract.control.cluster import HOME, config_map, podnetwork, pool
from tests.contract.control.new_node import new_node, told
from tests.waiting import until

if TYPE_CHECKING:
    from podberth.kube.client import Object
    from tests.contract.control.cluster import Cluster

WEB = podnetwork("web", "10.20.0.9", namespace="bank")
OTHER = podnetwork("web", "10.20.0.10", namespace="bank")


def declared(cluster: Cluster) -> list[str]:
    """Return what a node that was never there has in force."""
    policies, _ = new_node(cluster)
    return [
        f"{one.name} {','.join(str(a) for policy in one.attachments for a in policy.addresses)}"
        for one in policies.pod_networks()
    ]


def copies(cluster: Cluster) -> dict[str, Object]:
    """Return the copies, each by the ConfigMap that it is of."""
    found = cluster.client.list(CONFIG_MAPS, labels=FOLLOWED).items
    return {one["metadata"]["annotations"][OF]: one for one in found if is_copy(one, HOME)}


def text(*documents: Any) -> str:
    return "\n---\n".join(one if isinstance(one, str) else json.dumps(one) for one in documents)


@pytest.fixture
def begun(cluster: Cluster) -> Cluster:
    """A cluster with a controller, and the ConfigMap bank/web, of which there is a copy."""
    allowing = pool()
    allowing["spec"]["allow"] = [{"namespaces": ["bank"]}]
    cluster.apply(allowing)
    cluster.controller()
    cluster.apply(config_map("web", text(WEB), "bank"))
    until(lambda: "10.20.0.9 bank/web declared" in cluster.reserved())
    until(lambda: "bank/web" in copies(cluster))
    return cluster


BAD = {
    "it can't be read": ("kind: [", "kind"),
    "it has no right to that": (
        text(podnetwork("web", "10.20.0.9", namespace="bank", trust="on")),
        "operator's choice",
    ),
    "an address that is not the pool's": (text(podnetwork("web", "10.99.0.9", namespace="bank")), "10.99.0.9"),
}


@pytest.mark.parametrize("bad", BAD)
def test_the_last_good_text_is_in_force_on_a_new_node_and_the_config_map_is_told_why(begun: Cluster, bad: str) -> None:
    written, why = BAD[bad]
    begun.apply(config_map("web", written, "bank"))
    until(lambda: any(why in message for message in told(begun, "NotInForce")))
    assert declared(begun) == ["web 10.20.0.9"]
    assert [one.bundle for one in new_node(begun)[0].standings()] == ["bank/web"]
    _, ledger = new_node(begun)
    assert [f"{kept.address} {kept.pod}" for kept in ledger.reservations()] == ["10.20.0.9 bank/web"]
    begun.apply(config_map("web", text(OTHER), "bank"))
    until(lambda: declared(begun) == ["web 10.20.0.10"])
    until(lambda: begun.reserved() == ["10.20.0.10 bank/web declared"])


def test_a_copy_that_is_deleted_or_changed_by_hand_is_written_again(begun: Cluster) -> None:
    begun.apply(config_map("web", "kind: [", "bank"))
    until(lambda: any("kind" in message for message in told(begun, "NotInForce")))
    before = copies(begun)["bank/web"]
    name = before["metadata"]["name"]
    begun.client.delete(CONFIG_MAPS, name, HOME)
    until(lambda: copies(begun).get("bank/web", {}).get("binaryData") == before["binaryData"])
    for change in (
        {"binaryData": None},
        {"metadata": {"labels": None}},
        {"metadata": {"labels": {"podberth.io/policies": "no"}}},
        {"metadata": {"annotations": None}},
    ):
        begun.client.merge_patch(CONFIG_MAPS, name, change, HOME)
        until(lambda: copies(begun).get("bank/web", {}).get("binaryData") == before["binaryData"])
    assert declared(begun) == ["web 10.20.0.9"]


def test_a_podberth_of_the_last_release_hears_of_no_copy(begun: Cluster) -> None:
    """Its agents, controller and webhook ask for one value of the label, and would read a copy as declarations."""
    found = begun.client.list(CONFIG_MAPS, labels="podberth.io/policies=true").items
    assert [one["metadata"]["name"] for one in found] == ["web"]


def test_a_config_map_that_is_deleted_takes_its_copy_with_it(begun: Cluster) -> None:
    begun.apply(config_map("web", "kind: [", "bank"))
    begun.client.delete(CONFIG_MAPS, "web", "bank")
    until(lambda: copies(begun) == {})
    until(lambda: begun.reserved() == [])
    assert declared(begun) == []


def test_a_config_map_that_loses_its_label_is_gone(begun: Cluster) -> None:
    """Another value of the label is none: only podberth's own namespace has copies."""
    for label in ("no", LAST_GOOD):
        changed = config_map("web", text(WEB), "bank")
        changed["metadata"]["labels"] = {"podberth.io/policies": label}
        begun.apply(changed)
        until(lambda: declared(begun) == [])
        until(lambda: begun.reserved() == [])
        begun.apply(config_map("web", text(WEB), "bank"))
        until(lambda: declared(begun) == ["web 10.20.0.9"])
        until(lambda: "bank/web" in copies(begun))


def test_a_pool_of_podberth_s_own_config_map_that_breaks_stays_for_a_new_node(cluster: Cluster) -> None:
    cluster.controller()
    cluster.apply(config_map("pools", text(pool("db", "10.20.0.0/24", gateway="10.20.0.1")), HOME))
    until(lambda: f"{HOME}/pools" in copies(cluster))
    cluster.apply(config_map("pools", text({**pool(), "spec": {"subnets": []}}), HOME))
    until(lambda: bool(new_node(cluster)[0].standings()))
    (found,) = new_node(cluster)[0].pools()
    assert str(found.subnets[0].gateway) == "10.20.0.1"
