"""`podberth get claims`: reservations as IPAMClaims."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from podberth.cni.pod import Attachment, PodRef
from podberth.ipam.lease import Actor, Claim, Wanted
from podberth.ipam.owner import of_claim

if TYPE_CHECKING:
    from tests.unit.cli.node import Operator

ACTOR = Actor(who="plugin", why="ADD", node="node1")
VM = of_claim("bank", "vm.net1", "5f0d")


def bind(podberth: Operator, name: str, owner: PodRef | None = None, ifname: str = "net1") -> Attachment:
    attachment = Attachment(network="storage", container_id=f"c-{name}", ifname=ifname)
    wanted = tuple(Wanted(pool="db", family=family, owner=owner) for family in (4, 6))
    pod = PodRef(namespace="bank", name=name, uid="u")
    asked = Claim(attachment=attachment, pod=pod, netns="/n", wanted=wanted, sticky=True)
    podberth.connect(str(podberth.state)).ledger.bind(asked, ACTOR)
    return attachment


def test_a_reservation_of_a_known_network_is_shown_as_a_claim(podberth: Operator) -> None:
    bind(podberth, "virt-launcher-a", VM)
    gone = bind(podberth, "web-0")
    podberth.connect(str(podberth.state)).ledger.unbind(gone, ACTOR)
    shown = podberth("get", "claims", "bank/", "-o", "yaml")
    claims = {one["metadata"]["name"]: one for one in yaml.safe_load_all(shown.out)}
    assert set(claims) == {"vm.net1", "web-0.net1"}
    assert claims["vm.net1"]["apiVersion"] == "k8s.cni.cncf.io/v1alpha1"
    assert claims["vm.net1"]["kind"] == "IPAMClaim"
    assert claims["vm.net1"]["spec"] == {"network": "storage", "interface": "net1"}
    assert [ip.partition("/")[2] for ip in claims["vm.net1"]["status"]["ips"]] == ["24", "64"]
    assert [claims[name]["status"]["ownerPod"] for name in ("vm.net1", "web-0.net1")] == ["virt-launcher-a", ""]


def test_what_has_no_known_network_is_counted_and_not_guessed(podberth: Operator) -> None:
    podberth("reserve", "bank/web-9", "10.20.0.120")
    ended = podberth("get", "claims", "--json")
    assert not [one for one in ended.json["items"] if one["metadata"]["name"].startswith("web-9")]
    assert "of no known network, or of a Deployment: no claim" in ended.err


def test_a_claims_address_is_in_the_lists_as_the_claims(podberth: Operator) -> None:
    bind(podberth, "virt-launcher-a", VM)
    kept = podberth("get", "reservations", "--json").json["items"]
    assert [one["origin"] for one in kept if one["pod"] == str(VM)] == ["sticky", "sticky"]
    address = next(one["address"] for one in kept if one["pod"] == str(VM))
    assert VM.name in podberth("who", address).out
    assert "Reserved" in podberth("history", f"bank/{VM.name}").out
    assert podberth("release", "--pool", "db", "--dry-run", "--json").json["released"] == []
    assert podberth("release", address).code == 0  # an operator's word, where the claim's API server is gone for good


def test_a_pod_that_is_typed_as_a_claim_has_to_be_one(podberth: Operator) -> None:
    assert podberth("history", "bank/ipamclaim/vm.net1").code == 2
    assert podberth("reserve", "bank/ipamclaim/vm.net1/5f0d", "10.20.0.121").code == 0
    assert podberth("reserve", "bank/ipamclaim/../5f0d", "10.20.0.122").code == 2
