"""Which resource a function is of, which of them are preferred, and what a container is given with them."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from podberth.devices.answer import VFIO, answer, cdi_spec, info
from podberth.devices.preference import preferred
from podberth.devices.resource import Choice, Named, Resource, shares
from podberth.net.vf import Selector
from podberth.networks.device_info import dp_file
from tests.unit.devices.functions import vf

FIRST = Resource(name="bank.example/first", choices=(Choice(pfs=(Named(text="ens1f0", those="0-1"),)),))
REST = Resource(name="bank.example/rest")
DPDK = Resource(name="bank.example/dp-dk", choices=(Choice(selector=Selector(drivers=("vfio-pci",))),))
EVERY = tuple(vf(index, pf, numa=int(pf[-1])) for pf in ("ens1f0", "ens1f1") for index in range(3))
KNOWN = {each.address: each for each in EVERY}


def test_a_function_is_of_the_first_resource_that_it_fits() -> None:
    found = shares((FIRST, REST), EVERY)
    assert [each.address for each in found[FIRST.name]] == ["0000:03:02.0", "0000:03:02.1"]
    assert len(found[REST.name]) == 4


def test_a_function_between_two_drivers_stays_where_it_was() -> None:
    between = vf(0, driver="")
    assert shares((DPDK, REST), (between,), {between.address: DPDK.name})[DPDK.name] == (between,)
    assert shares((DPDK, REST), (between,), {between.address: "gone"})[REST.name] == (between,)


def of(*names: str) -> list[str]:
    return [f"0000:03:{'02' if name[0] == 'a' else '0a'}.{name[1]}" for name in names]


def chosen(available: list[str], size: int, *must: str) -> list[str]:
    return list(preferred(KNOWN, of(*available), of(*must), size))


def test_all_functions_of_a_container_are_of_one_numa_node_where_that_has_enough() -> None:
    assert chosen(["a0", "b1", "b0"], 2) == of("b0", "b1")
    assert chosen(["a0", "a1", "b0"], 2) == of("a0", "a1")
    assert chosen(["a0", "a1", "b0", "b1"], 3) == of("a0", "a1", "b0")


def test_what_has_to_be_in_says_which_node_it_is() -> None:
    assert chosen(["a0", "a1", "b0", "b1"], 2, "b1") == of("b1", "b0")


def test_on_one_node_functions_are_spread_over_pfs_the_idlest_first() -> None:
    near = {each.address: each for each in (vf(i, pf, numa=0) for pf in ("ens1f0", "ens1f1") for i in range(3))}
    assert list(preferred(near, of("a0", "b0", "b1"), (), 1)) == of("b0")
    assert list(preferred(near, of("a0", "a1", "b0", "b1"), (), 2)) == of("a0", "b0")


def test_of_a_resource_for_bonds_they_are_of_different_pfs_first_whatever_their_nodes() -> None:
    assert list(preferred(KNOWN, of("a0", "a1", "b0"), (), 2, apart=True)) == of("a0", "b0")
    assert list(preferred(KNOWN, of("a0", "a1", "b0", "b1"), of("b1"), 4, apart=True)) == of("b1", "a0", "a1", "b0")
    assert list(preferred(KNOWN, of("a0", "a1"), (), 2, apart=True)) == of("a0", "a1")


@given(st.lists(st.sampled_from([*KNOWN, "nobody", ""])), st.lists(st.sampled_from([*KNOWN, "x"])), st.integers(-2, 9))
def test_whatever_the_kubelet_asks_it_gets_at_most_so_many_and_no_device_twice(
    available: list[str], must: list[str], size: int
) -> None:
    found = preferred(KNOWN, available, must, size)
    assert len(found) <= max(0, size)
    assert len(set(found)) == len(found)
    assert set(found) <= set(available) | set(must)


def test_a_container_is_told_its_devices_and_what_is_known_of_them() -> None:
    resource = Resource(name="bank.example/dp-dk", info=(("*", (("zone", "a"),)),))
    found = answer(resource, of("a1", "a0"), {of("a1")[0]: ("/dev/vfio/7", VFIO)})
    variables = dict(found.variables)
    assert variables["PCIDEVICE_BANK_EXAMPLE_DP_DK"] == "0000:03:02.0,0000:03:02.1"
    assert json.loads(variables["PCIDEVICE_BANK_EXAMPLE_DP_DK_INFO"]) == {
        "0000:03:02.0": {"generic": {"deviceID": "0000:03:02.0"}, "extra_info": {"zone": "a"}},
        "0000:03:02.1": {
            "generic": {"deviceID": "0000:03:02.1"},
            "vfio": {"dev-mount": "/dev/vfio/7", "mount": VFIO},
            "extra_info": {"zone": "a"},
        },
    }
    assert (found.nodes, found.cdi) == (("/dev/vfio/7", VFIO), ())


def test_with_cdi_character_devices_are_named_and_described_by_a_file() -> None:
    resource, nodes = Resource(name="bank.example/dpdk", cdi=True), {of("a1")[0]: ("/dev/vfio/7", VFIO)}
    found = answer(resource, of("a0", "a1"), nodes)
    assert (found.nodes, found.cdi) == ((), ("bank.example/dpdk=0000:03:02.1",))
    assert json.loads(cdi_spec(resource, EVERY, nodes)) == {
        "cdiVersion": "0.5.0",
        "kind": "bank.example/dpdk",
        "devices": [
            {
                "name": "0000:03:02.1",
                "containerEdits": {
                    "deviceNodes": [{"path": "/dev/vfio/7", "permissions": "rw"}, {"path": VFIO, "permissions": "rw"}]
                },
            }
        ],
    }
    assert cdi_spec(resource, EVERY, {}) == ""


def test_the_file_about_a_device_is_where_meta_plugins_look_for_it() -> None:
    assert dp_file("bank.example/net", "0000:03:02.0") == (
        "/var/run/k8s.cni.cncf.io/devinfo/dp/bank.example-net-0000:03:02.0-device.json"
    )
    assert json.loads(info(vf(0))) == {
        "type": "pci",
        "version": "1.1.0",
        "pci": {"pci-address": "0000:03:02.0", "pf-pci-address": "0000:03:00.0"},
    }
