"""What Multus has remembered of a network, completed by libcni's file."""

from __future__ import annotations

from typing import Any

from podberth.networks.remembered import restored

BRIDGE: dict[str, Any] = {"type": "bridge", "bridge": "b0", "ipam": {"type": "host-local", "subnet": "10.0.0.0/24"}}
LIST: dict[str, Any] = {"cniVersion": "1.0.0", "name": "n", "plugins": [BRIDGE]}


def test_what_libcni_knows_no_type_for_comes_back() -> None:
    kept = {**LIST, "plugins": [{"type": "bridge", "ipam": {"type": "host-local"}, "dns": {}}]}
    assert restored(kept, LIST) == LIST


def test_a_device_and_arguments_that_multus_has_added_stay() -> None:
    kept = {**LIST, "plugins": [{**BRIDGE, "deviceID": "0000:01:00.1", "args": {"cni": {"ips": ["10.0.0.7"]}}}]}
    assert restored(kept, LIST) == kept


def test_plugins_of_a_folder_stay_behind_those_of_the_list() -> None:
    kept = {**LIST, "plugins": [{"type": "bridge", "ipam": {}}, {"type": "tuning", "mtu": 1400}]}
    assert restored(kept, LIST) == {**LIST, "plugins": [BRIDGE, {"type": "tuning", "mtu": 1400}]}


def test_a_plugin_of_another_type_lends_nothing() -> None:
    kept = {**LIST, "plugins": [{"type": "ptp"}]}
    assert restored(kept, LIST) == kept


def test_what_is_no_list_counts_as_remembered() -> None:
    single = {"name": "n", "type": "bridge", "bridge": "b0"}
    for kept, called in ((single, LIST), (LIST, None), (LIST, []), (LIST, 7)):
        assert restored(kept, called) == kept
    assert restored(LIST, {"plugins": 7}) == LIST | {"plugins": [BRIDGE]}
    assert restored({**LIST, "plugins": [7]}, LIST)["plugins"] == [7]
