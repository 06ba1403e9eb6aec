"""Leader election on a real API server: one leader at a time, another when the first is gone."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from podberth.kube.leader import Candidate
from podberth.kube.resources import LEASES
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from podberth.kube.client import Client
    from tests.servers.kube import KubeServer

_LEADER_TO_BE_KILLED = """
import sys, threading
from podberth.kube.client import Client
from podberth.kube.config import load
from podberth.kube.leader import Candidate
def changed(leading):
    print(leading, flush=True)
client = Client(load(sys.argv[1]))
candidate = Candidate(client, sys.argv[2], "work", "first", changed, duration=10, deadline=9.0, retry=0.2)
candidate.start()
threading.Event().wait()
"""


class Watched:
    """A candidate, and what it was told. Its lease outlives what keeps a busy machine from a renewal."""

    def __init__(self, client: Client, namespace: str, identity: str, duration: int = 300) -> None:
        self.told: list[bool] = []
        self.candidate = Candidate(
            client, namespace, "work", identity, self.told.append, duration=duration, deadline=0.8 * duration, retry=0.2
        )
        self.candidate.start()

    @property
    def leading(self) -> bool:
        return self.candidate.leading


@pytest.fixture
def run(client: Client, namespace: str) -> Iterator[Callable[[str], Watched]]:
    running: list[Watched] = []

    def one(identity: str) -> Watched:
        running.append(Watched(client, namespace, identity))
        return running[-1]

    yield one
    for watched in running:
        watched.candidate.close()


def test_of_two_candidates_one_leads_until_it_gives_the_lease_back(run: Callable[[str], Watched]) -> None:
    first = run("first")
    until(lambda: first.leading)
    second = run("second")
    until(lambda: second.candidate.leader == "first")
    assert (second.leading, second.told, second.candidate.term) == (False, [], 1)
    first.candidate.close()
    assert (first.leading, first.told) == (False, [True, False])
    until(lambda: second.leading)
    assert (second.candidate.leader, second.candidate.term) == ("second", 2)


def test_a_leader_that_was_killed_is_followed_by_another(
    kube: KubeServer, client: Client, namespace: str, run: Callable[[str], Watched]
) -> None:
    command = [sys.executable, "-c", _LEADER_TO_BE_KILLED, str(kube.kubeconfig), namespace]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as leader:
        assert leader.stdout is not None
        assert leader.stdout.readline() == "True\n"
        second = run("second")
        until(lambda: second.candidate.leader == "first")
        leader.kill()
    lease = client.get(LEASES, "work", namespace)["spec"]
    assert lease["holderIdentity"] == "first"
    until(lambda: second.leading)
    assert second.candidate.term == lease["leaseTransitions"] + 1


def test_a_leader_that_cannot_renew_stops_leading_before_another_begins(
    kube: KubeServer, connect: Callable[..., Client], namespace: str
) -> None:
    candidate = Watched(connect(kube.kubeconfig, timeout=0.5), namespace, "first", duration=2)
    until(lambda: candidate.leading)
    kube.freeze()
    try:
        until(lambda: not candidate.leading)
        until(lambda: candidate.told[-2:] == [True, False])
    finally:
        kube.thaw()
    until(lambda: candidate.leading)
    candidate.candidate.close()


def test_there_are_never_two_leaders(run: Callable[[str], Watched]) -> None:
    candidates = [run(f"candidate-{i}") for i in range(4)]
    over = threading.Event()
    together: list[int] = []

    def leaders() -> set[Watched]:
        return {each for each in candidates if each.leading}

    def count() -> None:
        while not over.wait(0.001):  # who leads in two looks led in between: one that ends never leads again
            together.append(len(leaders() & leaders()))

    thread = threading.Thread(target=count)
    thread.start()
    for _ in range(3):
        until(lambda: any(each.leading for each in candidates))
        leader = next(each for each in candidates if each.leading)
        leader.candidate.close()
    over.set()
    thread.join()
    assert max(together) == 1


def test_times_that_would_let_two_lead_are_refused(client: Client) -> None:
    with pytest.raises(ValueError, match="deadline < duration"):
        Candidate(client, "db", "work", "first", print, duration=10, deadline=10.0)
