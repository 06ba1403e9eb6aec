"""What an operator sees of the addresses that the pods of a Deployment share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.cli.options import POD, POD_OR_ADDRESS
from podberth.cni.errors import PoolExhausted, TryAgainLater
from podberth.cni.pod import Attachment, PodRef
from podberth.policy.precedence import Question, resolve
from podberth.verbs.takeover import bind
from tests.unit.cli.node import POOL, Operator

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.verbs.node import Node

WEB = """\
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: web}
spec:
  deployment: {name: web}
  retention: 1h
  attachments:
  - {pool: db, addresses: [10.20.0.21-10.20.0.22, "fd00:20::21-fd00:20::22"], mac: fromAddress}
"""
A, B, C, NEW = "web-7d4b9-x2x9b", "web-7d4b9-x2x9c", "web-7d4b9-x2x9d", "web-66fcd-zzzzz"


@pytest.fixture
def shared(tmp_path: Path) -> Operator:
    operator = Operator(tmp_path / "state")
    operator.apply(POOL, WEB)
    return operator


def add(operator: Operator, name: str, *, there: bool = True) -> list[str]:
    """Do what an IPAM's ADD does; `there`: its network namespace exists."""
    node: Node = operator.connect(str(operator.state))
    pod = PodRef(namespace="bank", name=name, uid="u")
    at = Attachment(network="banknet", container_id=f"c-{name}", ifname="eth0")
    resolved = resolve(
        Question(pod=pod, network="banknet", ifname="eth0", declared=node.policies.find(pod)), node.policies
    )
    netns = f"/run/netns/{name}"
    if there:
        operator.host.namespaces[netns] = operator.host.own_netns()
    return [str(lease.address) for lease in bind(node, at, pod, netns, resolved).leases]


def test_an_add_gets_one_of_each_family(shared: Operator) -> None:
    assert add(shared, A) == ["10.20.0.21", "fd00:20::21"]
    assert add(shared, B) == ["10.20.0.22", "fd00:20::22"]


def test_a_pod_waits_for_one_that_is_on_its_way_out(shared: Operator) -> None:
    add(shared, A)
    add(shared, B)
    with pytest.raises(PoolExhausted, match="bank/deployment/web has no free IPv4 address"):
        add(shared, C)
    del shared.host.namespaces[f"/run/netns/{A}"]
    with pytest.raises(TryAgainLater, match="bank/deployment/web has no free IPv4 address") as told:
        add(shared, C)
    assert "declare maxSurge more addresses" in told.value.details
    assert told.value.code == 11


def test_the_deployment_is_shown_as_who_has_the_reservation(shared: Operator) -> None:
    add(shared, A)
    rows = shared("get", "reservations").table
    assert [row[:2] for row in rows[1:3]] == [
        ["10.20.0.21", "bank/deployment/web"],
        ["10.20.0.22", "bank/deployment/web"],
    ]
    assert "Deployment web" in shared("get", "podnetworks").out
    assert "eth0: 10.20.0.21 ... 10.20.0.22, fd00:20::21 ... fd00:20::22" in shared("get", "podnetworks").out
    held, free = (shared("who", f"10.20.0.{n}", "--json").json for n in (21, 22))
    assert (held["pod"], held["reserved_for"]) == (f"bank/{A}", "bank/deployment/web")
    assert (free["pod"], free["reserved_for"]) == (None, "bank/deployment/web")
    assert "for bank/deployment/web" in shared("who", "10.20.0.22").out


def test_its_history_and_that_of_its_pods_can_be_asked_for(shared: Operator) -> None:
    add(shared, A)
    events = shared("history", "bank/deployment/web", "--json").json["events"]
    assert [event["kind"] for event in events] == ["Reserved"] * 4
    (first, _) = shared("history", f"bank/{A}", "--json").json["events"]
    assert (first["kind"], first["owner"]) == ("Bound", "bank/deployment/web")
    assert shared("history", "bank/deployment/../x").code == 2
    assert shared("explain", "bank/deployment/web").code == 2


def test_explain_says_which_ones_are_free_and_how_long_they_are_kept(shared: Operator) -> None:
    add(shared, A)
    (found,) = shared("explain", f"bank/{B}", "--json").json["interfaces"]
    values = {value["field"]: (value["value"], value["source"]) for value in found["values"]}
    assert values["ipv4"] == ("one of 10.20.0.21-10.20.0.22", "PodNetwork (Deployment)")
    assert values["retention"] == (3600, "PodNetwork (Deployment)")
    assert found["addresses"] == [
        {"address": "10.20.0.22", "why": "1 of 2 are free, for example this one"},
        {"address": "fd00:20::22", "why": "1 of 2 are free, for example this one"},
    ]
    assert found["effective"]["mac"] == "02:50:0a:14:00:16"
    own = shared("explain", f"bank/{A}").out
    assert "the pod has it (one of" in own
    assert "3600 s" in own


def test_explain_says_that_an_add_would_be_refused(shared: Operator) -> None:
    add(shared, A)
    add(shared, B)
    for name, code in ((C, 100), (NEW, 11)):
        ended = shared("explain", f"bank/{name}", "--json")
        assert (ended.code, ended.json["interfaces"][0]["refusal"]["code"]) == (1, code)


def test_a_dry_run_says_what_would_be_reserved_and_what_is_in_the_way(shared: Operator) -> None:
    wider = WEB.replace("10.20.0.22", "10.20.0.23")
    shown = shared("apply", "-f", shared.file("w.yaml", wider), "--dry-run").out
    assert "1 address reserved: 10.20.0.23" in shown
    add(shared, A)
    fewer = WEB.replace("10.20.0.21-10.20.0.22", "10.20.0.22")
    told = shared("apply", "-f", shared.file("w.yaml", fewer), "--dry-run").err
    assert f"10.20.0.21 would no longer be declared for bank/deployment/web eth0, but bank/{A} has it now" in told


def test_a_deployment_is_completed_where_it_can_be_asked_about(shared: Operator) -> None:
    node = shared.connect(str(shared.state))
    for parameter, offered in ((POD_OR_ADDRESS, True), (POD, False)):
        assert parameter.suggest is not None
        assert ("bank/deployment/web" in tuple(parameter.suggest(node))) == offered
