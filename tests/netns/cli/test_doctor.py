"""`podberth doctor` on this very kernel: it agrees with iproute2, and leaves nothing behind."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.netns.cli.conftest import Shell
    from tests.netns.kubelet import Kubelet


def levels(podberth: Shell, area: str) -> dict[str, str]:
    findings = podberth("doctor", "--net-dir", "/nowhere", "--json").json["findings"]
    return {finding["name"]: finding["level"] for finding in findings if finding["area"] == area}


def possible(node: Kubelet, *command: str) -> bool:
    done = subprocess.run(["ip", "netns", "exec", node.node, *command], capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.parametrize("kind", ["veth", "bridge", "macvlan", "ipvlan", "802.1Q"])
def test_a_device_works_for_the_doctor_if_it_works_for_iproute2(podberth: Shell, node: Kubelet, kind: str) -> None:
    node.inside(node.node, "ip", "link", "add", "base0", "type", "veth", "peer", "name", "base1")
    words = {
        "veth": ("ip", "link", "add", "x0", "type", "veth"),
        "bridge": ("ip", "link", "add", "x0", "type", "bridge"),
        "macvlan": ("ip", "link", "add", "x0", "link", "base0", "type", "macvlan"),
        "ipvlan": ("ip", "link", "add", "x0", "link", "base0", "type", "ipvlan"),
        "802.1Q": ("ip", "link", "add", "x0", "link", "base0", "type", "vlan", "id", "7"),
    }
    assert (levels(podberth, "kernel")[kind] == "ok") == possible(node, *words[kind])


def test_rates_work_for_the_doctor_if_they_work_for_tc(podberth: Shell, node: Kubelet) -> None:
    tbf = ("tc", "qdisc", "add", "dev", "lo", "root", "tbf", "rate", "1mbit", "burst", "32k", "latency", "50ms")
    found = levels(podberth, "kernel")
    assert (found["tbf"] == "ok") == possible(node, *tbf)
    assert (found["ifb, u32, mirred"] == "ok") == possible(node, "ip", "link", "add", "x1", "type", "ifb")


def test_masquerading_works_for_the_doctor_if_it_works_for_nft(podberth: Shell, node: Kubelet) -> None:
    chain = "{ type nat hook postrouting priority srcnat; ip saddr 192.0.2.1 masquerade; }"
    nft = ("nft", f"table inet x0 {{ chain x1 {chain}; }}")
    assert (levels(podberth, "kernel")["nf_tables nat"] == "ok") == possible(node, *nft)


def test_asking_leaves_nothing_behind(podberth: Shell, node: Kubelet) -> None:
    before = node.inventory()
    podberth("doctor")
    assert node.inventory() == before
    assert list(Path("/run/netns").glob("*podberth*")) == []


def test_a_live_node_has_a_sound_store(podberth: Shell, node: Kubelet) -> None:
    assert node.call("ADD", node.pod("mysql-0")).code == 0
    assert set(levels(podberth, "store").values()) == {"ok"}
    assert levels(podberth, "machine")["privileges"] == "ok"


def test_rules_about_senders_that_somebody_takes_away_are_told(podberth: Shell, node: Kubelet) -> None:
    assert levels(podberth, "senders") == {}
    assert node.call("ADD", node.pod("mysql-0"), antiSpoofing=True).code == 0
    assert levels(podberth, "senders") == {"links of the node": "ok"}
    node.inside(node.node, "nft", "flush", "ruleset")
    assert levels(podberth, "senders") == {"links of the node": "warn"}
    assert "bank/mysql-0: " in podberth("doctor").out
    assert "rules in ps" in podberth("doctor").out


def test_rules_about_senders_of_a_pod_whose_link_is_gone_too_are_not_told(podberth: Shell, node: Kubelet) -> None:
    node.inside(node.node, "ip", "link", "add", "base0", "type", "veth", "peer", "name", "base1")
    pod = node.pod("mysql-0")
    assert node.call("ADD", pod, device="macvlan", bridge=None, parent="base0", antiSpoofing=True).code == 0
    assert levels(podberth, "senders") == {"links of the node": "ok"}
    node.inside(node.node, "ip", "link", "del", "base0")
    node.inside(node.node, "nft", "flush", "ruleset")
    assert levels(podberth, "senders") == {}


def test_one_who_may_not_look_at_rules_about_senders_is_told_so_and_all_else(podberth: Shell, node: Kubelet) -> None:
    assert node.call("ADD", node.pod("mysql-0"), antiSpoofing=True).code == 0
    ended = podberth("doctor", user=65534)
    assert ended.code == 5, ended
    assert "can't be looked at: " in ended.out


def test_without_privileges_the_node_is_not_fit_and_the_remedy_is_root(podberth: Shell) -> None:
    ended = podberth("doctor", user=65534)
    assert ended.code == 5, ended
    assert "run as root" in ended.out
    assert "Traceback" not in ended.out + ended.err


def test_a_store_of_roots_is_read_by_those_who_may_and_changed_by_root_alone_as_one_line_says(podberth: Shell) -> None:
    assert podberth("reserve", "bank/web-0", "10.50.0.200").code == 0
    ended = podberth("reserve", "bank/web-1", "10.50.0.201", user=65534)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: ")
    assert "run as root" in ended.err
    assert len(ended.err.splitlines()) == 2
    known = podberth("get", "reservations", "--json")
    assert '"10.50.0.200"' in known.out
    assert podberth("get", "reservations", "--json", user=65534) == known


def networks(podberth: Shell, folder: Path, **plugin: object) -> dict[str, tuple[str, str]]:
    """Return level and text of each finding about one network of these settings."""
    whole = {"type": "podberth", "pool": "db", "stateDir": str(podberth.node.state), **plugin}
    conflist = {"cniVersion": "1.1.0", "name": "banknet", "plugins": [whole]}
    (folder / "10-bank.conflist").write_text(json.dumps(conflist))
    findings = podberth("doctor", "--net-dir", str(folder), "--json").json["findings"]
    return {one["name"]: (one["level"], one["text"]) for one in findings if one["area"] == "runtime"}


@pytest.mark.parametrize("device", ["macvlan", "ipvlan"])
def test_a_parent_link_that_is_not_there_is_a_failure(
    podberth: Shell, node: Kubelet, tmp_path: Path, device: str
) -> None:
    folder = tmp_path / "net.d"
    folder.mkdir()
    level, told = networks(podberth, folder, device=device, parent="eth7")["10-bank.conflist links"]
    assert (level, "eth7" in told) == ("fail", True)
    node.inside(node.node, "ip", "link", "add", "eth7", "type", "veth", "peer", "name", "eth8")
    node.inside(node.node, "ip", "link", "set", "eth7", "up")
    assert "10-bank.conflist links" not in networks(podberth, folder, device=device, parent="eth7")


def test_a_bridge_that_is_another_kind_of_link_is_a_failure(podberth: Shell, node: Kubelet, tmp_path: Path) -> None:
    folder = tmp_path / "net.d"
    folder.mkdir()
    assert "10-bank.conflist bridge" not in networks(podberth, folder, bridge="bank0")
    node.inside(node.node, "ip", "link", "add", "bank0", "type", "veth", "peer", "name", "bank1")
    level, told = networks(podberth, folder, bridge="bank0")["10-bank.conflist bridge"]
    assert (level, "bank0 is no bridge but a veth link" in told) == ("fail", True)
