"""Hundreds of pods come and go on the card's functions, in every order and by every way out; nothing of them stays."""

from __future__ import annotations

import gc
import os
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from podberth.ipam.lifecycle import fold
from podberth.stores.clock import node_clock
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.ledger import SqliteLedger
from tests.sizes import seed, size
from tests.vm.inside import card
from tests.vm.inside.card import Node, declared, node_with_card

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.netns.kubelet import Answer, Pod

IN_PROCESS, BY_EXEC = size(4, 500), size(1, 50)
SEED = seed(82576)
SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {"vlan": 100},
    {"vlan": {"id": 200, "priority": 5}, "rates": {"egress": 50}},
    {"mac": "fromAddress"},
    {"vlan": 100, "mac": "fromAddress", "trust": "on", "mtu": 1400},
    {"spoofchk": "off", "rates": {"egress": 10}},
)
PODS = {
    f"pod-{number}": declared(f"pod-{number}", f"10.60.0.{100 + number}", **SETTINGS[number % len(SETTINGS)])
    for number in range(20)
}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """The VM, with its card."""
    with node_with_card(tmp_path_factory.mktemp("node") / "state", "".join(PODS.values())) as made:
        yield made


class Crowd:
    """Pods that come and go at random; a DEL may come twice, after its namespace is gone, or be a GC."""

    def __init__(self, node: Node, *, by_exec: bool) -> None:
        self.node = node
        self.random = random.Random(SEED)
        self.alive: dict[str, tuple[Pod, str]] = {}
        self.call = node.kubelet.call if by_exec else node.call

    def cycles(self, count: int) -> None:
        """Have so many pods come, and all of them go."""
        for number in range(count):
            while len(self.alive) == card.COUNT or (self.alive and self.random.random() < 0.4):
                self.goes()
            self.comes()
            if number % 50 == 49:
                os.write(1, f"{number + 1} of {count} pods have come\n".encode())
        while self.alive:
            self.goes()

    def comes(self) -> None:
        """Start a pod that is not there, on a function named for it or any."""
        name = self.random.choice(sorted(set(PODS) - set(self.alive)))
        pod = self.node.kubelet.pod(name)
        taken = {device for _, device in self.alive.values()}
        named = self.random.choice(sorted(set(card.functions()) - taken)) if self.random.random() < 0.5 else None
        device = str(ended(self.call("ADD", pod, deviceID=named)).result["interfaces"][0]["pciID"])
        assert device == (named or device)
        assert device not in taken
        self.alive[name] = (pod, device)

    def goes(self) -> None:
        """Stop a pod, by one of the ways there are."""
        name = self.random.choice(sorted(self.alive))
        pod, _ = self.alive.pop(name)
        way = self.random.randrange(6)
        if way == 0:
            self.node.kubelet.remove_namespace(pod.netns)
        if way == 1:
            stay: Any = [{"containerID": other.container_id, "ifname": "eth0"} for other, _ in self.alive.values()]
            ended(self.call("GC", pod, **{"cni.dev/valid-attachments": stay}))
        for _ in range(2 if way == 2 else 1):
            ended(self.call("DEL", pod))
        if way != 0:
            self.node.kubelet.remove_namespace(pod.netns)


def descriptors() -> int:
    """Return how many files this process has open, once what nobody refers to any more is gone."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def ended(answer: Answer) -> Answer:
    """Return an answer that is no error."""
    assert answer.code == 0, answer
    return answer


@pytest.mark.parametrize(
    ("count", "by_exec"), [(IN_PROCESS, False), (BY_EXEC, True)], ids=["in one process", "by exec"]
)
def test_nothing_is_left_of_any_of_them(node: Node, count: int, *, by_exec: bool) -> None:
    crowd = Crowd(node, by_exec=by_exec)
    crowd.cycles(5)
    node.first, open_before = card.seen(), descriptors()
    crowd.cycles(count)
    assert node.left_behind() == []
    assert descriptors() <= open_before + 1
    state = Path(node.kubelet.state)
    files = {"podberth.db", "podberth.db-wal", "podberth.db-shm", "locks", "reserve", "witness"}
    assert {entry.name for entry in state.iterdir()} <= files
    ledger = SqliteLedger(Database(str(state), readonly=True), clock=node_clock)
    assert fold(ledger.history()).bound == {}
