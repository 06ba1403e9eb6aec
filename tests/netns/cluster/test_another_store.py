"""A node whose state directory stands for another store than before: its agent notices, and begins anew with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.netns.agent.running import agent
from tests.netns.cluster.seen import DOCUMENTS
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.netns.kubelet import Kubelet
    from tests.servers.etcd import EtcdServer


def holders(node: Kubelet) -> list[str]:
    """Return the pods that the store of the directory says have an address."""
    return [lease["pod"] for lease in json.loads(node.podberth("leases", "--json"))["leases"]]


def test_an_agent_begins_anew_with_the_store_that_its_directory_stands_for(
    cluster: Callable[..., Kubelet], etcd: EtcdServer
) -> None:
    node = cluster("one")
    node.podberth("store", "use", "sqlite", "--socket", str(node.socket))
    node.apply(DOCUMENTS)
    use = ("store", "use", "etcd", "--endpoint", etcd.url, "--node", "one", "--socket", str(node.socket))
    with agent(node) as running:
        first = node.pod("mysql-0")
        assert node.added(first).code == 0
        assert "1 lease and " in node.podberth(*use)
        assert len(running.wait_for("serving", 2)) == 2
        assert holders(node) == []
        node.apply(DOCUMENTS)
        assert node.added(node.pod("mysql-1")).code == 0
        assert holders(node) == ["bank/mysql-1"]
        node.podberth("store", "use", "sqlite", "--socket", str(node.socket))
        assert holders(node) == ["bank/mysql-0"]
        assert node.call("CHECK", first).code in (0, 7)
        assert running.process.poll() is None


def test_a_store_that_can_not_be_opened_is_an_error_of_each_call_until_it_is_mended(
    cluster: Callable[..., Kubelet], etcd: EtcdServer
) -> None:
    node = cluster("one")
    node.apply(DOCUMENTS)
    file = node.state / "store.json"
    good = file.read_text()
    with agent(node) as running:
        assert node.added(node.pod("mysql-0")).code == 0
        file.write_text(good.replace(etcd.url, etcd.url.removeprefix("http://")))
        refused = node.call("ADD", node.pod("mysql-1"))
        assert refused.code == 1
        assert f"{file}.etcd.endpoints[0]: expected a URL" in refused.result["msg"]
        assert running.process.poll() is None
        file.write_text(good)
        pod = node.pod("mysql-1")
        until(lambda: node.call("ADD", pod).code == 0)
        assert sorted(holders(node)) == ["bank/mysql-0", "bank/mysql-1"]
