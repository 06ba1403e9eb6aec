"""Debian 12's podman 4.3 on our networks: by its CNI back end, and in a namespace of `podberth run`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from tests.netns.kubelet import BUILT
from tests.runtime import image
from tests.runtime.conftest import DOCUMENTS
from tests.runtime.podman import Podman, podman
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

ASKING = """\
---
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: anyone}
spec:
  subnets: [{subnet: 10.70.0.0/24, gateway: 10.70.0.1}]
  routes: []
  allow: [{namespaces: ["*"], podRequests: true, macs: ["02:00:00"]}]
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Podman]:
    with podman(DOCUMENTS + ASKING) as made:
        made.network("bank", podNamespace="bank", undeclared="refuse")
        made.network("anyone", pool="anyone")
        yield made


@pytest.fixture
def host(running: Podman) -> Iterator[Podman]:
    yield running
    running.run("rm", "--all", "--force", "--time", "0")
    assert running.left() == []


def addresses(host: Podman, container: str, ifname: str) -> str:
    return host.run("exec", container, "/bin/ip", "-o", "address", "show", ifname)


def test_a_container_has_an_address_of_the_networks_pool_and_podman_says_which(host: Podman) -> None:
    host.start("web", "--network", "banknet")
    told = host.inspect("web")["NetworkSettings"]["Networks"]["banknet"]
    assert (told["IPAddress"], told["Gateway"]) == ("10.50.0.100", "10.50.0.1")
    assert "inet 10.50.0.100/24" in addresses(host, "web", "eth0")
    assert host.run("exec", "web", "/bin/ip", "route").startswith("default via 10.50.0.1 dev eth0")


def test_a_container_is_a_pod_of_the_namespace_that_the_network_names(host: Podman) -> None:
    host.start("mysql-1", "--network", "bank")
    assert "inet 10.50.0.41/24" in addresses(host, "mysql-1", "eth0")
    leases = json.loads(host.podberth("leases", "--json"))["leases"]
    assert [lease["pod"] for lease in leases] == ["bank/mysql-1"]


def test_a_container_that_nobody_declared_is_refused_there_and_leaves_nothing(host: Podman) -> None:
    with pytest.raises(AssertionError, match="bank/web"):
        host.start("web", "--network", "bank")


def test_an_address_and_a_mac_that_are_asked_for_are_given_where_the_pool_allows_it(host: Podman) -> None:
    host.start("web", "--network", "anyone:ip=10.70.0.33,mac=02:00:00:00:00:33,alias=db", "--publish", "8080:80")
    assert "inet 10.70.0.33/24" in addresses(host, "web", "eth0")
    assert host.inspect("web")["NetworkSettings"]["Networks"]["anyone"]["MacAddress"] == "02:00:00:00:00:33"


def test_a_container_on_two_networks_has_both_and_may_leave_one(host: Podman) -> None:
    host.start("web", "--network", "banknet", "--network", "anyone")
    shown = [addresses(host, "web", ifname) for ifname in ("eth0", "eth1")]
    assert sorted("inet 10.70." in text for text in shown) == [False, True]
    host.run("network", "disconnect", "anyone", "web")
    assert [lease["address"] for lease in json.loads(host.podberth("leases", "--json"))["leases"]] == ["10.50.0.100"]


def test_a_container_that_is_restarted_is_on_its_network_again(host: Podman) -> None:
    host.start("mysql-2", "--network", "bank")
    host.run("restart", "--time", "0", "mysql-2")
    assert "inet 10.50.0.42/24" in addresses(host, "mysql-2", "eth0")


def test_podberth_run_starts_a_container_of_podmans_and_everything_goes_with_it(host: Podman) -> None:
    said = host.node.run(
        *(*host.environment, sys.executable, "-m", "podberth.cli.main", "run", "--network", "banknet"),
        *("--name", "mysql-3", "--namespace", "bank", "--conf-dir", str(host.root / "net.d"), "--cni-path", str(BUILT)),
        *("--run-dir", str(host.root / "runs"), "--with", "podman", "--image", image.NAME),
        *("/bin/busybox", "ip", "-o", "address", "show", "eth0"),
        timeout=PATIENCE,
    )
    assert "inet 10.50.0.43/24" in said
    assert list((host.root / "runs").iterdir()) == []
