"""What a kubelet makes of podberth's device plugins, and podberth of what a kubelet says."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import InvalidConfig, TryAgainLater
from podberth.devices.kubelet import Kubelet
from tests.image.devices.kubelets import NAMESPACE
from tests.image.devices.node import OTHER, RESOURCE
from tests.unit.devices.functions import vf
from tests.waiting import until

if TYPE_CHECKING:
    from tests.image.devices.kubelets import KubeletOfDevices, Started
    from tests.image.devices.node import DescribedNode

OF_STORAGE = {vf(i).address for i in range(3)}


def counted(kubelet: KubeletOfDevices, node: DescribedNode, *devices: str, resource: str = RESOURCE) -> bool:
    """Wait until the kubelet counts these devices."""
    return until(
        lambda: kubelet.healthy(resource) == set(devices),
        lambda: f"counted: {kubelet.healthy(resource)}, {node.log.getvalue()}",
    )


def test_the_kubelet_counts_what_may_be_given(kubelet: KubeletOfDevices, node: DescribedNode) -> None:
    node.serve(kubelet.root)
    counted(kubelet, node, *OF_STORAGE)
    counted(kubelet, node, *(vf(i, "ens1f1").address for i in range(3)), resource=OTHER)


def test_a_function_that_podberth_has_given_away_is_not_counted_until_it_is_back(
    kubelet: KubeletOfDevices, node: DescribedNode
) -> None:
    node.serve(kubelet.root)
    record = node.hold(1, chosen=True)
    counted(kubelet, node, vf(0).address, vf(2).address)
    node.node().attachments.close(record.key)
    counted(kubelet, node, *OF_STORAGE)


def test_functions_of_a_card_without_a_carrier_are_not_counted(kubelet: KubeletOfDevices, node: DescribedNode) -> None:
    node.serve(kubelet.root)
    counted(kubelet, node, *OF_STORAGE)
    node.card.wires["ens1f0"] = "0"
    counted(kubelet, node)
    node.card.wires["ens1f0"] = "1"
    counted(kubelet, node, *OF_STORAGE)


def test_a_pod_is_given_what_it_asks_for_and_the_kubelet_says_so(
    kubelet: KubeletOfDevices, node: DescribedNode
) -> None:
    node.serve(kubelet.root)
    counted(kubelet, node, *OF_STORAGE)
    pod = kubelet.start_pod("asking", RESOURCE, 2)
    assert len(pod.devices) == 2
    assert pod.variables["PCIDEVICE_BANK_EXAMPLE_STORAGE"] == ",".join(sorted(pod.devices))
    about = json.loads(pod.variables["PCIDEVICE_BANK_EXAMPLE_STORAGE_INFO"])
    assert about == {each: {"generic": {"deviceID": each}} for each in pod.devices}
    for uid in (pod.uid, ""):
        said = given(kubelet, pod, uid)
        assert said == sorted(pod.devices)
    assert Kubelet(str(kubelet.root)).of_pod(NAMESPACE, "nobody", "") == ()


def given(kubelet: KubeletOfDevices, pod: Started, uid: str) -> list[str]:
    """Return which functions the kubelet says a pod has."""
    said = Kubelet(str(kubelet.root)).of_pod(NAMESPACE, pod.name, uid)
    assert {each.resource for each in said} <= {RESOURCE}
    return [each.device for each in said]


def test_what_the_kubelet_says_of_a_pod_is_not_taken_for_another_of_the_name(
    kubelet: KubeletOfDevices, node: DescribedNode
) -> None:
    node.serve(kubelet.root)
    counted(kubelet, node, *OF_STORAGE)
    one, other = (kubelet.start_pod(name, RESOURCE) for name in ("one", "other"))
    with pytest.raises(TryAgainLater, match="its checkpoint has not given it to UID"):
        given(kubelet, one, other.uid)


def test_without_its_socket_the_kubelets_checkpoint_answers_for_a_pod_by_its_uid(
    kubelet: KubeletOfDevices, node: DescribedNode, tmp_path: Path
) -> None:
    node.serve(kubelet.root)
    counted(kubelet, node, *OF_STORAGE)
    pod = kubelet.start_pod("asking", RESOURCE)
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "device-plugins").symlink_to(kubelet.root / "device-plugins")
    away = Kubelet(str(tmp_path / "away"))
    assert {each.device for each in away.of_pod(NAMESPACE, pod.name, pod.uid)} == pod.devices
    for uid in ("", "unknown"):
        with pytest.raises(TryAgainLater, match="does not say which devices"):
            away.of_pod(NAMESPACE, pod.name, uid)
    assert away.every() is None


def test_a_kubelet_that_starts_anew_has_all_resources_again_and_pods_keep_what_they_have(
    kubelet: KubeletOfDevices, node: DescribedNode
) -> None:
    node.serve(kubelet.root)
    counted(kubelet, node, *OF_STORAGE)
    pod = kubelet.start_pod("asking", RESOURCE)
    kubelet.restart()
    counted(kubelet, node, *OF_STORAGE)
    counted(kubelet, node, *(vf(i, "ens1f1").address for i in range(3)), resource=OTHER)
    until(lambda: set(given(kubelet, pod, pod.uid)) == pod.devices)
    another = kubelet.start_pod("another", RESOURCE, 2)
    assert another.devices == OF_STORAGE - pod.devices


def test_an_agent_that_starts_before_the_kubelet_waits_for_it_and_says_so_once(
    kubelet: KubeletOfDevices, node: DescribedNode
) -> None:
    with TemporaryDirectory(prefix="podberth-") as folder:  # a short path: a socket's may have 107 bytes
        later = Path(folder, "kubelet")
        devices = node.serve(later)
        until(lambda: node.said("devices"))
        devices.look()
        (told,) = node.said("devices")
        assert "device-plugins/kubelet.sock: the kubelet is not there yet" in str(told["message"])
        later.symlink_to(kubelet.root)
        counted(kubelet, node, *OF_STORAGE)


def test_an_agent_that_starts_anew_has_all_resources_registered_again(
    kubelet: KubeletOfDevices, node: DescribedNode
) -> None:
    node.serve(kubelet.root).stop(30)
    kubelet.forget()
    node.serve(kubelet.root)
    counted(kubelet, node, *OF_STORAGE)


def test_a_function_whose_old_pods_del_has_not_run_is_not_counted_until_it_is_given_back(
    kubelet: KubeletOfDevices, node: DescribedNode
) -> None:
    node.serve(kubelet.root)
    counted(kubelet, node, *OF_STORAGE)
    pod = kubelet.start_pod("asking", RESOURCE)
    (device,) = pod.devices
    record = node.hold(int(device[-1]), pod.name, uid=pod.uid, namespace=NAMESPACE)
    counted(kubelet, node, *OF_STORAGE)  # its own pod has it
    kubelet.end_pod(pod)
    counted(kubelet, node, *(OF_STORAGE - {device}))
    node.node().attachments.close(record.key)
    counted(kubelet, node, *OF_STORAGE)


def test_a_function_whose_old_pods_del_is_lost_is_given_back_once_its_namespace_is_gone(
    kubelet: KubeletOfDevices, node: DescribedNode
) -> None:
    devices = node.serve(kubelet.root)
    counted(kubelet, node, *OF_STORAGE)
    pod = kubelet.start_pod("asking", RESOURCE)
    (device,) = pod.devices
    node.hold(int(device[-1]), pod.name, uid=pod.uid, namespace=NAMESPACE)
    node.card.namespaces.clear()  # as of a pod whose sandbox is made anew: the kubelet still gives it the function
    devices.look()
    devices.look()
    assert node.holders() == {device}
    kubelet.end_pod(pod)
    until(lambda: node.holders() == set(), node.log.getvalue)
    counted(kubelet, node, *OF_STORAGE)


def test_a_function_of_podberths_choice_is_given_back_if_its_namespace_was_seen_and_is_gone(
    kubelet: KubeletOfDevices, node: DescribedNode
) -> None:
    node.serve(kubelet.root)
    node.hold(1, chosen=True)
    counted(kubelet, node, vf(0).address, vf(2).address)
    node.card.namespaces.clear()
    counted(kubelet, node, *OF_STORAGE)
    assert node.holders() == set()


def test_nothing_is_taken_from_holders_whose_namespaces_the_agent_has_never_seen(
    kubelet: KubeletOfDevices, node: DescribedNode
) -> None:
    node.card.namespaces.clear()
    node.hold(1, chosen=True)
    devices = node.serve(kubelet.root)
    counted(kubelet, node, vf(0).address, vf(2).address)
    devices.look()
    devices.look()
    assert node.holders() == {vf(1).address}


@pytest.mark.parametrize("ended", ["namespace gone", "namespace alive"])
def test_an_allocate_that_races_does_the_old_pods_del_itself(
    kubelet: KubeletOfDevices, node: DescribedNode, ended: str
) -> None:
    devices = node.serve(kubelet.root)
    counted(kubelet, node, *OF_STORAGE)
    devices.before = lambda device: node.hold(int(device[-1]), "gone")  # no look has shown it to the kubelet
    if ended == "namespace gone":
        node.card.namespaces.clear()
    pod = kubelet.start_pod("asking", RESOURCE)
    assert node.holders() == set()
    assert [each["device"] for each in node.said("device given back")] == list(pod.devices)


def test_an_allocate_of_a_function_that_a_running_pod_has_by_choice_takes_nothing_from_it(
    kubelet: KubeletOfDevices, node: DescribedNode
) -> None:
    devices = node.serve(kubelet.root)
    counted(kubelet, node, *OF_STORAGE)
    devices.before = lambda device: node.hold(int(device[-1]), "running", chosen=True)
    pod = kubelet.start_pod("asking", RESOURCE)  # its ADD waits
    held = node.holders()  # a kubelet that is slow asks for another one, too
    assert pod.devices <= held
    assert {each["device"] for each in node.said("device not free")} == held


def test_a_store_that_fails_delays_an_allocate_and_fails_no_pod(kubelet: KubeletOfDevices, node: DescribedNode) -> None:
    devices = node.serve(kubelet.root)
    counted(kubelet, node, *OF_STORAGE)
    devices.before = lambda _: node.broken.set()
    pod = kubelet.start_pod("asking", RESOURCE)
    node.broken.clear()
    (told,) = node.said("device not free")
    assert (told["device"], "the disk is gone" in str(told["message"])) == (next(iter(pod.devices)), True)


def test_devices_that_nobody_has_shown_are_given_to_nobody(kubelet: KubeletOfDevices, node: DescribedNode) -> None:
    devices = node.serve(kubelet.root)
    counted(kubelet, node, *OF_STORAGE)
    for ids in (["0000:03:0a.0"], [""], ["../../x", vf(0).address]):  # the first is of another resource
        with pytest.raises(InvalidConfig, match="there is no device"):
            devices.allocate(RESOURCE, [ids])
    with pytest.raises(InvalidConfig, match="there is no device"):
        devices.allocate("bank.example/unknown", [[vf(0).address]])
    assert devices.allocate(RESOURCE, []) == []


def test_a_file_of_resources_that_changes_is_followed_and_a_broken_one_changes_nothing(
    kubelet: KubeletOfDevices, node: DescribedNode
) -> None:
    node.serve(kubelet.root)
    counted(kubelet, node, *OF_STORAGE)
    file = node.folder / "devices.yaml"
    file.write_text("resources: [")
    until(lambda: any("not valid YAML" in str(each["message"]) for each in node.said("devices")))
    counted(kubelet, node, *OF_STORAGE)
    file.write_text("{resourcePrefix: bank.example, resources: [{name: storage, vf: {pf: 'ens1f0#0-1'}}]}")
    counted(kubelet, node, vf(0).address, vf(1).address)
    counted(kubelet, node, resource=OTHER)


def test_files_about_devices_are_there_for_meta_plugins(kubelet: KubeletOfDevices, node: DescribedNode) -> None:
    node.serve(kubelet.root)
    counted(kubelet, node, *OF_STORAGE)
    device = vf(0).address
    about = json.loads((node.folder / "info" / f"bank.example-storage-{device}-device.json").read_text())
    assert about["pci"] == {"pci-address": device, "pf-pci-address": "0000:03:00.0"}
