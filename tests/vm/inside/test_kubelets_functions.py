"""Functions that a kubelet gives to pods, on a real driver: Allocate, ADD, a DEL that is lost, and the next pod."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from podberth.devices.service import Devices, Options
from podberth.entry import open_node
from podberth.process.journal import Journal
from tests.image.devices.fake import FakeKubelet
from tests.vm.inside import card
from tests.vm.inside.card import PF, Node, as_it_was, declared, node_with_card
from tests.vm.inside.test_given_back_elsewise import to_the_kernel, to_userspace
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

RESOURCE = "bank.example/storage"
MARK = "k8s.v1.cni.cncf.io/resourceName"
PODS = (
    declared("old-0", "10.60.0.11", vlan=100)
    + declared("new-0", "10.60.0.12", vlan=200)
    + declared("picky-0", "10.60.0.13", vf={"pf": f"{PF}#6"})
)


class Site:
    """The node, the kubelet, and the device plugins between them."""

    def __init__(self, node: Node, folder: Path, text: str) -> None:
        self.node, self.log = node, StringIO()
        self.kubelet = FakeKubelet(folder / "kubelet", namespace="bank")
        file = folder / "devices.yaml"
        file.write_text(text)
        options = Options(
            file=file, root=str(folder / "kubelet"), info=str(folder / "info"), cdi=str(folder / "cdi"), young=0.0
        )
        self.devices = Devices(options, self._nodes, Journal(to=self.log))
        self.devices.start()

    def close(self) -> None:
        """End it."""
        self.devices.stop(60)
        self.kubelet.close()

    def counted(self, *functions: str) -> bool:
        """Wait until the kubelet counts these functions."""
        return until(
            lambda: self.kubelet.healthy(RESOURCE) == set(functions),
            lambda: f"counted: {self.kubelet.healthy(RESOURCE)}, {self.log.getvalue()}",
        )

    def network(self, device: str) -> dict[str, Any]:
        """Return what the meta plugin adds to a network for the function that the kubelet has given."""
        return {"deviceID": device, "args": {"cni": {MARK: RESOURCE}}}

    def _nodes(self) -> Iterator[Any]:
        opened = open_node(str(self.node.kubelet.state))
        try:
            yield opened
        finally:
            opened.host.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with node_with_card(tmp_path_factory.mktemp("node") / "state", PODS) as made:
        yield made


@pytest.fixture
def site(whole: Node) -> Iterator[Site]:
    """What is between the kubelet and the node, whose card has to be as it was in the end."""
    # A short path: a socket's may have 107 bytes.
    with as_it_was(whole), TemporaryDirectory(prefix="podberth-") as folder:
        made = Site(whole, Path(folder), f"{{resources: [{{name: {RESOURCE}, vf: {{pf: {PF}}}}}]}}")
        yield made
        made.close()


def test_a_function_goes_from_pod_to_pod_though_a_del_is_lost(site: Site) -> None:
    functions, node = card.functions(), site.node
    site.counted(*functions)

    old = site.kubelet.start_pod("old-0", RESOURCE)
    (device,) = old.devices
    index = functions.index(device)
    pod, result = node.added("old-0", **site.network(device))
    assert (result["ips"][0]["address"], result["interfaces"][-1]["pciID"]) == ("10.60.0.11/24", device)
    assert card.vf(index)["vlan_list"][0]["vlan"] == 100
    site.counted(*functions)  # its own pod has it

    site.kubelet.end_pod(old)  # and its DEL is lost
    site.counted(*(each for each in functions if each != device))
    with pytest.raises(AssertionError, match="106"):
        node.added("new-0", **site.network(device))

    (answer,) = site.devices.allocate(RESOURCE, [[device]])  # as of a kubelet that has not heard of it yet
    assert dict(answer.variables)["PCIDEVICE_BANK_EXAMPLE_STORAGE"] == device
    told = [json.loads(line) for line in site.log.getvalue().splitlines()]
    assert ("device given back", device) in [(each["event"], each.get("device")) for each in told]
    assert card.interface(device)
    assert "vlan_list" not in card.vf(index) or card.vf(index)["vlan_list"][0].get("vlan", 0) == 0
    site.counted(*functions)

    new, result = node.added("new-0", **site.network(device))
    assert result["ips"][0]["address"] == "10.60.0.12/24"
    assert card.vf(index)["vlan_list"][0]["vlan"] == 200
    node.deleted(pod, **site.network(device))  # late, and nothing of it is left
    assert card.vf(index)["vlan_list"][0]["vlan"] == 200
    node.deleted(new, **site.network(device))


def test_a_function_that_the_declaration_rules_out_is_refused_with_both_parties(site: Site) -> None:
    first, last = card.functions()[0], card.functions()[6]
    _, refused = site.node.add("picky-0", **site.network(first))
    assert refused.result["code"] == 102
    assert f"({first}), which the kubelet has given of {RESOURCE}" in refused.result["msg"]
    assert "PodNetwork (pod) bank/picky-0" in refused.result["msg"]
    pod, result = site.node.added("picky-0", **site.network(last))
    assert result["interfaces"][-1]["pciID"] == last
    site.node.deleted(pod, **site.network(last))


def test_a_container_is_given_the_character_devices_of_a_function_that_a_process_drives(site: Site) -> None:
    last = card.functions()[6]
    site.counted(*card.functions())
    to_userspace(last)
    try:
        (answer,) = site.devices.allocate(RESOURCE, [[last]])
        assert all(Path(node).is_char_device() for node in answer.nodes)
        about = json.loads(dict(answer.variables)["PCIDEVICE_BANK_EXAMPLE_STORAGE_INFO"])[last]
        assert about["vfio"] == {"dev-mount": answer.nodes[0], "mount": "/dev/vfio/vfio"}
        site.counted(*card.functions())
    finally:
        to_the_kernel(last)
        site.node.first = card.seen()
