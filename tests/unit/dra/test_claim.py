"""Resource claims as an API server has them: what is read, what is refused, and by which field's path."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.errors import CniError, InvalidConfig, TryAgainLater
from podberth.dra.claim import CLAIM, FROM_CLAIM, FROM_CLASS, POD, Claim, read_claim

DRIVER = "dra.podberth.io"
UID = "0b7a"


def configured(source: str, *requests: str, driver: str = DRIVER, **said: Any) -> dict[str, Any]:
    parameters = {"apiVersion": "podberth.io/v1alpha1", "kind": "InterfaceParameters", **said}
    opaque = {"driver": driver, "parameters": parameters}
    return {"source": source, "requests": list(requests), "opaque": opaque}


def document(*config: dict[str, Any], **changes: Any) -> dict[str, Any]:
    results = [
        {"request": "net1", "driver": DRIVER, "pool": "node1", "device": "vf-0000-03-00-1"},
        {"request": "gpu", "driver": "gpu.example.com", "pool": "node1", "device": "gpu-0"},
    ]
    return {
        "metadata": {"namespace": "bank", "name": "fast", "uid": UID},
        "status": {
            "allocation": {"devices": {"results": results, "config": list(config)}},
            "reservedFor": [{"resource": "pods", "name": "db-0", "uid": "p1"}],
            **changes,
        },
    }


def read(*config: dict[str, Any], **changes: Any) -> Claim:
    return read_claim(document(*config, **changes), UID, DRIVER)


def test_the_devices_of_the_driver_are_read_and_others_are_not() -> None:
    claim = read()

    assert (claim.namespace, claim.name, claim.pod.name) == ("bank", "fast", "db-0")
    assert [(each.request, each.pool, each.device) for each in claim.devices] == [("net1", "node1", "vf-0000-03-00-1")]


def test_parameters_of_class_and_claim_go_together_and_the_later_wins_key_by_key() -> None:
    (found,) = read(
        configured(FROM_CLASS, interface="fast0", network={"pool": "a", "sticky": True}),
        configured(FROM_CLASS, network={"pool": "b"}),
        configured(FROM_CLAIM, "net1", interface="mine0", identity=CLAIM, attachment={"addresses": ["10.0.0.1"]}),
        configured(FROM_CLAIM, "other", interface="no"),
        configured(FROM_CLAIM, driver="gpu.example.com", whatever=1),
    ).devices

    assert found.parameters.interface == "mine0"
    assert found.parameters.identity == CLAIM
    assert found.parameters.network == {"pool": "b", "sticky": True}
    assert found.parameters.attachment == {"addresses": ["10.0.0.1"]}


def test_an_identity_that_is_not_said_leaves_the_earlier_one() -> None:
    (found,) = read(configured(FROM_CLASS, identity=CLAIM), configured(FROM_CLAIM)).devices
    (plain,) = read().devices

    assert (found.parameters.identity, plain.parameters.identity) == (CLAIM, POD)


def test_a_request_with_alternatives_is_configured_by_its_own_name_too() -> None:
    made = document(configured(FROM_CLAIM, "net1", interface="x0"))
    made["status"]["allocation"]["devices"]["results"][0]["request"] = "net1/first"

    (found,) = read_claim(made, UID, DRIVER).devices
    assert found.parameters.interface == "x0"


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (configured(FROM_CLAIM, network={"pool": "a"}), "parameters.network: is the operator's to say"),
        (configured(FROM_CLASS, attachment={"pool": "a"}), "parameters.attachment: is a namespace's to say"),
        (configured(FROM_CLASS, network={"deviceID": "x"}), "parameters.network.deviceID: is the driver's to say"),
        (configured(FROM_CLASS, network={"stateDir": "/x"}), "parameters.network.stateDir"),
        (configured(FROM_CLAIM, attachment={"ifname": "x"}), "parameters.attachment.ifname: follows from the claim"),
        (configured(FROM_CLAIM, adresses=[]), "parameters.adresses: unknown field"),
        (configured(FROM_CLAIM, interface="../x"), "parameters.interface"),
        (configured(FROM_CLAIM, identity="Node"), "parameters.identity"),
        (configured(FROM_CLAIM, kind="Other"), "parameters.kind"),
        (configured("FromNowhere"), r"config\[0\].source"),
    ],
)
def test_what_can_not_be_is_refused_by_its_path(config: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidConfig, match=why):
        read(config)


def test_a_claim_of_another_uid_is_another_claim() -> None:
    with pytest.raises(TryAgainLater, match="is another one by now"):
        read_claim(document(), "other", DRIVER)


@pytest.mark.parametrize("count", [0, 2])
def test_a_claim_of_no_pod_or_of_several_is_refused(count: int) -> None:
    pods = [{"resource": "pods", "name": f"db-{n}", "uid": str(n)} for n in range(count)]
    with pytest.raises(InvalidConfig, match=f"reserved for {count} pods"):
        read(reservedFor=pods)


def test_a_claim_that_is_not_allocated_is_refused() -> None:
    with pytest.raises(InvalidConfig, match=r"status.allocation: required field is missing"):
        read(allocation=None)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["metadata", "status", "devices", "config", "uid", "x"]), inner, max_size=4
            )
        ),
    )
)
def test_whatever_an_object_is_it_is_a_claim_or_an_error_that_says_why(raw: object) -> None:  # fmt: skip
    with pytest.raises(CniError):
        read_claim(raw, UID, DRIVER)
