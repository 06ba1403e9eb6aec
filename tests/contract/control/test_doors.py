"""Role, door and setting: each row is a cell of docs/tenancy.md, on a real API server, with and without the webhook."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cni.errors import Refused
from podberth.cni.pod import PodRef
from podberth.cni.value import value
from podberth.kube.errors import NotFound
from podberth.kube.resources import CONFIG_MAPS, EVENTS, LEASES, POD_NETWORKS
from podberth.policy.admission import Conflicts
from podberth.policy.annotations import parse_annotation
from podberth.policy.budget import MAX_DOCUMENTS
from podberth.policy.documents import parse_document
from podberth.policy.precedence import NetworkDefaults, Question
from podberth.stores.kubernetes.earlier import OBJECTS, OBJECTS_SEAL
from podberth.verbs.network import Network, decide
from podberth.verbs.role import Role
from tests.contract.control.cluster import API_VERSION, HOME, config_map, in_force, node, podnetwork, pool, reservation
from tests.contract.declarations import OPERATOR
from tests.waiting import until

if TYPE_CHECKING:
    from tests.contract.control.cluster import Cluster

TENANT = "payments"
MAC, OTHER_MAC = "02:aa:00:00:00:01", "02:bb:00:00:00:01"
NAMED = {"namespaces": [TENANT], "addresses": ["10.30.0.10-10.30.0.29"], "macs": ["02:aa"], "reservations": 2}


def allowing(name: str, subnet: str, *rules: dict[str, Any]) -> dict[str, Any]:
    made = pool(name, subnet)
    if rules:
        made["spec"]["allow"] = list(rules)
    return made


POOLS = (
    allowing("open", "10.20.0.0/24"),
    allowing("named", "10.30.0.0/24", NAMED),
    allowing("every", "10.40.0.0/24", {"namespaces": ["*"], "podRequests": True}),
    allowing("asking", "10.50.0.0/24", {**NAMED, "addresses": ["10.50.0.10-10.50.0.29"], "podRequests": True}),
)


def settings(word: str) -> dict[str, Any]:
    made = config_map("podberth-settings", "", HOME)
    return {**made, "data": {"podNetworks": word}}


def of_pool(name: str, *addresses: str, pod: str = "web", namespace: str = TENANT, **attachment: Any) -> dict[str, Any]:
    return podnetwork(pod, *addresses, namespace=namespace, pool=name, **attachment)


@value
class Cell:
    """One row: what is applied, by whom; `words` say why it may not be, '' if it may. `address` is reserved then."""

    what: dict[str, Any]
    kind: str  # the door: an object of that kind
    words: str = ""
    tenants: bool = False
    namespace: str = TENANT

    @property
    def applied(self) -> dict[str, Any]:
        """The object, which comes by the door."""
        return config_map("web", json.dumps(self.what), self.namespace) if self.kind == "ConfigMap" else self.what


FREE, TAKEN, MINE, FAR = "10.20.0.9", "10.30.0.99", "10.30.0.10", "10.40.0.9"
NO_RULE = "no rule under `allow` of pool open names namespace payments"
WILD = "no rule under `allow` of pool every names namespace payments (`*` names nobody)"
THREE = {
    "apiVersion": API_VERSION, "kind": "PodNetwork", "metadata": {"namespace": TENANT, "name": "web"},
    "spec": {"deployment": {"name": "web"}, "attachments": [
        {"pool": "named", "addresses": ["10.30.0.10-10.30.0.12"]}]},
}  # fmt: skip
# What a namespace's word comes to, by whichever door.
WORDS: dict[str, tuple[dict[str, Any], str]] = {
    "an address of a pool without allow": (of_pool("open", FREE), NO_RULE),
    "an address of a pool for everybody": (of_pool("every", FAR), WILD),
    "an address of its pool": (of_pool("named", MINE), ""),
    "an address of its pool beyond the rule's": (of_pool("named", TAKEN), f"not {TAKEN}"),
    "a MAC from the address": (of_pool("named", MINE, mac="fromAddress"), ""),
    "a MAC that the rule lists": (of_pool("named", MINE, mac=MAC), ""),
    "another MAC": (of_pool("named", MINE, mac=OTHER_MAC), f"lets MACs 02:aa be chosen, not {OTHER_MAC}"),
    "trust": (of_pool("named", MINE, trust="on"), "trust is the operator's choice"),
    "spoofchk": (of_pool("named", MINE, spoofchk="off"), "spoofchk is the operator's choice"),
    "a device": (of_pool("named", MINE, device="eth9"), "device is the operator's choice"),
    "a virtual function": (of_pool("named", MINE, vf={"pf": "e1"}), "vf is the operator's choice"),
    "more than its quota": (THREE, "may have 2 addresses of pool named reserved"),
}
CELLS: dict[str, Cell] = {
    **{
        f"{TENANT}'s ConfigMap: {what}": Cell(what=said, kind="ConfigMap", words=words)
        for what, (said, words) in WORDS.items()
    },
    **{
        f"an object, where these are tenants': {what}": Cell(what=said, kind="PodNetwork", words=words, tenants=True)
        for what, (said, words) in WORDS.items()
    },
    "another namespace's ConfigMap for a pod of this": Cell(
        what=of_pool("named", MINE), kind="ConfigMap", namespace="other", words="in namespace other"
    ),
    "an object, the operator's: an address of a pool without allow, and trust": Cell(
        what=of_pool("open", FREE, trust="on"), kind="PodNetwork"
    ),
    "an object, the operator's: more than the quota": Cell(what=THREE, kind="PodNetwork"),
    "podberth's own ConfigMap: an address of a pool without allow": Cell(
        what=of_pool("open", FREE, mac=OTHER_MAC), kind="ConfigMap", namespace=HOME
    ),
    "podberth's own ConfigMap, where objects are tenants'": Cell(
        what=of_pool("open", FREE), kind="ConfigMap", namespace=HOME, tenants=True
    ),
}


def prepared(cluster: Cluster, *, tenants: bool) -> None:
    cluster.apply(*POOLS)
    if tenants:
        cluster.apply(settings("tenants"))
        cluster.policies.pod_networks()  # somebody has heard of it


@pytest.mark.parametrize("name", CELLS)
def test_without_the_webhook_what_may_not_be_is_not_in_force_on_any_node(cluster: Cluster, name: str) -> None:
    cell = CELLS[name]
    prepared(cluster, tenants=cell.tenants)
    cluster.apply(cell.applied)
    whole = f"PodNetwork {TENANT}/web"
    for policies in (cluster.policies, node(cluster)):
        assert in_force(policies) == ([] if cell.words else [whole])
        assert [cell.words in one.reason for one in policies.standings()] == ([True] if cell.words else [])


@pytest.mark.parametrize("name", CELLS)
def test_with_the_webhook_it_is_not_stored_either(cluster: Cluster, name: str) -> None:
    cell = CELLS[name]
    prepared(cluster, tenants=cell.tenants)
    cluster.webhook()
    if cell.words:
        assert cell.words in cluster.refused(cell.applied)
    else:
        cluster.apply(cell.applied)


# By whom an AddressReservation is, for which address of which pool, and why not.
RESERVED: dict[str, tuple[bool, str, str, str]] = {
    "the operator's, of a pool without allow": (False, "open", FREE, ""),
    "the operator's, of a pool for everybody": (False, "every", FAR, ""),
    "the operator's, of the namespace's pool": (False, "named", MINE, ""),
    "the operator's, beyond the rule": (False, "named", TAKEN, f"not {TAKEN}"),
    "a tenant's, of a pool without allow": (True, "open", FREE, NO_RULE),
    "a tenant's, of a pool for everybody": (True, "every", FAR, WILD),
    "a tenant's, of the namespace's pool": (True, "named", MINE, ""),
    "a tenant's, beyond the rule": (True, "named", TAKEN, f"not {TAKEN}"),
}


@pytest.mark.parametrize("webhook", [False, True], ids=["without the webhook", "with it"])
@pytest.mark.parametrize("name", RESERVED)
def test_an_address_reservation_is_asked_about_at_both_doors(cluster: Cluster, name: str, *, webhook: bool) -> None:
    tenants, of, address, words = RESERVED[name]
    prepared(cluster, tenants=tenants)
    wanted = reservation("web", address, f"{TENANT}/web", pool=of)
    if webhook:
        cluster.webhook()
        if words:
            assert words in cluster.refused(wanted)
            return
    cluster.apply(wanted)
    cluster.controller()
    until(lambda: cluster.condition("addressreservation", "web")[0] == ("False" if words else "True"))
    assert words in cluster.condition("addressreservation", "web")[1]
    assert cluster.reserved() == ([] if words else [f"{address} {TENANT}/web manual"])


def test_a_tenant_s_address_reservations_have_a_quota_and_the_oldest_stay(cluster: Cluster) -> None:
    prepared(cluster, tenants=True)
    for n in range(10, 14):
        cluster.apply(reservation(f"r{n}", f"10.30.0.{n}", f"{TENANT}/w{n}", pool="named"))
    controller = cluster.controller()
    until(lambda: cluster.condition("addressreservation", "r13")[0] == "False")
    cluster.sweeps(controller)
    assert [one.split()[0] for one in cluster.reserved()] == ["10.30.0.10", "10.30.0.11"]
    cluster.webhook()
    assert "may have 2 addresses" in cluster.refused(reservation("more", "10.30.0.20", f"{TENANT}/more", pool="named"))


# What comes by `podberth apply`: an operator's word, but where objects are tenants'.
APPLIED: dict[str, tuple[bool, dict[str, Any], str]] = {
    "the operator's": (False, of_pool("open", FREE, trust="on"), ""),
    "the operator's, which the pool keeps for others": (
        False, of_pool("named", MINE, namespace="other"), "pool named does not let namespace other use it"),
    "a tenant's, of its pool": (True, of_pool("named", MINE), ""),
    "a tenant's, of a pool without allow": (True, of_pool("open", FREE), NO_RULE),
    "a tenant's, with trust": (True, of_pool("named", MINE, trust="on"), "trust is the operator's choice"),
    "a tenant's, beyond its quota": (True, THREE, "may have 2 addresses of pool named reserved"),
}  # fmt: skip


@pytest.mark.parametrize("name", APPLIED)
def test_apply_asks_too(cluster: Cluster, name: str) -> None:
    tenants, raw, words = APPLIED[name]
    prepared(cluster, tenants=tenants)
    document = parse_document(raw, "test")
    if words:
        with pytest.raises(Conflicts, match=words.replace("(", r"\(").replace("*", r"\*")):
            cluster.policies.apply((document,), OPERATOR, source="test")
    else:
        cluster.policies.apply((document,), OPERATOR, source="test")
    assert in_force(node(cluster)) == ([] if words else [str(document)])


# A pod that starts: its namespace, its network's pool, its annotation, whether its address stays with its name.
STARTED: dict[str, tuple[str, str, str, bool, str]] = {
    "any address of a pool without allow": ("other", "open", "", False, ""),
    "any address of a pool for everybody": ("other", "every", "", False, ""),
    "any address of a pool that names others": ("other", "named", "", False, "name the namespaces payments"),
    "any address of its pool": (TENANT, "named", "", False, ""),
    "an address it asks for, without allow": (
        TENANT, "open", '[{"addresses": ["10.20.0.9"]}]', False, "pods may request nothing themselves"),
    "an address it asks for, of a pool for everybody": (
        TENANT, "every", '[{"addresses": ["10.40.0.9"]}]', False, "(`*` names nobody)"),
    "an address it asks for, of its pool without podRequests": (
        TENANT, "named", '[{"addresses": ["10.30.0.10"]}]', False, "no `podRequests: true`"),
    "an address it may ask for": (TENANT, "asking", '[{"addresses": ["10.50.0.10"]}]', False, ""),
    "an address beyond the rule": (
        TENANT, "asking", '[{"addresses": ["10.50.0.99"]}]', False, "not 10.50.0.99"),
    "a MAC that the rule lists": (TENANT, "asking", f'[{{"mac": "{MAC}"}}]', False, ""),
    "another MAC": (TENANT, "asking", f'[{{"mac": "{OTHER_MAC}"}}]', False, f"not {OTHER_MAC}"),
    "trust": (TENANT, "asking", '[{"trust": "on"}]', False, "trust: pod"),
    "spoofchk": (TENANT, "asking", '[{"spoofchk": "off"}]', False, "spoofchk: pod"),
    "a device": (TENANT, "asking", '[{"device": "eth9"}]', False, "device: pod"),
    "an address that stays": (TENANT, "named", "", True, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", STARTED)
def test_a_pod_that_starts_is_asked_about(cluster: Cluster, name: str) -> None:
    namespace, of, annotation, sticky, words = STARTED[name]
    prepared(cluster, tenants=False)
    network = Network(name="n", role=Role.MAKE, kind=None, defaults=NetworkDefaults(pool=of, sticky=sticky))
    asked = Question(
        pod=PodRef(namespace=namespace, name="web-0"), network="n", ifname="eth0",
        annotation=parse_annotation(annotation) if annotation else (), defaults=network.defaults,
    )  # fmt: skip
    if not words:
        assert decide(network, asked, cluster.policies, cluster.ledger).pool.name == of
        return
    with pytest.raises(Refused) as refusal:
        decide(network, asked, cluster.policies, cluster.ledger)
    assert words in refusal.value.message


def test_sticky_addresses_have_a_quota_with_what_is_declared(cluster: Cluster) -> None:
    prepared(cluster, tenants=False)
    cluster.apply(config_map("web", json.dumps(of_pool("named", MINE)), TENANT))
    cluster.controller()
    until(lambda: len(cluster.reserved()) == 1)
    network = Network(name="n", role=Role.MAKE, kind=None, defaults=NetworkDefaults(pool="named", sticky=True))

    def start(name: str) -> None:
        pod = PodRef(namespace=TENANT, name=name)
        asked = Question(pod=pod, network="n", ifname="eth0", defaults=network.defaults)
        decide(network, asked, cluster.policies, cluster.ledger)

    start("a")
    cluster.bind(f"{TENANT}/a", uid="1", pool="named", sticky=True)
    start("a")  # it has one already
    with pytest.raises(Refused, match="may have 2 addresses of pool named reserved"):
        start("b")
    # What is declared later finds no room, on any node, and what was there stays.
    cluster.apply(config_map("late", json.dumps(of_pool("named", "10.30.0.20", pod="late")), TENANT))
    for policies in (cluster.policies, node(cluster)):
        assert in_force(policies) == [f"PodNetwork {TENANT}/web"]


def test_what_objects_declared_when_they_became_tenants_stays_and_is_listed(cluster: Cluster) -> None:
    old, new = of_pool("open", FREE, trust="on"), of_pool("open", "10.20.0.10", pod="new")
    cluster.apply(*POOLS, old)
    controller = cluster.controller()
    until(lambda: cluster.reserved() == [f"{FREE} {TENANT}/web declared"])
    cluster.apply(settings("tenants"))
    until(lambda: OBJECTS_SEAL in {one["metadata"]["name"] for one in cluster.client.list(LEASES, HOME).items})
    cluster.apply(new)
    for policies in (cluster.policies, node(cluster)):
        assert in_force(policies) == [f"PodNetwork {TENANT}/web"]
        assert {(one.document, one.in_force) for one in policies.standings()} == {
            (f"PodNetwork {TENANT}/web", True), (f"PodNetwork {TENANT}/new", False)
        }  # fmt: skip
    cluster.sweeps(controller, 5)
    assert cluster.reserved() == [f"{FREE} {TENANT}/web declared"]
    until(lambda: NO_RULE in cluster.condition("podnetwork", "new", TENANT)[1])
    # What it says anew is judged anew, and does not count; the text before does, and has its address.
    changed = of_pool("open", FREE, trust="on", mtu=1400)
    cluster.apply(changed)
    assert in_force(node(cluster)) == in_force(cluster.policies) == [f"PodNetwork {TENANT}/web"]
    cluster.sweeps(controller, 5)
    assert in_force(node(cluster)) == in_force(cluster.policies) == [f"PodNetwork {TENANT}/web"]
    said, message = cluster.condition("podnetwork", "web", TENANT)
    assert said == "False"
    assert NO_RULE in message
    kept = str(cluster.status("podnetwork", "web", TENANT)["inForce"])
    assert FREE in kept
    assert "1400" not in kept
    assert cluster.reserved() == [f"{FREE} {TENANT}/web declared"]
    cluster.apply(old)
    assert in_force(node(cluster)) == in_force(cluster.policies) == [f"PodNetwork {TENANT}/web"]
    cluster.apply(settings("operators"))
    both = [f"PodNetwork {TENANT}/new", f"PodNetwork {TENANT}/web"]
    assert in_force(node(cluster)) == in_force(cluster.policies) == both


def test_where_objects_are_the_operator_s_there_is_no_list_of_them(cluster: Cluster) -> None:
    cluster.apply(*POOLS, of_pool("open", FREE))
    assert in_force(node(cluster)) == [f"PodNetwork {TENANT}/web"]
    with pytest.raises(NotFound):
        cluster.client.get(LEASES, OBJECTS, HOME)


def test_a_setting_that_can_t_be_read_counts_as_the_narrower_one_and_the_webhook_refuses_it(cluster: Cluster) -> None:
    cluster.apply(*POOLS, settings("tenant"))
    assert in_force(node(cluster)) == []
    cluster.apply(of_pool("open", FREE))
    for policies in (cluster.policies, node(cluster)):
        assert in_force(policies) == []
        assert any("podNetworks: expected operators or tenants" in one.reason for one in policies.standings())
    cluster.webhook()
    assert "podNetworks: expected operators or tenants" in cluster.refused(settings("nobody"))
    cluster.client.delete(CONFIG_MAPS, "podberth-settings", HOME)
    assert in_force(node(cluster)) == in_force(cluster.policies) == [f"PodNetwork {TENANT}/web"]


def test_all_config_maps_of_a_namespace_have_one_budget_and_the_oldest_have_it_first(cluster: Cluster) -> None:
    cluster.apply(*POOLS)
    for name in ("a", "b", "c"):
        many = [{**of_pool("named", MINE), "metadata": {"name": f"{name}{n}"}} for n in range(MAX_DOCUMENTS // 2)]
        text = "\n---\n".join(json.dumps(one) for one in many)
        cluster.client.create(CONFIG_MAPS, config_map(name, text, TENANT), TENANT)
    cluster.apply(config_map("d", json.dumps(of_pool("named", MINE, namespace="other")), "other"))
    for policies in (cluster.policies, node(cluster)):
        beyond = [one for one in policies.standings() if "older ConfigMaps of its namespace" in one.reason]
        assert [one.bundle for one in beyond] == [f"{TENANT}/c"]
    cluster.webhook()
    assert "older ConfigMaps of its namespace" in cluster.refused(
        config_map("e", json.dumps(of_pool("named", MINE)), TENANT)
    )


def test_a_config_map_with_the_label_that_declares_nothing_is_told_so(cluster: Cluster) -> None:
    empty = config_map("empty", "", TENANT)
    del empty["data"]
    cluster.apply({**empty, "binaryData": {"declared.yaml": "a2luZDogUG9vbA=="}})
    for policies in (cluster.policies, node(cluster)):
        (one,) = policies.standings()
        assert (one.bundle, one.silent, "binaryData is not read" in one.reason) == (f"{TENANT}/empty", True, True)
    cluster.controller()
    until(
        lambda: (
            ["no key that ends with" in one["message"] for one in cluster.client.list(EVENTS, TENANT).items] == [True]
        )
    )
    cluster.apply(config_map("empty", json.dumps(podnetwork("x", namespace=TENANT)), TENANT))
    assert not any(one.silent for one in cluster.policies.standings())


def test_a_namespace_that_is_judged_has_no_word_in_the_reservations_of_another(cluster: Cluster) -> None:
    prepared(cluster, tenants=True)
    cluster.apply(of_pool("named", MINE), of_pool("open", FREE, pod="x", namespace="other"))
    controller = cluster.controller()
    until(lambda: cluster.reserved() == [f"{MINE} {TENANT}/web declared"])
    cluster.client.delete(POD_NETWORKS, "web", TENANT)
    until(lambda: cluster.reserved() == [])
    cluster.sweeps(controller)
