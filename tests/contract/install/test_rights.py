"""With the rights that deploy/ gives them, agent, controller and webhook can do their work; and nothing beside it."""

from __future__ import annotations

import base64
import json
import tempfile
from functools import partial
from io import StringIO
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cni.errors import TryAgainLater
from podberth.cni.pod import Attachment, PodRef
from podberth.controller.certificate import CONFIGURATIONS, SECRETS, SelfSigned
from podberth.controller.service import Controller
from podberth.controller.service import Options as ControllerOptions
from podberth.controller.sweep import Settings
from podberth.controller.webhook import Options as WebhookOptions
from podberth.controller.webhook import Webhook
from podberth.ipam.lease import Actor, Claim, Wanted
from podberth.kube import errors
from podberth.kube.resources import (
    ADDRESS_HISTORIES,
    ADDRESS_LEASES,
    CONFIG_MAPS,
    EVENTS,
    LEASES,
    NAMESPACES,
    NODES,
    POD_NETWORKS,
    PODS,
    POOLS,
    Resource,
)
from podberth.process.journal import Journal
from podberth.stores.clock import node_clock
from podberth.stores.kubernetes import objects
from podberth.stores.kubernetes.copies import FOLLOWED, is_copy, name_of
from podberth.stores.kubernetes.elsewhere import KubernetesElsewhere
from podberth.stores.kubernetes.once import OnceNodes
from podberth.stores.kubernetes.store import MOST, KubernetesCluster
from podberth.stores.replica.feed import Feed
from podberth.stores.replica.ledger import ClusterLedger
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica
from tests.contract.install.conftest import HOME
from tests.contract.install.manifests import example
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from podberth.kube.client import Client
    from tests.servers.kube import KubeServer

    Clients = Callable[[str], Client]
    Accounts = Callable[[str], Path]

LISTS = tuple(f"podberth-tenancy{ending}" for ending in ("", "-seal", "-objects", "-objects-seal"))
REVIEWS = Resource(
    group="authorization.k8s.io", version="v1", plural="subjectaccessreviews", kind="SubjectAccessReview",
    namespaced=False,
)  # fmt: skip
AGENT, CONTROLLER, WEBHOOK = "podberth-agent", "podberth-controller", "podberth-webhook"
PLUGIN = Actor(who="plugin", why="ADD", node="worker-3")
(POOL,) = example("pool.yaml")
MYSQL = next(each for each in example("mysql.yaml") if each["kind"] == "PodNetwork")
POD = PodRef(namespace="payments", name="mysql-0", uid="u-1")
FIRST = ip_address("10.77.0.11")


@pytest.fixture
def declared(admin: Client) -> Client:
    """The administrator, who has declared the examples."""
    admin.create(POOLS, POOL)
    admin.create(POD_NETWORKS, MYSQL, "payments")
    return admin


class Node:
    """What an agent has of the cluster: its ledger, kept up to date by following."""

    def __init__(self, client: Client, folder: Path) -> None:
        self.told: list[str] = []
        self.cluster = KubernetesCluster(client, HOME, "worker-3")
        proposer = Proposer(Replica(tempfile.mkdtemp(dir=folder)), self.cluster, "worker-3", current=False)
        self.ledger = ClusterLedger(proposer, clock=node_clock)
        self.feed = Feed(proposer, self.told.append)

    def bind(self, container: str) -> str:
        claim = Claim(
            attachment=Attachment(network="banknet", container_id=container, ifname="eth0"),
            pod=POD,
            netns="/run/netns/x",
            wanted=(Wanted(pool="bank", family=4, address=FIRST),),
        )
        (lease,) = self.ledger.bind(claim, PLUGIN)
        return str(lease.address)

    def unbind(self, container: str) -> None:
        self.ledger.unbind(Attachment(network="banknet", container_id=container, ifname="eth0"), PLUGIN)


@pytest.fixture
def node(declared: Client, client: Clients, tmp_path: Path) -> Iterator[Node]:
    made = Node(client(AGENT), tmp_path)
    made.feed.start()
    assert made.feed.ready(30), made.told
    yield made
    made.feed.stop()


def test_an_agent_binds_and_unbinds_and_the_history_is_whole(node: Node, declared: Client) -> None:
    for turn in range(MOST):  # until older events are put into an archive
        assert node.bind(f"c-{turn}") == str(FIRST)
        node.unbind(f"c-{turn}")
    kinds = [event.kind for event in node.ledger.history(address=FIRST)]
    assert (kinds.count("Bound"), kinds.count("Unbound")) == (MOST, MOST)
    assert declared.list(ADDRESS_HISTORIES).items
    assert node.told == []


def test_an_agent_goes_on_with_an_archive_that_another_has_begun(node: Node, declared: Client) -> None:
    for turn in range(3):
        node.bind(f"c-{turn}")
        node.unbind(f"c-{turn}")
    events = objects.events_in(declared.get(ADDRESS_LEASES, str(FIRST)))
    declared.create(ADDRESS_HISTORIES, objects.archive(events[:2]))  # and whoever did it was killed here
    for turn in range(MOST):
        node.bind(f"d-{turn}")
        node.unbind(f"d-{turn}")
    assert len(declared.get(ADDRESS_LEASES, str(FIRST))["spec"]["history"]) <= MOST
    kinds = [event.kind for event in node.ledger.history(address=FIRST)]
    assert (kinds.count("Bound"), kinds.count("Unbound")) == (3 + MOST, 3 + MOST)


def test_an_agent_follows_what_others_declare_and_bind(node: Node, declared: Client) -> None:
    second = {"apiVersion": "podberth.io/v1alpha1", "kind": "Pool", "metadata": {"name": "second"}}
    declared.create(POOLS, {**second, "spec": {"subnets": [{"subnet": "10.78.0.0/24"}]}})
    until(lambda: "second" in {row.pool for row in node.ledger.usage()})
    document = json.dumps({**second, "metadata": {"name": "third"}, "spec": {"subnets": [{"subnet": "10.79.0.0/24"}]}})
    labels = {"podberth.io/policies": "true"}
    declared.create(CONFIG_MAPS, {"metadata": {"name": "third", "labels": labels}, "data": {"a.json": document}}, HOME)
    until(lambda: "third" in {row.pool for row in node.ledger.usage()})
    assert node.cluster.identity().startswith("kubernetes ")
    assert not node.feed.away


def test_an_agent_asks_about_other_nodes_and_tells_pods(node: Node, declared: Client, client: Clients) -> None:
    declared.create(NODES, {"metadata": {"name": "worker-3"}})
    made = declared.create(
        PODS, {"metadata": {"name": "mysql-0"}, "spec": {"containers": [{"name": "a", "image": "b"}]}}, "payments"
    )
    node.bind("c-1")
    (lease,) = node.ledger.leases()
    elsewhere = KubernetesElsewhere(client(AGENT), "worker-4")
    pod = PodRef(namespace="payments", name="mysql-0", uid=str(made["metadata"]["uid"]))
    assert not elsewhere.judge(lease, pod).dead
    for _ in range(2):
        elsewhere.tell(pod, "AddressHeld", "held")
        elsewhere.settle()
    again = KubernetesElsewhere(client(AGENT), "worker-4")  # which finds the event
    again.tell(pod, "AddressHeld", "held")
    again.settle()
    assert [event["count"] for event in declared.list(EVENTS, "payments").items] == [3]


def test_a_controller_leads_reserves_releases_and_tells(declared: Client, account: Accounts, node: Node) -> None:
    OnceNodes(declared, HOME).note("worker-3")
    node.bind("c-1")  # of a pod and a node that are gone
    declared.create(POD_NETWORKS, _conflict(), "payments")
    second = {"apiVersion": "podberth.io/v1alpha1", "kind": "Pool", "metadata": {"name": "second"}}
    text = json.dumps({**second, "spec": {"subnets": [{"subnet": "10.78.0.0/24"}]}})
    labels = {"podberth.io/policies": "true"}
    pools = {"metadata": {"name": "pools", "labels": labels}, "data": {"a.json": text}}
    declared.create(CONFIG_MAPS, pools, HOME)
    output = StringIO()
    options = ControllerOptions(
        kubeconfig=str(account(CONTROLLER)), home=HOME, interval=0.2, archiving=0.2,
        settings=Settings(grace=1, nearly_full=1), metrics=("127.0.0.1", 0),
    )  # fmt: skip
    controller = Controller(options, Journal("warning", output))
    controller.start()
    try:
        until(lambda: _condition(declared, POD_NETWORKS, "mysql") != {})
        until(lambda: not node.ledger.leases())
        until(lambda: len(node.ledger.reservations()) == 3)
        until(lambda: bool(declared.get(POOLS, "bank").get("status")))
        until(lambda: bool(declared.list(EVENTS).items))
        until(lambda: _copied(declared) == 1)
        name = name_of(f"{HOME}/pools")
        before = objects.revision_of(declared.get(CONFIG_MAPS, name, HOME))
        declared.merge_patch(CONFIG_MAPS, "pools", {"data": {"a.json": text.replace("10.78", "10.79")}}, HOME)
        until(lambda: objects.revision_of(declared.get(CONFIG_MAPS, name, HOME)) > before)
        declared.delete(CONFIG_MAPS, "pools", HOME)
        until(lambda: _copied(declared) == 0)
        swept = controller.swept
        until(lambda: controller.swept > swept + 1)
    finally:
        controller.stop()
    assert declared.get(LEASES, "podberth-controller", HOME)["spec"]["holderIdentity"] == ""
    # A busy machine's server may be slow to answer, and is asked again: that is no matter of rights.
    assert [line for line in output.getvalue().splitlines() if "timed out" not in line] == []


def test_a_webhook_makes_its_certificate_and_knows_what_is_declared(
    declared: Client, account: Accounts, asked: None
) -> None:
    output = StringIO()
    source = partial(SelfSigned, service=WEBHOOK, namespace=HOME, configuration="podberth")
    options = WebhookOptions(listen=("127.0.0.1", 0), kubeconfig=str(account(WEBHOOK)), home=HOME, source=source)
    for _ in range(2):  # the second finds what the first has made
        webhook = Webhook(options, Journal("warning", output))
        webhook.start()
        try:
            until(partial(_follows, webhook))
            code, answer = webhook._take(_review(_conflict()))
        finally:
            webhook.stop()
        response = json.loads(answer)["response"]
        assert code == 200
        assert not response["allowed"]
        assert str(FIRST) in response["status"]["message"]
    data = declared.get(SECRETS, f"{WEBHOOK}-tls", HOME)["data"]
    hooks = declared.get(CONFIGURATIONS, "podberth")["webhooks"]
    assert {hook["clientConfig"]["caBundle"] for hook in hooks} == {data["ca.crt"]}
    assert base64.b64decode(data["ca.crt"]).startswith(b"-----BEGIN CERTIFICATE")
    # A busy machine's server may be slow to answer, and is asked again: that is no matter of rights.
    assert [line for line in output.getvalue().splitlines() if "timed out" not in line] == []


def test_an_agent_that_tries_is_refused(node: Node, client: Clients) -> None:
    node.bind("c-1")
    agent = client(AGENT)
    for forbidden in (
        lambda: agent.delete(ADDRESS_LEASES, str(FIRST)),
        lambda: agent.merge_patch(POOLS, "bank", {"spec": {"mtu": 9000}}),
        lambda: agent.create(POOLS, {"metadata": {"name": "x"}, "spec": {"subnets": [{"subnet": "10.1.0.0/24"}]}}),
        lambda: agent.merge_patch(POD_NETWORKS, "mysql", {"spec": {}}, "payments"),
        lambda: agent.list(PODS),
        lambda: agent.list(SECRETS, HOME),
    ):
        with pytest.raises(errors.Forbidden):
            forbidden()


MAY_NOT = [
    *((who, verb, "addressleases") for who in (AGENT, CONTROLLER) for verb in ("delete", "update", "deletecollection")),
    *((who, verb, "addresshistories") for who in (AGENT, CONTROLLER) for verb in ("delete", "patch", "update")),
    *((WEBHOOK, verb, "addressleases") for verb in ("create", "patch", "delete")),
    *(
        (who, verb, resource)
        for who in (AGENT, CONTROLLER, WEBHOOK)
        for verb in ("create", "patch", "update", "delete")
        for resource in ("pools", "podnetworks", "addressreservations", "configmaps")
        if (who, resource) != (CONTROLLER, "configmaps")  # it keeps copies in podberth's own namespace
    ),
    (CONTROLLER, "patch", "configmaps"),
    *(
        (who, verb, f"leases/{name}")
        for who in (AGENT, CONTROLLER, WEBHOOK)
        for name in ("podberth-declarations", "podberth-ledger", *LISTS)
        for verb in ("delete", "patch", "update")
        if (who, verb, name) != (CONTROLLER, "update", "podberth-declarations")  # it accepts Pools, one set at a time
    ),
    *((who, "update", "leases/podberth-controller") for who in (AGENT, WEBHOOK)),
    *((who, "patch", "pools/status") for who in (AGENT, WEBHOOK)),
    *((who, verb, "secrets") for who in (AGENT, CONTROLLER, WEBHOOK) for verb in ("get", "list")),
    *((who, "create", "pods") for who in (AGENT, CONTROLLER, WEBHOOK)),
    *((who, "patch", "nodes") for who in (AGENT, CONTROLLER, WEBHOOK)),
    *((who, "patch", "validatingwebhookconfigurations/other") for who in (AGENT, CONTROLLER, WEBHOOK)),
]


@pytest.mark.parametrize("who", [AGENT, CONTROLLER, WEBHOOK])
def test_nobody_may_more_than_its_work(admin: Client, who: str) -> None:
    asked = [(verb, of) for name, verb, of in MAY_NOT if name == who]
    assert not [f"{verb} {of}" for verb, of in asked if may(admin, who, verb, of)]
    assert may(admin, who, "list", "pools")


@pytest.mark.parametrize("verb", ["create", "patch", "update", "delete", "get"])
def test_a_controller_writes_config_maps_in_no_other_namespace(admin: Client, verb: str) -> None:
    assert not may(admin, CONTROLLER, verb, "configmaps", "payments")
    assert may(admin, CONTROLLER, verb, "configmaps") == (verb != "patch")


def may(admin: Client, who: str, verb: str, of: str, namespace: str = HOME) -> bool:
    """Ask the API server whether a service account may, in that namespace."""
    plural, _, name = of.partition("/")
    groups = {"leases": "coordination.k8s.io", "validatingwebhookconfigurations": "admissionregistration.k8s.io"}
    core = ("configmaps", "secrets", "pods", "nodes")
    named: dict[str, str] = {"subresource": name} if name == "status" else {"name": name}
    attributes = {"namespace": namespace, "verb": verb, "resource": plural, **named}
    attributes["group"] = "" if plural in core else groups.get(plural, "podberth.io")
    spec = {"user": f"system:serviceaccount:{HOME}:{who}", "resourceAttributes": attributes}
    return bool(admin.create(REVIEWS, {"metadata": {}, "spec": spec})["status"]["allowed"])


def test_while_the_webhook_is_away_pods_and_all_else_go_on(node: Node, declared: Client, asked: None) -> None:
    assert node.bind("c-1") == str(FIRST)
    declared.create(CONFIG_MAPS, {"metadata": {"name": "plain"}, "data": {}}, "payments")
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
    declared.create(PODS, pod, "payments")
    labelled = {"metadata": {"name": "told", "labels": {"podberth.io/policies": "true"}}, "data": {}}
    with pytest.raises(TryAgainLater, match="failed calling webhook"):
        declared.create(CONFIG_MAPS, labelled, "payments")
    with pytest.raises(TryAgainLater, match="failed calling webhook"):
        declared.merge_patch(POOLS, "bank", {"spec": {"mtu": 9000}})


def test_a_namespace_can_be_left_alone_by_the_webhook(server: KubeServer, declared: Client, asked: None) -> None:
    label = {"metadata": {"labels": {"podberth.io/webhook": "ignore"}}}
    server.operator.client.merge_patch(NAMESPACES, "payments", label)
    try:
        declared.delete(POD_NETWORKS, "mysql", "payments")
    finally:
        none = {"metadata": {"labels": {"podberth.io/webhook": None}}}
        server.operator.client.merge_patch(NAMESPACES, "payments", none)


def _copied(client: Client) -> int:
    return sum(is_copy(one, HOME) for one in client.list(CONFIG_MAPS, HOME, labels=FOLLOWED).items)


def _follows(webhook: Webhook) -> bool:
    return not webhook._feed.away


def _conflict() -> dict[str, Any]:
    """Return a PodNetwork for another pod with an address of the examples'."""
    spec = {"pod": "other", "attachments": [{"pool": "bank", "addresses": [str(FIRST)]}]}
    metadata = {"namespace": "payments", "name": "other"}
    return {"apiVersion": "podberth.io/v1alpha1", "kind": "PodNetwork", "metadata": metadata, "spec": spec}


def _review(found: dict[str, Any]) -> bytes:
    request = {
        "uid": "r-1",
        "operation": "CREATE",
        "kind": {"group": "podberth.io", "version": "v1alpha1", "kind": found["kind"]},
        "namespace": found["metadata"]["namespace"],
        "name": found["metadata"]["name"],
        "userInfo": {"username": "somebody"},
        "object": found,
        "oldObject": None,
    }
    body = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    return json.dumps(body).encode()


def _condition(client: Client, resource: Any, name: str) -> dict[str, Any]:
    found = client.get(resource, name, "payments").get("status") or {}
    return next(iter(found.get("conditions") or ()), {})
