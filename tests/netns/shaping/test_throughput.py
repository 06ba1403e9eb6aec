"""What really passes through a limited link: the rate is the function under test."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from podberth.linux import shaping

if TYPE_CHECKING:
    from tests.netns.shaping.conftest import Pair

SECONDS = 3


@pytest.mark.parametrize("mbit", [20, 200])
def test_a_link_sends_at_its_rate(pair: Pair, mbit: int) -> None:
    shaping.limit_transmit(pair.sock, "eth0", mbit)
    assert 0.8 * mbit < sent(pair) < 1.1 * mbit


@pytest.mark.parametrize("mbit", [20, 200])
def test_a_link_receives_at_its_rate(pair: Pair, mbit: int) -> None:
    shaping.limit_receive(pair.sock, "eth0", "pi0", mbit)
    assert 0.8 * mbit < received(pair) < 1.1 * mbit


def test_jumbo_frames_are_received_at_the_rate_too(pair: Pair) -> None:
    for namespace in (pair.near, pair.far):
        namespace.run("ip", "link", "set", "eth0", "mtu", "9000")
    shaping.limit_receive(pair.sock, "eth0", "pi0", 200)
    assert 160 < received(pair) < 220


def test_each_direction_has_its_own_rate(pair: Pair) -> None:
    shaping.limit_transmit(pair.sock, "eth0", 200)
    shaping.limit_receive(pair.sock, "eth0", "pi0", 20)
    assert 160 < sent(pair) < 220
    assert 16 < received(pair) < 22


def sent(pair: Pair) -> float:
    """Return the Mbit/s that `far` gets from `near` over TCP."""
    return measured(pair)


def received(pair: Pair) -> float:
    """Return the Mbit/s that `near` gets from `far` over TCP."""
    return measured(pair, "--reverse")


def measured(pair: Pair, *options: str) -> float:
    serve = ["ip", "netns", "exec", pair.far.name, "iperf3", "--server", "--one-off", "--forceflush"]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        while "Server listening" not in server.stdout.readline():
            assert server.poll() is None
        # The first second, in which TCP finds the rate and the full bucket drains, is left out.
        client = ("iperf3", "--client", "10.8.0.2", "--time", str(SECONDS), "--omit", "1", "--json", *options)
        report = json.loads(pair.near.run(*client))
    return float(report["end"]["sum_received"]["bits_per_second"]) / 1e6
