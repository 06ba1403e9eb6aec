"""A link that is held back: nothing leaves by it, whatever it is told to send, until it is let go."""

from __future__ import annotations

import json
import subprocess
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podberth.net import ops
from tests.netns.kubelet import run, within

if TYPE_CHECKING:
    from podberth.net.step import Step
    from tests.netns.linux.conftest import Ground


@pytest.fixture
def step(ground: Ground) -> Step:
    """A pod's link with an address on it, and the step that holds it back."""
    ground.ip("link", "add", "there", "type", "veth", "peer", "name", "net1", "netns", Path(ground.pod).name)
    for address in ("10.81.0.5/24", "fd00:81::5/64"):
        ground.pod_ip("address", "add", address, "dev", "net1", *(["nodad"] if ":" in address else []))
    ground.ip("address", "add", "10.81.0.9/24", "dev", "there")
    held = (ip_address("10.81.0.5"), ip_address("fd00:81::5"))
    return ground.host.prepare(ops.HoldBack(netns=ground.pod, ifname="net1", held_back=held))


def up(ground: Ground) -> None:
    ground.pod_ip("link", "set", "net1", "up")
    ground.ip("link", "set", "there", "up")


def heard(ground: Ground) -> int:
    """Return how many frames have come to the other end, once the pod has asked, answered and announced."""
    inside = within(Path(ground.pod).name)
    subprocess.run([*inside, "ping", "-c", "1", "-W", "1", "10.81.0.9"], capture_output=True, check=False)
    subprocess.run([*within(ground.node), "ping", "-c", "1", "-W", "1", "10.81.0.5"], capture_output=True, check=False)
    said = ops.Announce(netns=ground.pod, ifname="net1", addresses=(ip_address("10.81.0.5"),))
    ground.host.do(ground.host.prepare(said))
    (shown,) = json.loads(run("ip", "-n", ground.node, "-s", "-json", "link", "show", "there"))
    return int(shown["stats64"]["rx"]["packets"])


def test_nothing_leaves_until_it_is_let_go(ground: Ground, step: Step) -> None:
    ground.host.do(step)
    up(ground)
    assert heard(ground) == 0
    assert ground.host.check(step) == ()
    ground.host.undo(step, ground.pod_id)
    assert heard(ground) > 0
    assert run(*within(Path(ground.pod).name), "nft", "list", "ruleset") == ""


def test_it_can_be_done_and_undone_as_often_as_need_be(ground: Ground, step: Step) -> None:
    for _ in range(2):
        ground.host.do(step)
    assert run(*within(Path(ground.pod).name), "nft", "list", "ruleset").count("drop") == 1
    for _ in range(2):
        ground.host.undo(step, ground.pod_id)
    ground.host.do(ground.host.prepare(step.op))
    assert ground.host.check(step) == ()


@pytest.mark.parametrize("command", ["flush ruleset", "flush table netdev podberth-standby-net1"])
def test_what_somebody_took_away_is_seen_and_put_right(ground: Ground, step: Step, command: str) -> None:
    ground.host.do(step)
    run(*within(Path(ground.pod).name), "nft", *command.split())
    (drift,) = ground.host.check(step)
    assert (drift.what, drift.field) == ("net1", "standby")
    ground.host.repair(step, ground.pod_id)
    up(ground)
    assert heard(ground) == 0


def test_the_rules_of_others_stay(ground: Ground, step: Step) -> None:
    inside = within(Path(ground.pod).name)
    run(*inside, "nft", "add", "table", "netdev", "theirs")
    ground.host.do(step)
    ground.host.undo(step, ground.pod_id)
    assert run(*inside, "nft", "list", "tables").strip() == "table netdev theirs"


def test_a_link_that_is_gone_has_nothing_to_let_go(ground: Ground, step: Step) -> None:
    ground.host.do(step)
    ground.pod_ip("link", "delete", "net1")
    ground.host.undo(step, ground.pod_id)
    assert run(*within(Path(ground.pod).name), "nft", "list", "ruleset") == ""
