"""The DaemonSet's pod on a node: what its init containers put there, and pods that its agent serves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from podberth.cli.install import shim
from podberth.runtime.own import SIGN
from tests.contract.install import manifests
from tests.image.daemon import NODE_NAME, RUNNING
from tests.image.pods import pod, start
from tests.waiting import until

if TYPE_CHECKING:
    from tests.image.daemon import Daemon

BRIDGE = "bank0.100"  # of the network in deploy/examples, for the pool's VLAN


def links(daemon: Daemon) -> set[str]:
    return set(daemon.containerd.node.links())


def leases(daemon: Daemon) -> list[dict[str, Any]]:
    return list(json.loads(daemon.exec("podberth", "leases", "--json"))["leases"])


def attachments(daemon: Daemon) -> list[dict[str, Any]]:
    return list(json.loads(daemon.exec("podberth", "get", "attachments", "--json"))["items"])


def test_each_init_container_ends_well_under_its_limits(daemon: Daemon) -> None:
    assert {name: code for name, (code, _) in daemon.ended.items()} == {"store": 0, "shim": 0, "networks": 0, "own": 0}


def test_the_first_names_the_cluster_and_the_node_in_the_state_directory(daemon: Daemon) -> None:
    chosen = json.loads(daemon.chosen)
    assert (chosen["store"], chosen["node"]) == ("kubernetes", NODE_NAME)
    assert chosen["kubernetes"] == {"namespace": "podberth-system"}


def test_the_second_puts_the_static_shim_onto_the_host_under_each_plugin_type(daemon: Daemon) -> None:
    folder = daemon.host("/opt/cni/bin")
    for name in shim.kinds():
        assert SIGN in (folder / name).read_bytes()
        assert (folder / name).stat().st_mode & 0o777 == 0o755
    assert SIGN not in (folder / shim.ALWAYS).read_bytes()  # the runtime's own is left alone


def test_the_third_puts_the_network_where_the_runtime_reads_it(daemon: Daemon) -> None:
    (config,) = [each["data"] for each in manifests.example("network.yaml") if each["kind"] == "ConfigMap"]
    folder = daemon.host("/etc/cni/net.d")
    assert {path.name: path.read_text() for path in folder.iterdir()} == config


def test_a_pod_gets_its_declared_address_vlan_and_rate_from_the_images_agent(daemon: Daemon) -> None:
    with pod(daemon, "mysql-1") as made:
        assert made.address == "10.77.0.12"
        (eth0,) = made.inside("ip", "-json", "-details", "address", "show", "eth0")
        assert [(each["local"], each["prefixlen"]) for each in eth0["addr_info"] if each["family"] == "inet"] == [
            ("10.77.0.12", 24)
        ]
        ports = [link for link in daemon.containerd.node.links().values() if link.get("master") == BRIDGE]
        assert len(ports) == 1
        shaped = daemon.containerd.node.run("tc", "qdisc", "show", "root").splitlines()
        assert [line.split("rate ")[1].split()[0] for line in shaped if " tbf " in f" {line}"] == ["1Gbit"]
        (lease,) = leases(daemon)
        assert (lease["address"], lease["pod"]) == ("10.77.0.12", "payments/mysql-1")


def test_check_of_a_running_pod_is_answered_with_success(daemon: Daemon) -> None:
    with pod(daemon, "mysql-0") as made:
        assert made.call("CHECK") == {}
        (checked,) = json.loads(daemon.exec("podberth", "check", "--json"))["attachments"]
        assert checked["container_id"] == made.id


def test_del_leaves_neither_link_nor_lease_nor_record(daemon: Daemon) -> None:
    before = links(daemon) | {BRIDGE}
    made = start(daemon, "mysql-2")
    assert links(daemon) - before

    made.remove()

    until(lambda: not links(daemon) - before, daemon.containerd.log_after("a link is left"))
    assert leases(daemon) == []
    until(lambda: attachments(daemon) == [], daemon.containerd.log_after("a record is left"))


def test_a_pod_outlives_the_agents_container_and_its_end_is_served_by_the_next(daemon: Daemon) -> None:
    with pod(daemon, "mysql-0") as made:
        assert daemon.stop_agent() == 0
        assert "10.77.0.11" in str(made.inside("ip", "-json", "address", "show", "eth0"))

        daemon.start_agent()

        assert daemon.status(daemon.agent)["state"] == RUNNING
        assert made.call("CHECK") == {}
    assert leases(daemon) == []
