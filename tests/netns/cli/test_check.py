"""`podberth check` against the kernel: what somebody changed by hand is found and named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.netns.cli.conftest import Shell
    from tests.netns.kubelet import Kubelet, Pod


def test_what_was_just_made_is_as_made(podberth: Shell, pod: Pod) -> None:
    ended = podberth("check", "--json")
    assert ended.code == 0, ended
    assert (ended.json["checked"], ended.json["drifted"]) == (1, 0)
    assert ended.json["attachments"][0]["pod"] == "bank/mysql-0"
    assert podberth("check").out == "ok: 1 attachment checked, all as made\n"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("ip", "address", "del", "10.50.0.11/24", "dev", "eth0"), "10.50.0.11"),
        (("ip", "link", "set", "eth0", "mtu", "1300"), "1300"),
        (("ip", "link", "set", "eth0", "address", "02:00:00:00:00:99"), "02:00:00:00:00:99"),
        (("ip", "link", "set", "eth0", "down"), "eth0"),
        (("ip", "link", "del", "eth0"), "gone"),
        (("ip", "route", "del", "default"), "0.0.0.0/0"),
    ],
)
def test_a_change_inside_the_pod_is_named(
    podberth: Shell, node: Kubelet, pod: Pod, change: tuple[str, ...], told: str
) -> None:
    node.inside(pod.netns, *change)
    ended = podberth("check", "--json")
    assert ended.code == 4, ended
    assert told in str(ended.json["attachments"][0]["drifts"])
    assert told in podberth("check").out


def test_a_rate_limit_that_was_taken_off_is_named(podberth: Shell, node: Kubelet, pod: Pod) -> None:
    shaped = [line.split()[4] for line in node.inside(node.node, "tc", "qdisc").splitlines() if " tbf " in line]
    assert len(shaped) == 1
    node.inside(node.node, "tc", "qdisc", "del", "dev", shaped[0], "root")
    ended = podberth("check")
    assert ended.code == 4, ended
    assert shaped[0] in ended.out


def test_a_pod_whose_namespace_is_gone_is_named(podberth: Shell, node: Kubelet, pod: Pod) -> None:
    node.remove_namespace(pod.netns)
    ended = podberth("check", "--json")
    assert ended.code == 4
    assert ended.json["attachments"][0]["drifts"][0]["found"] == "gone"


def test_checking_changes_nothing(podberth: Shell, node: Kubelet, pod: Pod) -> None:
    node.inside(pod.netns, "ip", "link", "set", "eth0", "mtu", "1300")
    before = node.inventory()
    assert podberth("check").code == 4
    assert node.inventory() == before
