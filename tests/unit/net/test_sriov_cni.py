"""What sriov-cni remembers, as podberth reads it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from podberth.cni.errors import InvalidConfig
from podberth.net.sriov_cni import path_of, read

# As Go writes it: every field of the state, the keys of the network that somebody said.
STATE: dict[str, Any] = {
    "HostIFName": "eth3", "SpoofChk": True, "Trust": False, "AdminMAC": "00:00:00:00:00:00",
    "EffectiveMAC": "02:00:00:00:00:01", "Vlan": 7, "VlanQoS": 1, "VlanProto": 33024, "MinTxRate": 0,
    "MaxTxRate": 300, "LinkState": 2, "MTU": 1500,
}  # fmt: skip
FILE: dict[str, Any] = {"deviceID": "0000:03:02.1", "Master": "eth0", "VFID": 1, "OrigVfState": STATE}


def found(state: dict[str, Any] | None = None, **said: Any) -> dict[str, str]:
    document = {**FILE, "OrigVfState": {**STATE, **(state or {})}, **said}
    return dict(read(json.dumps(document).encode(), "c1-net1").found)


def test_what_the_network_says_nothing_of_is_not_put_back_but_for_the_macs() -> None:
    whole = read(json.dumps({**FILE, "vlan": None, "min_tx_rate": None}).encode(), "c1-net1")
    assert (whole.device, whole.link, whole.mtu) == ("0000:03:02.1", "eth3", 1500)
    assert dict(whole.found) == {"mac": "00:00:00:00:00:00", "effective_mac": "02:00:00:00:00:01"}


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"vlan": 0}, {"vlan": "7", "qos": "1", "proto": "802.1q"}),
        ({"vlan": 100, "vlanQoS": 2}, {"vlan": "7", "qos": "1", "proto": "802.1q"}),
        ({"min_tx_rate": 0}, {"min_tx_rate": "0", "max_tx_rate": "300"}),
        ({"max_tx_rate": 5}, {"min_tx_rate": "0", "max_tx_rate": "300"}),
        ({"spoofchk": "off"}, {"spoofchk": "yes"}),
        ({"trust": "on"}, {"trust": "no"}),
        ({"link_state": "enable"}, {"link_state": "disable"}),
    ],
)
def test_what_it_says_is_put_back(said: dict[str, Any], wanted: dict[str, str]) -> None:
    macs = {"mac": "00:00:00:00:00:00", "effective_mac": "02:00:00:00:00:01"}
    assert found(**said) == {**macs, **wanted}


@pytest.mark.parametrize(("number", "protocol"), [(0, "802.1q"), (33024, "802.1q"), (34984, "802.1ad")])
def test_a_protocol_is_a_number_there(number: int, protocol: str) -> None:
    assert found({"VlanProto": number}, vlan=7)["proto"] == protocol


def test_an_older_file_without_the_later_fields_is_read() -> None:
    old = {"deviceID": "0000:03:02.1", "OrigVfState": {"HostIFName": "eth3"}}
    whole = read(json.dumps(old).encode(), "c1-net1")
    assert (whole.link, whole.mtu, dict(whole.found)) == ("eth3", 0, {"mac": "00:00:00:00:00:00"})


@pytest.mark.parametrize(
    ("document", "at"),
    [
        ([], "c1-net1"),
        ({}, "c1-net1.deviceID"),
        ({"deviceID": "eth0"}, "c1-net1.deviceID"),
        ({**FILE, "OrigVfState": 7}, "c1-net1.OrigVfState"),
        ({**FILE, "OrigVfState": {"MTU": "x"}}, "c1-net1.OrigVfState.MTU"),
        ({**FILE, "OrigVfState": {"HostIFName": "a/b"}}, "c1-net1.OrigVfState.HostIFName"),
        ({**FILE, "OrigVfState": {"EffectiveMAC": "zz"}}, "c1-net1.OrigVfState.EffectiveMAC"),
    ],
)
def test_the_error_names_the_field(document: object, at: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        read(json.dumps(document).encode(), "c1-net1")
    assert refused.value.message.startswith(f"{at}: ")


def test_an_attachment_has_a_file_of_its_own() -> None:
    assert path_of("c1", "net1") == "/var/lib/cni/sriov/c1-net1"
