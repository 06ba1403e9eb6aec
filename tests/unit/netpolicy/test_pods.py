"""What policies read of a pod: whatever its namespace has written there, it is little."""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import Any

import pytest

from podberth.netpolicy.pods import MOST, addresses_of
from podberth.networks.status import STATUS


def pod(status: object, phase: str = "Running") -> dict[str, Any]:
    return {"metadata": {"annotations": {STATUS: status}}, "status": {"phase": phase}}


def entry(name: object, *ips: object) -> dict[str, object]:
    return {"name": name, "ips": list(ips)}


def test_addresses_are_those_of_the_networks_as_the_status_says_them() -> None:
    text = json.dumps([entry("cluster", "10.0.0.1"), entry("bank/storage", "10.1.0.1", "fd00::1", "10.1.0.1")])
    assert addresses_of(pod(text)) == (
        ("cluster", ip_address("10.0.0.1")),
        ("bank/storage", ip_address("10.1.0.1")),
        ("bank/storage", ip_address("fd00::1")),
    )
    assert addresses_of(pod(text, "Succeeded")) == ()


def test_a_pod_has_no_more_addresses_than_a_pod_may_have_whatever_its_status_says() -> None:
    text = json.dumps([entry("bank/storage", *(f"10.{n // 256}.{n % 256}.1" for n in range(10 * MOST)))])
    assert len(addresses_of(pod(text))) == MOST


@pytest.mark.parametrize(
    "text", [None, 7, "", "{}", "[", "[" * 1000, "\ud800", '[7, {"name": 7}, {"name": "a", "ips": 7}]',
             '[{"name": "a", "ips": ["x", 7, null, "10.0.0.1/33"]}]', "[]" + " " * (1 << 18)],
)  # fmt: skip
def test_what_can_not_be_read_is_no_address(text: object) -> None:
    assert addresses_of(pod(text)) == ()
