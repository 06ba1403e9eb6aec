"""What a pod asks for beyond its address reaches podberth, or the plugin of its chain that sees to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.runtime.cri import Refused

if TYPE_CHECKING:
    from tests.runtime.site import Site

PORTMAP = {"type": "portmap", "capabilities": {"portMappings": True}}
BANDWIDTH = {"type": "bandwidth", "capabilities": {"bandwidth": True}}
FETCH = "exec 3<>/dev/tcp/{address}/{port}; printf 'GET /nothing HTTP/1.0\\r\\n\\r\\n' >&3; timeout 20 cat <&3"
LIMITS = {"kubernetes.io/ingress-bandwidth": "10M", "kubernetes.io/egress-bandwidth": "20M"}


def asking(address: str) -> dict[str, str]:
    """Return the annotations of a pod that asks for this address of pool `asked`."""
    return {"podberth.io/network": json.dumps([{"pool": "asked", "addresses": [address]}])}


def test_the_address_that_a_pods_annotation_asks_for_arrives_and_is_given(bank: Site) -> None:
    bank.use(capabilities={"io.kubernetes.cri.pod-annotations": True})

    assert bank.address(bank.run("web-0", annotations=asking("10.60.0.33"))) == "10.60.0.33"


def test_an_annotation_that_no_rule_allows_is_refused_and_the_caller_reads_why(bank: Site) -> None:
    bank.use(capabilities={"io.kubernetes.cri.pod-annotations": True})

    with pytest.raises(Refused, match=r"allow\[0\] lets addresses 10\.60\.0\.30-10\.60\.0\.39 be named"):
        bank.run("web-0", annotations=asking("10.60.0.40"))
    assert bank.left_behind() == []


def test_a_host_port_leads_to_the_pod_and_ends_with_it(bank: Site) -> None:
    bank.use(PORTMAP)
    sandbox = bank.run("mysql-0", port_mappings=[{"container_port": 80, "host_port": 8080}])
    bank.exec(bank.container(sandbox), "httpd", "-p", "80", "-h", "/bin")
    bank.node.run("ip", "address", "add", "10.50.0.1/24", "dev", bank.bridge)

    assert any(rule.endswith("--dport 8080 -j DNAT --to-destination 10.50.0.40:80") for rule in bank.node.rules())
    assert bank.node.run("bash", "-c", FETCH.format(address="10.50.0.1", port=8080)).startswith("HTTP/1.")

    bank.remove(sandbox)
    assert bank.left_behind() == []


def test_the_bandwidth_plugin_finds_podberths_link_and_its_limits_end_with_the_pod(bank: Site) -> None:
    bank.use(BANDWIDTH)
    sandbox = bank.run("mysql-0", annotations=LIMITS)
    shaped = bank.node.run("tc", "qdisc")

    assert "tbf" in shaped
    assert "rate 10Mbit" in shaped
    assert "rate 20Mbit" in shaped

    bank.remove(sandbox)
    assert bank.left_behind() == []


def test_capabilities_that_podberth_does_not_know_change_nothing(bank: Site) -> None:
    bank.use(capabilities={"portMappings": True, "bandwidth": True, "dns": True})
    sandbox = bank.run("mysql-0", annotations=LIMITS, port_mappings=[{"container_port": 80, "host_port": 8080}])

    assert bank.address(sandbox) == "10.50.0.40"
    assert bank.node.rules() == []
    assert "tbf" not in bank.node.run("tc", "qdisc")
