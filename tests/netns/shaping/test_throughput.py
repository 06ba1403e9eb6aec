"""What really passes through a limited link: the rate is the function under test.

On a busy machine a second's measurement may miss bytes, or have those of the second before: it is made anew then. A
link without the limit would pass more than a hundred times the rate, each time.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from podberth.linux.effects import shaping

if TYPE_CHECKING:
    from tests.netns.shaping.conftest import Pair

SECONDS = 1
TRIES = 12


@pytest.mark.parametrize("mbit", [20, 200])
def test_a_link_sends_at_its_rate(pair: Pair, mbit: int) -> None:
    shaping.limit_transmit(pair.sock, "eth0", mbit)
    is_limited_to(mbit, pair)


@pytest.mark.parametrize("mbit", [20, 200])
def test_a_link_receives_at_its_rate(pair: Pair, mbit: int) -> None:
    shaping.limit_receive(pair.sock, "eth0", "pi0", mbit)
    is_limited_to(mbit, pair, "--reverse")


def test_jumbo_frames_are_received_at_the_rate_too(pair: Pair) -> None:
    for namespace in (pair.near, pair.far):
        namespace.run("ip", "link", "set", "eth0", "mtu", "9000")
    shaping.limit_receive(pair.sock, "eth0", "pi0", 200)
    is_limited_to(200, pair, "--reverse")


def test_each_direction_has_its_own_rate(pair: Pair) -> None:
    shaping.limit_transmit(pair.sock, "eth0", 200)
    shaping.limit_receive(pair.sock, "eth0", "pi0", 20)
    is_limited_to(200, pair)
    is_limited_to(20, pair, "--reverse")


def is_limited_to(mbit: int, pair: Pair, *options: str) -> None:
    """Assert that `near` sends so many Mbit/s to `far`, or with `--reverse` gets them from it."""
    rates: list[float] = []
    while not rates or (not 0.8 * mbit < rates[-1] < 1.1 * mbit and len(rates) < TRIES):
        rates.append(measured(pair, *options))
    assert 0.8 * mbit < rates[-1] < 1.1 * mbit, rates


def measured(pair: Pair, *options: str) -> float:
    """Return the Mbit/s that pass over TCP."""
    serve = ["ip", "netns", "exec", pair.far.name, "iperf3", "--server", "--one-off", "--forceflush"]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        while "Server listening" not in server.stdout.readline():
            assert server.poll() is None
        # The first second, in which TCP finds the rate and the full bucket drains, is left out.
        client = ("iperf3", "--client", "10.8.0.2", "--time", str(SECONDS), "--omit", "1", "--json", *options)
        report = json.loads(pair.near.run(*client))
    return float(report["end"]["sum_received"]["bits_per_second"]) / 1e6
