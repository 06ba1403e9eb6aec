"""What can't be known or read closes, and harms nobody else."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from podberth.kube.resources import MULTI_NETWORK_POLICIES
from tests.checkout import ROOT
from tests.netns.agent.running import agent
from tests.netns.policies.conftest import NODE
from tests.netns.policies.test_cases import SERVER, named
from tests.servers.proxy import Proxy
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.netns.policies.conftest import Town


@contextlib.contextmanager
def behind(town: Town) -> Iterator[Proxy]:
    """Have the node ask the API server over a proxy."""
    with Proxy(town.server.port) as proxy:
        text = town.server.kubeconfig.read_text().replace(f":{town.server.port}", f":{proxy.port}")
        file = town.folder / "behind.kubeconfig"
        file.write_text(text)
        town.kubeconfig = str(file)
        yield proxy


def test_while_the_server_is_away_running_pods_keep_what_they_have_and_no_policed_pod_starts(unserved: Town) -> None:
    town = unserved
    with behind(town) as proxy:
        with agent(town.node, env={"NODE_NAME": NODE}):
            town.policy({"podSelector": SERVER, "ingress": [{"from": [named("a")]}]})
            server, a, b = (town.started(name) for name in ("server", "a", "b"))
            assert town.settled({(a, server): True, (b, server): False})
        proxy.refuse()
        with agent(town.node, env={"NODE_NAME": NODE}):
            late = town.bare("late")
            refused = town.call("ADD", late)
            assert (refused.code, refused.result["code"]) == (1, 11)
            assert town.settled({(a, server): True, (b, server): False})
            assert town.call("STATUS", server).code == 0
            proxy.listen()
            assert until(lambda: town.call("ADD", late).code == 0)


def test_the_rights_of_the_manifest_are_enough_and_without_them_pods_wait(unserved: Town) -> None:
    town = unserved
    town.kubeconfig = str(town.server.user("policing-agent"))
    manifest = yaml.safe_load_all((ROOT / "deploy/networks/rights.yaml").read_text())
    rules = [(group, resource, rule["verbs"])
             for document in manifest if document["kind"] == "ClusterRole" for rule in document["rules"]
             for group in rule["apiGroups"] for resource in rule["resources"]]  # fmt: skip
    town.server.allow("policing-agent", *(one for one in rules if one[1] != "multi-networkpolicies"))
    town.policy({"podSelector": SERVER, "ingress": [{"from": [{**named("a"), "namespaceSelector": {}}]}]})
    with agent(town.node, env={"NODE_NAME": NODE}):
        early = town.bare("early")
        refused = town.call("ADD", early)
        assert refused.result["code"] == 11
        assert "policies are not known" in refused.stdout
        assert "multi-networkpolicies" in refused.stdout
        assert town.call("ADD", town.bare("c", networks="")).code == 0
        town.server.allow("policing-agent", *rules)
        assert until(lambda: town.call("ADD", early).code == 0)
        server, a, b = (town.started(name) for name in ("server", "a", "b"))
        assert town.settled({(a, server): True, (b, server): False})


def test_without_an_agent_a_pod_with_a_policed_network_is_refused_and_others_are_served(unserved: Town) -> None:
    refused = unserved.call("ADD", unserved.bare("a"))
    assert (refused.code, refused.result["code"]) == (1, 11)
    assert "no agent" in refused.result["msg"]
    assert unserved.call("ADD", unserved.bare("b", networks="")).code == 0
    assert unserved.call("ADD", unserved.bare("c"), networkPolicies=False).code == 0


@pytest.mark.parametrize(
    "spec",
    [
        {"podSelector": {"matchExpressions": [{"key": "name", "operator": "is"}]}},
        {"podSelector": SERVER, "ingress": [{"from": [{"podSelector": {"matchLabels": {"name": 7}}}]}]},
        {"podSelector": SERVER, "ingress": [{"from": [{"ipBlock": {"cidr": "everything"}}]}]},
        {"podSelector": SERVER, "ingress": [{"from": [{}]}]},
        {"podSelector": SERVER, "ingress": [{"ports": [{"port": 99999}]}]},
        {"podSelector": SERVER, "ingress": [{"form": [named("a")]}]},
        {"podSelector": SERVER, "ingress": {"from": []}},
        {"podSelector": SERVER, "policyTypes": ["Inwards"]},
    ],
    ids=["selector", "peer", "block", "empty", "port", "key", "list", "type"],
)
def test_a_mistake_opens_nothing_and_is_told(town: Town, spec: dict[str, Any]) -> None:
    town.policy(spec)
    server, a, elsewhere = town.started("server"), town.started("a"), town.started("r", "red")
    assert town.settled({(a, server): False, (a, elsewhere): True})
    assert town.running is not None
    (told,) = town.running.wait_for("policy with mistakes")[:1]
    assert told["policy"] == "blue/policy"
    assert told["mistakes"][0].startswith("spec.")


def test_a_policy_whose_networks_can_not_be_read_is_told_and_the_others_hold(town: Town) -> None:
    town.policy({"podSelector": {}}, networks="../../etc", name="wrong")
    town.policy({"podSelector": SERVER, "ingress": [{"from": [named("a")]}]})
    server, a, b = (town.started(name) for name in ("server", "a", "b"))
    assert town.settled({(a, server): True, (b, server): False})
    assert town.running is not None
    assert "policy-for" in town.running.wait_for("policy not in force")[0]["message"]


def test_more_sets_than_a_namespace_may_have_are_empty_and_the_first_hold(town: Town) -> None:
    peers = [named(f"x{n}") for n in range(40)]
    town.policy({"podSelector": SERVER, "ingress": [{"from": [named("a"), *peers, named("b")]}]})
    other = {"podSelector": {"matchLabels": {"name": "r"}}, "ingress": [{"from": [named("s")]}]}
    town.policy(other, "red")
    server, a, b = (town.started(name) for name in ("server", "a", "b"))
    r, s = (town.started(name, "red") for name in ("r", "s"))
    assert town.settled({(a, server): True, (b, server): False, (s, r): True, (a, r): False})
    assert town.running is not None
    assert town.running.wait_for("peers refused")[0]["pod"] == "blue/server"


def test_a_server_without_the_kind_has_no_policies(town: Town) -> None:
    server, a = town.started("server"), town.started("a")
    assert town.settled({(a, server): True})
    assert town.client.list(MULTI_NETWORK_POLICIES).items == []
