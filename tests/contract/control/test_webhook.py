"""`kubectl apply` of what is wrong, on a real API server: refused, by field or with both parties."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from podberth.kube.resources import POD_NETWORKS
from tests.checkout import ROOT
from tests.contract.control.cluster import config_map, of_set, podnetwork, pool, reservation

if TYPE_CHECKING:
    from tests.contract.control.cluster import Cluster

POLICIES = ROOT / "docs" / "policies.md"
LIMITED = pool("limited", "10.30.0.0/24") | {
    "spec": {"subnets": [{"subnet": "10.30.0.0/24"}], "allow": [{"namespaces": ["bank"]}]}
}


def _misspelt() -> dict[str, Any]:
    made = podnetwork("typo", "10.20.0.60")
    made["spec"]["attachments"][0]["adresses"] = ["10.20.0.60"]
    return made


def _of(kind: str, name: str, **spec: object) -> dict[str, Any]:
    return {**pool(name), "kind": kind, "spec": spec}


# name: the object, and what the refusal must name.
WRONG: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "wrong CIDR": (pool("bad", "10.40.0.0/33"), ("spec.subnets[0].subnet", "10.40.0.0/33")),
    "host bits": (pool("bad", "10.40.0.1/24"), ("spec.subnets[0].subnet", "host bits")),
    "gateway outside": (pool("bad", "10.40.0.0/24", gateway="10.41.0.1"), ("spec.subnets[0].gateway", "10.41.0.1")),
    "range outside": (pool("bad", "10.40.0.0/24", ranges=["10.41.0.1-10.41.0.9"]), ("spec.subnets[0].ranges[0]",)),
    "overlapping pools": (pool("other", "10.20.0.0/25"), ("pools other and db overlap",)),
    "misspelt key of a pool": (pool("bad", "10.40.0.0/24", gatway="10.40.0.1"), ("gatway", "did you mean 'gateway'")),
    "pool cut short": (pool("db", "10.20.0.0/28"), ("Pool db as changed", "10.20.0.20", "db/web")),
    "misspelt key of a PodNetwork": (_misspelt(), ("spec.attachments[0].adresses", "did you mean 'addresses'")),
    "address outside the pool": (podnetwork("out", "10.21.0.5"), ("10.21.0.5", "outside the subnets of pool db")),
    "the gateway's address": (podnetwork("gw", "10.20.0.1"), ("10.20.0.1", "the gateway")),
    "no address": (podnetwork("bad", "10.20.0.256"), ("spec.attachments[0].addresses[0]", "10.20.0.256")),
    "declared for another": (
        podnetwork("b", "10.20.0.11"),
        ("10.20.0.11", "db/b eth0", "db/a eth0", "PodNetwork db/a"),
    ),
    "reserved by hand for another": (podnetwork("b", "10.20.0.30"), ("10.20.0.30", "db/b eth0", "bank/web-0 eth0")),
    "leased by another": (podnetwork("b", "10.20.0.20"), ("10.20.0.20", "db/b eth0", "db/web", "node1")),
    "two PodNetworks for one pod": (
        podnetwork("a2", pod="a"),
        ("PodNetwork db/a2", "PodNetwork db/a ", "eth0 of pod a"),
    ),
    "bad VLAN": (podnetwork("v", vlan=5000), ("vlan", "5000")),
    "bad MAC": (podnetwork("m", mac="02:00:00:00:00"), ("mac", "02:00:00:00:00")),
    "MAC declared twice": (podnetwork("m", mac="02:00:00:00:00:11"), ("02:00:00:00:00:11", "db/m", "db/a")),
    "ordinals beyond the range": (
        of_set("big", 5, {"range": "10.20.0.40-10.20.0.42"}),
        ("spec.attachments[0].ordinals[0].range", "5"),
    ),
    "namespace not allowed": (podnetwork("n", pool="limited"), ("pool limited", "namespace db")),
    "no such pool": (podnetwork("p", pool="nowhere"), ("there is no pool 'nowhere'",)),
    "neither pod nor set": (
        {**podnetwork("x"), "spec": {"attachments": [{"pool": "db"}]}},
        ("spec.pod",),
    ),
    "reservation of another's address": (
        reservation("r", "10.20.0.11", "bank/x"),
        ("10.20.0.11", "db/a", "Reservation r"),
    ),
    "reservation outside": (reservation("r", "10.99.0.1", "bank/x"), ("10.99.0.1", "pool db")),
    "reservation, not allowed": (
        reservation("r", "10.30.0.9", "db/x", pool="limited"),
        ("pool limited", "namespace db"),
    ),
    "misspelt key of a reservation": (reservation("r", "10.20.0.9", "bank/x", ifnam="e"), ("spec.ifnam", "'ifname'")),
    "ConfigMap that is no YAML": (config_map("c", "kind: [Pool"), ("ConfigMap db/c: declared.yaml", "not valid YAML")),
    "ConfigMap that declares a pool": (
        config_map(
            "c",
            "apiVersion: podberth.io/v1alpha1\nkind: Pool\nmetadata: {name: x}\n"
            "spec: {subnets: [{subnet: 10.50.0.0/24}]}",
        ),
        ("Pool x can't be declared in namespace db",),
    ),
    "ConfigMap that conflicts": (
        config_map(
            "c",
            "apiVersion: podberth.io/v1alpha1\nkind: PodNetwork\nmetadata: {name: c}\n"
            "spec: {pod: c, attachments: [{pool: db, addresses: [10.20.0.11]}]}",
        ),
        ("10.20.0.11", "db/c eth0", "db/a eth0"),
    ),
}


@pytest.fixture
def bank(cluster: Cluster) -> Cluster:
    """A cluster with a webhook, two pools, a PodNetwork, a reservation by hand, and a pod that runs."""
    cluster.webhook()
    cluster.apply(
        pool(gateway="10.20.0.1"), LIMITED,
        podnetwork("a", "10.20.0.11", mac="02:00:00:00:00:11"), reservation("web-0", "10.20.0.30", "bank/web-0"),
    )  # fmt: skip
    cluster.bind("db/web", uid="u1", address="10.20.0.20")
    cluster.bind("db/a", uid="u2", address="10.20.0.11")
    return cluster


def test_what_is_wrong_is_refused_and_named(bank: Cluster) -> None:
    before = everything(bank)
    accepted, unnamed = [], []
    for what, (document, named) in WRONG.items():
        done = bank.kubectl("apply", "-f", "-", stdin=document)
        if done.returncode == 0:
            accepted.append(what)
        elif not all(word in done.stderr for word in named):
            unnamed.append((what, done.stderr))
    assert (accepted, unnamed) == ([], [])
    assert everything(bank) == before


def everything(bank: Cluster) -> list[str]:
    """Return the names of what is declared; kubectl lists the kinds in the order in which it discovers them."""
    return sorted(bank.kubectl("get", "podberth,configmaps", "-A", "-o", "name").stdout.splitlines())


def test_what_is_in_use_can_t_be_deleted(bank: Cluster) -> None:
    pool_in_use = bank.kubectl("delete", "pool", "db")
    assert pool_in_use.returncode != 0
    assert "Pool db can't be deleted" in pool_in_use.stderr
    assert "db/web (leased, node node1) has 10.20.0.20" in pool_in_use.stderr
    declared = bank.kubectl("delete", "podnetwork", "-n", "db", "a")
    assert declared.returncode != 0
    assert "10.20.0.11 would no longer be declared for db/a eth0" in declared.stderr
    assert "delete that pod first" in declared.stderr


def test_what_nobody_uses_can_be_deleted(bank: Cluster) -> None:
    for what in (("pool", "limited"), ("addressreservation", "web-0")):
        done = bank.kubectl("delete", *what)
        assert done.returncode == 0, done.stderr


def test_an_address_can_be_declared_anew_as_soon_as_nobody_declares_it(bank: Cluster) -> None:
    for name in ("one", "two", "three"):
        bank.apply(podnetwork(name, "10.20.0.77"))
        assert bank.kubectl("delete", "podnetwork", "-n", "db", name).returncode == 0


def test_every_document_of_the_reference_is_accepted(cluster: Cluster) -> None:
    cluster.webhook()
    blocks = re.findall(r"```yaml\n(apiVersion: podberth.io.*?)```", POLICIES.read_text(), re.DOTALL)
    kinds = [block for block in blocks if "kind: Pool\n" in block]
    assert len(blocks) >= 4
    cluster.apply(*kinds, pool("bank", "10.77.0.0/24"))
    for block in blocks:
        cluster.apply(block)
        if "kind: PodNetwork" in block:  # the examples are alternatives: some are of one pod
            (name,) = re.findall(r"metadata: \{namespace: (\S+), name: (\S+)\}", block)
            done = cluster.kubectl("delete", "podnetwork", "-n", *name)
            assert done.returncode == 0, done.stderr


def test_a_config_map_declares_like_a_file(bank: Cluster) -> None:
    text = "apiVersion: podberth.io/v1alpha1\nkind: PodNetwork\nmetadata: {name: c}\n"
    text += "spec: {pod: c, attachments: [{pool: limited, addresses: [10.30.0.81]}]}"
    bank.apply(config_map("c", text, "bank"))
    other = podnetwork("d", "10.30.0.81", pool="limited", namespace="bank")
    assert "bank/c eth0" in bank.refused(other)
    assert bank.kubectl("delete", "configmap", "-n", "bank", "c").returncode == 0
    bank.apply(other)


def test_what_was_wrong_before_the_webhook_came_can_be_cleaned_up(cluster: Cluster) -> None:
    wrong = podnetwork("old", vlna=5)
    wrong["metadata"]["finalizers"] = ["test.example/hold"]
    cluster.apply(wrong)
    cluster.webhook()
    assert "vlna" in cluster.refused(podnetwork("new", vlna=5))
    cluster.client.delete(POD_NETWORKS, "old", "db")
    cluster.client.merge_patch(POD_NETWORKS, "old", {"metadata": {"finalizers": None}}, "db")
    assert not cluster.client.list(POD_NETWORKS).items


def test_the_command_line_s_own_sets_pass(bank: Cluster) -> None:
    from tests.contract.declarations import OPERATOR, documents

    set_ = [podnetwork("z", "10.60.0.5", pool="late"), pool("late", "10.60.0.0/24")]
    bank.policies.apply(documents(*set_), OPERATOR, source="apply: late.yaml")
    bank.policies.apply((), OPERATOR, source="apply: late.yaml", prune=True)
    assert [each.name for each in bank.policies.pools()] == ["db", "limited"]


def test_while_the_webhook_is_away_declarations_stay_as_they_are_and_pods_start(bank: Cluster) -> None:
    bank.stop_webhooks()
    assert "failed calling webhook" in bank.refused(podnetwork("later", "10.20.0.90"))
    assert bank.bind("db/new", uid="u9").pod is not None


def test_podberth_apply_says_that_the_webhook_is_down_and_leaves_nothing_behind(bank: Cluster) -> None:
    from podberth.stores.replica.shared import Busy
    from tests.contract.declarations import OPERATOR, documents

    bank.stop_webhooks()
    before = bank.reserved()
    late = [pool("late", "10.60.0.0/24"), podnetwork("z", "10.60.0.5", pool="late"), podnetwork("y", "10.20.0.90")]
    with pytest.raises(Busy, match=r"the declarations can't be changed: .*failed calling webhook") as raised:
        bank.policies.apply(documents(*late), OPERATOR, source="apply: late.yaml")
    assert "whether that webhook runs" in raised.value.details
    assert bank.reserved() == before
