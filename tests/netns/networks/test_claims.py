"""A pod's leg has the address of an IPAMClaim, by a real API server: whatever pod comes and goes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from podberth.kube.resources import IPAM_CLAIMS, PODS
from podberth.networks.selection import NETWORKS
from tests.netns.agent.running import agent
from tests.netns.networks.conftest import NAMESPACE, NODE, leg
from tests.waiting import until

if TYPE_CHECKING:
    from tests.netns.kubelet import Pod
    from tests.netns.networks.conftest import Site

STORAGE = {"name": "storage", "ipam-claim-reference": "mysql.net1"}


def refused(site: Site, pod: Pod) -> tuple[int, str]:
    answer = site.call("ADD", pod)
    assert answer.code == 1, answer.stdout
    error = json.loads(answer.stdout)
    return int(error["code"]), str(error["msg"])


def address_of(site: Site, pod: Pod) -> str:
    added = site.added(pod)
    assert added.code == 0, added.stdout
    (address,) = site.told(pod, 2)[1]["ips"]
    return str(address)


def ended(site: Site, pod: Pod) -> None:
    assert site.call("DEL", pod).code == 0
    assert site.gone(pod)
    site.remove_pod(pod)


def test_a_claims_address_is_that_of_each_pod_that_refers_to_it_and_of_no_other(served: Site) -> None:
    served.define("storage", leg(served.folder))
    uid = served.claim("mysql.net1")
    seen = []
    for name in ("mysql-0", "virt-launcher-a", "mysql-0"):
        pod = served.pod(name, [STORAGE])
        seen.append(address_of(served, pod))
        assert served.kept() == [(seen[0], f"bank/ipamclaim/mysql.net1/{uid}")]
        want = {"ips": [f"{seen[0]}/24"], "ownerPod": name}
        assert until(lambda want=want: served.claim_status("mysql.net1") == want)  # type: ignore[misc]
        assert served.call("CHECK", pod).code == 0
        ended(served, pod)
        other = served.pod("other", "storage")
        assert address_of(served, other) != seen[0]
        ended(served, other)
    assert len(set(seen)) == 1


def test_two_pods_do_not_have_one_claim_at_once(served: Site) -> None:
    served.define("storage", leg(served.folder))
    served.claim("mysql.net1")
    first, second = (served.pod(name, [STORAGE]) for name in ("mysql-0", "mysql-1"))
    address = address_of(served, first)
    code, message = refused(served, second)
    assert (code, f"{address} is still bound to bank/mysql-0" in message) == (11, True)
    assert "and bank/mysql-1 refers to the same IPAMClaim" in message
    assert until(lambda: set(served.node.links(second.netns)) == {"lo"})  # an agent takes links away afterwards
    ended(served, first)
    assert address_of(served, second) == address
    ended(served, second)


def test_an_address_that_a_claim_has_already_is_kept_for_it(served: Site) -> None:
    served.define("storage", leg(served.folder))
    served.claim("mysql.net1", "10.81.0.77/24")
    pod = served.pod("mysql-0", [STORAGE])
    assert address_of(served, pod) == "10.81.0.77"
    served.claim("other.net1", "10.81.0.77/24")
    code, message = refused(served, served.pod("other", [{**STORAGE, "ipam-claim-reference": "other.net1"}]))
    assert code == 101
    assert "10.81.0.77 of pool legs is reserved for bank/ipamclaim/mysql.net1/" in message
    ended(served, pod)


def test_an_address_that_a_claim_asks_for_is_kept_for_it(site: Site) -> None:
    site.define("storage", leg(site.folder))
    site.claim("mysql.net1", ipRequests=["10.81.0.78/24"])
    assert address_of(site, site.pod("mysql-0", [STORAGE])) == "10.81.0.78"


@pytest.mark.parametrize(
    ("spec", "wish", "complaint"),
    [
        (None, {}, "there is no IPAMClaim bank/mysql.net1"),
        ({"network": "other"}, {}, "IPAMClaim bank/mysql.net1 is for the network other, not for legs"),
        ({"interface": "net2"}, {}, "is for the interface net2, not for net1"),
        ({"ipRequests": ["10.99.0.1/24"]}, {}, "10.99.0.1 is not in pool legs"),
        ({"ipRequests": ["nonsense"]}, {}, "IPAMClaim.spec.ipRequests[0]"),
        ({}, {"ips": ["10.81.0.9"]}, "can't be asked for beside `ipam-claim-reference`"),
        ({}, {"name": "foreign"}, "has its addresses from the plugin host-local, which serves no claims"),
    ],
)
def test_what_a_claim_can_not_give_is_refused_before_any_plugin_is_called(
    site: Site, spec: dict[str, object] | None, wish: dict[str, object], complaint: str
) -> None:
    site.define("storage", leg(site.folder))
    bridge = {"type": "bridge", "bridge": "legs0", "ipam": {"type": "host-local", "subnet": "10.82.0.0/24"}}
    site.define("foreign", {"cniVersion": "1.1.0", "name": "legs", "plugins": [bridge]})
    if spec is not None:
        site.claim("mysql.net1", **spec)
    _, message = refused(site, site.pod("mysql-0", [{**STORAGE, **wish}]))
    assert complaint in message
    assert not site.kept()


def test_a_claim_that_is_being_deleted_gives_nothing(site: Site) -> None:
    site.define("storage", leg(site.folder))
    site.claim("mysql.net1")
    site.client.merge_patch(IPAM_CLAIMS, "mysql.net1", {"metadata": {"finalizers": ["test/stays"]}}, NAMESPACE)
    site.client.delete(IPAM_CLAIMS, "mysql.net1", NAMESPACE)
    assert "IPAMClaim bank/mysql.net1 is being deleted" in refused(site, site.pod("mysql-0", [STORAGE]))[1]
    site.client.merge_patch(IPAM_CLAIMS, "mysql.net1", {"metadata": {"finalizers": None}}, NAMESPACE)


def test_a_pod_with_a_declared_address_has_no_claim_for_the_same_interface(site: Site) -> None:
    site.define("storage", leg(site.folder))
    site.claim("mysql.net1")
    site.node.apply(
        "{apiVersion: podberth.io/v1alpha1, kind: PodNetwork, metadata: {namespace: bank, name: mysql},"
        " spec: {pod: mysql-0, attachments: [{ifname: net1, pool: legs, addresses: [10.81.0.77]}]}}"
    )
    _, message = refused(site, site.pod("mysql-0", [STORAGE]))
    assert "has its address from IPAMClaim bank/mysql.net1, and the PodNetwork (pod)" in message


def test_a_namespace_that_no_rule_of_the_pool_names_has_no_claims(site: Site) -> None:
    site.define("storage", leg(site.folder, pool="open"))
    site.node.apply(
        "{apiVersion: podberth.io/v1alpha1, kind: Pool, metadata: {name: open},"
        " spec: {subnets: [{subnet: 10.83.0.0/24}]}}"
    )
    site.claim("mysql.net1")
    _, message = refused(site, site.pod("mysql-0", [STORAGE]))
    assert "no rule under `allow` of pool open names namespace bank" in message
    assert not site.kept()


def test_no_annotation_reaches_the_key_by_which_plugins_are_told_of_claims(site: Site) -> None:
    stolen = {"name": "someone.net1", "uid": "0", "ips": ["10.81.0.50"]}
    site.define("storage", leg(site.folder, ipamClaim=stolen))
    pod = site.pod("mysql-0", [{"name": "storage", "cni-args": {"ipamClaim": stolen}}])
    assert address_of(site, pod) != "10.81.0.50"
    assert not site.kept()


def test_a_claim_that_is_deleted_gives_its_address_back_once_no_pod_has_it(site: Site) -> None:
    site.define("storage", leg(site.folder))
    site.claim("mysql.net1")
    with agent(site.node, env={"NODE_NAME": NODE}):
        pod = site.pod("mysql-0", [STORAGE])
        address = address_of(site, pod)
        ended(site, pod)
        assert [kept for kept, _ in site.kept()] == [address]
    # Made anew under its name while no agent ran: it is another.
    site.client.delete(IPAM_CLAIMS, "mysql.net1", NAMESPACE)
    site.claim("mysql.net1")
    with agent(site.node, env={"NODE_NAME": NODE}):
        assert until(lambda: not site.kept())
        story = site.node.podberth("history", address)
        assert "IPAMClaim bank/mysql.net1" in story


def test_a_server_that_is_away_ends_no_claim(site: Site) -> None:
    site.define("storage", leg(site.folder))
    site.claim("mysql.net1")
    with agent(site.node, env={"NODE_NAME": NODE}):
        pod = site.pod("mysql-0", [STORAGE])
        address_of(site, pod)
        ended(site, pod)
    before = site.kept()
    away = site.folder / "away.kubeconfig"
    away.write_text(site.server.kubeconfig.read_text().replace("https://", "https://127.0.0.9:1/"))
    (site.node.state / "networks" / "claims.json").write_text(json.dumps({"kubeconfigs": [str(away)]}))
    site.client.delete(IPAM_CLAIMS, "mysql.net1", NAMESPACE)
    with agent(site.node, env={"NODE_NAME": NODE}) as running:
        assert running.wait_for("claims")
    assert site.kept() == before


def test_a_running_pod_gets_a_leg_with_a_claims_address_and_gives_it_back(site: Site) -> None:
    site.define("storage", leg(site.folder))
    site.claim("mysql.net1")
    with agent(site.node, env={"NODE_NAME": NODE}):
        pod = site.pod("mysql-0")
        assert site.added(pod).code == 0
        for networks in (json.dumps([STORAGE]), None, json.dumps([STORAGE])):
            annotations = {"metadata": {"annotations": {NETWORKS: networks}}}
            site.client.merge_patch(PODS, pod.name, annotations, NAMESPACE)
            until(lambda networks=networks: ("net1" in site.node.links(pod.netns)) == bool(networks))  # type: ignore[misc]
        (address, owner), *more = site.kept()
        assert (owner.startswith("bank/ipamclaim/mysql.net1/"), more) == (True, [])
        until(lambda: site.claim_status("mysql.net1") == {"ips": [f"{address}/24"], "ownerPod": "mysql-0"})
