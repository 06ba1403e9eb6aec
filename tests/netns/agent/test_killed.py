"""An agent that is killed at random while pods come and go: no call is lost, and nothing is left behind."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING

from podberth.entry import open_node
from podberth.ipam.lifecycle import fold
from tests.netns.agent.running import start
from tests.sizes import seed, size

if TYPE_CHECKING:
    from tests.netns.kubelet import Answer, Kubelet, Pod

WORKERS = 8
CALLS, KILLS = size(96, 1008), 3  # at least
SEED = seed(1)


class Churn:
    """Pods that come and go from several threads; each call is answered, with success or a CNI error."""

    def __init__(self, node: Kubelet, pods: list[Pod]) -> None:
        self.node = node
        self.pods = pods
        self.live: dict[str, Pod] = {}
        self.unsure: set[str] = set()
        self.over = threading.Event()
        self.answers: list[Answer] = []
        self.strange: list[Answer] = []

    def work(self, seed: int, share: list[Pod]) -> None:
        chance = random.Random(seed)
        while not self.over.is_set():
            pod = chance.choice(share)
            verb = "DEL" if pod.container_id in self.live or pod.container_id in self.unsure else "ADD"
            answer = self.node.call(verb, pod)
            self.answers.append(answer)
            if answer.code == 0:
                self.unsure.discard(pod.container_id)
                if verb == "ADD":
                    self.live[pod.container_id] = pod
                else:
                    self.live.pop(pod.container_id, None)
            else:
                self.unsure.add(pod.container_id)
                self.live.pop(pod.container_id, None)
                if answer.result.get("code") not in (11, 4):
                    self.strange.append(answer)


def test_an_agent_killed_at_random_under_many_calls_loses_none_and_leaves_nothing(node: Kubelet) -> None:
    chance = random.Random(SEED)
    churn = Churn(node, [node.pod(f"web-{number}") for number in range(32)])
    threads = [
        threading.Thread(target=churn.work, args=(SEED * 100 + worker, churn.pods[worker::WORKERS]))
        for worker in range(WORKERS)
    ]
    running = start(node)
    for thread in threads:
        thread.start()
    kills = 0
    while len(churn.answers) < CALLS or kills < KILLS:
        time.sleep(chance.uniform(0.05, 0.6))
        running.process.kill()
        running.process.wait()
        kills += 1
        running = start(node)
    churn.over.set()
    for thread in threads:
        thread.join()
    assert churn.strange == []
    lost = [answer for answer in churn.answers if answer.code]
    assert all("agent" in answer.result["msg"] or answer.result["code"] in (4, 11) for answer in lost)
    _collect(node, list(churn.live.values()))
    _agreed(node, list(churn.live.values()))
    _collect(node, [])
    running.stop()
    _agreed(node, [])


def _collect(node: Kubelet, valid: list[Pod]) -> None:
    answer = node.collect(node.pod("collector"), *valid)
    assert answer.code == 0, answer.stdout


def _agreed(node: Kubelet, live: list[Pod]) -> None:
    """Kernel, tables and the ledger's fold say the same, and it is what `live` says."""
    ledger = open_node(str(node.state)).ledger
    leases = {lease.attachment.container_id: str(lease.address) for lease in ledger.leases()}
    assert leases.keys() == {pod.container_id for pod in live}
    for pod in live:
        found = node.links(pod.netns)["eth0"]["addr_info"]
        assert leases[pod.container_id] in {address["local"] for address in found}
    assert len(set(leases.values())) == len(leases)
    assert {at.container_id for at in fold(ledger.history()).bound.values()} == leases.keys()
    assert len(node.rows("SELECT 1 FROM attachments")) == len(live)
    assert len([name for name in node.links(node.node) if name.startswith("pb")]) == len(live)
