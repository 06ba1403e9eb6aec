"""What the kubelet says it has given to pods, by its API and by its own file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.errors import CniError, TryAgainLater
from podberth.devices import checkpoint
from podberth.devices.allocations import of_answer, of_file, proven
from podberth.devices.health import Allocated

if TYPE_CHECKING:
    from pathlib import Path

VF = "bank.example/vf"


def entry(uid: str, devices: Any, container: str = "main") -> dict[str, Any]:
    return {"PodUID": uid, "ContainerName": container, "ResourceName": VF, "DeviceIDs": devices, "AllocResp": "CgA="}


def file(*entries: Any) -> bytes:
    return json.dumps({"Data": {"PodDeviceEntries": entries, "RegisteredDevices": {}}, "Checksum": 7}).encode()


def given_to(uid: str, *devices: str) -> tuple[Allocated, ...]:
    return tuple(Allocated(device=each, resource=VF, uid=uid, container="main") for each in devices)


@pytest.mark.parametrize("devices", [{"0": ["a"], "-1": ["b"]}, ["a", "b"]], ids=["since 1.20", "before"])
def test_the_file_has_devices_by_the_pods_uid(devices: Any) -> None:
    assert of_file(file(entry("u1", devices))) == given_to("u1", "a", "b")


@pytest.mark.parametrize("entries", [[None], [entry("u1", [1])], [entry("u1", {"0": "a"})], [entry("", ["a"])]])
def test_a_file_that_is_not_the_kubelets_is_an_error(entries: list[Any]) -> None:
    with pytest.raises(CniError):
        of_file(file(*entries))


@given(st.binary(max_size=64))
def test_whatever_is_in_the_file_it_is_read_or_an_error(content: bytes) -> None:
    try:
        of_file(content)
    except CniError:
        pass


def test_devices_are_in_the_order_of_containers_and_then_of_addresses() -> None:
    said = of_answer([("bank", "web-0", [("one", [(VF, ["c", "b"])]), ("two", [(VF, ["a"])])])])
    assert [each.device for each in proven(said, None, "bank/web-0", "u1")] == ["b", "c", "a"]


def test_an_answer_about_another_pod_of_the_name_is_not_taken() -> None:
    said = of_answer([("bank", "web-0", [("one", [(VF, ["a"])])])])
    kept = (*given_to("old", "a"), *given_to("new", "b"))
    assert len(proven(said, kept, "bank/web-0", "old")) == 1
    assert len(proven(said, kept, "bank/web-0", "")) == 1  # nobody says the UID
    assert len(proven(said, None, "bank/web-0", "new")) == 1  # the file can't be read
    for uid in ("new", "given nothing"):
        with pytest.raises(TryAgainLater, match=f"checkpoint has not given it to UID {uid}"):
            proven(said, kept, "bank/web-0", uid)
    assert proven((), kept, "bank/web-0", "given nothing") == ()


def test_without_the_api_the_file_answers_by_the_uid(tmp_path: Path) -> None:
    (tmp_path / "device-plugins").mkdir()
    at = tmp_path / "device-plugins" / "kubelet_internal_checkpoint"
    with pytest.raises(TryAgainLater, match="can't be read"):
        checkpoint.of_pod(str(tmp_path), "bank", "web-0", "u1")
    at.write_bytes(file(entry("u1", {"0": ["b", "a"]}), entry("u2", {"0": ["c"]})))
    assert [each.device for each in checkpoint.of_pod(str(tmp_path), "bank", "web-0", "u1")] == ["a", "b"]
    assert checkpoint.of_pod(str(tmp_path), "bank", "web-0", "u3") == ()
    with pytest.raises(TryAgainLater, match="has not sent the pod's UID"):
        checkpoint.of_pod(str(tmp_path), "bank", "web-0", "")
    at.write_bytes(b"{")
    with pytest.raises(TryAgainLater, match="can't be read"):
        checkpoint.of_pod(str(tmp_path), "bank", "web-0", "u1")
