"""Many processes at once: no address twice, no error without need, ledger and kernel of one mind in the end."""

from __future__ import annotations

import json
import random
from concurrent.futures import ProcessPoolExecutor
from ipaddress import ip_interface
from typing import TYPE_CHECKING

import pytest

from podberth.entry import open_node
from podberth.ipam.lifecycle import fold
from tests.sizes import seed, size
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.netns.kubelet import Kubelet, Pod

SIXTY_FOUR = 64
ADDRESSES = size(16, SIXTY_FOUR)
OPERATIONS = size(25, 250)  # of each of eight workers
SEED = seed(0)


def few(addresses: int) -> str:
    """Return a pool with so many addresses."""
    return f"""\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {{name: few}}
spec:
  subnets: [{{subnet: 10.64.0.0/24, ranges: [10.64.0.100-10.64.0.{99 + addresses}]}}]
"""


@pytest.mark.parametrize("more", [0, 1])
def test_all_addresses_of_a_pool_go_to_as_many_pods_at_once(node: Kubelet, more: int) -> None:
    node.apply(few(ADDRESSES))
    waiting = [node.pod(f"web-{number}", namespace="web") for number in range(ADDRESSES + more)]
    started = [node.start("ADD", pod, pool="few") for pod in waiting]
    ended = [(process.communicate(timeout=PATIENCE)[0], process.returncode) for process in started]
    given = [json.loads(stdout)["ips"][0]["address"] for stdout, code in ended if code == 0]
    errors = [json.loads(stdout) for stdout, code in ended if code]
    assert len(given) == len(set(given)) == ADDRESSES, errors
    assert len(errors) == more
    for error in errors:
        assert error["code"] == 100
        assert "few" in error["msg"]
        assert f"{ADDRESSES} of {ADDRESSES}" in error["msg"]


def test_random_operations_of_eight_workers_leave_ledger_tables_and_kernel_agreed(node: Kubelet) -> None:
    node.apply(few(SIXTY_FOUR))
    pods = [node.pod(f"web-{number}", namespace="web") for number in range(40)]
    shares = [pods[worker::8] for worker in range(8)]
    with ProcessPoolExecutor(8) as workers:
        live = [pod for share in workers.map(_work, [node] * 8, shares, range(SEED, SEED + 8)) for pod in share]
    on_links = {pod.container_id: _addresses(node, pod) for pod in pods}
    parts = open_node(str(node.state))
    leases = parts.ledger.leases(pool="few")
    assert {lease.attachment.container_id for lease in leases} == {pod.container_id for pod in live}
    for lease in leases:
        assert on_links[lease.attachment.container_id] == [str(lease.address)]
    assert sum(map(len, on_links.values())) == len(leases) == len({lease.address for lease in leases})
    folded = fold(parts.ledger.history())
    assert folded.bound == {lease.address: lease.attachment for lease in parts.ledger.leases()}
    assert folded.reserved == {r.address: (str(r.pod), r.ifname) for r in parts.ledger.reservations()}


def _work(node: Kubelet, pods: list[Pod], number: int) -> list[Pod]:
    """Do random operations on pods of one's own, and on addresses that everybody wants; return the live pods."""
    chance, live = random.Random(number), set[str]()
    for _ in range(OPERATIONS):
        pod = chance.choice(pods)
        what = chance.random()
        if what < 0.4 and pod.container_id not in live:
            answer = node.call("ADD", pod, pool="few")
            assert answer.code == 0 or answer.result["code"] in (100, 101), answer
            if answer.code == 0:
                live.add(pod.container_id)
        elif what < 0.8:
            assert node.call("DEL", pod, pool="few").code == 0
            live.discard(pod.container_id)
        else:
            _reserve_or_release(node, pod, chance)
    return [pod for pod in pods if pod.container_id in live]


def _reserve_or_release(node: Kubelet, pod: Pod, chance: random.Random) -> None:
    """Fight over addresses: what somebody else has is refused, and that is the only error there is."""
    from podberth.cni.errors import AddressTaken
    from podberth.cni.pod import PodRef
    from podberth.ipam.lease import Actor

    ledger = open_node(str(node.state)).ledger
    actor = Actor(who="test", why="chaos", node="node")
    address = ip_interface(f"10.64.0.{chance.randrange(100, 164)}/24").ip
    try:
        if chance.random() < 0.5:
            ledger.reserve("few", address, PodRef(namespace="web", name=pod.name), "eth0", actor)
        else:
            ledger.release(address, actor)
    except AddressTaken as taken:
        assert str(address) in taken.message  # noqa: PT017


def _addresses(node: Kubelet, pod: Pod) -> list[str]:
    shown = json.loads(node.inside(pod.netns, "ip", "-json", "-4", "address", "show"))
    return [a["local"] for found in shown for a in found["addr_info"] if a["scope"] == "global"]
