"""A StatefulSet of pods with three legs, two of them functions: on a real kubelet, runtime, scheduler and API server.

Whatever goes on, the pods come back with the addresses of their names on all legs, no function has two holders, and
nothing is left in the end.
"""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from tests.history import given_twice
from tests.sizes import seed, size
from tests.vm.inside.cluster.site import SET, Site
from tests.vm.inside.cluster.worker import worker
from tests.vm.machine import EXCHANGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PODS = range(3)
ROUNDS = size(0, 3)  # of all troubles, one by one, in any order
CHANCE = random.Random(seed(11))


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    # In memory, and a short path: a socket's may have 107 bytes.
    with TemporaryDirectory(prefix="joined-", dir="/run") as folder, worker(Path(folder)) as made:
        site = Site(made)
        site.install()
        yield site
        site.client.close()


def deleted(site: Site) -> list[str]:
    """Delete a pod."""
    return [site.delete(f"{SET}-{CHANCE.choice(PODS)}")]


def scaled(site: Site) -> list[str]:
    """Have one pod be left, and three again."""
    old = site.uids()
    site.scale(1)
    site.run(range(1))
    site.scale(len(PODS))
    return [old[f"{SET}-{ordinal}"] for ordinal in PODS[1:]]


def kubelet_killed(site: Site) -> list[str]:
    """Kill the kubelet; a pod is deleted while it is away."""
    site.worker.kill_kubelet()
    old = site.delete(f"{SET}-{CHANCE.choice(PODS)}")
    site.worker.start_kubelet()
    return [old]


def agent_killed(site: Site) -> list[str]:
    """Kill the agent; a pod is deleted while it is away."""
    site.worker.kill_agent()
    old = site.delete(f"{SET}-{CHANCE.choice(PODS)}")
    site.worker.start_agent(site.devices)
    return [old]


def del_lost(site: Site) -> list[str]:
    """Have a pod go without a DEL, and another of its name come."""
    site.worker.kill_kubelet()
    old = site.lose(CHANCE.choice(PODS))
    site.worker.start_kubelet()
    return [old]


def at_once(site: Site) -> list[str]:
    """Kill kubelet and agent; while they are away, one pod goes without a DEL and another is deleted."""
    one, other = CHANCE.sample(PODS, 2)
    site.worker.kill_kubelet()
    site.worker.kill_agent()
    old = [site.lose(one), site.delete(f"{SET}-{other}")]
    site.worker.start_agent(site.devices)
    site.worker.start_kubelet()
    return old


TROUBLES: tuple[Callable[[Site], list[str]], ...] = (deleted, scaled, kubelet_killed, agent_killed, del_lost, at_once)


def test_pods_have_their_addresses_on_all_legs_whatever_goes_on_and_leave_nothing(site: Site) -> None:
    site.scale(len(PODS))
    site.run(PODS)
    site.reaches(0, 1)
    more = [each for _ in range(ROUNDS) for each in CHANCE.sample(TROUBLES, len(TROUBLES))]
    for trouble in (at_once, *more):
        with (Path(EXCHANGE) / "troubles").open("a") as file:
            file.write(f"{trouble.__name__}\n")  # a VM that says nothing for long is taken to hang
        site.run(PODS, but=trouble(site))
        assert site.wrong == [], trouble.__name__
    site.reaches(1, 2)
    site.collect()
    site.ended()
    assert given_twice(site.events()) == []
    assert site.wrong == []
