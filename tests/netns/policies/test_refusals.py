"""What can't be known or read closes, and harms nobody else."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.checkout import ROOT
from tests.netns.agent.running import agent
from tests.netns.policies.conftest import NODE, OTHER
from tests.netns.policies.test_cases import SERVER, named
from tests.servers.multi_network_policies import V1BETA1
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
        assert town.added(town.bare("c", networks="")).code == 0
        town.server.allow("policing-agent", *rules)
        assert until(lambda: town.call("ADD", early).code == 0)
        server, a, b = (town.started(name) for name in ("server", "a", "b"))
        assert town.settled({(a, server): True, (b, server): False})


def test_without_an_agent_a_pod_with_a_policed_network_is_refused_and_others_are_served(unserved: Town) -> None:
    refused = unserved.call("ADD", unserved.bare("a"))
    assert (refused.code, refused.result["code"]) == (1, 11)
    assert "no agent" in refused.result["msg"]
    assert unserved.added(unserved.bare("b", networks="")).code == 0
    assert unserved.added(unserved.bare("c"), networkPolicies=False).code == 0


@pytest.mark.parametrize(
    "spec",
    [
        {"podSelector": SERVER, "ingress": [{"from": [{"podSelector": {"matchLabels": {"name": 7}}}]}]},
        {"podSelector": SERVER, "ingress": [{"from": [{"ipBlock": {"cidr": "everything"}}]}]},
        {"podSelector": SERVER, "ingress": [{"from": [{}]}]},
        {"podSelector": SERVER, "ingress": [{"ports": [{"port": 99999}]}]},
        {"podSelector": SERVER, "ingress": [{"form": [named("a")]}]},
        {"podSelector": SERVER, "ingress": {"from": []}},
        {"podSelector": SERVER, "policyTypes": ["Inwards"]},
    ],
    ids=["peer", "block", "empty", "port", "key", "list", "type"],
)
def test_what_a_first_text_does_not_say_rightly_is_not_allowed_and_is_told(town: Town, spec: dict[str, Any]) -> None:
    town.policy(spec)
    server, a, elsewhere = town.started("server"), town.started("a"), town.started("r", "red")
    assert town.settled({(a, server): False, (a, elsewhere): True})
    assert town.running is not None
    (told,) = town.running.wait_for("policy with mistakes")[:1]
    assert told["policy"] == "blue/policy"
    assert told["mistakes"][0].startswith("spec.")


FRIENDS = {"podSelector": {"matchLabels": {"friend": "yes"}}}
TYPO = {"matchExpressions": [{"key": "name", "operator": "is"}]}


def test_a_first_text_that_does_not_say_which_pods_it_chooses_closes_nothing_and_is_told(town: Town) -> None:
    server, a = town.started("server"), town.started("a")
    town.policy({"podSelector": TYPO, "ingress": []})
    assert town.running is not None
    (told,) = town.running.wait_for("policy not in force")[:1]
    assert told["policy"] == "blue/policy"
    assert "spec.podSelector.matchExpressions[0].operator" in told["message"]
    assert town.settled({(a, server): True})


def retyped(town: Town, **spec: Any) -> None:
    """Change the policy's text."""
    town.client.merge_patch(V1BETA1, "policy", {"spec": spec}, "blue")


def test_a_typo_in_a_policy_cuts_nobody_off_and_opens_nothing_also_for_an_agent_that_starts_later(
    unserved: Town,
) -> None:
    town = unserved
    with agent(town.node, env={"NODE_NAME": NODE}) as first:
        town.policy({"podSelector": SERVER, "ingress": [{"from": [FRIENDS]}]})
        server, a, b = town.started("server"), town.started("a", friend="yes"), town.started("b")
        assert town.settled({(a, server): True, (b, server): False})
        retyped(town, podSelector=TYPO)
        assert first.wait_for("policy with mistakes")[0]["state"] == "the text before holds"
        assert town.settled({(a, server): True, (b, server): False})
    with agent(town.node, env={"NODE_NAME": NODE}) as second:
        assert second.wait_for("policy with mistakes")[0]["state"] == "the text before holds"
        late = town.started("late", friend="yes")
        assert town.settled({(late, server): True, (a, server): True, (b, server): False})
        retyped(town, podSelector={"matchExpressions": None, **SERVER}, ingress=[{"from": [named("b")]}])
        assert town.settled({(a, server): False, (b, server): True})


def test_a_pod_that_a_policy_may_choose_waits_where_nobody_knows_what_held_before_and_those_that_run_go_on(
    unserved: Town,
) -> None:
    town = unserved
    with agent(town.node, env={"NODE_NAME": NODE}):
        town.policy({"podSelector": SERVER, "ingress": [{"from": [named("a")]}]})
        server, a, b = (town.started(name) for name in ("server", "a", "b"))
        assert town.settled({(a, server): True, (b, server): False})
    retyped(town, podSelector=TYPO)  # while no agent is there
    with agent(town.node, env={"NODE_NAME": NODE}) as running:
        assert running.wait_for("policy with mistakes")[0]["state"] == "not known"
        late = town.bare("late")
        refused = town.call("ADD", late)
        assert (refused.code, refused.result["code"]) == (1, 11)
        assert "policy blue/policy can't be read" in refused.result["msg"]
        assert "spec.podSelector.matchExpressions[0].operator" in refused.result["msg"]
        assert town.added(town.bare("elsewhere", "red")).code == 0
        assert town.added(town.bare("without", networks="")).code == 0
        assert town.added(town.bare("other", networks=OTHER)).code == 0
        assert town.settled({(a, server): True, (b, server): False})
        assert town.call("STATUS", server).code == 0
        town.client.delete(V1BETA1, "policy", "blue")
        assert until(lambda: town.call("ADD", late).code == 0)
        assert town.settled({(a, server): True, (b, server): True})


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
    assert town.client.list(V1BETA1).items == []
