"""What the doctor says of a Kubernetes cluster: rights, clock, controller, webhook, nodes; on a real API server."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from podberth.cli.doctor import api, control, identity, rights
from podberth.cli.session import Session
from podberth.controller.certificate import CONFIGURATIONS
from podberth.desk.doctor import FAIL, OK, WARN
from podberth.entry import Kept, open_node
from podberth.kube import errors
from podberth.stores.replica.shared import NeverRead
from tests.checkout import ROOT
from tests.contract.control.cluster import HOME, pool
from tests.servers.operator import objects
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.cni.errors import StoreFailed
    from podberth.desk.doctor import Finding
    from tests.contract.control.cluster import Cluster


def session(kubeconfig: Path, tmp_path: Path) -> Session:
    state = tmp_path / kubeconfig.stem
    state.mkdir(exist_ok=True)
    about = {"kubeconfig": str(kubeconfig), "namespace": HOME}
    (state / "store.json").write_text(json.dumps({"store": "kubernetes", "node": "node1", "kubernetes": about}))
    return Session(str(state), open_node)


def named(findings: object, name: str) -> list[Finding]:
    return [finding for finding in findings if finding.name == name]  # type: ignore[attr-defined]


def test_each_right_that_the_agents_role_grants_is_asked_for_and_no_other(cluster: Cluster) -> None:
    manifest = (ROOT / "deploy/base/agent-rights/rights.yaml").read_text()
    roles = [one for one in objects(manifest) if one["kind"].endswith("Role")]
    granted = {
        (verb, group, resource, role["metadata"].get("namespace", ""), name)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
    }
    assert {tuple(right) for right in rights.rights("podberth-system")} == granted


def test_an_account_without_rights_is_told_each_that_is_missing(cluster: Cluster, tmp_path: Path) -> None:
    found = list(rights.look(session(cluster.server.user("without-rights"), tmp_path)))
    assert {finding.level for finding in found} == {FAIL}
    assert len(found) == len(rights.rights(HOME))
    assert any("may not patch addressleases.podberth.io" in finding.text for finding in found)
    assert all("kubectl apply -k" in finding.todo for finding in found)


def test_an_administrator_has_all_rights_and_sees_controller_and_webhook(cluster: Cluster, tmp_path: Path) -> None:
    of = session(cluster.server.kubeconfig, tmp_path)
    assert [finding.level for finding in rights.look(of)] == [OK]
    assert [finding.level for finding in api.look(of)] == [OK, OK]
    assert [finding.level for finding in control.look(of)] == [WARN, WARN]
    cluster.webhook()
    controller = cluster.controller()
    until(lambda: [finding.level for finding in control.look(of)] == [OK, OK])
    cluster.stop(controller)
    cluster.stop_webhooks()
    (down,) = named(control.look(of), "webhook")
    assert down.level == FAIL
    assert "failed calling webhook" in down.text


def test_a_name_that_is_no_nodes_is_a_failure_with_both_ways_out(cluster: Cluster, tmp_path: Path) -> None:
    of = session(cluster.server.kubeconfig, tmp_path)
    (missing,) = named(identity.look(of), "registered")
    assert (missing.level, "node1 is no Node of the cluster" in missing.text) == (FAIL, True)
    assert "--node NAME" in missing.todo
    assert "--nodes none" in missing.todo
    cluster.node("node1")
    assert [one.level for one in named(identity.look(of), "registered")] == [OK]
    (of_name,) = named(identity.look(of), "node")
    assert of_name.text.startswith("node1: machine-id ")


def test_a_cluster_whose_api_asks_no_webhook_is_not_told_that_one_answers(cluster: Cluster, tmp_path: Path) -> None:
    of = session(cluster.server.kubeconfig, tmp_path)
    (none,) = named(control.look(of), "webhook")
    assert (none.level, "no webhook judges" in none.text) == (WARN, True)
    assert "validatingwebhookconfiguration podberth" in none.todo
    cluster.webhook()
    until(lambda: named(control.look(of), "webhook")[0].level == OK)
    cluster.client.delete(CONFIGURATIONS, "podberth")
    until(lambda: named(control.look(of), "webhook")[0].level == WARN)


@pytest.mark.parametrize(
    ("refused", "level"),
    [
        (errors.Invalid('admission webhook "declarations.podberth.io" denied the request: gateway'), OK),
        (errors.Rejected('admission webhook "declarations.podberth.io" denied the request: gateway'), OK),
        (errors.Rejected('admission webhook "validate.kyverno.svc" denied the request: no'), WARN),
        (errors.Forbidden('pools.podberth.io is forbidden: User "node" cannot create'), OK),
        (errors.Invalid("Pool is invalid: spec.subnets: wrong"), WARN),
        (errors.NotFound("the custom resources are not installed"), WARN),
    ],
)
def test_only_a_refusal_of_podberths_own_webhook_shows_that_it_answers(refused: StoreFailed, level: str) -> None:
    assert control.judged(refused).level == level


def test_a_clock_that_is_off_is_told_with_its_direction() -> None:
    assert api.clock(1000.0, 1000.2, 1000.4).level == OK
    assert "ahead of the API's" in api.clock(1000.0, 1060.0, 1060.1).text
    assert "behind the API's" in api.clock(1000.0, 940.0, 940.1).text


def test_a_controller_that_has_not_renewed_its_lease_does_not_lead() -> None:
    now = datetime.now(UTC)
    spec = {"holderIdentity": "c1", "leaseDurationSeconds": 15, "renewTime": now.isoformat()}
    assert control.led({"spec": spec}, now).level == OK
    assert control.led({"spec": spec}, now + timedelta(minutes=1)).level == WARN
    assert control.led({"spec": {**spec, "holderIdentity": ""}}, now).level == WARN


def test_all_nodes_of_the_cluster_are_told_of(cluster: Cluster, tmp_path: Path) -> None:
    from podberth.cli.doctor import cluster as nodes

    cluster.apply(pool())
    cluster.node("node1")
    cluster.bind("db/a", uid="u1", node="node1")
    cluster.bind("db/b", uid="u2", node="elsewhere")
    kept = Kept()
    try:
        of = Session(session(cluster.server.kubeconfig, tmp_path).state, kept.node)
        found = {finding.name: finding for finding in nodes.look(of)}
        of.close()
    finally:
        kept.close()
    assert found["node1"].level == OK
    assert "holds 1 address, Ready" in found["node1"].text
    assert "is no Node of the cluster" in found["elsewhere"].text


def test_a_node_that_may_not_read_what_it_needs_is_not_ready_and_says_which_right(
    cluster: Cluster, tmp_path: Path
) -> None:
    of = session(cluster.server.user("old-roles"), tmp_path)
    kept = Kept()
    try:
        node = kept.node(of.state)
        until(lambda: any("forbidden" in trouble for trouble in kept.away))
        assert "namespaces" in kept.away[0]
        with pytest.raises(NeverRead, match=r"has not read the cluster's store yet: .*forbidden"):
            node.policies.pool("db")
        node.host.close()
    finally:
        kept.close()
