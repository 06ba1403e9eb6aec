"""On a real kubelet, scheduler and controller-manager the agent is killed and replaced while pods come and go."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.history import given_twice
from tests.image.cluster import health
from tests.image.cluster.site import AGAIN, NEXT, PODS, manifests_tag
from tests.sizes import seed, size
from tests.waiting import until

if TYPE_CHECKING:
    from tests.image.cluster.site import Site

ROUNDS = size(1, 5)  # of a kill and a replacement each
TURNS = size(1, 6)  # of pods that come and go, each time
AGENT = "daemonset/podberth-agent"


def replacement(turn: int) -> tuple[str, ...]:
    """Return the arguments of kubectl that have the agent replaced: by a restart, or by another image."""
    if turn % 2 == 0:
        return ("rollout", "restart", AGENT)
    return ("set", "image", AGENT, f"*=podberth:{(NEXT, manifests_tag())[turn // 2 % 2]}")


def test_no_pod_and_no_node_suffers_when_the_agent_is_killed_and_replaced_under_load(site: Site) -> None:
    chance = random.Random(seed(8))
    ready = site.node_ready()
    assert ready[0] == "True"
    links = set(site.worker.node.links())
    twice: list[str] = []

    def load() -> None:
        for _ in range(TURNS):
            twice.extend(site.churn(chance))

    for turn in range(ROUNDS):
        site.kill_agent()
        load()
        site.agent_back()
        until(site.restarts, "kubelet knows of no restart")
        load()
        assert site.restarts() == 1  # for the kill, and for nothing else
        site.roll(*replacement(turn))
        load()
        site.agent_back()
        assert site.restarts() == 0
    site.all_run(web=3)

    assert site.kills == ROUNDS
    assert twice == []
    assert site.node_ready() == ready  # it has not been otherwise meanwhile
    assert health.complaints(health.read(site.record), site.away) == []
    assert [message for message in site.failed_adds() if not any(words in message for words in AGAIN)] == []
    running = site.worker.control.objects("pods", PODS)
    pods = {one["status"]["podIP"]: f"{PODS}/{one['metadata']['name']}" for one in running}
    until(lambda: site.leases() == pods, lambda: f"leased: {site.leases()}, used: {pods}")
    assert given_twice(site.exec("history")["events"]) == []

    site.end_all()
    until(lambda: site.leases() == {}, lambda: f"left: {site.leases()}")
    until(lambda: site.exec("get", "attachments")["items"] == [], "records are left")
    assert set(site.worker.node.links()) <= links
