"""What an IPAMClaim has to be, for the leg that refers to it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from podberth.cni.errors import CniError
from podberth.cni.fields import Fields
from podberth.cni.pod import PodRef
from podberth.cni.result import Result
from podberth.networks.claim import ClaimStatus, read, status_of
from tests.unit.networks.described import DescribedNode, call, defined, planned, pod

LEDGER = {"cniVersion": "1.0.0", "name": "legs", "type": "podberth", "bridge": "legs0", "pool": "legs"}
SELECTED = {"name": "storage", "ipam-claim-reference": "vm.net1"}


def claim(status: object = None, metadata: dict[str, object] | None = None, **spec: object) -> dict[str, Any]:
    said = {"namespace": "bank", "name": "vm.net1", "uid": "5f0d", **(metadata or {})}
    found = {"kind": "IPAMClaim", "metadata": said, "spec": {"network": "legs", "interface": "net1", **spec}}
    return found if status is None else {**found, "status": status}


def plugins(*objects: dict[str, Any], config: object = LEDGER, **selected: object) -> list[dict[str, Any]]:
    """Return how the plugins of a pod's second network are configured."""
    networks = json.dumps([{**SELECTED, **selected}])
    node = DescribedNode(pod(networks=networks), defined("storage", config), *objects)
    (_, leg) = planned(node, call())
    return list(json.loads(leg.config)["plugins"])


def complaint(*objects: dict[str, Any], config: object = LEDGER, **selected: object) -> str:
    with pytest.raises(CniError) as refusal:
        plugins(*objects, config=config, **selected)
    return refusal.value.message


def test_the_plugin_that_gives_the_addresses_is_told_of_the_claim() -> None:
    (first,) = plugins(claim())
    assert first["ipamClaim"] == {"name": "vm.net1", "uid": "5f0d", "ips": []}


@pytest.mark.parametrize(
    ("status", "requests", "ips"),
    [
        ({"ips": ["10.81.0.5/24", "fd00::5/64"], "ownerPod": "a"}, ["10.81.0.9/24"], ["10.81.0.5", "fd00::5"]),
        ({"ips": [], "ownerPod": ""}, ["10.81.0.9/24"], ["10.81.0.9"]),
        ({}, None, []),
        (None, [], []),
    ],
)
def test_what_the_status_has_goes_before_what_the_spec_asks_for(status: object, requests: object, ips: object) -> None:
    assert plugins(claim(status, ipRequests=requests))[0]["ipamClaim"]["ips"] == ips


def test_a_claim_may_name_its_network_as_the_definition_is_called() -> None:
    assert plugins(claim(network="bank/storage"))


@pytest.mark.parametrize("ipam", [{"type": "podberth"}, {"type": "podberth", "pool": "legs"}])
def test_another_plugin_may_make_the_interface(ipam: dict[str, object]) -> None:
    config = {"cniVersion": "1.0.0", "name": "legs", "type": "macvlan", "ipam": ipam}
    assert plugins(claim(), config=config)[0]["ipamClaim"]["uid"] == "5f0d"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (claim(network="other"), "IPAMClaim bank/vm.net1 is for the network other, not for legs"),
        (claim(interface="net2"), "is for the interface net2, not for net1"),
        (claim(metadata={"deletionTimestamp": "2026-11-30T12:00:00Z"}), "IPAMClaim bank/vm.net1 is being deleted"),
        (claim(metadata={"labels": {"podberth.io/shows": "reservation"}}), "shows what is reserved for a pod's name"),
        (claim(network=None), "IPAMClaim.spec.network: required"),
        (claim(interface=7), "IPAMClaim.spec.interface: expected a string"),
        (claim(ipRequests="10.81.0.9/24"), "IPAMClaim.spec.ipRequests: expected a list"),
        (claim(ipRequests=["10.81.0.9/99"]), "IPAMClaim.spec.ipRequests[0]"),
        (claim({"ips": ["10.81.0.1/24", "10.81.0.2/24"]}), "IPAMClaim.status.ips: expected one address of each IP"),
        (claim({"ips": ["10.81.0.1/24"] * 3}), "IPAMClaim.status.ips: expected at most 2"),
        (claim([]), "IPAMClaim.status: expected an object"),
        (claim(metadata={"uid": "../x"}), "IPAMClaim.metadata.uid"),
        (claim(metadata={"uid": None}), "IPAMClaim.metadata.uid: required"),
    ],
)
def test_a_claim_that_does_not_fit_is_refused_with_what_is_wrong(document: dict[str, Any], expected: str) -> None:
    assert expected in complaint(document)


def test_a_claim_that_is_not_there_is_waited_for_by_name() -> None:
    assert "there is no IPAMClaim bank/vm.net1" in complaint()


def test_a_name_that_no_ledger_has_room_for_is_refused() -> None:
    name = ".".join(["a" * 50] * 4)
    document = claim(metadata={"name": name})
    assert "a claim's name of at most 200 characters, got 203" in complaint(document, **{"ipam-claim-reference": name})


@pytest.mark.parametrize(
    ("config", "by"),
    [
        ({"type": "bridge", "ipam": {"type": "host-local"}}, "the plugin host-local"),
        ({"type": "bridge"}, "the plugin bridge"),
        ({"type": "macvlan", "ipam": "podberth"}, "the plugin macvlan"),
    ],
)
def test_a_network_whose_addresses_are_not_the_ledgers_serves_no_claims(config: dict[str, object], by: str) -> None:
    whole = {"cniVersion": "1.0.0", "name": "legs", **config}
    assert f"has its addresses from {by}, which serves no claims" in complaint(claim(), config=whole)


def test_one_claim_is_for_one_network_of_a_pod() -> None:
    networks = json.dumps([SELECTED, {**SELECTED, "interface": "net2"}])
    node = DescribedNode(pod(networks=networks), defined("storage", LEDGER), claim())
    with pytest.raises(CniError, match=r"is referred to by bank/storage \(net2\) too"):
        planned(node, call())


def test_the_first_network_has_no_claim() -> None:
    node = DescribedNode(
        pod(default=json.dumps([SELECTED])), defined("storage", LEDGER, namespace="kube-system"), claim()
    )
    with pytest.raises(CniError, match="can't be had on the first network"):
        planned(node, call())


def test_a_definition_says_nothing_of_claims() -> None:
    stolen = {**LEDGER, "ipamClaim": {"name": "other", "uid": "1"}}
    node = DescribedNode(pod(networks="storage"), defined("storage", stolen))
    assert "ipamClaim" not in planned(node, call())[1].config


def test_a_claim_is_sought_in_the_pods_namespace_alone() -> None:
    node = DescribedNode(pod(networks=json.dumps([SELECTED])), defined("storage", LEDGER), claim())
    planned(node, call())
    assert "IPAMClaim bank/vm.net1" in node.asked
    assert not [each for each in node.asked if each.startswith("IPAMClaim") and "bank/" not in each]


def test_the_status_has_the_addresses_with_their_prefixes_and_the_pod() -> None:
    node = DescribedNode(pod(networks=json.dumps([SELECTED])), defined("storage", LEDGER), claim())
    (_, leg) = planned(node, call())
    result = Result.parse(Fields({"cniVersion": "1.0.0", "ips": [{"address": "10.81.0.5/24"}]}), "1.0.0")
    found = status_of(leg, result, PodRef(namespace="bank", name="web-0"))
    assert found == ClaimStatus(namespace="bank", name="vm.net1", uid="5f0d", ips=("10.81.0.5/24",), pod="web-0")
    assert found is not None
    assert found.form == {"ips": ["10.81.0.5/24"], "ownerPod": "web-0"}
    assert read({**claim(), "status": found.form}).claim.ips
