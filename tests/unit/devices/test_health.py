"""Whether the kubelet may give a function to a pod, and who has it by which way."""

from __future__ import annotations

import pytest

from podberth.devices.health import Allocated, device, forfeited, way
from tests.unit.devices.functions import held, of_the_kubelet, vf

VF = vf(0)
KUBELETS = held(VF, conf=of_the_kubelet())
CHOSEN = held(VF)


def given(pod: str = "web-0", uid: str = "") -> tuple[Allocated, ...]:
    return (Allocated(device=VF.address, resource="bank.example/storage", namespace="bank", name=pod, uid=uid),)


def test_a_free_function_is_healthy_where_its_card_has_a_carrier() -> None:
    assert device(VF, None, ()).healthy
    assert device(VF, None, (), deaf="ens1f0 is down").why == "ens1f0 is down"


def test_a_function_that_the_node_uses_is_not() -> None:
    assert device(VF, None, (), unusable="ens1f0v0 has the node's address").why == "ens1f0v0 has the node's address"


def test_a_function_that_its_own_pod_has_is_healthy_whatever_the_card_is() -> None:
    assert device(VF, KUBELETS, given(), deaf="ens1f0 is down").healthy
    assert device(VF, CHOSEN, given()).healthy  # by Multus, which says no resource
    assert device(VF, None, given(), unusable="its interface is in another network namespace").healthy


def test_a_function_whose_old_pods_del_has_not_run_is_unhealthy() -> None:
    assert device(VF, KUBELETS, ()).why == "its DEL has not run: bank/web-0 as net1"
    assert device(VF, KUBELETS, given("web-1", uid="u9")).why.startswith("its DEL has not run")


def test_a_function_that_podberth_has_chosen_is_unhealthy_for_the_kubelet() -> None:
    assert "not by the kubelet's choice" in device(VF, CHOSEN, ()).why
    assert "not by the kubelet's choice" in device(VF, CHOSEN, None).why


def test_a_kubelet_that_can_not_be_asked_takes_nothing_from_a_pod() -> None:
    assert device(VF, KUBELETS, None).healthy
    assert not forfeited(KUBELETS, None)


def test_a_pod_is_known_by_its_uid_or_by_its_name() -> None:
    assert not forfeited(KUBELETS, given("other", uid="u1"))
    assert not forfeited(KUBELETS, given("web-0"))
    assert forfeited(KUBELETS, given("web-1", uid="u2"))
    assert forfeited(KUBELETS, ())


def test_what_the_kubelet_has_never_given_is_never_forfeited() -> None:
    assert not forfeited(CHOSEN, ())
    assert not forfeited(held(VF, conf={"deviceID": VF.address}), ())


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        ({}, "choice"),
        ({"vf": {"pf": "ens1f0"}}, "choice"),
        ({"deviceID": VF.address}, "deviceID"),
        ({"runtimeConfig": {"deviceID": VF.address}}, "deviceID"),
        ({"deviceID": VF.address, **of_the_kubelet()}, "device plugin"),
        ({"args": {"cni": []}}, "choice"),
        ({"args": {"cni": {"k8s.v1.cni.cncf.io/resourceName": 1}}}, "choice"),
        ({"runtimeConfig": []}, "choice"),
    ],
)
def test_the_way_that_a_function_came_is_read_from_its_record(conf: dict[str, object], expected: str) -> None:
    assert way(held(VF, conf=conf)) == expected
