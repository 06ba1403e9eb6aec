"""A node whose state directory is lost while its pods run: its agent makes the records anew of ledger and kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.netns.agent.running import agent, ended, start
from tests.netns.cluster.seen import DOCUMENTS, history, leases
from tests.netns.kubelet import run
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.netns.kubelet import Kubelet

PARENT = "pblost0"
KINDS = ("bridge", "macvlan")


def lose(node: Kubelet) -> None:
    """Lose all of the state directory but what says which store it stands for."""
    for file in node.state.iterdir():
        if file.name != "store.json" and file.is_file():
            file.unlink()


def recorded(node: Kubelet) -> list[str]:
    """Return the containers of which the node has a record."""
    return [str(container) for (container,) in node.rows("SELECT container_id FROM attachments")]


@pytest.fixture(params=KINDS)
def node(request: pytest.FixtureRequest, cluster: Callable[..., Kubelet]) -> Iterator[Kubelet]:
    made = cluster("one")
    if request.param != "bridge":
        run("ip", "link", "add", PARENT, "type", "veth", "peer", "name", f"{PARENT}p")
        run("ip", "link", "set", PARENT, "up")
        made.network = {"device": request.param, "parent": PARENT, "bridge": None}
    made.apply(DOCUMENTS)
    yield made
    if request.param != "bridge":
        run("ip", "link", "delete", PARENT)


def test_records_that_are_lost_are_made_anew_of_ledger_and_kernel(node: Kubelet) -> None:
    pod = node.pod("mysql-1")
    with agent(node):
        added = node.added(pod)
        assert added.code == 0, added.stdout
    lose(node)
    running = start(node)
    try:
        until(lambda: recorded(node) == [pod.container_id], lambda: f"no record: {recorded(node)}")
        (told,) = running.wait_for("upkeep")
        assert told["outcome"] == "recorded anew"
        assert node.call("CHECK", pod, prevResult=added.result).code == 0
        assert history(node, "10.61.0.12")[-1]["kind"] == "Repaired"
        assert node.call("DEL", pod).code == 0
        assert ended(node, pod)
        assert [link for link in node.links(pod.netns) if link != "lo"] == []
        assert leases(node) == {}
        again = node.pod("mysql-1")
        assert node.added(again).address == "10.61.0.12/24"
        assert node.call("DEL", again).code == 0
    finally:
        running.stop()


def test_an_address_of_another_plugins_interface_gets_no_record(cluster: Callable[..., Kubelet]) -> None:
    node = cluster("one")
    node.apply(DOCUMENTS)
    pod = node.pod("mysql-1")
    with agent(node):
        assert node.added(pod).code == 0
    node.inside(pod.netns, "ip", "link", "set", "dev", "eth0", "group", "0")  # as one of a plugin that is not ours
    lose(node)
    with agent(node) as running:
        assert node.added(node.pod("web")).code == 0
        running.wait_for("call")
        assert pod.container_id not in recorded(node)
        assert node.call("DEL", pod).code == 0
        assert "10.61.0.12" not in leases(node)
        assert "eth0" in node.links(pod.netns)
